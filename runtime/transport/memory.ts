import { ANYBODY } from '../../protocol/access.ts'
import { FrameError } from '../../protocol/frame.ts'
import type { Transport, TransportEvents, TransportLimits } from '../../protocol/transport.ts'
import { checkNodeName, TRANSPORT_LIMITS } from '../../protocol/transport.ts'

/** After this many rounds without a pause, one is delivered by a timer, so that two busy nodes do not starve the event loop. */
const ROUNDS_MAX = 256

export interface MemoryNetworkOptions {
  /** `microtask` (default) delivers by itself; `manual` when `pump` is called. */
  readonly delivery?: 'microtask' | 'manual'
  readonly limits?: Partial<TransportLimits>
}

/** Nodes of one process, joined without sockets: for tests, and for a whole cluster in one page. */
export interface MemoryNetwork {
  /** Adds a node. One that is open under the same name is cut off first, as if its process had been replaced. */
  open(self: string, events: TransportEvents): Transport
  /** Cuts the link both ways: what is in flight is lost, both ends hear `onDown`, and what they send is lost until `heal`. */
  break(a: string, b: string): void
  heal(a: string, b: string): void
  /** Delivers what is queued now, but not what the handlers send meanwhile. Returns how many bodies and reports there were. */
  pump(): number
}

interface Node {
  readonly events: TransportEvents
  open: boolean
}

/** A body under way, or a report of a link that came or went. */
interface Delivery {
  readonly to: Node
  readonly run: () => void
}

/** What two nodes share. */
interface Pair {
  readonly ends: readonly [string, string]
  broken: boolean
  /** Whether they have exchanged something since they were last down: only then do they hear of a break. */
  linked: boolean
  /** Number of breaks so far. A body of an earlier life of the link is lost. */
  life: number
  /** Bytes under way, by sender. */
  readonly queuedBytes: Map<string, number>
}

class Network implements MemoryNetwork {
  readonly #limits: TransportLimits
  readonly #manual: boolean
  readonly #nodes = new Map<string, Node>()
  readonly #pairs = new Map<string, Pair>()
  #queue: Delivery[] = []
  #scheduled = false
  #rounds = 0

  constructor(options: MemoryNetworkOptions) {
    this.#limits = { ...TRANSPORT_LIMITS, ...options.limits }
    this.#manual = options.delivery === 'manual'
  }

  open(self: string, events: TransportEvents): Transport {
    checkNodeName('node', self)
    this.#remove(self, 'was replaced')
    const node: Node = { events, open: true }
    this.#nodes.set(self, node)
    return {
      self,
      send: (to, body) => node.open && this.#send(self, to, body),
      flush: () => {},
      setAddress: () => {},
      close: async () => {
        if (node.open) this.#remove(self, 'has closed')
      },
    }
  }

  #pair(a: string, b: string): Pair {
    const ends = a < b ? ([a, b] as const) : ([b, a] as const)
    const name = ends.join(' ')
    const old = this.#pairs.get(name)
    if (old !== undefined) return old
    const pair: Pair = { ends, broken: false, linked: false, life: 0, queuedBytes: new Map() }
    this.#pairs.set(name, pair)
    return pair
  }

  #send(from: string, to: string, body: Uint8Array): boolean {
    const target = this.#nodes.get(to)
    if (target === undefined || body.length > this.#limits.frameBytesMax) return false
    const pair = this.#pair(from, to)
    if (!pair.linked) {
      pair.linked = true
      if (!pair.broken) this.#tellBoth(pair, (node, peer) => node.events.onUp?.(peer))
    }
    if (pair.broken) {
      this.#cut(pair, 'the link is broken')
      return true
    }
    const queued = pair.queuedBytes.get(from) ?? 0
    if (queued > 0 && queued + body.length > this.#limits.queueBytesMax) {
      this.#cut(pair, `more than ${this.#limits.queueBytesMax} bytes wait`)
      return false
    }
    pair.queuedBytes.set(from, queued + body.length)
    this.#carry(pair, from, target, body.slice()) // a copy, as on any wire: neither end can change what the other holds
    return true
  }

  #carry(pair: Pair, from: string, to: Node, body: Uint8Array): void {
    const { life } = pair
    this.#enqueue(to, () => {
      if (pair.life !== life) return
      pair.queuedBytes.set(from, (pair.queuedBytes.get(from) ?? 0) - body.length)
      try {
        to.events.onBody(from, body, ANYBODY)
      } catch (error) {
        if (!(error instanceof FrameError)) throw error
        to.events.onProtocolError?.(from, error.message)
        this.#cut(pair, 'a body was malformed')
      }
    })
  }

  break(a: string, b: string): void {
    const pair = this.#pair(a, b)
    pair.broken = true
    this.#cut(pair, 'the link was broken')
  }

  heal(a: string, b: string): void {
    this.#pair(a, b).broken = false
  }

  /** Loses what is in flight between two nodes and tells those that are left. */
  #cut(pair: Pair, reason: string): void {
    pair.life++
    pair.queuedBytes.clear()
    if (!pair.linked) return
    pair.linked = false
    this.#tellBoth(pair, (node, peer) => node.events.onDown(peer, reason))
  }

  #tellBoth(pair: Pair, tell: (node: Node, peer: string) => void): void {
    const [a, b] = pair.ends
    for (const [self, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      const node = this.#nodes.get(self)
      if (node !== undefined) this.#enqueue(node, () => tell(node, peer))
    }
  }

  #remove(self: string, reason: string): void {
    const node = this.#nodes.get(self)
    if (node === undefined) return
    node.open = false
    this.#nodes.delete(self)
    for (const pair of this.#pairs.values())
      if (pair.ends.includes(self)) this.#cut(pair, `${self} ${reason}`)
  }

  #enqueue(to: Node, run: () => void): void {
    this.#queue.push({ to, run })
    if (this.#manual || this.#scheduled) return
    this.#scheduled = true
    const round = () => {
      this.#scheduled = false
      this.pump()
    }
    this.#rounds = (this.#rounds + 1) % ROUNDS_MAX
    if (this.#rounds === 0) setTimeout(round, 0)
    else queueMicrotask(round)
  }

  pump(): number {
    const queue = this.#queue
    this.#queue = []
    for (const { to, run } of queue) if (to.open) run()
    return queue.length
  }
}

/**
 * Creates a network in memory that keeps the promises of a real one, and breaks them on demand.
 *
 * @example
 * const network = createMemoryNetwork()
 * const n1 = network.open('n1', { onBody: (from, body) => n1.send(from, body), onDown: () => {} })
 */
export function createMemoryNetwork(options: MemoryNetworkOptions = {}): MemoryNetwork {
  return new Network(options)
}
