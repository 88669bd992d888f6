/** An ensemble in this process, and clients that a test can cut off, kill, or rob of a reply. */

import type { Address } from '../../client/coordinator/addresses.ts'
import type { CoordinatorClient } from '../../client/coordinator/api.ts'
import { nodePlatform } from '../../client/coordinator/node-platform.ts'
import type { Link, LinkEvents, SessionPlatform } from '../../client/coordinator/platform.ts'
import { coordinatorOver } from '../../client/coordinator/session-client.ts'
import { Ensemble } from '../runtime/coordinator/ensemble.ts'

const TICK_MS = 100

/** A client whose network the test holds. */
export class Mortal {
  readonly client: CoordinatorClient
  readonly #links = new Set<Link>()
  #dead = false
  #robbed = false

  constructor(servers: readonly string[], sessionTimeoutMs: number) {
    const platform: SessionPlatform = {
      ...nodePlatform,
      dial: (address, events) => this.#dial(address, events),
    }
    this.client = coordinatorOver({ servers, sessionTimeoutMs }, platform)
  }

  /** As a process that is killed: it says nothing any more, and its session expires. */
  die(): void {
    this.#dead = true
    for (const link of this.#links) link.destroy()
  }

  /** It was only cut off: it finds out what became of its session. */
  revive(): void {
    this.#dead = false
  }

  /** What the members answer next is lost with the connection, after they have done what was asked. */
  loseNextReply(): void {
    this.#robbed = true
  }

  #dial(address: Address, events: LinkEvents): Link {
    if (this.#dead) {
      setImmediate(() => events.onClose('the network is cut'))
      return { write: () => {}, destroy: () => {} }
    }
    const link = nodePlatform.dial(address, {
      ...{ onConnect: () => events.onConnect() },
      onData: (chunk) => {
        if (this.#dead) return
        if (!this.#robbed) return events.onData(chunk)
        this.#robbed = false
        link.destroy()
      },
      onClose: (reason) => {
        this.#links.delete(link)
        events.onClose(reason)
      },
    })
    this.#links.add(link)
    return link
  }
}

export class World {
  readonly ensemble: Ensemble
  readonly #clients: Mortal[] = []

  private constructor(ensemble: Ensemble) {
    this.ensemble = ensemble
  }

  static async start(): Promise<World> {
    for (let tries = 1; ; tries++) {
      const ensemble = await Ensemble.prepare(3, { zookeeperTickMs: TICK_MS })
      try {
        for (const number of ensemble.numbers) await ensemble.up(number)
        await ensemble.leader()
        return new World(ensemble)
      } catch (error) {
        await ensemble.stop()
        // A port that was free a moment ago may be somebody's by now.
        if (tries === 3 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      }
    }
  }

  /** @param options.member - the only one that it knows. Default: it knows all. */
  mortal(options: { sessionTimeoutMs?: number; member?: number } = {}): Mortal {
    const { sessionTimeoutMs = 2000, member } = options
    const numbers = member === undefined ? this.ensemble.numbers : [member]
    const servers = numbers.map((number) => {
      const { host, clientPort } = this.ensemble.members[number - 1] ?? { host: '', clientPort: 0 }
      return `${host}:${clientPort}`
    })
    const mortal = new Mortal(servers, sessionTimeoutMs)
    this.#clients.push(mortal)
    return mortal
  }

  client(options: Parameters<World['mortal']>[0] = {}): CoordinatorClient {
    return this.mortal(options).client
  }

  clients(count: number): CoordinatorClient[] {
    return Array.from({ length: count }, () => this.client())
  }

  /** Stops the leader without a word, and starts it again once another leads. */
  async killLeader(): Promise<void> {
    const leader = await this.ensemble.leader()
    await this.ensemble.down(leader)
    await this.ensemble.leader()
    await this.ensemble.up(leader)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map(({ client }) => client.close()))
    await this.ensemble.stop()
  }
}

/** Resolves once the signal is aborted. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve())
  })
