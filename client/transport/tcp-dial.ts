import { ANYBODY, MEMBER } from '../../protocol/access.ts'
import type { Address, Transport, TransportEvents, TransportLimits } from '../../protocol/transport.ts'
import { checkNodeName, TRANSPORT_LIMITS } from '../../protocol/transport.ts'
import { type Credentials, Prover } from './node-scram.ts'
import { isAlias, TcpLink } from './tcp-link.ts'
import type { TlsSource } from './tls-options.ts'
import { TurnFlusher } from './turn-flusher.ts'

/** What both tcp transports need. Times in milliseconds. */
export interface TcpOptions {
  readonly self: string
  readonly cluster: string
  readonly events: TransportEvents
  /** Default: `TRANSPORT_LIMITS`. */
  readonly limits?: Partial<TransportLimits>
  /** For connecting and the first answer. Default: 2000. */
  readonly connectTimeoutMs?: number
  /** Who this node is to those that it dials, and then they must prove that they are of the cluster. Default: nobody proves anything. */
  readonly credentials?: Credentials
  /** How those that are dialled are spoken to. Default: in plain. */
  readonly tls?: TlsSource
}

const CONNECT_TIMEOUT_MS = 2000
/** How long `close` lets queued bodies drain. */
export const CLOSE_GRACE_MS = 500

/**
 * Sends to peers that can be dialled, and receives what they answer over the same connections. All there is to a client; half of a server.
 */
export class TcpDialTransport implements Transport {
  readonly self: string
  readonly limits: TransportLimits
  readonly flusher = new TurnFlusher()
  readonly #options: TcpOptions
  readonly #listens: boolean
  readonly #prover: Prover | null
  readonly #links = new Map<string, TcpLink>()
  #closed = false

  constructor(options: TcpOptions & { listens: boolean }) {
    checkNodeName('cluster', options.cluster)
    checkNodeName('node', options.self)
    this.self = options.self
    this.limits = { ...TRANSPORT_LIMITS, ...options.limits }
    this.#options = options
    this.#listens = options.listens
    this.#prover = options.credentials === undefined ? null : new Prover(options.credentials)
  }

  knows(peer: string): boolean {
    return this.#links.has(peer)
  }

  send(to: string, body: Uint8Array): boolean {
    if (body.length > this.limits.frameBytesMax) return false
    return this.#links.get(to)?.send(body) ?? false
  }

  flush(): void {
    this.flusher.flush()
  }

  setAddress(peer: string, address: Address | null): void {
    if (this.#closed) return
    const old = this.#links.get(peer)
    if (old !== undefined && address !== null && sameAddress(old.address, address)) return
    if (!isAlias(peer)) checkNodeName('node', peer)
    if (old !== undefined) {
      if (old.busy) this.#reportDown(peer, address === null ? 'it was forgotten' : 'its address changed')
      old.drop()
      this.#links.delete(peer)
    }
    if (address !== null) this.#links.set(peer, this.#createLink(peer, address))
  }

  #createLink(peer: string, address: Address): TcpLink {
    const { cluster, events, connectTimeoutMs = CONNECT_TIMEOUT_MS, tls = null } = this.#options
    const prover = this.#prover
    // Only members of the cluster know by what a user is recognised.
    const principal = prover === null ? ANYBODY : MEMBER
    return new TcpLink({
      peer,
      address,
      tls,
      connectTimeoutMs,
      limits: this.limits,
      flusher: this.flusher,
      hello: {
        from: this.self,
        to: isAlias(peer) ? '' : peer,
        cluster,
        listens: this.#listens,
        auth: prover === null ? 'none' : 'scram',
      },
      prover,
      events: {
        onBody: (body) => events.onBody(peer, body, principal),
        onUp: () => events.onUp?.(peer),
        onDown: (reason) => events.onDown(peer, reason),
        onRefused: (reason) => events.onRefused?.(peer, reason),
        onProtocolError: (remote, reason) => events.onProtocolError?.(remote, reason),
      },
    })
  }

  /** Handlers are not called from inside the caller's own call. */
  #reportDown(peer: string, reason: string): void {
    queueMicrotask(() => {
      if (!this.#closed) this.#options.events.onDown(peer, reason)
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    const links = [...this.#links.values()]
    this.#links.clear()
    await Promise.all(links.map((link) => link.close(CLOSE_GRACE_MS)))
    this.flusher.flush() // what is left has been written: this only cancels the end of the turn
  }
}

const sameAddress = (a: Address, b: Address) => a.host === b.host && a.port === b.port

/**
 * Opens the transport of a native client: it dials servers and hears them over the connections it dialled. Nothing can dial it.
 *
 * @param options.self - the client's id, unique in the cluster: a second connection under one id replaces the first.
 * @throws {StoreError} `BAD_ARGUMENT`: a name that some transport could not carry.
 *
 * @example
 * const transport = openTcpDial({ self: 'client-7f3a', cluster: 'main', events })
 * transport.setAddress('n1', { host: '127.0.0.1', port: 7001 })
 * transport.send('n1', body)
 */
export function openTcpDial(options: TcpOptions): Transport {
  return new TcpDialTransport({ ...options, listens: false })
}
