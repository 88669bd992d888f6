/** Load for the demo: clients that read and write without pause, and remember every write that was acknowledged. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, StoreError } from '../../client/index.ts'
import type { CityRecord } from './cities.ts'

/** What happened between two moments. */
export interface Stretch {
  reads: number
  writes: number
  errors: number
  /** Longest time without one completed read (write). */
  readStallMs: number
  writeStallMs: number
  /** Slowest single operation. */
  slowestReadMs: number
  slowestWriteMs: number
}

/** What the load knows of one counter: it must end between `acknowledged` and `acknowledged + unknown`. */
interface Counter {
  acknowledged: number
  unknown: number
}

/** A reader and a writer together begin one operation in so many milliseconds. */
const PAIR_INTERVAL_MS = 8

export class Load {
  /** Every key of its own whose write was acknowledged, with its value. */
  readonly acknowledged = new Map<string, string>()
  readonly counters = new Map<string, Counter>()
  wrongReads = 0
  #readShare = 0.95
  #stopped = false
  #workers: Promise<void>[] = []
  #stretch = newStretch()
  #lastReadAt = performance.now()
  #lastWriteAt = performance.now()
  #written = 0

  readonly #clients: readonly Client[]
  readonly #cities: readonly CityRecord[]

  constructor(clients: readonly Client[], cities: readonly CityRecord[]) {
    this.#clients = clients
    this.#cities = cities
  }

  /**
   * Share of reads from now on: 0.95 or 0.5. Readers and writers are different workers, because one that waits for a write cannot show that reads go
   * on; each begins an operation at fixed intervals, which make the mix. What a stall made it miss is not made up for.
   */
  set readShare(share: number) {
    this.#readShare = share
  }

  start(pairsPerClient: number): void {
    this.#workers = this.#clients.flatMap((client, c) =>
      Array.from({ length: pairsPerClient }, (_, w) => [
        this.#work(() => this.#read(client), 'read'),
        this.#work(() => this.#write(client, `${c}-${w}`), 'write'),
      ]).flat(),
    )
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#workers)
  }

  /** Ends the present stretch and begins another. */
  cut(): Stretch {
    const now = performance.now()
    const ended = this.#stretch
    ended.readStallMs = Math.max(ended.readStallMs, now - this.#lastReadAt)
    ended.writeStallMs = Math.max(ended.writeStallMs, now - this.#lastWriteAt)
    this.#stretch = newStretch()
    this.#lastReadAt = now
    this.#lastWriteAt = now
    return ended
  }

  async #work(act: () => Promise<void>, kind: 'read' | 'write'): Promise<void> {
    for (let at = performance.now(); !this.#stopped; ) {
      const started = performance.now()
      try {
        await act()
        this.#completed(kind === 'read', started)
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        this.#stretch.errors++
      }
      at = Math.max(
        at + PAIR_INTERVAL_MS / (kind === 'read' ? this.#readShare : 1 - this.#readShare),
        performance.now(),
      )
      await sleep(at - performance.now())
    }
  }

  #completed(isRead: boolean, started: number): void {
    const now = performance.now()
    const stretch = this.#stretch
    if (isRead) {
      stretch.reads++
      stretch.readStallMs = Math.max(stretch.readStallMs, now - this.#lastReadAt)
      stretch.slowestReadMs = Math.max(stretch.slowestReadMs, now - started)
      this.#lastReadAt = now
    } else {
      stretch.writes++
      stretch.writeStallMs = Math.max(stretch.writeStallMs, now - this.#lastWriteAt)
      stretch.slowestWriteMs = Math.max(stretch.slowestWriteMs, now - started)
      this.#lastWriteAt = now
    }
  }

  async #read(client: Client): Promise<void> {
    const city = this.#cities[Math.floor(Math.random() * this.#cities.length)]
    if (city === undefined) return
    const found = await client.get(city.key)
    if (found?.text() !== city.value) this.wrongReads++
  }

  /** Half of the writes make a key of their own, half count: the first shows what is lost, the second what is done twice. */
  async #write(client: Client, name: string): Promise<void> {
    const n = ++this.#written
    if (n % 2 === 0) {
      const key = `demo/write/${n}`
      const value = `written by worker ${name}`
      await client.put(key, value)
      this.acknowledged.set(key, value)
      return
    }
    const key = `demo/counter/${name}`
    const counter = this.counters.get(key) ?? { acknowledged: 0, unknown: 0 }
    this.counters.set(key, counter)
    try {
      await client.increment(key)
      counter.acknowledged++
    } catch (error) {
      if (error instanceof StoreError && error.outcome === 'indefinite') counter.unknown++
      throw error
    }
  }
}

const newStretch = (): Stretch => ({
  reads: 0,
  writes: 0,
  errors: 0,
  readStallMs: 0,
  writeStallMs: 0,
  slowestReadMs: 0,
  slowestWriteMs: 0,
})
