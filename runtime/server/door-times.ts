/**
 * How long requests take at a door, by operation and consistency. Reads are many and short, so nothing is measured for one of them alone: it is stamped with the
 * moment at which its batch arrived, and what was answered in a turn is reckoned up when the turn ends, with one look at the clock for all of it.
 */
import type { Consistency, ReadCommand, WriteCommand } from '../../protocol/commands.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import { LatencyHistogram } from '../latency.ts'

/** Microseconds, round and round: they fit into a small integer, which costs an object no number of its own. Some 18 minutes. */
const MICROS_MASK = 0x3fffffff
/** So many answers are reckoned up at a time. */
const ANSWERS_MAX = 4096

const READS = ['get', 'scan'] as const satisfies readonly ReadCommand['type'][]
const CONSISTENCIES = [
  'strong',
  'eventual',
  'bounded-age',
  'bounded-versions',
] as const satisfies readonly Consistency['type'][]
const WRITES = [
  'put',
  'delete',
  'append',
  'prepend',
  'increment',
  'get-and-set',
  'expire',
  'transaction',
  'open-session',
] as const satisfies readonly WriteCommand['type'][]

/** A number for each operation, and consistency where it reads. */
export type RequestKind = number

const WRITES_FROM = READS.length * CONSISTENCIES.length
const KIND_OF_WRITE = Object.fromEntries(WRITES.map((type, i) => [type, WRITES_FROM + i])) as Readonly<
  Record<WriteCommand['type'], RequestKind>
>
const KIND_OF_CONSISTENCY = Object.fromEntries(CONSISTENCIES.map((type, i) => [type, i])) as Readonly<
  Record<Consistency['type'], number>
>

export const kindOfRead = (command: ReadCommand, consistency: Consistency): RequestKind =>
  (command.type === 'get' ? 0 : CONSISTENCIES.length) + KIND_OF_CONSISTENCY[consistency.type]

export const kindOfWrite = (command: WriteCommand): RequestKind => KIND_OF_WRITE[command.type]

export interface RequestTimes {
  readonly operation: string
  /** Empty for writes. */
  readonly consistency: string
  readonly times: LatencyHistogram
}

export class DoorTimes {
  readonly #byKind: (LatencyHistogram | null)[] = new Array<LatencyHistogram | null>(
    WRITES_FROM + WRITES.length,
  ).fill(null)
  readonly #failures = new Map<ErrorCode, number>()
  /** Answered in this turn. */
  readonly #kinds = new Uint8Array(ANSWERS_MAX)
  readonly #stamps = new Int32Array(ANSWERS_MAX)
  #answered = 0
  #stamp = 0
  #nowMs = 0

  /** Something has arrived: what begins from here on began now. */
  arrived(nowMs: number): void {
    this.#nowMs = nowMs
    this.#stamp = (nowMs * 1000) & MICROS_MASK
  }

  /** For a request that begins. */
  get stamp(): number {
    return this.#stamp
  }

  /** @param stamp - of the request, when it began. */
  answered(kind: RequestKind, stamp: number): void {
    if (this.#answered === ANSWERS_MAX) this.endTurn(this.#nowMs)
    this.#kinds[this.#answered] = kind
    this.#stamps[this.#answered] = stamp
    this.#answered++
  }

  failed(code: ErrorCode): void {
    this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1)
  }

  /** Whether `endTurn` has anything to do. */
  get hasAnswers(): boolean {
    return this.#answered > 0
  }

  /** All that was answered leaves now. */
  endTurn(nowMs: number): void {
    const now = (nowMs * 1000) & MICROS_MASK
    const answered = this.#answered
    for (let i = 0; i < answered; ) {
      const from = i
      const kind = this.#kinds[i] ?? 0
      const stamp = this.#stamps[i] ?? 0
      // Those that came together were mostly answered together.
      do i++
      while (i < answered && this.#kinds[i] === kind && this.#stamps[i] === stamp)
      this.#times(kind).add(((now - stamp) & MICROS_MASK) / 1000, i - from)
    }
    this.#answered = 0
  }

  #times(kind: RequestKind): LatencyHistogram {
    let times = this.#byKind[kind]
    if (times === undefined || times === null) {
      times = new LatencyHistogram()
      this.#byKind[kind] = times
    }
    return times
  }

  get failures(): ReadonlyMap<ErrorCode, number> {
    return this.#failures
  }

  /** Of those kinds of which there was one. */
  get byKind(): readonly RequestTimes[] {
    return this.#byKind.flatMap((times, kind) => (times === null ? [] : [{ ...nameOf(kind), times }]))
  }
}

function nameOf(kind: RequestKind): Omit<RequestTimes, 'times'> {
  if (kind >= WRITES_FROM) return { operation: WRITES[kind - WRITES_FROM] ?? '', consistency: '' }
  return {
    operation: READS[Math.floor(kind / CONSISTENCIES.length)] ?? '',
    consistency: CONSISTENCIES[kind % CONSISTENCIES.length] ?? '',
  }
}
