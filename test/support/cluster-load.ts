/** Readers and writers for clusters of real processes, and the account of what they were promised. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Client, type ConnectOptions, StoreError } from '../../client/index.ts'
import type { LocalCluster } from '../../runtime/processes/local-cluster.ts'
import { membersOf, ms, type TestCluster } from './cluster.ts'
import { DirectServer } from './direct-server.ts'

/** Longest time without one completed operation of a kind. */
export interface Stalls {
  readonly reads: number
  readonly cleanReads: number
  readonly writes: number
}

interface Kind {
  done: number
  stallMs: number
  lastAt: number
}

const CLIENTS = 2
const CLEAN_KEYS = 200
const COUNTERS = 4
const REGISTERS = 2
const PAGE = 500

const cleanKeys = Array.from({ length: CLEAN_KEYS }, (_, n) => `clean/${n}`)

/** Between these two must lie what is found at the end. */
interface Count {
  acknowledged: number
  unknown: number
}

/**
 * Separate readers and writers, because one that waits for a write cannot show that reads go on:
 * - writers of keys of their own: what is acknowledged must be there;
 * - counters, by increment: none may count twice, no two may see the same sum;
 * - registers, by compare-and-set: of those who replace one version, one wins;
 * - strong readers of counters and registers: once a read has shown a version, or a write was acknowledged with one, none that begins
 *   later may show an older one;
 * - strong readers of keys that nobody writes: any replica can answer them, whatever happens to the others.
 */
export class ClusterLoad {
  readonly acknowledged = new Map<string, { value: string; version: number }>()
  /** Errors of operations; none is expected unless the test says so. */
  readonly errors: StoreError[] = []
  readonly #test: TestCluster
  readonly #counts = new Map<string, Count>()
  /** The newest version that is known to everybody who begins now. */
  readonly #shown = new Map<string, number>()
  readonly #sums = new Set<string>()
  readonly #problems: string[] = []
  #kinds = newKinds()
  #workers: Promise<void>[] = []
  #stopped = false
  #numbers = 0

  private constructor(test: TestCluster) {
    this.#test = test
  }

  static async start(test: TestCluster, options: Partial<ConnectOptions> = {}): Promise<ClusterLoad> {
    const load = new ClusterLoad(test)
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => test.connect(options)))
    const puts = clients
      .slice(0, 1)
      .flatMap((client) => cleanKeys.map((key, n) => client.put(key, `value ${n}`)))
    await Promise.all(puts)
    load.#kinds = newKinds()
    for (const client of clients) load.#startWorkers(client)
    return load
  }

  #startWorkers(client: Client): void {
    const start = (pauseMs: number, act: () => Promise<void>) =>
      this.#workers.push(this.#repeat(pauseMs, act))
    for (let i = 0; i < COUNTERS; i++) start(5, () => this.#increment(client, `counter/${i}`))
    for (let i = 0; i < REGISTERS; i++) start(5, () => this.#swap(client, `register/${i}`))
    for (let i = 0; i < 4; i++) start(5, () => this.#putOwn(client))
    for (let i = 0; i < 6; i++) start(2, () => this.#readHot(client))
    for (let i = 0; i < 4; i++) start(2, () => this.#readClean(client))
  }

  async #repeat(pauseMs: number, act: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      try {
        await act()
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        this.errors.push(error)
      }
      await sleep(pauseMs)
    }
  }

  #finished(kind: keyof Stalls): void {
    const now = performance.now()
    const figures = this.#kinds[kind]
    figures.stallMs = Math.max(figures.stallMs, now - figures.lastAt)
    figures.lastAt = now
    figures.done++
  }

  async #putOwn(client: Client): Promise<void> {
    const n = ++this.#numbers
    const key = `own/${n}`
    const value = `value ${n}`
    const outcome = await client.put(key, value)
    this.#finished('writes')
    if (outcome.applied) this.acknowledged.set(key, { value, version: outcome.version })
    else this.#problems.push(`put of ${key} without a condition was not applied`)
  }

  #countOf(key: string): Count {
    const count = this.#counts.get(key) ?? { acknowledged: 0, unknown: 0 }
    this.#counts.set(key, count)
    return count
  }

  /** A write that may have happened, or not. */
  async #counted<T>(key: string, write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } catch (error) {
      if (error instanceof StoreError && error.outcome === 'indefinite') this.#countOf(key).unknown++
      throw error
    }
  }

  async #increment(client: Client, key: string): Promise<void> {
    const sum = await this.#counted(key, () => client.increment(key))
    this.#finished('writes')
    this.#countOf(key).acknowledged++
    this.#unique(`${key} = ${sum}`)
  }

  async #swap(client: Client, key: string): Promise<void> {
    const before = await this.#readStrong(client, key)
    const next = Number(before?.text ?? 0) + 1
    const outcome = await this.#counted(key, () =>
      client.compareAndSet(key, before?.version ?? null, `${next}`),
    )
    this.#finished('writes')
    if (!outcome.applied) return
    this.#countOf(key).acknowledged++
    this.#unique(`${key} = ${next}`)
    this.#show(key, outcome.version)
  }

  #unique(sum: string): void {
    if (this.#sums.has(sum)) this.#problems.push(`acknowledged twice: ${sum}`)
    this.#sums.add(sum)
  }

  #show(key: string, version: number): void {
    this.#shown.set(key, Math.max(version, this.#shown.get(key) ?? 0))
  }

  async #readStrong(client: Client, key: string): Promise<{ version: number; text: string } | null> {
    const atLeast = this.#shown.get(key) ?? 0
    const found = await client.get(key)
    this.#finished('reads')
    const version = found?.version ?? 0
    if (version < atLeast) {
      this.#problems.push(`a strong read of ${key} showed version ${version} after ${atLeast} had been shown`)
    }
    if (found?.committed === false) this.#problems.push(`a strong read of ${key} was not committed`)
    this.#show(key, version)
    return found === null ? null : { version, text: found.text() }
  }

  async #readHot(client: Client): Promise<void> {
    const n = ++this.#numbers
    await this.#readStrong(client, n % 2 === 0 ? `counter/${n % COUNTERS}` : `register/${n % REGISTERS}`)
  }

  async #readClean(client: Client): Promise<void> {
    const n = ++this.#numbers % CLEAN_KEYS
    const key = `clean/${n}`
    const found = await client.get(key)
    this.#finished('cleanReads')
    if (found?.text() !== `value ${n}`) this.#problems.push(`${key} was read as ${found?.text()}`)
  }

  /** Ends a stretch, prints its figures, and begins another. */
  cut(name: string): Stalls {
    const now = performance.now()
    const stalls = { reads: 0, cleanReads: 0, writes: 0 }
    const texts: string[] = []
    for (const kind of ['reads', 'cleanReads', 'writes'] as const) {
      const { done, stallMs, lastAt } = this.#kinds[kind]
      stalls[kind] = Math.max(stallMs, now - lastAt)
      texts.push(`${done} ${kind}, stalled ${ms(stalls[kind])}`)
    }
    console.log(`${name}: ${texts.join('; ')}`)
    this.#kinds = newKinds()
    return stalls
  }

  /** Awaits completed operations of each kind, of those that began from now on. */
  async progress(count = 20): Promise<void> {
    const before = { ...this.#kinds }
    const from = { reads: before.reads.done, cleanReads: before.cleanReads.done, writes: before.writes.done }
    const deadline = performance.now() + 30_000
    const moved = (kind: keyof Stalls) => {
      const { done } = this.#kinds[kind]
      return done - from[kind] >= count + 32 // that many can have been under way
    }
    while (!(moved('reads') && moved('cleanReads') && moved('writes'))) {
      if (performance.now() > deadline) throw new Error(`no progress in 30 s: ${JSON.stringify(this.#kinds)}`)
      await sleep(20)
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#workers)
  }

  /** Stops, and checks every promise, through a client and at each member of the chain by itself. */
  async verify(): Promise<void> {
    await this.stop()
    expect(this.#problems.slice(0, 10)).toEqual([])
    const client = await this.#test.connect()
    expect(this.#counts.size).toBeGreaterThan(0)
    for (const [key, { acknowledged, unknown }] of this.#counts) {
      const found = Number((await client.get(key))?.text() ?? 0)
      expect(found, `${key}: lost`).toBeGreaterThanOrEqual(acknowledged)
      expect(found, `${key}: counted twice`).toBeLessThanOrEqual(acknowledged + unknown)
    }
    const counted = [...this.#counts.values()].reduce((sum, { acknowledged }) => sum + acknowledged, 0)
    const { cluster } = this.#test
    for (const server of await membersOf(cluster)) await this.checkAt(cluster, server)
    console.log(
      `verified at every member: ${this.acknowledged.size} puts, ${counted} counted writes, ${this.errors.length} errors`,
    )
  }

  /** Reads all that was acknowledged at one replica. */
  async checkAt(cluster: LocalCluster, server: string): Promise<void> {
    const direct = await DirectServer.open(cluster, server)
    try {
      const keys = [...this.acknowledged.keys()]
      for (let from = 0; from < keys.length; from += PAGE) {
        const page = keys.slice(from, from + PAGE)
        const read = await direct.get(page)
        if (!read.ok) throw new Error(`${server} does not answer a strong read: ${read.code}`)
        const wrong = page.filter((key, i) => {
          const { value, version } = this.acknowledged.get(key) ?? { value: '', version: -1 }
          return read.values[i]?.text !== value || read.values[i]?.version !== version
        })
        expect(wrong, `acknowledged, but not at ${server}`).toEqual([])
      }
    } finally {
      await direct.close()
    }
  }
}

function newKinds(): Record<keyof Stalls, Kind> {
  const kind = () => ({ done: 0, stallMs: 0, lastAt: performance.now() })
  return { reads: kind(), cleanReads: kind(), writes: kind() }
}
