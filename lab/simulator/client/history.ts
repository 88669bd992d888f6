import type {
  HistoryEvent,
  KvInput,
  KvOutput,
  Operation,
  ZnodeInput,
  ZnodeOutput,
} from '../../checker/operations.ts'
import type { Scheduler } from '../kernel/scheduler.ts'

/** Which operation of the history it is, to name it again at its end. */
export type OpNumber = number

/**
 * What clients called and what they were told, in the order of true time: no two events have the same time, so that their order counts. Microseconds, with a fraction that
 * tells events of one moment apart.
 */
export class HistoryRecorder {
  readonly events: HistoryEvent[] = []
  readonly #scheduler: Scheduler
  #last = -1
  #ops = 0
  readonly counts = { ok: 0, failed: 0, unknown: 0 }

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
  }

  #time(): number {
    const { nowUs } = this.#scheduler
    this.#last = nowUs > this.#last ? nowUs : this.#last + 1 / 1024
    return this.#last
  }

  invoke(process: string, input: KvInput | ZnodeInput): OpNumber {
    const op = ++this.#ops
    this.events.push({ type: 'invoke', op, process, time: this.#time(), input })
    return op
  }

  ok(op: OpNumber, output: KvOutput | ZnodeOutput): void {
    this.counts.ok++
    this.events.push({ type: 'ok', op, time: this.#time(), output })
  }

  /** It has not happened, and never will. */
  fail(op: OpNumber, reason: string): void {
    this.counts.failed++
    this.events.push({ type: 'fail', op, time: this.#time(), reason })
  }

  /** Nobody can tell. */
  info(op: OpNumber, reason: string): void {
    this.counts.unknown++
    this.events.push({ type: 'info', op, time: this.#time(), reason })
  }
}

/** The operations of a history, for the checker: those that failed are left out, those without an answer stay open. */
export function operationsOf(events: readonly HistoryEvent[]): Operation[] {
  const operations = new Map<number, Operation>()
  for (const event of events) {
    if (event.type === 'invoke') {
      const { op: id, process, input, time: call } = event
      operations.set(id, { id, process, input, output: null, call, return: Number.POSITIVE_INFINITY })
      continue
    }
    const open = operations.get(event.op)
    if (open === undefined) throw new Error(`operation ${event.op} ends and never began`)
    if (event.type === 'ok') operations.set(event.op, { ...open, output: event.output, return: event.time })
    else if (event.type === 'fail') operations.delete(event.op)
  }
  return [...operations.values()]
}
