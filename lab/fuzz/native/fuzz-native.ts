/**
 * Hostile connections at the native port, the coordinator's peer port and the http door, with a well-behaved client among them. No process may end, hang or grow without
 * bound; what is wrong closes its own connection, with the right reason; and when all have gone nothing is left of them.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Rng } from '../../simulator/kernel/rng.ts'
import { FuzzError } from '../fuzz-error.ts'
import { visit } from './hostile-client.ts'
import type { Target } from './target.ts'
import { type Visit, VisitMaker } from './visit-maker.ts'
import { NativeWitness } from './witness.ts'

/** Visits at the same time. */
const AT_ONCE = 48
const LOOK_MS = 100
/** After this long, a line that is not in the log will not come. */
const LINE_MS = 3000
const SETTLE_MS = 20_000
const MEMORY_BYTES_MAX = 1024 * 1024 * 1024

export interface FuzzOptions {
  readonly seed: number
  readonly doors: 'native' | 'http'
  /** How many of them must be sent. */
  readonly mutated: number
  /** Told now and then. */
  readonly onProgress?: (result: FuzzCounts) => void
}

export interface FuzzCounts {
  readonly connections: number
  readonly right: number
  readonly mutated: number
  readonly replayed: number
  /** Connections that were closed by the other side, as they must be; and of those, how many logs say why. */
  readonly refused: number
  readonly explained: number
}

export interface FuzzResult extends FuzzCounts {
  readonly seconds: number
  readonly witnessCalls: number
  readonly witnessMaxMs: number
  /** By process: bytes before, at most, and after. */
  readonly memory: Readonly<Record<string, MemoryLook>>
}

export interface MemoryLook {
  before: number
  peak: number
  after: number
}

/** @throws {FuzzError} what happened, and the seed and visit that make it happen again. */
export async function fuzzNative(target: Target, options: FuzzOptions): Promise<FuzzResult> {
  const witness = await NativeWitness.connect(target, options.doors)
  try {
    return await new Run(target, options, witness).run()
  } finally {
    await witness.close()
  }
}

/** A connection that was closed, and whose reason has not been read yet. */
interface Expected {
  readonly server: string
  readonly remote: string
  readonly reason: RegExp
  readonly number: number
  readonly atMs: number
}

class Run {
  readonly #target: Target
  readonly #options: FuzzOptions
  readonly #witness: NativeWitness
  readonly #rng: Rng
  readonly #memory: Record<string, MemoryLook> = {}
  readonly #counts = { connections: 0, right: 0, mutated: 0, replayed: 0, refused: 0, explained: 0 }
  #expected: Expected[] = []
  /** One that has ended, to be said again. */
  #before: Visit | null = null
  #failure: unknown = null

  constructor(target: Target, options: FuzzOptions, witness: NativeWitness) {
    this.#target = target
    this.#options = options
    this.#witness = witness
    this.#rng = new Rng(options.seed)
  }

  async run(): Promise<FuzzResult> {
    await this.#witness.look()
    const heldBefore = await this.#target.held()
    this.#lookAtMemory()
    const begunMs = performance.now()
    const witness = this.#witness.run().catch((error: unknown) => this.#fail(error))
    const attackers = Array.from({ length: AT_ONCE }, () => this.#attack())
    await Promise.all([...attackers, this.#watch()])
    const seconds = (performance.now() - begunMs) / 1000
    this.#witness.stop()
    await witness
    await this.#settle(heldBefore)
    await this.#witness.look()
    await this.#witness.checkAll()
    if (this.#target.credentials !== null) await this.#witness.checkAlone()
    if (this.#failure !== null) throw this.#failure
    for (const [name, bytes] of Object.entries(this.#target.memory())) this.#lookOf(name, bytes).after = bytes
    const { calls, maxMs } = this.#witness
    return { ...this.#counts, seconds, witnessCalls: calls, witnessMaxMs: maxMs, memory: this.#memory }
  }

  #fail(error: unknown): void {
    this.#failure ??= error
  }

  get #isOver(): boolean {
    return this.#failure !== null || this.#counts.mutated >= this.#options.mutated
  }

  async #attack(): Promise<void> {
    while (!this.#isOver) {
      const number = ++this.#counts.connections
      try {
        await this.#visit(number)
      } catch (error) {
        this.#fail(this.#named(error, number))
      }
    }
  }

  #named(error: unknown, number: number): FuzzError {
    const what = error instanceof Error ? error.message : String(error)
    return new FuzzError(`seed ${this.#options.seed}, visit ${number}: ${what}`, { cause: error })
  }

  async #visit(number: number): Promise<void> {
    const made = this.#make(number)
    const { server, door, right, mutated, replayed, ending } = made
    const { remote, closed } = await visit(made, this.#target.port(door, server), number)
    this.#counts.right += right
    this.#counts.mutated += mutated
    this.#counts.replayed += replayed
    if (ending.type === 'refused') {
      this.#counts.refused++
      this.#expected.push({
        server: door === 'peer' ? this.#target.coordinator : server,
        remote,
        reason: ending.reason,
        number,
        atMs: performance.now(),
      })
    } else if (closed && ending.type === 'http') this.#counts.refused++
    if (door !== 'http' && ending.type !== 'leaves') this.#before = made
  }

  #make(number: number): Visit {
    const { servers, cluster, coordinator, credentials } = this.#target
    // The head has most to do.
    const server = servers[number % 4 === 0 ? servers.length - 1 : 0] ?? ''
    const members = servers.filter((name) => name !== server)
    const around = { cluster, server, coordinator, members, secured: credentials !== null }
    const maker = new VisitMaker(this.#rng, number, around)
    if (this.#options.doors === 'http') return maker.http()
    const before = this.#before
    const made = maker.visit(before)
    // At most once: two connections of one name would replace each other.
    if (made.replayed > 0) this.#before = null
    return made
  }

  async #watch(): Promise<void> {
    let told = performance.now()
    while (!this.#isOver) {
      await sleep(LOOK_MS)
      this.#look()
      if (performance.now() - told < 10_000) continue
      told = performance.now()
      this.#options.onProgress?.(this.#counts)
    }
  }

  #look(): void {
    try {
      this.#target.look()
      this.#lookAtMemory()
      this.#lookAtReasons()
    } catch (error) {
      this.#fail(error)
    }
  }

  #lookOf(name: string, bytes: number): MemoryLook {
    this.#memory[name] ??= { before: bytes, peak: bytes, after: bytes }
    return this.#memory[name]
  }

  #lookAtMemory(): void {
    for (const [name, bytes] of Object.entries(this.#target.memory())) {
      const look = this.#lookOf(name, bytes)
      look.peak = Math.max(look.peak, bytes)
      if (bytes > MEMORY_BYTES_MAX) throw new FuzzError(`${name} holds ${bytes} bytes`)
    }
  }

  /** Each line of a log is about a connection that had to be closed, for that reason; and where all have a line, none lacks it. */
  #lookAtReasons(): void {
    const { reasons, saysAll } = this.#target
    const nowMs = performance.now()
    this.#expected = this.#expected.filter((expected) => {
      if (reasons.take(expected)) {
        this.#counts.explained++
        return false
      }
      if (nowMs - expected.atMs < LINE_MS) return true
      if (saysAll)
        throw this.#named(
          `no line says that ${expected.remote} was closed: ${expected.reason}`,
          expected.number,
        )
      return false
    })
    const wrong = reasons.untaken(2 * LINE_MS)
    if (wrong !== null)
      throw new FuzzError(`${wrong.server} closed ${wrong.remote}, because "${wrong.reason}"`)
  }

  /** All hostile connections have gone; then nothing of them may be left. */
  async #settle(before: Readonly<Record<string, number>>): Promise<void> {
    const untilMs = performance.now() + SETTLE_MS
    for (;;) {
      this.#look()
      const held = await this.#target.held()
      const more = Object.entries(held).filter(([what, count]) => count > (before[what] ?? 0) + 1)
      if (this.#failure !== null || (more.length === 0 && this.#expected.length === 0)) return
      if (performance.now() > untilMs)
        return this.#fail(
          new FuzzError(`left of clients that have gone: ${JSON.stringify(Object.fromEntries(more))}`),
        )
      await sleep(LOOK_MS)
    }
  }
}
