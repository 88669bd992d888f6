import type { Link, LinkEvents, SessionPlatform } from '../../../client/coordinator/platform.ts'
import type { Timer, Timers } from '../../../protocol/timers.ts'
import type { Network, Link as SimLink } from '../kernel/network.ts'
import type { SimProcess } from '../kernel/process.ts'

/** The door of a coordinator for its clients: its links carry bytes (Uint8Array), both ways. Addresses are `<process>` or `<process>:<port>`. */
export const CLIENT_DOOR = 'client'

/** Where simulated code runs: in the present life of this process, on this network. */
export interface SimPlace {
  readonly process: SimProcess
  readonly network: Network
}

const NO_TIMER: Timer = { cancel: () => {} }
const NO_LINK: Link = { write: () => {}, destroy: () => {} }

/**
 * The world of the code of one life that works with promises. A promise that was settled in the very event in which the life ended may still go on: it
 * must not reach the next life.
 */
export class LifeWorld {
  readonly #place: SimPlace
  readonly #life: number

  constructor(place: SimPlace) {
    this.#place = place
    this.#life = place.process.life
  }

  get isOver(): boolean {
    return !this.#place.process.alive || this.#place.process.life !== this.#life
  }

  /** By the process's own clock. */
  readonly timers: Timers = {
    nowMs: () => this.#place.process.nowMs(),
    after: (ms, run) => (this.isOver ? NO_TIMER : this.#place.process.promiseTimers.after(ms, run)),
    every: (ms, run) => (this.isOver ? NO_TIMER : this.#place.process.promiseTimers.every(ms, run)),
  }

  readonly onBug = (error: unknown): void => {
    if (!this.isOver) this.#place.process.bug(error)
  }

  /** For code that is called from outside of its own events. */
  promised(): void {
    this.#place.process.kernel.scheduler.promised()
  }

  dial(host: string, events: LinkEvents): Link {
    if (this.isOver) return NO_LINK
    const { network, process } = this.#place
    const link: SimLink = network.dial(process, host, CLIENT_DOOR, {
      onOpen: () => events.onConnect(),
      onReceive: (body) => {
        this.promised()
        events.onData(body as Uint8Array)
      },
      onDown: (reason) => {
        this.promised()
        events.onClose(reason)
      },
    })
    return {
      write: (bytes) => link.send(bytes),
      destroy: () => {
        // Those who wait for a reply over it are told so.
        this.promised()
        link.close()
      },
    }
  }
}

/** What a session takes from a simulated process. */
export function sessionPlatform(place: SimPlace, world = new LifeWorld(place)): SessionPlatform {
  return {
    timers: {
      ...world.timers,
      // A heartbeat settles no promise, except by closing the link. It is what a quiet cluster does most often, and so must be cheap.
      every: (ms, run) => (world.isOver ? NO_TIMER : place.process.timers.every(ms, run)),
    },
    random: () => place.process.rng.fraction(),
    dial: ({ host }, events) => world.dial(host, events),
    onBug: world.onBug,
  }
}
