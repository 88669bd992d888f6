/** All clients of a torture, from the first operation to the last look at every key. */
import { connect } from '../../client/connect.ts'
import { type Client, StoreError } from '../../client/index.ts'
import type { LocalCluster } from '../../runtime/processes/local-cluster.ts'
import type { Rng } from '../simulator/kernel/rng.ts'
import { KeyRing } from './key-ring.ts'
import { PinnedReader } from './pinned-reader.ts'
import type { Recorder } from './recorder.ts'
import { readKey, Worker, type WorkloadOptions } from './workload.ts'

/** With a session a write is tried until then, and happens once; without one it fails as indefinite at the first doubt. */
const PATIENT_MS = 10_000
const HASTY_MS = 1500
const READ_BACK_MS = 20_000
/** Longest pause between two operations of one client. */
const PAUSE_MS = 8
/** What is recorded is kept in memory until it is judged: in a torture that lasts longer clients pause longer. */
const FULL_RATE_MS = 5 * 60_000
const READERS = 16
/** So many keys that cannot be read say enough. */
const FAILURES_MAX = 5

export class Load {
  readonly #cluster: LocalCluster
  readonly #options: WorkloadOptions
  readonly #clients: Client[] = []
  #workers: Worker[] = []
  #pinned: PinnedReader[] = []

  /** Half of the clients have sessions, half have none; to these come one pinned reader for each server. */
  static async start(
    cluster: LocalCluster,
    options: { recorder: Recorder; rng: Rng; clients: number; durationMs: number },
  ): Promise<Load> {
    const { recorder, rng, durationMs } = options
    const pauseMsMax = PAUSE_MS * Math.max(1, durationMs / FULL_RATE_MS)
    const load = new Load(cluster, { recorder, rng, pauseMsMax, ring: new KeyRing() })
    try {
      await load.#begin(options.clients)
      return load
    } catch (error) {
      await load.close()
      throw error
    }
  }

  private constructor(cluster: LocalCluster, options: WorkloadOptions) {
    this.#cluster = cluster
    this.#options = options
  }

  async #begin(count: number): Promise<void> {
    const { rng } = this.#options
    for (let i = 0; i < count; i++) {
      const exactlyOnce = i % 2 === 0
      const client = await this.#connect({ exactlyOnce, timeoutMs: exactlyOnce ? PATIENT_MS : HASTY_MS })
      const name = `${exactlyOnce ? 'client' : 'raw'}-${i + 1}`
      this.#workers.push(new Worker(name, client, { ...this.#options, rng: rng.fork(name) }))
    }
    for (const { name } of this.#cluster.servers) {
      const own = { ...this.#options, rng: rng.fork(`pinned ${name}`) }
      this.#pinned.push(await PinnedReader.open(this.#cluster, name, own))
    }
  }

  async #connect(options: { exactlyOnce: boolean; timeoutMs: number }): Promise<Client> {
    const { transport = 'tcp' } = this.#cluster.options
    const client = await connect({ servers: this.#cluster.clientServers, transport, ...options })
    this.#clients.push(client)
    return client
  }

  /** Lets every client end what it does. @throws where one of them met what is no operating error: a bug. */
  async stop(): Promise<void> {
    const stopping = [...this.#workers, ...this.#pinned].map((each) => each.stop())
    this.#workers = []
    this.#pinned = []
    const ends = await Promise.allSettled(stopping)
    for (const end of ends) if (end.status === 'rejected') throw end.reason
  }

  /** Reads every key that there ever was, at the end of its history. @returns the keys that could not be read, and why. */
  async readBack(signal: AbortSignal): Promise<string[]> {
    const client = await this.#connect({ exactlyOnce: true, timeoutMs: READ_BACK_MS })
    const failures: string[] = []
    const rest = [...this.#options.ring.all]
    const reader = async (name: string) => {
      for (let shared = rest.pop(); shared !== undefined; shared = rest.pop()) {
        signal.throwIfAborted()
        if (failures.length >= FAILURES_MAX) return
        try {
          await readKey(client, shared, { recorder: this.#options.recorder, name })
        } catch (error) {
          if (!(error instanceof StoreError)) throw error
          failures.push(`${shared.name}: ${error.message}`)
        }
      }
    }
    await Promise.all(Array.from({ length: READERS }, (_, i) => reader(`read-back-${i + 1}`)))
    return failures
  }

  /** The keys as each server by itself has them: the replicas of a chain must agree. One that does not answer is no member now. */
  async readBackAtServers(signal: AbortSignal): Promise<void> {
    for (const { name } of this.#cluster.servers) {
      const reader = await PinnedReader.open(this.#cluster, name, this.#options, { works: false })
      try {
        let unanswered = 0
        for (const shared of this.#options.ring.all) {
          signal.throwIfAborted()
          if (unanswered >= FAILURES_MAX) break
          if (!(await reader.read(shared))) unanswered++
        }
      } finally {
        await reader.stop()
      }
    }
  }

  /** Does not wait for answers: what is under way fails. */
  async close(): Promise<void> {
    const stopping = this.stop().catch(() => {}) // heard of before
    await Promise.all(this.#clients.splice(0).map((client) => client.close()))
    await stopping
  }
}
