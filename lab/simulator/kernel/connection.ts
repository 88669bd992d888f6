import type { Acceptor, Link, LinkEvents, Network } from './network.ts'
import type { Parcel, ParcelDeed, ParcelSight } from './parcel.ts'
import type { SimProcess } from './process.ts'
import type { Scheduler } from './scheduler.ts'

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
  readonly arrived: Parcel[]
  sent: number
  /** The number of the last parcel that was handed to the process. */
  received: number
  /** What has come before something that was sent earlier. */
  readonly early: Map<number, Parcel>
  closed: boolean
  /** Arrivals that came while the first of `coming` was held by hand: it is overdue, and as many behind it. */
  missed: number
  /** Arrivals yet to come for parcels that were delivered before their time. */
  ahead: number
}

/** Both ends, and what is on the way between them. */
export class Connection {
  readonly dialler: Link
  readonly #network: Network
  readonly #scheduler: Scheduler
  readonly #near: End
  readonly #to: string
  readonly #door: string
  #far: End | null = null
  readonly #arriveNear = () => this.#arrive(this.#near)
  readonly #arriveFar = () => this.#arrive(this.#far as End)
  readonly #receiveNear = () => this.#receive(this.#near)
  readonly #receiveFar = () => this.#receive(this.#far as End)
  #opened = false
  #broken = false
  /** Numbers cuts: patience with an earlier one is void. */
  #cutNumber = 0

  constructor(
    network: Network,
    scheduler: Scheduler,
    { from, to, door, events }: { from: SimProcess; to: string; door: string; events: LinkEvents },
  ) {
    this.#network = network
    this.#scheduler = scheduler
    this.#to = to
    this.#door = door
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
    const parcel: Parcel = {
      id: this.#network.nextParcelId(),
      number: ++from.sent,
      body,
      sentUs: this.#scheduler.nowUs,
      dueUs: -1,
      stops: 0,
      stopped: false,
      dropped: false,
    }
    this.#network.watcher?.sent(this.#sightOf(from, parcel, null))
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
    parcel.dueUs = to.lastArrivalUs
    this.#scheduler.at(to.lastArrivalUs, to === this.#near ? this.#arriveNear : this.#arriveFar)
  }

  #arrive(to: End): void {
    if (this.#broken || to.closed) return
    if (to.ahead > 0) to.ahead--
    else if (to.coming[0]?.stopped) to.missed++
    else this.#take(to)
  }

  /** The first of what is coming has come. */
  #take(to: End): void {
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
      to.early.set(parcel.number, parcel)
      return
    }
    this.#deliver(to, parcel)
    while (to.early.size > 0) {
      const next = to.received + 1
      const early = to.early.get(next)
      if (early === undefined) break
      to.early.delete(next)
      this.#deliver(to, early)
    }
  }

  #deliver(to: End, parcel: Parcel): void {
    to.received++
    if (parcel.dropped) return
    this.#network.delivered++
    if (!to.process.alive || to.process.life !== to.life) return
    to.arrived.push(parcel)
    to.process.run(to === this.#near ? this.#receiveNear : this.#receiveFar)
  }

  /** Handles the next of what has come. */
  #receive(end: End): void {
    const parcel = end.arrived.shift()
    if (end.closed || parcel === undefined) return
    const { watcher } = this.#network
    const from = this.#otherOf(end)
    const body =
      watcher === null || from === null ? parcel.body : watcher.handles(this.#sightOf(from, parcel, null))
    end.events?.onReceive(body)
  }

  // By hand.

  #sightOf(from: End, parcel: Parcel, held: ParcelSight['held']): ParcelSight {
    const { name } = this.#near.process
    const { id, body, sentUs, dueUs } = parcel
    const byDialler = from === this.#near
    const [a, b] = byDialler ? [name, this.#to] : [this.#to, name]
    const due = held === null ? dueUs : null
    return { id, from: a, to: b, byDialler, door: this.#door, body, sentUs, dueUs: due, held }
  }

  parcels(): ParcelSight[] {
    if (this.#broken) return []
    const sights: ParcelSight[] = []
    for (const end of [this.#near, this.#far]) {
      const from = end === null ? null : this.#otherOf(end)
      if (end === null) continue
      const waits = !this.#opened && end === this.#near
      for (const parcel of end.held)
        if (!parcel.dropped) sights.push(this.#sightOf(end, parcel, waits ? 'connecting' : 'cut'))
      if (from === null) continue
      let behind = false
      for (const parcel of end.coming) {
        if (parcel.dropped) continue
        sights.push(this.#sightOf(from, parcel, parcel.stopped ? 'hand' : behind ? 'behind' : null))
        behind ||= parcel.stopped
      }
    }
    return sights
  }

  /** Undefined: that message is not of this connection. */
  byHand(id: number, deed: ParcelDeed): string | null | undefined {
    if (this.#broken) return undefined
    for (const end of [this.#near, this.#far]) {
      if (end === null) continue
      const waiting = end.held.find((parcel) => parcel.id === id)
      if (waiting !== undefined && deed.type === 'deliver') return 'its link is cut, or not yet open'
      const place = end.coming.findIndex((parcel) => parcel.id === id)
      const parcel = waiting ?? end.coming[place]
      if (parcel === undefined || parcel.dropped) continue
      parcel.stops++
      parcel.stopped = deed.type === 'hold' || deed.type === 'delay'
      if (deed.type === 'break') this.break('reset')
      else if (deed.type === 'drop') this.#drop(parcel)
      else if (deed.type === 'deliver') this.#deliverUpTo(end, place)
      else if (deed.type === 'delay') this.#delay(parcel, deed.byUs)
      this.#goOn(this.#near)
      if (this.#far !== null) this.#goOn(this.#far)
      return null
    }
    return undefined
  }

  #drop(parcel: Parcel): void {
    parcel.dropped = true
    this.#network.watcher?.lost(parcel.id)
  }

  #delay(parcel: Parcel, byUs: number): void {
    const { stops } = parcel
    const { nowUs } = this.#scheduler
    this.#scheduler.at(Math.max(parcel.dueUs, nowUs) + byUs, () => {
      if (parcel.stops !== stops) return
      parcel.stopped = false
      this.#goOn(this.#near)
      if (this.#far !== null) this.#goOn(this.#far)
    })
  }

  /** Nothing overtakes: what is before it comes, too. */
  #deliverUpTo(to: End, place: number): void {
    for (let i = 0; i <= place && !this.#broken && !to.closed; i++) {
      const first = to.coming[0]
      if (first === undefined) return
      first.stopped = false
      if (to.missed > 0) to.missed--
      else to.ahead++
      this.#take(to)
    }
  }

  /** What was held up by hand and is overdue. */
  #goOn(to: End): void {
    while (to.missed > 0 && to.coming[0]?.stopped === false && !this.#broken && !to.closed) {
      to.missed--
      this.#take(to)
    }
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
    if (this.#network.watcher !== null) for (const { id } of this.parcels()) this.#network.watcher.lost(id)
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
  missed: 0,
  ahead: 0,
})
