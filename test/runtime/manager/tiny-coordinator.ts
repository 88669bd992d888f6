import { createServer, type Server, type Socket } from 'node:net'
import { apply } from '../../../coordinator/znodes/apply.ts'
import type { CommandOp } from '../../../coordinator/znodes/command.ts'
import { NOBODY } from '../../../coordinator/znodes/identities.ts'
import { serveLocally } from '../../../coordinator/znodes/local-requests.ts'
import { newTree, type Owner } from '../../../coordinator/znodes/tree.ts'
import { WatchTable } from '../../../coordinator/znodes/watches.ts'
import { FrameSplitter } from '../../../protocol/zookeeper/frames.ts'
import {
  isWriteRequest,
  type Request,
  type Response,
  SYNC_CONNECTED,
} from '../../../protocol/zookeeper/ops.ts'
import {
  decodeConnectRequest,
  decodeRequest,
  encodeConnectResponse,
  encodeNotification,
  encodeReply,
} from '../../../protocol/zookeeper/packets.ts'

interface Connection {
  readonly socket: Socket
  readonly owner: Owner
  session: bigint
  order: number
}

/** The real tree of one member behind a socket, without log, clock or other members: sessions end when a test says so. */
export class TinyCoordinator {
  readonly tree = newTree()
  readonly #watches = new WatchTable()
  readonly #connections = new Map<number, Connection>()
  #server: Server | null = null
  #port = 0
  #count = 0

  async start(): Promise<void> {
    const server = createServer((socket) => this.#onConnection(socket))
    this.#server = server
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve))
    const address = server.address()
    if (typeof address === 'object' && address) this.#port = address.port
  }

  /** Stops answering; the tree and the sessions stay. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = null
    for (const { socket } of this.#connections.values()) socket.destroy()
    if (server) await new Promise((resolve) => server.close(resolve))
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  text(path: string): string | null {
    const data = this.tree.nodes.get(path)?.data
    return data ? new TextDecoder().decode(data) : null
  }

  expire(session: bigint): void {
    this.#apply({ op: { type: 'expire-session' }, session, owner: null, order: 0 })
    for (const connection of this.#connections.values())
      if (connection.session === session) connection.socket.destroy()
  }

  #apply(command: { op: CommandOp; session: bigint; owner: Owner | null; order: number }) {
    const result = apply(this.tree, this.tree.zxid + 1, { timeWallMs: 0, identities: null, ...command })
    for (const change of result.changes) {
      this.#watches.fire(change, ({ connection, type, path }) => {
        this.#connections
          .get(connection)
          ?.socket.write(encodeNotification({ type, state: SYNC_CONNECTED, path }))
      })
    }
    return result
  }

  #onConnection(socket: Socket): void {
    this.#count += 1
    const connection: Connection = {
      socket,
      owner: { member: 1, connection: this.#count },
      session: 0n,
      order: 0,
    }
    const number = this.#count
    this.#connections.set(number, connection)
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#connections.delete(number)
      this.#watches.drop(number)
    })
    const splitter = new FrameSplitter()
    socket.on('data', (chunk) => {
      for (const packet of splitter.push(chunk)) {
        if (connection.session === 0n) this.#open(connection, packet)
        else this.#serve(connection, packet)
      }
    })
  }

  #open(connection: Connection, packet: Uint8Array): void {
    const { sessionId, timeoutMs, readOnly } = decodeConnectRequest(packet)
    const type = sessionId === 0n ? 'create-session' : 'resume-session'
    const { owner } = connection
    const { opened } = this.#apply({ op: { type, timeoutMs }, session: sessionId, owner, order: 0 })
    connection.session = opened
    const answer = { protocolVersion: 0, sessionId: opened, password: new Uint8Array(16), readOnly }
    connection.socket.write(encodeConnectResponse({ ...answer, timeoutMs: opened === 0n ? 0 : timeoutMs }))
    if (opened === 0n) connection.socket.end()
  }

  #serve(connection: Connection, packet: Uint8Array): void {
    const decoded = decodeRequest(packet)
    if (decoded.type !== 'request') throw new Error(JSON.stringify(decoded))
    const { err, response } = this.#answer(connection, decoded.request)
    connection.socket.write(encodeReply({ xid: decoded.xid, zxid: this.tree.zxid, err }, response))
    if (decoded.request.type === 'closeSession') connection.socket.end()
  }

  #answer(connection: Connection, request: Request): { err: number; response: Response | null } {
    const { session, owner } = connection
    if (isWriteRequest(request)) {
      connection.order += 1
      return this.#apply({ op: request, session, owner, order: connection.order })
    }
    if (request.type === 'sync') return { err: 0, response: { type: 'sync', path: request.path } }
    return serveLocally(
      {
        tree: this.tree,
        watches: this.#watches,
        connection: owner.connection,
        session,
        identities: NOBODY,
        notify: ({ type, path }) =>
          connection.socket.write(encodeNotification({ type, state: SYNC_CONNECTED, path })),
      },
      request,
    )
  }
}
