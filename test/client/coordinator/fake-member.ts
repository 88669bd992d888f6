import { createServer, type Server, type Socket } from 'node:net'
import { ZK_ERRORS, type ZkErrorName } from '../../../protocol/zookeeper/errors.ts'
import { FrameSplitter } from '../../../protocol/zookeeper/frames.ts'
import type { EventType, OpName, Request, RequestOf, Response } from '../../../protocol/zookeeper/ops.ts'
import { SYNC_CONNECTED } from '../../../protocol/zookeeper/ops.ts'
import {
  decodeConnectRequest,
  decodeRequest,
  encodeConnectResponse,
  encodeNotification,
  encodeReply,
} from '../../../protocol/zookeeper/packets.ts'
import type { ConnectRequest, Stat } from '../../../protocol/zookeeper/records.ts'

/** A queue that is waited on. */
class Inbox<Item> {
  readonly #items: Item[] = []
  readonly #waiting: ((item: Item) => void)[] = []

  push(item: Item): void {
    const waiting = this.#waiting.shift()
    if (waiting) waiting(item)
    else this.#items.push(item)
  }

  next(): Promise<Item> {
    const item = this.#items.shift()
    if (item !== undefined) return Promise.resolve(item)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  get size(): number {
    return this.#items.length
  }
}

/** A member of an ensemble that says just what a test tells it to. */
export class FakeMember {
  readonly connections = new Inbox<FakeConnection>()
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Answers pings by itself; off to play dead. */
  answersPings = true

  private constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      socket.on('error', () => {})
      this.connections.push(new FakeConnection(socket, this))
    })
  }

  static async listen(): Promise<FakeMember> {
    const member = new FakeMember()
    await new Promise<void>((resolve) => member.#server.listen(0, '127.0.0.1', resolve))
    return member
  }

  get address(): string {
    const address = this.#server.address()
    return typeof address === 'object' && address ? `127.0.0.1:${address.port}` : ''
  }

  /** The next connection, its first packet answered. */
  async accept(answer: Partial<{ timeoutMs: number; sessionId: bigint; short: boolean }> = {}) {
    const connection = await this.connections.next()
    const request = await connection.connectRequest
    connection.open({ timeoutMs: answer.timeoutMs ?? request.timeoutMs, ...answer })
    return connection
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

export interface Asked {
  readonly xid: number
  readonly request: Request
}

export const PASSWORD = new Uint8Array(16).fill(7)

export class FakeConnection {
  readonly connectRequest: Promise<ConnectRequest>
  readonly asked = new Inbox<Asked>()
  readonly closed: Promise<void>
  pings = 0
  readonly #socket: Socket

  constructor(socket: Socket, member: FakeMember) {
    this.#socket = socket
    this.closed = new Promise((resolve) => socket.on('close', () => resolve()))
    const splitter = new FrameSplitter()
    let first = true
    let resolveFirst: (request: ConnectRequest) => void = () => {}
    this.connectRequest = new Promise((resolve) => {
      resolveFirst = resolve
    })
    socket.on('data', (chunk) => {
      for (const packet of splitter.push(chunk)) {
        if (first) {
          first = false
          resolveFirst(decodeConnectRequest(packet))
          continue
        }
        const decoded = decodeRequest(packet)
        if (decoded.type !== 'request') throw new Error(JSON.stringify(decoded))
        if (decoded.request.type !== 'ping') this.asked.push(decoded)
        else {
          this.pings += 1
          if (member.answersPings) this.write(encodeReply({ xid: -2, zxid: 0, err: 0 }, { type: 'ping' }))
        }
      }
    })
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  open(answer: { timeoutMs: number; sessionId?: bigint; short?: boolean }): void {
    const sessionId = answer.sessionId ?? 0x1234n
    const password = answer.timeoutMs > 0 ? PASSWORD : new Uint8Array(16)
    const readOnly = answer.short ? null : false
    this.write(
      encodeConnectResponse({
        protocolVersion: 0,
        timeoutMs: answer.timeoutMs,
        sessionId,
        password,
        readOnly,
      }),
    )
  }

  /** The next request, which must be of this kind. */
  async next<N extends OpName>(type: N): Promise<{ readonly xid: number; readonly request: RequestOf<N> }> {
    const { xid, request } = await this.asked.next()
    if (request.type !== type) throw new Error(`expected ${type}, got ${JSON.stringify(request)}`)
    return { xid, request: request as unknown as RequestOf<N> }
  }

  reply(xid: number, zxid: number, response: Response): void {
    this.write(encodeReply({ xid, zxid, err: 0 }, response))
  }

  fail(xid: number, zxid: number, error: ZkErrorName): void {
    this.write(encodeReply({ xid, zxid, err: ZK_ERRORS[error] }, null))
  }

  notify(type: EventType, path: string): void {
    this.write(encodeNotification({ type, state: SYNC_CONNECTED, path }))
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

export const stat = (version = 0): Stat => ({
  czxid: 1,
  mzxid: 1,
  ctime: 0,
  mtime: 0,
  version,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
  pzxid: 1,
})

export const bytes = (text: string) => new TextEncoder().encode(text)
export const text = (data: Uint8Array | null | undefined) => (data ? new TextDecoder().decode(data) : null)
