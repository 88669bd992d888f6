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

interface Parcel {
  readonly number: number
  readonly body: unknown
}

interface End {
  readonly process: SimProcess
  readonly life: number
  events: LinkEvents | null
  /** Nothing overtakes what was sent before. */
  lastArrivalUs: number
  /** Sent into a cut, or caught by one on the way, in the order of sending. */
  readonly held: Parcel[]
  /** On the way to this end, in the order of arrival. */
  readonly coming: Parcel[]
  /** What has come and waits to be handled: the process may be busy, or paused. */
  readonly arrived: unknown[]
  sent: number
  /** The number of the last parcel that was handed to the process. */
  received: number
  /** What has come before something that was sent earlier. */
  readonly early: Map<number, unknown>
  closed: boolean
}

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
    const connection = new Connection(this, this.#scheduler, from, to, events)
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

  forget(connection: Connection): void {
    this.#connections.delete(connection)
  }
}

/** Both ends, and what is on the way between them. */
class Connection {
  readonly dialler: Link
  readonly #network: Network
  readonly #scheduler: Scheduler
  readonly #near: End
  readonly #to: string
  #far: End | null = null
  readonly #arriveNear = () => this.#arrive(this.#near)
  readonly #arriveFar = () => this.#arrive(this.#far as End)
  readonly #receiveNear = () => receive(this.#near)
  readonly #receiveFar = () => receive(this.#far as End)
  #opened = false
  #broken = false
  /** Numbers cuts: patience with an earlier one is void. */
  #cutNumber = 0

  constructor(network: Network, scheduler: Scheduler, from: SimProcess, to: string, events: LinkEvents) {
    this.#network = network
    this.#scheduler = scheduler
    this.#to = to
    this.#near = newEnd(from, events)
    this.dialler = this.#linkOf(this.#near, to)
    from.onCrash(() => this.#endCrashed(this.#near))
  }

  #linkOf(end: End, peer: string): Link {
    const isOpen = () => this.#opened && !this.#broken && !end.closed
    return {
      peer,
      get open() {
        return isOpen()
      },
      send: (body) => this.#send(end, body),
      close: () => this.#close(end),
    }
  }

  dial(as: string, find: () => { process: SimProcess; accept: Acceptor } | null): void {
    const { name } = this.#near.process
    if (this.#isCut()) {
      this.#scheduler.after(this.#network.model.dialTimeoutUs, () => this.break('no answer'))
      return
    }
    const there = this.#network.latencyUs(name, this.#to)
    this.#scheduler.after(there, () => {
      if (this.#broken) return
      const found = find()
      const far = found === null ? null : newEnd(found.process, null)
      far?.process.onCrash(() => this.#endCrashed(far))
      const events = far === null ? null : (found?.accept(this.#linkOf(far, name), as) ?? null)
      const back = this.#network.latencyUs(this.#to, name)
      if (far === null || events === null) {
        this.#scheduler.after(back, () => this.break('refused'))
        return
      }
      far.events = events
      this.#far = far
      far.process.run(() => events.onOpen?.())
      far.lastArrivalUs = this.#scheduler.nowUs
      this.#near.lastArrivalUs = this.#scheduler.nowUs + back
      this.#scheduler.after(back, () => this.#open())
    })
  }

  #open(): void {
    if (this.#broken) return
    this.#opened = true
    this.#tell(this.#near, (events) => events.onOpen?.())
    if (this.#isCut()) this.#losePatience()
    this.#sendHeld(this.#near)
  }

  joins(a: string, b: string): boolean {
    const { name } = this.#near.process
    return (name === a && this.#to === b) || (name === b && this.#to === a)
  }

  #isCut(): boolean {
    const { name } = this.#near.process
    return this.#network.isCut(name, this.#to) || this.#network.isCut(this.#to, name)
  }

  cutBegan(a: string, b: string): void {
    if (!this.#broken && this.joins(a, b)) this.#losePatience()
  }

  /** TCP goes on sending for a while; without acknowledgements it gives up, also where only the way back is cut. */
  #losePatience(): void {
    const cut = ++this.#cutNumber
    this.#scheduler.after(this.#network.patienceUs(), () => {
      if (this.#cutNumber === cut && this.#isCut()) this.break('timed out')
    })
  }

  cutEnded(a: string, b: string): void {
    if (this.#broken || !this.joins(a, b)) return
    this.#cutNumber++
    this.#sendHeld(this.#near)
    if (this.#far !== null) this.#sendHeld(this.#far)
    // What one end said last, that it is gone, was held up, too.
    for (const end of [this.#near, this.#far]) if (end?.closed) this.#endOther(end, 'reset', true)
  }

  #send(from: End, body: unknown): void {
    if (this.#broken || from.closed) return
    const to = this.#otherOf(from)
    const waits = to === null || (from === this.#near && !this.#opened)
    const parcel = { number: ++from.sent, body }
    if (waits || from.held.length > 0 || this.#network.isCut(from.process.name, to.process.name))
      from.held.push(parcel)
    else this.#transmit(from, to, parcel)
  }

  #sendHeld(from: End): void {
    const to = this.#otherOf(from)
    if (to === null || this.#network.isCut(from.process.name, to.process.name)) return
    for (const parcel of from.held.splice(0)) this.#transmit(from, to, parcel)
  }

  #transmit(from: End, to: End, parcel: Parcel): void {
    const arrivalUs = this.#scheduler.nowUs + this.#network.latencyUs(from.process.name, to.process.name)
    to.lastArrivalUs = Math.max(to.lastArrivalUs + 1, arrivalUs)
    to.coming.push(parcel)
    this.#scheduler.at(to.lastArrivalUs, to === this.#near ? this.#arriveNear : this.#arriveFar)
  }

  #arrive(to: End): void {
    if (this.#broken || to.closed) return
    const from = this.#otherOf(to)
    const parcel = to.coming.shift()
    if (parcel === undefined || from === null) return
    // What a cut catches on the way is sent again when it heals, before what was sent later.
    if (this.#network.isCut(from.process.name, to.process.name)) {
      const later = from.held.findIndex(({ number }) => number > parcel.number)
      from.held.splice(later < 0 ? from.held.length : later, 0, parcel)
      return
    }
    // Of what was sent before it, a cut that has healed may have caught some, which is on its way again: the order holds, as in TCP.
    if (parcel.number !== to.received + 1) {
      to.early.set(parcel.number, parcel.body)
      return
    }
    this.#deliver(to, parcel.body)
    while (to.early.size > 0) {
      const next = to.received + 1
      if (!to.early.has(next)) break
      const body = to.early.get(next)
      to.early.delete(next)
      this.#deliver(to, body)
    }
  }

  #deliver(to: End, body: unknown): void {
    to.received++
    this.#network.delivered++
    if (!to.process.alive || to.process.life !== to.life) return
    to.arrived.push(body)
    to.process.run(to === this.#near ? this.#receiveNear : this.#receiveFar)
  }

  #otherOf(end: End): End | null {
    return end === this.#near ? this.#far : this.#near
  }

  #tell(end: End, tell: (events: LinkEvents) => void): void {
    const { process, life } = end
    if (!process.alive || process.life !== life) return
    process.run(() => {
      if (!end.closed && end.events !== null) tell(end.events)
    })
  }

  /** Closed in good order: the other end hears of it after everything that was sent before. */
  #close(end: End): void {
    if (end.closed) return
    end.closed = true
    this.#endOther(end, 'closed by the peer', true)
  }

  /** The system closes a dead process's sockets, with or without what was on the way; where the way is cut, the other end must find out by itself. */
  #endCrashed(end: End): void {
    if (end.closed) return
    end.closed = true
    this.#endOther(end, 'reset', this.#network.chance(0.5))
  }

  #endOther(end: End, reason: string, afterWhatWasSent: boolean): void {
    const other = this.#otherOf(end)
    if (other === null || this.#broken) {
      this.#broken = true
      this.#network.forget(this)
      return
    }
    const [from, to] = [end.process.name, other.process.name]
    const finish = () => {
      if (!this.#network.isCut(from, to)) this.break(reason)
    }
    if (this.#network.isCut(from, to)) this.#losePatience()
    else if (afterWhatWasSent) {
      const arrivalUs = this.#scheduler.nowUs + this.#network.latencyUs(from, to)
      this.#scheduler.at(Math.max(other.lastArrivalUs + 1, arrivalUs), finish)
    } else this.#scheduler.after(this.#network.latencyUs(from, to), finish)
  }

  /** The link is gone; each end that has not closed it hears so. */
  break(reason: string): void {
    if (this.#broken) return
    this.#broken = true
    this.#network.forget(this)
    for (const end of [this.#near, this.#far]) {
      if (end === null || end.closed) continue
      this.#tell(end, (events) => {
        end.closed = true
        events.onDown(reason)
      })
    }
  }
}

const newEnd = (process: SimProcess, events: LinkEvents | null): End => ({
  process,
  life: process.life,
  events,
  lastArrivalUs: 0,
  held: [],
  coming: [],
  arrived: [],
  sent: 0,
  received: 0,
  early: new Map(),
  closed: false,
})

/** Handles the next of what has come. */
function receive(end: End): void {
  const body = end.arrived.shift()
  if (!end.closed) end.events?.onReceive(body)
}
