import { Connection } from './connection.ts'
import type { NetworkWatcher, ParcelDeed, ParcelSight } from './parcel.ts'
import type { SimProcess } from './process.ts'
import type { Rng } from './rng.ts'
import type { Scheduler } from './scheduler.ts'

/** How long things take, in microseconds. Drawn anew for every run. */
export interface NetworkModel {
  /** One way, for most messages: evenly between the two. */
  readonly latencyUs: readonly [number, number]
  /** This share of messages takes up to ten times as long; those behind it on the same link wait (FIFO). */
  readonly slowShare: number
  /** A link that carries nothing breaks after so long; until then what was sent waits, and arrives if the cut heals. */
  readonly breakAfterUs: readonly [number, number]
  /** Who dials a host that does not answer gives up after this. */
  readonly dialTimeoutUs: number
}

export const LAN: NetworkModel = {
  latencyUs: [50, 500],
  slowShare: 0.01,
  breakAfterUs: [300_000, 5_000_000],
  dialTimeoutUs: 1_000_000,
}

/** However slow a link is made. */
const SLOWEST_US = 5_000_000

/** What one end of a link hears. `onDown` comes once, and nothing after it; not where this end closed the link itself. */
export interface LinkEvents {
  onOpen?(): void
  onReceive(body: unknown): void
  onDown(reason: string): void
}

/** One end of a connection between two processes: FIFO both ways, until it breaks and loses what was on the way. */
export interface Link {
  readonly peer: string
  readonly open: boolean
  send(body: unknown): void
  close(): void
}

/** What accepts connections at a process: given the link, it says who listens to it, or null to refuse. */
export type Acceptor = (link: Link, from: string) => LinkEvents | null

/** Everybody's connections. Cuts and delays are set for ordered pairs of processes: `a` to `b` may be cut while `b` to `a` works. */
export class Network {
  readonly model: NetworkModel
  readonly #scheduler: Scheduler
  readonly #rng: Rng
  readonly #acceptors = new Map<string, { process: SimProcess; accept: Acceptor }>()
  readonly #cuts = new Set<string>()
  readonly #slow = new Map<string, number>()
  readonly #connections = new Set<Connection>()
  /** Messages that arrived. */
  delivered = 0
  /** Who looks on, if anybody. */
  watcher: NetworkWatcher | null = null
  #parcels = 0

  constructor(scheduler: Scheduler, rng: Rng, model: NetworkModel = LAN) {
    this.#scheduler = scheduler
    this.#rng = rng
    this.model = model
  }

  /** From now on, until its life ends, a process accepts connections at this door (`peer`, `client`...). */
  listen(process: SimProcess, door: string, accept: Acceptor): void {
    const name = `${process.name}/${door}`
    const entry = { process, accept }
    this.#acceptors.set(name, entry)
    process.onCrash(() => {
      if (this.#acceptors.get(name) === entry) this.#acceptors.delete(name)
    })
  }

  /** Connects to a door of another process, which hears of it under the name `as`. What is sent before the link is open waits for it. */
  dial(from: SimProcess, to: string, door: string, events: LinkEvents, as = from.name): Link {
    const connection = new Connection(this, this.#scheduler, { from, to, door, events })
    this.#connections.add(connection)
    connection.dial(as, () => {
      const entry = this.#acceptors.get(`${to}/${door}`)
      return entry?.process.alive ? entry : null
    })
    return connection.dialler
  }

  // Faults.

  /** What `a` sends does not reach `b` any more. */
  cut(a: string, b: string): void {
    this.#cuts.add(`${a}>${b}`)
    for (const connection of this.#connections) connection.cutBegan(a, b)
  }

  heal(a: string, b: string): void {
    if (!this.#cuts.delete(`${a}>${b}`)) return
    for (const connection of this.#connections) connection.cutEnded(a, b)
  }

  healAll(): void {
    for (const pair of [...this.#cuts]) {
      const [a = '', b = ''] = pair.split('>')
      this.heal(a, b)
    }
    this.#slow.clear()
  }

  /** Everything from `a` to `b` takes this many times as long. 1: as ever. */
  slow(a: string, b: string, factor: number): void {
    if (factor === 1) this.#slow.delete(`${a}>${b}`)
    else this.#slow.set(`${a}>${b}`, factor)
  }

  /** Breaks every link between the two now; new ones can be made at once. */
  break(a: string, b: string): void {
    for (const connection of [...this.#connections]) if (connection.joins(a, b)) connection.break('reset')
  }

  // What can be seen, and done by hand.

  /** Everything that is on its way, in no order of time. */
  parcels(): ParcelSight[] {
    return [...this.#connections].flatMap((connection) => connection.parcels())
  }

  /** Pairs that are cut, and those that are slower than usual, one way each. */
  faults(): { from: string; to: string; cut: boolean; slow: number }[] {
    return [...new Set([...this.#cuts, ...this.#slow.keys()])].sort().map((pair) => {
      const [from = '', to = ''] = pair.split('>')
      return { from, to, cut: this.#cuts.has(pair), slow: this.#slow.get(pair) ?? 1 }
    })
  }

  /** Does this to a message that is on its way. @returns why it cannot be done, or null. */
  byHand(id: number, deed: ParcelDeed): string | null {
    for (const connection of this.#connections) {
      const answer = connection.byHand(id, deed)
      if (answer !== undefined) return answer
    }
    return 'it is no longer on its way'
  }

  isCut(a: string, b: string): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${a}>${b}`)
  }

  // For connections.

  latencyUs(a: string, b: string): number {
    const [from, to] = this.model.latencyUs
    let us = from + this.#rng.fraction() * (to - from)
    if (this.#rng.chance(this.model.slowShare)) us *= 1 + 9 * this.#rng.fraction()
    if (this.#slow.size === 0) return us
    // What is on the way when the link is well again still takes its time, and all that is sent later waits behind it.
    return Math.max(us, Math.min(us * (this.#slow.get(`${a}>${b}`) ?? 1), SLOWEST_US))
  }

  /** How long this cut, or this silence, lasts until an end gives the link up. */
  patienceUs(): number {
    const [from, to] = this.model.breakAfterUs
    return this.#rng.scale(from, to)
  }

  chance(probability: number): boolean {
    return this.#rng.chance(probability)
  }

  nextParcelId(): number {
    return ++this.#parcels
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection)
  }
}
