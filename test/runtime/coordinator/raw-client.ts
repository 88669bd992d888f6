import { connect, type Socket } from 'node:net'
import type { Address } from '../../../protocol/transport.ts'
import { FrameSplitter } from '../../../protocol/zookeeper/frames.ts'
import type { OpName, Request, RequestOf, ResponseOf } from '../../../protocol/zookeeper/ops.ts'
import { XIDS } from '../../../protocol/zookeeper/ops.ts'
import {
  decodeConnectResponse,
  decodeNotification,
  decodeResponse,
  encodeConnectRequest,
  encodeRequest,
  readReply,
} from '../../../protocol/zookeeper/packets.ts'
import type { Stat, WatcherEvent } from '../../../protocol/zookeeper/records.ts'

export interface SessionOfClient {
  readonly id: bigint
  readonly password: Uint8Array
}

export interface Reply<N extends OpName = OpName> {
  readonly xid: number
  readonly zxid: number
  readonly err: number
  readonly response: ResponseOf<N> | null
}

interface Awaited {
  readonly xid: number
  /** `null`: only the header is looked at. */
  readonly type: OpName | null
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
}

const OPEN_ACL = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]
export const utf8 = (text: string) => new TextEncoder().encode(text)
export const textOf = (bytes: Uint8Array | null | undefined) =>
  new TextDecoder().decode(bytes ?? new Uint8Array())

/** The connection ended before the answer came: whether the request took effect is unknown. */
export class Disconnected extends Error {}
/** The server said that there is no such session. */
export class Expired extends Error {}

/** A client with nothing but the codec: one connection, no retries, no pings. */
export class RawClient {
  readonly session: SessionOfClient
  readonly timeoutMs: number
  /** Watch events and replies in the order of their arrival, for tests of that order. */
  readonly arrivals: (WatcherEvent | Reply)[] = []
  readonly events: WatcherEvent[] = []
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #waiting: Awaited[] = []
  #lastXid = 0
  lastZxid = 0

  private constructor(socket: Socket, greeting: { session: SessionOfClient; timeoutMs: number }) {
    this.#socket = socket
    this.session = greeting.session
    this.timeoutMs = greeting.timeoutMs
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const { reject, type } of this.#waiting.splice(0)) reject(new Disconnected(type ?? 'raw'))
        resolve()
      })
    })
    this.closed.catch(() => {})
  }

  /** Rejects with `Disconnected` where the server hangs up, with `Expired` where it knows no such session. */
  static connect(
    address: Address,
    options: {
      session?: SessionOfClient
      timeoutMs?: number
      lastZxid?: number
      readOnly?: boolean | null
    } = {},
  ): Promise<RawClient> {
    const { session, timeoutMs = 4_000, lastZxid = 0, readOnly = false } = options
    const socket = connect(address.port, address.host)
    const splitter = new FrameSplitter(64 * 1024 * 1024)
    let client: RawClient | null = null
    socket.write(
      encodeConnectRequest({
        protocolVersion: 0,
        lastZxidSeen: lastZxid,
        timeoutMs,
        sessionId: session?.id ?? 0n,
        password: session?.password ?? new Uint8Array(16),
        readOnly,
      }),
    )
    return new Promise((resolve, reject) => {
      socket.on('error', () => {})
      socket.once('close', () => reject(new Disconnected('connect')))
      socket.on('data', (chunk) => {
        for (const packet of splitter.push(chunk)) {
          if (client !== null) client.#onPacket(packet)
          else {
            const answer = decodeConnectResponse(packet)
            if (answer.timeoutMs <= 0) return reject(new Expired(String(session?.id)))
            const own = { id: answer.sessionId, password: answer.password?.slice() ?? new Uint8Array() }
            client = new RawClient(socket, { session: own, timeoutMs: answer.timeoutMs })
            resolve(client)
          }
        }
      })
    })
  }

  #onPacket(packet: Uint8Array): void {
    const { header, body } = readReply(packet)
    if (header.xid === XIDS.notification) {
      const event = decodeNotification(body)
      this.events.push(event)
      this.arrivals.push(event)
      return
    }
    const next = this.#waiting.shift()
    if (next === undefined || next.xid !== header.xid)
      throw new Error(`reply ${header.xid}, awaited ${next?.xid}`)
    this.lastZxid = Math.max(this.lastZxid, header.zxid)
    const response = header.err === 0 && next.type !== null ? decodeResponse(next.type, body) : null
    const reply: Reply = { ...header, response }
    this.arrivals.push(reply)
    next.resolve(reply)
  }

  request<N extends OpName>(request: RequestOf<N>): Promise<Reply<N>> {
    this.#lastXid += 1
    const xid = request.type === 'ping' ? XIDS.ping : this.#lastXid
    return new Promise<Reply>((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Disconnected(request.type))
      this.#waiting.push({ xid, type: request.type, resolve, reject })
      this.#socket.write(encodeRequest(xid, request as Request))
    }) as Promise<Reply<N>>
  }

  /** Sends a packet of any content; answered as every request. */
  sendRaw(xid: number, code: number, body: Uint8Array): Promise<Reply> {
    const packet = Buffer.alloc(12 + body.length)
    packet.writeInt32BE(8 + body.length, 0)
    packet.writeInt32BE(xid, 4)
    packet.writeInt32BE(code, 8)
    packet.set(body, 12)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ xid, type: null, resolve, reject })
      this.#socket.write(packet)
    })
  }

  /** Stops reading what the server sends. */
  pause(): void {
    this.#socket.pause()
  }

  create(path: string, text = '', flags = 0): Promise<Reply<'create'>> {
    return this.request<'create'>({ type: 'create', path, data: utf8(text), acl: OPEN_ACL, flags })
  }
  set(path: string, text: string, version = -1): Promise<Reply<'setData'>> {
    return this.request<'setData'>({ type: 'setData', path, data: utf8(text), version })
  }
  remove(path: string, version = -1): Promise<Reply<'delete'>> {
    return this.request<'delete'>({ type: 'delete', path, version })
  }
  getReply(path: string, watch = false): Promise<Reply<'getData'>> {
    return this.request<'getData'>({ type: 'getData', path, watch })
  }
  /** The text of a node; `null` if there is none. */
  async get(path: string): Promise<string | null> {
    const { err, response } = await this.getReply(path)
    return err === 0 ? textOf(response?.data) : null
  }
  async stat(path: string, watch = false): Promise<Stat | null> {
    const { response } = await this.request<'exists'>({ type: 'exists', path, watch })
    return response?.stat ?? null
  }
  async children(path: string, watch = false): Promise<readonly string[] | null> {
    const { response } = await this.request<'getChildren'>({ type: 'getChildren', path, watch })
    return response === null ? null : [...response.children].sort()
  }
  sync(path = '/'): Promise<Reply<'sync'>> {
    return this.request<'sync'>({ type: 'sync', path })
  }
  ping(): Promise<Reply<'ping'>> {
    return this.request<'ping'>({ type: 'ping' })
  }

  /** Ends the session. */
  async close(): Promise<void> {
    await this.request<'closeSession'>({ type: 'closeSession' })
    await this.closed
  }

  /** Ends the connection alone. */
  async hangUp(): Promise<void> {
    this.#socket.destroy()
    await this.closed
  }
}
