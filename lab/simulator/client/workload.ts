import { READ_POLICIES } from '../../../client/core/events.ts'
import type { Consistency } from '../../../protocol/commands.ts'
import type { Key } from '../../../protocol/ids.ts'
import { slotOf } from '../../../protocol/slots.ts'
import type { Rng } from '../kernel/rng.ts'
import type { HistoryRecorder } from './history.ts'
import type { KeyGroup, KeyGroups } from './key-groups.ts'
import {
  type Drawn,
  draw,
  drawConsistency,
  drawGet,
  getOf,
  MIX,
  type OperationMix,
  outputOf,
} from './kv-operations.ts'
import type { SimClient } from './sim-client.ts'
import { type CommittedHistory, WeakReadJudge } from './weak-reads.ts'

export interface WorkloadOptions {
  readonly client: SimClient
  readonly rng: Rng
  /** Shared by all workloads of a run, as are the groups. */
  readonly history: HistoryRecorder
  readonly groups: KeyGroups
  /** Each does one thing at a time. Default: 1. */
  readonly processes?: number
  /** Between an answer and the next operation: evenly between the two. */
  readonly thinkMs: readonly [number, number]
  /** How long an operation is waited for: any length between the two, on a scale. Default: 2 to 8 s. */
  readonly timeoutMs?: readonly [number, number]
  readonly mix?: Partial<OperationMix>
  /** Share of the operations that are weak reads. Default: 0.1. */
  readonly weakShare?: number
  /** Reads that follow a write by itself: of which share of the writes, and how long after it was sent, in ms. They meet versions that are still dirty. Default: none. */
  readonly echoes?: { readonly share: number; readonly afterMs: readonly [number, number] }
  /** What weak reads are judged by. Absent: they are not judged. */
  readonly committed?: CommittedHistory
}

const STRONG: Consistency = { type: 'strong' }

/** One thing at a time, under a name that is given up with an operation of which nobody knows the outcome: it may still be running. */
interface LogicalProcess {
  readonly number: number
  name: string
  names: number
  open: { readonly op: number; readonly isRead: boolean; readonly group: KeyGroup } | null
  /** Ends the operations and pauses of earlier lives. */
  life: number
}

/** What one simulated client does: draws operations by its dice, has the real client carry them out, and records what it was told. */
export class Workload {
  readonly #options: WorkloadOptions
  readonly #client: SimClient
  readonly #rng: Rng
  readonly #history: HistoryRecorder
  readonly #mix: OperationMix
  readonly #processes: LogicalProcess[]
  /** Those that only read what another one writes. */
  readonly #echoes: LogicalProcess[] = []
  readonly #echoRng: Rng
  #thinkMs: readonly [number, number]
  #judge: WeakReadJudge | null = null
  #values = 0
  #life = 0
  #finishing = false

  constructor(options: WorkloadOptions) {
    this.#options = options
    this.#client = options.client
    this.#rng = options.rng
    this.#echoRng = options.rng.fork('echoes')
    this.#history = options.history
    this.#thinkMs = options.thinkMs
    this.#mix = { ...MIX, ...options.mix }
    const { name } = options.client.process
    this.#processes = Array.from({ length: options.processes ?? 1 }, (_, number) => ({
      number,
      name: `${name}/${number}`,
      names: 1,
      open: null,
      life: 0,
    }))
  }

  /** Boots the client, and begins. After a crash of the client's process: once more. */
  start(): void {
    this.#client.boot()
    const { process } = this.#client
    process.onCrash(() => this.#abandon())
    const { committed } = this.#options
    this.#judge =
      committed === undefined ? null : new WeakReadJudge(`${process.name}.${process.life}`, committed)
    this.#life++
    for (const one of this.#processes) {
      one.life = this.#life
      this.#think(one)
    }
  }

  /** From now on it rests at least as long. */
  rest(thinkMs: readonly [number, number]): void {
    const [from, to] = this.#thinkMs
    this.#thinkMs = [Math.max(from, thinkMs[0]), Math.max(to, thinkMs[1])]
  }

  /** Begins no new operation. */
  finish(): void {
    this.#finishing = true
  }

  /** So many operations at once, besides the usual ones. */
  burst(operations: number): void {
    if (this.#finishing || !this.#client.process.alive) return
    for (let i = 0; i < operations; i++) {
      const number = this.#processes.length
      const name = `${this.#client.process.name}/${number}`
      const one: LogicalProcess = { number, name, names: 1, open: null, life: this.#life }
      this.#processes.push(one)
      const { groups } = this.#options
      const group = groups.of(this.#rng.pick(groups.chains))
      this.#run(one, group, draw(this.#rng, group, this.#mix, this.#newValue(one)), () => {})
    }
  }

  /** Goes on after `finish`. */
  resume(): void {
    this.#finishing = false
    for (const one of this.#processes) if (one.open === null) this.#think(one)
  }

  /** Operations that wait for their answer. */
  get open(): number {
    return [...this.#processes, ...this.#echoes].filter(({ open }) => open !== null).length
  }

  /** Reads every key of these groups once more, strongly, one group after the other, until it is answered. */
  readAll(groups: readonly KeyGroup[], done: () => void): void {
    const [one] = this.#processes
    if (one === undefined) return
    const next = (at: number): void => {
      const group = groups[at]
      if (group === undefined) return done()
      const keys = [...group.registers, group.counter]
      this.#run(one, group, getOf(keys), (answered) => next(answered ? at + 1 : at))
    }
    next(0)
  }

  /** The client's process has crashed: what it had asked for may happen, and nobody will be told. */
  #abandon(): void {
    for (const one of [...this.#processes, ...this.#echoes])
      if (one.open !== null) this.#endUnknown(one, 'the client crashed')
    this.#judge = null
  }

  #think(one: LogicalProcess): void {
    if (this.#finishing) return
    const [from, to] = this.#thinkMs
    const { life } = one
    this.#client.process.timers.after(from + this.#rng.fraction() * (to - from), () => {
      if (!this.#finishing && one.life === life && one.open === null) this.#next(one)
    })
  }

  #next(one: LogicalProcess): void {
    const { groups, weakShare = 0.1 } = this.#options
    const group = groups.of(this.#rng.pick(groups.chains))
    if (this.#rng.chance(weakShare)) return this.#readWeakly(one, group)
    const value = this.#newValue(one)
    const drawn = draw(this.#rng, group, this.#mix, value)
    if (drawn.type === 'write') this.#echo(group, keyOf(drawn))
    this.#run(one, group, drawn, () => this.#think(one))
  }

  /** Somebody else reads what is about to be written. */
  #echo(group: KeyGroup, key: Key): void {
    const { share, afterMs } = this.#options.echoes ?? { share: 0, afterMs: [0, 0] }
    if (!this.#echoRng.chance(share)) return
    const [from, to] = afterMs
    this.#client.process.timers.after(from + this.#echoRng.fraction() * (to - from), () => {
      if (!this.#finishing) this.#run(this.#idleEcho(), group, getOf([key]), () => {})
    })
  }

  #idleEcho(): LogicalProcess {
    const idle = this.#echoes.find(({ open }) => open === null)
    if (idle !== undefined) return idle
    const number = this.#echoes.length
    const name = `${this.#client.process.name}/echo-${number}`
    const one: LogicalProcess = { number, name, names: 1, open: null, life: this.#life }
    this.#echoes.push(one)
    return one
  }

  /** No other write of the run has it. */
  #newValue(one: LogicalProcess): string {
    return `${this.#client.process.name.replace(/\D+/g, '')}.${one.number}.${++this.#values}`
  }

  #timeoutMs(): number {
    const [from, to] = this.#options.timeoutMs ?? [2_000, 8_000]
    return this.#rng.scale(from, to)
  }

  #run(one: LogicalProcess, group: KeyGroup, drawn: Drawn, then: (answered: boolean) => void): void {
    const { process } = this.#client
    if (!process.alive) return
    const op = this.#history.invoke(one.name, drawn.input)
    const isRead = drawn.type === 'read'
    one.open = { op, isRead, group }
    group.operations++
    group.open++
    process.note('invoke', () => `${op} ${one.name} ${JSON.stringify(drawn.input)}`)
    const key = keyOf(drawn)
    const common = {
      place: { type: 'slot', slot: slotOf(key) } as const,
      timeoutMs: this.#timeoutMs(),
      bytes: 64,
    }
    const waiter = {
      done: (result: Parameters<typeof outputOf>[1]) => {
        close(one)
        const output = outputOf(drawn.input, result)
        process.note('ok', () => `${op} ${JSON.stringify(output)}`)
        this.#judge?.saw(group.chain, result)
        if (output === null) this.#history.fail(op, result.type)
        else {
          this.#history.ok(op, output)
          remember(group, drawn, output)
        }
        then(true)
      },
      failed: (error: { readonly code: string; readonly outcome: 'definite' | 'indefinite' }) => {
        process.note('failed', () => `${op} ${error.code}`)
        if (isRead || error.outcome === 'definite') {
          close(one)
          this.#history.fail(op, error.code)
        } else this.#endUnknown(one, error.code)
        then(false)
      },
    }
    if (drawn.type === 'write') {
      this.#client.submit({ ...common, type: 'write', command: drawn.command }, waiter)
      return
    }
    const policy = this.#rng.pick(READ_POLICIES)
    this.#client.submit(
      { ...common, type: 'read', command: drawn.command, consistency: STRONG, policy },
      waiter,
    )
  }

  #endUnknown(one: LogicalProcess, reason: string): void {
    const { open } = one
    if (open === null) return
    close(one)
    if (open.isRead) return this.#history.fail(open.op, reason)
    this.#history.info(open.op, reason)
    open.group.unknown++
    one.name = `${this.#client.process.name}/${one.number}.${++one.names}`
  }

  #readWeakly(one: LogicalProcess, group: KeyGroup): void {
    const { chain } = group
    const judge = this.#judge
    const read = drawGet(this.#rng, group)
    const floor = judge?.floor(chain) ?? 0
    this.#client.submit(
      {
        type: 'read',
        place: { type: 'slot', slot: slotOf(keyOf(read)) },
        timeoutMs: this.#timeoutMs(),
        bytes: 64,
        command: read.command,
        consistency: drawConsistency(this.#rng),
        policy: this.#rng.pick(READ_POLICIES),
      },
      {
        done: (result) => {
          if (result.type === 'values' && read.command.type === 'get')
            judge?.judge({ chain, keys: read.command.keys, floor, result })
          judge?.saw(chain, result)
          this.#think(one)
        },
        failed: () => this.#think(one),
      },
    )
  }
}

function close(one: LogicalProcess): void {
  if (one.open !== null) one.open.group.open--
  one.open = null
}

function keyOf({ command }: Drawn): Key {
  if (command.type === 'get') return command.keys[0] as Key
  if (command.type === 'transaction') return (command.writes[0]?.key ?? command.reads[0]) as Key
  return 'key' in command ? command.key : ('' as Key)
}

/** Conditional writes expect what somebody was shown. */
function remember(group: KeyGroup, drawn: Drawn, output: ReturnType<typeof outputOf>): void {
  const { input } = drawn
  if (output === null) return
  const note = (key: string, value: string | null, version: number | undefined) => {
    if (value === null || version === undefined) group.shown.delete(key)
    else group.shown.set(key, { version, value })
  }
  if (input.f === 'get' && 'found' in output)
    note(input.key, output.found?.value ?? null, output.found?.version)
  else if (input.f === 'put' && 'version' in output) note(input.key, input.value, output.version)
  else if (input.f === 'cas' && 'matched' in output) {
    if (output.matched) note(input.key, input.value, output.version)
    else note(input.key, output.current?.value ?? null, output.current?.version)
  }
}
