/**
 * The ZooKeeper door: connections of clients on one side, the member's request queue on the other. It knows the wire and the bounds
 * of a connection, and nothing of what requests mean or when they are answered. Where connections come from is `listener.ts`'s affair.
 */
import { HeldBytes } from '../../../client/transport/held-bytes.ts'
import { identitiesOfAddress, withIdentity } from '../../../coordinator/znodes/identities.ts'
import type { QueueEvent } from '../../../coordinator/znodes/request-queue.ts'
import { negotiateTimeout } from '../../../coordinator/znodes/session-clock.ts'
import type { Timer } from '../../../protocol/timers.ts'
import { ZK_ERRORS, type ZkErrorCode } from '../../../protocol/zookeeper/errors.ts'
import type { Request, RequestOf, Response } from '../../../protocol/zookeeper/ops.ts'
import {
  decodeConnectRequest,
  decodeRequest,
  encodeConnectResponse,
  encodeNotification,
  encodeReply,
} from '../../../protocol/zookeeper/packets.ts'
import type { Id, WatcherEvent } from '../../../protocol/zookeeper/records.ts'
import type { Log } from '../../log.ts'
import { authenticated } from './authentication.ts'
import {
  ClientConnection,
  type ClientSocket,
  type ConnectionEvents,
  type DoorPorts,
} from './client-connection.ts'
import { answerTo, TRACE_MASK, type WordEffects } from './four-letter-words.ts'
import type { ServerSight } from './server-sight.ts'
import { DoorTraffic } from './traffic.ts'

/** What the door needs of the coordinator. */
export interface DoorServices {
  /** To the member's request queue. */
  step(event: QueueEvent): void
  /** A leader is known, and the ensemble has been founded: sessions can be had. */
  isServing(): boolean
  /** A number that no connection of this member has ever had, not even before a restart; `null`: none is to be had. */
  nextConnection(): number | null
  passwordOf(session: bigint): Uint8Array
  isPasswordOf(session: bigint, password: Uint8Array | null): boolean
  /** All that the four-letter words tell and the door does not know. */
  sight(): Omit<ServerSight, 'connections' | 'traffic'>
  /** The door has something to send when the turn ends. */
  touched(): void
}

export interface DoorLimits {
  readonly sessionTimeout: { readonly minMs: number; readonly maxMs: number }
  /** Of one address; 0: any number. */
  readonly maxClientConnections: number
  /** Of one packet (`jute.maxbuffer`). */
  readonly packetBytesMax: number
  /** Those that are answered; `*` is all. */
  readonly fourLetterWords: readonly string[]
  readonly slowClientMs: number
  /** Of all connections together: unfinished requests and unread replies. */
  readonly heldBytesMax: number
  /** `user:digest` of whom no ACL stops; `null`: nobody. */
  readonly superDigest: string | null
  /** TTL znodes may be created. */
  readonly extendedTypesEnabled: boolean
}

export interface DoorOptions {
  readonly limits: DoorLimits
  readonly ports: DoorPorts
  readonly logger: Log
  readonly services: DoorServices
}

/** A connection must have said what it wants by then. */
const GREETING_MS = 10_000
/** A connection that was closed has so long to take what is left for it. */
const CLOSING_MS = 5_000
const SWEEP_MS = 500
const NO_PASSWORD = new Uint8Array(16)

export class ZookeeperDoor {
  readonly #options: DoorOptions
  readonly #services: DoorServices
  /** All sockets. */
  readonly #sockets = new Set<ClientConnection>()
  /** Those that the request queue knows. */
  readonly #connections = new Map<number, ClientConnection>()
  /** Ended, with bytes on the way; until when they may take. */
  readonly #closing = new Map<ClientConnection, number>()
  readonly #perAddress = new Map<string, number>()
  readonly #held: HeldBytes
  /** Have output of this turn. */
  readonly #dirty = new Set<ClientConnection>()
  readonly #sweeper: Timer
  readonly traffic = new DoorTraffic()

  constructor(options: DoorOptions) {
    this.#options = options
    this.#services = options.services
    this.#held = new HeldBytes(options.limits.heldBytesMax)
    const { timers } = options.ports
    this.#sweeper = timers.every(SWEEP_MS, () => this.#sweep(timers.nowMs()))
  }

  get #nowMs(): number {
    return this.#options.ports.timers.nowMs()
  }

  get connectionCount(): number {
    return this.#sockets.size
  }

  /** Requests that are not answered yet. */
  get outstanding(): number {
    let sum = 0
    for (const { traffic } of this.#connections.values()) sum += traffic.outstanding
    return sum
  }

  /**
   * A client has connected.
   *
   * @param shown - what it is known to be before it says anything.
   * @returns null: this address has too many connections, close it.
   */
  accept(socket: ClientSocket, shown: readonly Id[] = []): ClientConnection | null {
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
    const count = (this.#perAddress.get(address) ?? 0) + 1
    const { maxClientConnections, packetBytesMax } = this.#options.limits
    if (maxClientConnections > 0 && count > maxClientConnections) return null
    const { ports } = this.#options
    const connection = new ClientConnection({
      ...{ socket, shown, ports, events: this.#connectionEvents, packetBytesMax, held: this.#held },
    })
    this.#perAddress.set(connection.address, count)
    this.#sockets.add(connection)
    return connection
  }

  readonly #connectionEvents: ConnectionEvents = {
    word: (connection, word, argument) => this.#answerWord(connection, word, argument),
    packet: (connection, packet) => this.#onPacket(connection, packet),
    malformed: (connection, reason) => this.#giveUp(connection, reason),
    closed: (connection) => this.#onClosed(connection),
  }

  #answerWord(connection: ClientConnection, word: string, argument: Uint8Array): void {
    this.#countReceived(connection)
    const { fourLetterWords: allowed } = this.#options.limits
    connection.end(
      answerTo(word, argument, {
        allowed,
        sight: { ...this.#services.sight(), connections: [...this.#sockets], traffic: this.traffic },
        effects: this.#wordEffects,
      }),
    )
    this.#closing.set(connection, this.#nowMs + CLOSING_MS)
  }

  readonly #wordEffects: WordEffects = {
    traceMask: TRACE_MASK,
    resetServer: () => this.traffic.reset(),
    resetConnections: () => {
      for (const { traffic } of this.#sockets) traffic.reset()
    },
  }

  #countReceived(connection: ClientConnection): void {
    this.traffic.received += 1
    connection.traffic.received += 1
  }

  #onPacket(connection: ClientConnection, packet: Uint8Array): void {
    this.#countReceived(connection)
    if (connection.greeting === null) {
      this.#onConnectRequest(connection, packet)
      return
    }
    const { number } = connection.greeting
    const decoded = decodeRequest(packet)
    const { xid } = decoded
    connection.traffic.began(xid, decoded.type === 'request' ? decoded.request.type : null, this.#nowMs)
    switch (decoded.type) {
      case 'request': {
        const { request } = decoded
        if (request.type === 'auth') this.#onAuth(connection, xid, request)
        else if (createsTtl(request) && !this.#options.limits.extendedTypesEnabled)
          this.#refuse(number, xid, ZK_ERRORS.Unimplemented, false)
        else this.#services.step({ type: 'request', connection: number, xid, request, bytes: packet.length })
        break
      }
      case 'unknown-op':
        this.#refuse(number, xid, ZK_ERRORS.Unimplemented, true)
        break
      case 'malformed':
        this.#options.logger.warn({ remote: connection.remote, reason: decoded.message }, 'malformed request')
        this.#refuse(number, xid, ZK_ERRORS.MarshallingError, false)
        break
    }
    this.#services.touched()
  }

  #onAuth(connection: ClientConnection, xid: number, request: RequestOf<'auth'>): void {
    const { greeting } = connection
    if (greeting === null) return
    const identities = authenticated(greeting.identities, request, this.#options.limits.superDigest)
    if (identities !== null) greeting.identities = identities
    else
      this.#options.logger.warn(
        { remote: connection.remote, scheme: request.scheme },
        'authentication failed',
      )
    this.#services.step({ type: 'auth', connection: greeting.number, xid, identities })
  }

  #refuse(connection: number, xid: number, err: ZkErrorCode, thenClose: boolean): void {
    this.#services.step({ type: 'refuse', connection, xid, err, thenClose })
  }

  #onConnectRequest(connection: ClientConnection, packet: Uint8Array): void {
    const { sessionId, password, timeoutMs, lastZxidSeen, readOnly } = decodeConnectRequest(packet)
    const number = this.#services.isServing() ? this.#services.nextConnection() : null
    if (number === null) {
      connection.destroy() // the client tries the next member
      return
    }
    const identities = connection.shown.reduce(withIdentity, identitiesOfAddress(connection.address))
    connection.greeting = { number, readOnlyAware: readOnly !== null, identities }
    this.#connections.set(number, connection)
    this.#services.step({
      type: 'connect',
      connection: number,
      session: sessionId,
      passwordMatches: sessionId === 0n || this.#services.isPasswordOf(sessionId, password),
      timeoutMs: negotiateTimeout(timeoutMs, this.#options.limits.sessionTimeout),
      lastZxidSeen,
      identities,
    })
    this.#services.touched()
  }

  connected(number: number, session: bigint, timeoutMs: number): void {
    const connection = this.#connections.get(number)
    if (connection !== undefined) {
      connection.session = session
      connection.timeoutMs = timeoutMs
    }
    this.#greet(number, session, timeoutMs, this.#services.passwordOf(session))
  }

  refused(number: number): void {
    this.#greet(number, 0n, 0, NO_PASSWORD)
  }

  #greet(number: number, sessionId: bigint, timeoutMs: number, password: Uint8Array): void {
    const connection = this.#taker(number)
    if (connection === null) return
    const readOnly = connection.greeting?.readOnlyAware ? false : null
    this.#send(
      connection,
      encodeConnectResponse({ protocolVersion: 0, timeoutMs, sessionId, password, readOnly }),
    )
  }

  reply(number: number, xid: number, zxid: number, err: ZkErrorCode, response: Response | null): void {
    const connection = this.#taker(number)
    if (connection === null) return
    const answered = connection.traffic.answered(xid, zxid, this.#nowMs)
    if (answered !== null) this.traffic.add(answered.op, answered.ms)
    this.#send(connection, encodeReply({ xid, zxid, err }, response))
  }

  notify(number: number, event: WatcherEvent): void {
    const connection = this.#taker(number)
    if (connection !== null) this.#send(connection, encodeNotification(event))
  }

  /** Null: it is gone, and the queue will hear of it; or too much waits for it, and what is not even encoded takes no memory. */
  #taker(number: number): ClientConnection | null {
    const connection = this.#connections.get(number)
    if (connection === undefined || connection.isEnded) return null
    if (!connection.isOverfull) return connection
    this.#giveUp(connection, 'its output is full: it does not read')
    return null
  }

  #send(connection: ClientConnection, packet: Uint8Array): void {
    this.traffic.sent += 1
    connection.traffic.sent += 1
    connection.send(packet)
    this.#dirty.add(connection)
    this.#services.touched()
  }

  pause(number: number): void {
    this.#connections.get(number)?.pause()
  }

  resume(number: number): void {
    this.#connections.get(number)?.resume()
  }

  /** The queue has done with it: what was said is sent, then the connection ends. */
  close(number: number): void {
    const connection = this.#connections.get(number)
    if (connection === undefined) return
    this.#connections.delete(number)
    this.#dirty.delete(connection)
    connection.end()
    this.#closing.set(connection, this.#nowMs + CLOSING_MS)
  }

  /** The outcome of what this connection asked for is unknown: it ends without another word. */
  drop(number: number): void {
    this.#connections.get(number)?.destroy()
  }

  /** The turn ends. */
  flush(): void {
    for (const connection of this.#dirty) {
      if (connection.isOverfull) this.#giveUp(connection, 'its output is full: it does not read')
      else connection.flush()
    }
    this.#dirty.clear()
  }

  /** One connection is closed, with one line in the log, and nothing else suffers. */
  #giveUp(connection: ClientConnection, reason: string): void {
    this.#options.logger.warn({ remote: connection.remote, reason }, 'client connection closed')
    connection.destroy()
  }

  #onClosed(connection: ClientConnection): void {
    this.#sockets.delete(connection)
    this.#closing.delete(connection)
    this.#dirty.delete(connection)
    const left = (this.#perAddress.get(connection.address) ?? 1) - 1
    if (left === 0) this.#perAddress.delete(connection.address)
    else this.#perAddress.set(connection.address, left)
    const number = connection.greeting?.number
    if (number === undefined || !this.#connections.delete(number)) return
    this.#services.step({ type: 'connection-lost', connection: number })
    this.#services.touched()
  }

  #sweep(nowMs: number): void {
    for (const connection of this.#sockets) {
      const stuckSinceMs = connection.stuckSinceMs ?? nowMs
      if (connection.greeting === null && nowMs - connection.openedMs > GREETING_MS)
        this.#giveUp(connection, 'it has not said what it wants')
      else if (nowMs - stuckSinceMs > this.#options.limits.slowClientMs)
        this.#giveUp(connection, 'it does not read its replies')
      else if ((this.#closing.get(connection) ?? nowMs) < nowMs) connection.destroy()
    }
  }

  stop(): void {
    this.#sweeper.cancel()
    for (const connection of this.#sockets) connection.destroy()
  }
}

const createsTtl = (request: Request): boolean =>
  request.type === 'createTTL' ||
  (request.type === 'multi' && request.ops.some(({ type }) => type === 'createTTL'))
