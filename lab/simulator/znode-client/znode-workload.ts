import type { HistoryRecorder } from '../client/history.ts'
import type { SimPlace } from '../control/session-platform.ts'
import type { Rng } from '../kernel/rng.ts'
import type { SessionObserver } from '../observer/session-observer.ts'
import { Ephemerals } from './ephemerals.ts'
import {
  drawJudged,
  drawRead,
  endUnknown,
  type JudgedOperation,
  type OpenOperation,
  perform,
  sync,
} from './judged-operations.ts'
import { noReadings, ReadyWriter, readConfiguration } from './ready-file.ts'
import { Subtrees } from './subtrees.ts'
import { ZnodeSession } from './znode-session.ts'

/** What all clients of the tree share in a run. */
export class ZnodeRun {
  readonly history: HistoryRecorder
  readonly subtrees: Subtrees
  readonly ephemerals = new Ephemerals()
  readonly readings = noReadings()

  constructor(history: HistoryRecorder, rng: Rng) {
    this.history = history
    this.subtrees = new Subtrees(rng)
  }
}

export interface ZnodeWorkloadOptions extends SimPlace {
  readonly run: ZnodeRun
  /** Names of coordinators' processes. */
  readonly coordinators: readonly string[]
  readonly sessionTimeoutMs: number
  /** Between the end of one thing and the next: from, to. */
  readonly thinkMs: readonly [number, number]
  /** Whether it writes the configuration that the others read. */
  readonly writesConfiguration: boolean
  readonly observe: (name: string) => SessionObserver
}

const BURST_MAX = 6
const READER_SHARE = 0.4
/** So much longer than its session lasts is a client not heard. */
const SILENCE = [0.5, 2] as const

/** A client of the znode tree: draws what it does by its dice, has the real client do it, and records what it was told. */
export class ZnodeWorkload {
  readonly #options: ZnodeWorkloadOptions
  readonly #rng: Rng
  readonly #open = new Set<OpenOperation>()
  #session: ZnodeSession | null = null
  #writer: ReadyWriter | null = null
  /** It asks and hardly writes: no request of it waits behind a write that a leader without followers cannot commit. */
  #isReader = false
  #finishing = false
  #busy = 0
  #sessions = 0
  #values = 0

  constructor(options: ZnodeWorkloadOptions) {
    this.#options = options
    this.#rng = options.process.rng.fork('znodes')
  }

  get name(): string {
    return this.#options.process.name
  }

  /** Begins a life of the process. */
  start(): void {
    const { process } = this.#options
    process.start(() => {
      process.onCrash(() => this.#abandon())
      this.#openSession()
      this.#think()
    })
  }

  /** Begins nothing new, and lets itself be heard. */
  finish(): void {
    this.#finishing = true
    this.#session?.tap.speak()
  }

  /** Things under way. */
  get open(): number {
    return this.#busy
  }

  /** So many requests at once. */
  burst(requests: number): void {
    const { process } = this.#options
    if (this.#finishing || !process.alive) return
    process.promiseTimers.after(0, () => this.#begin((session) => this.#manyAtOnce(session, requests)))
  }

  /** Has the present session read at a state that is not older than now, until it does: a session that was lost is renewed by then. */
  readAtLast(done: () => void): void {
    const { process } = this.#options
    const again = () =>
      this.#begin(async (session) => {
        const { error } = await session.attempt((client) => client.sync('/'))
        if (error === null) await this.#options.run.ephemerals.look(session)
        if (error === null) done()
        else session.world.timers.after(100, again)
      })
    process.promiseTimers.after(0, again)
  }

  /** Of the present session, while it has one. */
  get sessionId(): bigint {
    return this.#session?.id ?? 0n
  }

  #openSession(): void {
    const { process, network, coordinators, sessionTimeoutMs, observe, run } = this.#options
    this.#isReader = this.#rng.chance(READER_SHARE)
    this.#session = new ZnodeSession({
      place: { process, network },
      servers: coordinators,
      sessionTimeoutMs,
      renewExpired: this.#rng.chance(0.5),
      observer: observe(`${process.name}.${++this.#sessions}`),
      onEnded: (session) => run.ephemerals.ended(session),
    })
    this.#writer = this.#options.writesConfiguration ? new ReadyWriter(this.#session) : null
  }

  #abandon(): void {
    for (const open of this.#open) endUnknown(open, this.#options.run.history, 'the client crashed')
    this.#open.clear()
    this.#session = null
    this.#busy = 0
  }

  #think(): void {
    const [from, to] = this.#options.thinkMs
    this.#session?.world.timers.after(from + this.#rng.fraction() * (to - from), () => this.#next())
  }

  #next(): void {
    if (this.#finishing) return
    this.#begin((session) => this.#doSomething(session)).then(() => this.#think())
  }

  /** One thing, from its first request to its last answer. A throw is a violation, or a bug. */
  async #begin(thing: (session: ZnodeSession) => Promise<unknown>): Promise<void> {
    const session = this.#session
    if (session === null) return
    this.#busy++
    try {
      await thing(session)
    } catch (error) {
      session.world.onBug(error)
    }
    if (!session.world.isOver) this.#busy--
  }

  #doSomething(session: ZnodeSession): Promise<unknown> {
    const { run } = this.#options
    if (this.#isReader && this.#rng.chance(0.98))
      return this.#writer === null && this.#rng.chance(0.3)
        ? this.#configuration(session)
        : this.#syncAndRead(session)
    const dice = this.#rng.below(1000)
    if (dice < 550) return this.#perform(session, this.#draw())
    if (dice < 680) return this.#manyAtOnce(session, this.#rng.between(2, BURST_MAX))
    if (dice < 780) return this.#syncAndRead(session)
    if (dice < 890) return this.#configuration(session)
    if (dice < 915) return run.ephemerals.create(session)
    if (dice < 935) return run.ephemerals.look(session)
    if (dice < 980) return this.#move(session)
    return dice < 988 ? this.#beSilent(session) : this.#close(session)
  }

  #draw(): JudgedOperation {
    const value = `${this.#options.process.name.replace(/\D+/g, '')}.${++this.#values}`
    return drawJudged(this.#rng, this.#options.run.subtrees.present, { value, watch: () => {} })
  }

  #perform(session: ZnodeSession, operation: JudgedOperation): Promise<void> {
    const { run, process } = this.#options
    process.note('asks', () => `${session.process} ${JSON.stringify(operation.input)}`)
    return perform(operation, {
      session,
      subtree: run.subtrees.present,
      history: run.history,
      begins: (open) => this.#open.add(open),
      ends: (open) => this.#open.delete(open),
    })
  }

  /** The order of a session's requests is that in which they were sent, however many are under way. */
  #manyAtOnce(session: ZnodeSession, count: number): Promise<unknown> {
    return Promise.all(Array.from({ length: count }, () => this.#perform(session, this.#draw())))
  }

  async #syncAndRead(session: ZnodeSession): Promise<void> {
    const read = () => this.#perform(session, drawRead(this.#rng, this.#options.run.subtrees.present))
    const synced = this.#perform(session, sync())
    if (this.#rng.chance(0.5)) await synced
    await Promise.all([synced, read()])
  }

  #configuration(session: ZnodeSession): Promise<unknown> {
    if (this.#writer !== null) return this.#writer.write(this.#rng)
    return readConfiguration(session, this.#rng, this.#options.run.readings)
  }

  /** To another member, perhaps with requests under way. */
  async #move(session: ZnodeSession): Promise<void> {
    const underWay = this.#rng.chance(0.5) ? this.#manyAtOnce(session, this.#rng.between(1, 3)) : null
    await session.pass(underWay === null ? 0 : this.#rng.scale(1, 20))
    session.tap.move()
    await Promise.all([underWay, this.#syncOrRead(session)])
  }

  #syncOrRead(session: ZnodeSession): Promise<void> {
    const { present } = this.#options.run.subtrees
    return this.#perform(session, this.#rng.chance(0.2) ? sync() : drawRead(this.#rng, present))
  }

  /** Until its session is over, or nearly. */
  async #beSilent(session: ZnodeSession): Promise<void> {
    session.tap.silence()
    const [least, most] = SILENCE
    const share = least + this.#rng.fraction() * (most - least)
    await session.pass(this.#options.sessionTimeoutMs * share)
    session.tap.speak()
    await this.#perform(session, this.#draw())
  }

  /** In good order, perhaps with requests under way; and begins anew. */
  async #close(session: ZnodeSession): Promise<void> {
    const underWay = this.#rng.chance(0.5) ? this.#manyAtOnce(session, this.#rng.between(1, 3)) : null
    await Promise.all([session.close(), underWay])
    if (!session.world.isOver) this.#openSession()
  }
}
