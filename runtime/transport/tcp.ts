import type { Server, Socket } from 'node:net'
import { HeldBytes } from '../../client/transport/held-bytes.ts'
import { CLOSE_GRACE_MS, TcpDialTransport, type TcpOptions } from '../../client/transport/tcp-dial.ts'
import type { Principal } from '../../protocol/access.ts'
import type { Hello } from '../../protocol/frame.ts'
import { type Address, isNodeId, type Transport } from '../../protocol/transport.ts'
import type { Certificates } from '../security/certificates.ts'
import type { NodeTls } from '../security/tls.ts'
import { AddressCounts } from './address-counts.ts'
import { Gate, type GateOptions } from './gate.ts'
import { Inbound } from './inbound.ts'
import { listen } from './listen.ts'
import { createSocketServer } from './socket-server.ts'

export interface TcpListenOptions extends TcpOptions {
  readonly host: string
  /** 0 takes a free one; the transport's `address` tells which. */
  readonly port: number
  /** A remote that has not said hello by then is cut off. Default: 5000. */
  readonly helloTimeoutMs?: number
  /** A frame that has begun must have ended by then. Default: 60,000. */
  readonly frameTimeoutMs?: number
  /** Further connections are refused. Default: 10,000. */
  readonly connectionsMax?: number
  /** Of one address. Default: half of `connectionsMax`. */
  readonly connectionsPerAddressMax?: number
  /** Of those that have not told who they are: for one more the oldest is cut off. Default: 1000. */
  readonly strangersMax?: number
  /** What all accepted connections may hold in memory together, unfinished bodies and unread ones: beyond it whoever holds most is cut off. Default: 256 MiB. */
  readonly heldBytesMax?: number
  /** Who may come in. Default: everybody, and nobody is asked. */
  readonly gate?: GateOptions
  /** Here and, unless `tls` says otherwise, at those that are dialled. Default: in plain. */
  readonly secure?: NodeTls | null
  /** Without a gate: who comes in is told by his certificate. Default: null, everybody is let in. */
  readonly certificates?: Certificates | null
}

/** A transport that can be dialled. */
export interface ListeningTransport extends Transport {
  /** Where this node listens. */
  readonly address: Address
}

const HELLO_TIMEOUT_MS = 5000
const CONNECTIONS_MAX = 10_000
const STRANGERS_MAX = 1000
const HELD_BYTES_MAX = 256 * 1024 * 1024

/**
 * Each node sends on the connection that it dialled, so two servers have two connections, one per direction, and FIFO needs no more than TCP's own. A
 * node that cannot be dialled (its hello says so) is answered over the connection that it dialled.
 */
class TcpTransport implements ListeningTransport {
  readonly self: string
  readonly #options: TcpListenOptions
  readonly #dial: TcpDialTransport
  readonly #server: Server
  readonly #gate: Gate | null
  readonly #forgetChanges: () => void
  /** By peer: the newest connection that said hello in its name, and has proved that it may. */
  readonly #inbound = new Map<string, Inbound>()
  readonly #strangers = new Set<Inbound>()
  readonly #addresses: AddressCounts
  readonly #held: HeldBytes
  #closed = false

  constructor(options: TcpListenOptions) {
    this.self = options.self
    this.#options = options
    const { connectionsMax = CONNECTIONS_MAX, secure = null } = options
    this.#dial = new TcpDialTransport({ ...(secure && { tls: secure.dial }), ...options, listens: true })
    this.#server = createSocketServer({
      tls: secure,
      admits: (socket) => this.#admits(socket),
      onSocket: (socket) => this.#onConnection(socket),
    })
    this.#server.maxConnections = connectionsMax
    this.#addresses = new AddressCounts(options.connectionsPerAddressMax ?? Math.ceil(connectionsMax / 2))
    this.#held = new HeldBytes(options.heldBytesMax ?? HELD_BYTES_MAX)
    const { gate, certificates } = options
    this.#gate = gate === undefined ? null : new Gate(gate)
    this.#forgetChanges =
      (gate?.users ?? certificates?.users)?.onChange?.((principal, change) => {
        if (change === 'gone') this.#sendAway(principal)
      }) ?? (() => {})
  }

  async listen(): Promise<void> {
    const { events } = this.#options
    await listen(this.#server, this.#options, ({ message }) => events.onProtocolError?.('listener', message))
  }

  get address(): Address {
    const address = this.#server.address()
    if (address === null || typeof address === 'string')
      throw new Error(`${this.self}: the transport does not listen`)
    return { host: address.address, port: address.port }
  }

  send(to: string, body: Uint8Array): boolean {
    if (this.#dial.knows(to)) return this.#dial.send(to, body)
    if (body.length > this.#dial.limits.frameBytesMax) return false
    const inbound = this.#inbound.get(to)
    // A peer that listens hears us only on connections we dial: two paths to one peer could overtake each other.
    return inbound !== undefined && !inbound.listens && inbound.connection.send(body)
  }

  flush(): void {
    this.#dial.flush()
  }

  setAddress(peer: string, address: Address | null): void {
    this.#dial.setAddress(peer, address)
  }

  #admits(socket: Socket): boolean {
    const admits = this.#addresses.admits(socket)
    if (!admits)
      this.#options.events.onProtocolError?.(remoteOf(socket), 'its address has too many connections')
    return admits
  }

  #onConnection(socket: Socket): void {
    const remote = remoteOf(socket)
    const { cluster, events, frameTimeoutMs, helloTimeoutMs = HELLO_TIMEOUT_MS } = this.#options
    const { certificates = null } = this.#options
    const inbound = new Inbound({
      socket,
      self: this.self,
      cluster,
      limits: this.#dial.limits,
      flusher: this.#dial.flusher,
      helloTimeoutMs,
      ...(frameTimeoutMs !== undefined && { frameTimeoutMs }),
      held: this.#held,
      gate: this.#gate,
      certificates,
      events: {
        refusalOf: (hello) => this.#refusalOf(hello),
        refusalOfGuest: (guest) => this.#refusalOfGuest(guest),
        onEntered: (guest) => this.#onEntered(guest),
        onBody: ({ peer, principal }, body) => events.onBody(peer, body, principal),
        onProtocolError: (reason) => events.onProtocolError?.(remote, reason),
        onClosed: (guest, reason) => this.#onClosed(guest, reason),
      },
    })
    this.#strangers.add(inbound)
    const [oldest] = this.#strangers
    if (this.#strangers.size > (this.#options.strangersMax ?? STRANGERS_MAX) && oldest !== undefined)
      oldest.connection.refuse('too many connections have not told who they are')
  }

  #refusalOf(hello: Hello): string | null {
    const { self, cluster } = this.#options
    if (hello.cluster !== cluster) return `belongs to cluster "${hello.cluster}", not "${cluster}"`
    if (hello.to !== '' && hello.to !== self) return `wants "${hello.to}"; this is "${self}"`
    if (!isNodeId(hello.from)) return 'has no usable id'
    if (hello.from === self) return 'takes the name of whom it speaks to'
    return null
  }

  /** The names of servers are theirs, and a client's is his for as long as he is there. */
  #refusalOfGuest({ peer, listens, principal }: Inbound): string | null {
    if (principal.member) return null
    if (listens || this.#dial.knows(peer))
      return `user "${principal.name}" comes in the name of a server: only the servers of the cluster may`
    const older = this.#inbound.get(peer)
    if (older === undefined || older.principal.name === principal.name) return null
    return `user "${principal.name}" takes the name of another's connection`
  }

  #onEntered(inbound: Inbound): void {
    const { peer } = inbound
    const { events } = this.#options
    this.#strangers.delete(inbound)
    const older = this.#inbound.get(peer)
    if (older !== undefined) {
      // What the older one still holds must not arrive after what the newer one brings.
      older.connection.drop()
      events.onDown(peer, 'replaced by a newer connection')
    }
    this.#inbound.set(peer, inbound)
    events.onUp?.(peer)
  }

  /** His proof is worth nothing any more. */
  #sendAway(principal: Principal): void {
    for (const inbound of [...this.#inbound.values()])
      if (inbound.principal === principal)
        inbound.connection.refuse(`user "${principal.name}" is gone, or has another password now`)
  }

  #onClosed(inbound: Inbound, reason: string): void {
    this.#strangers.delete(inbound)
    const { peer } = inbound
    if (this.#closed || this.#inbound.get(peer) !== inbound) return
    this.#inbound.delete(peer)
    this.#options.events.onDown(peer, reason)
  }

  async close(): Promise<void> {
    this.#closed = true
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#forgetChanges()
    for (const { connection } of this.#strangers) connection.drop()
    const inbound = [...this.#inbound.values()]
    this.#inbound.clear()
    await Promise.all(inbound.map(({ connection }) => connection.close(CLOSE_GRACE_MS)))
    await this.#dial.close()
    await stopped
  }
}

const remoteOf = (socket: Socket) => `${socket.remoteAddress}:${socket.remotePort}`

/**
 * Opens the transport of a server: it listens, dials the peers whose address it is told, and answers those that cannot be dialled.
 *
 * @throws {StoreError} `BAD_ARGUMENT`: a name that some transport could not carry. Rejects as `listen` does (`EADDRINUSE`, `EACCES`).
 *
 * @example
 * const transport = await openTcp({ self: 'n1', cluster: 'main', host: '127.0.0.1', port: 0, events })
 */
export async function openTcp(options: TcpListenOptions): Promise<ListeningTransport> {
  const transport = new TcpTransport(options)
  await transport.listen()
  return transport
}
