import type { Link, LinkEvents, Network } from './network.ts'
import type { SimProcess } from './process.ts'

/** What a node hears. As `TransportEvents` in protocol/transport.ts, but bodies are whatever was sent. */
export interface MessageEvents {
  onBody(from: string, body: unknown): void
  onDown(peer: string, reason: string): void
}

/** A network that does to messages what TCP never does (Raft must bear it): shares of the messages. */
export interface HarshModel {
  readonly duplicate: number
  /** Delivered up to `lateUs` later than their turn: overtaken by others, and by the break of their link. */
  readonly late: number
  readonly lateUs: number
  readonly lose: number
}

/**
 * Messages between named processes, as runtime/transport has them: FIFO per ordered pair while the link is up, dialled when there is something to send. A
 * process that does not listen (a client) is answered over the link that it dialled.
 */
export class SimTransport {
  readonly #network: Network
  readonly #process: SimProcess
  readonly #door: string
  /** A client has another name in each life, as in production: what was said to the last one is not for the next. */
  readonly #self: string
  readonly #events: MessageEvents
  readonly #dialled = new Map<string, Link>()
  readonly #accepted = new Map<string, Link>()
  readonly #harsh: HarshModel | null

  constructor(options: {
    network: Network
    process: SimProcess
    /** What nodes of this kind call their door, `peer` for example. */
    door: string
    /** False: a client. */
    listens: boolean
    events: MessageEvents
    harsh?: HarshModel | null
  }) {
    this.#network = options.network
    this.#process = options.process
    this.#door = options.door
    this.#events = options.events
    this.#harsh = options.harsh ?? null
    const { name, life } = options.process
    this.#self = options.listens ? name : `${name}.${life}`
    if (options.listens) this.#listen()
  }

  #listen(): void {
    this.#network.listen(this.#process, this.#door, (link, from) => {
      this.#accepted.set(from, link)
      return {
        onReceive: (body) => this.#events.onBody(from, body),
        onDown: (reason) => {
          if (this.#accepted.get(from) === link) this.#accepted.delete(from)
          this.#events.onDown(from, reason)
        },
      }
    })
  }

  /** `toClient`: over the link that the peer has dialled; dropped where there is none any more. */
  send(to: string, body: unknown, toClient = false): void {
    if (toClient) this.#accepted.get(to)?.send(body)
    else if (this.#harsh === null) this.#linkTo(to).send(body)
    else this.#sendHarshly(this.#harsh, to, body)
  }

  #sendHarshly(harsh: HarshModel, to: string, body: unknown): void {
    const { rng } = this.#process
    if (rng.chance(harsh.lose)) return
    const late = rng.chance(harsh.late)
    if (!late) this.#linkTo(to).send(body)
    if (!late && !rng.chance(harsh.duplicate)) return
    // Over another way, as if an earlier connection still carried it.
    const { scheduler } = this.#process.kernel
    scheduler.after(rng.fraction() * harsh.lateUs, () => {
      if (!this.#network.isCut(this.#process.name, to)) this.#newLinkTo(to).send(body)
    })
  }

  #linkTo(to: string): Link {
    let link = this.#dialled.get(to)
    if (link === undefined) {
      link = this.#newLinkTo(to)
      this.#dialled.set(to, link)
    }
    return link
  }

  #newLinkTo(to: string): Link {
    const events: LinkEvents = {
      onReceive: (body) => this.#events.onBody(to, body),
      onDown: (reason) => {
        if (this.#dialled.get(to) !== link) return
        this.#dialled.delete(to)
        this.#events.onDown(to, reason)
      },
    }
    const link: Link = this.#network.dial(this.#process, to, this.#door, events, this.#self)
    return link
  }
}
