import { apply } from '../../../coordinator/znodes/apply.ts'
import type { CommandOp } from '../../../coordinator/znodes/command.ts'
import { NOBODY } from '../../../coordinator/znodes/identities.ts'
import { serveLocally } from '../../../coordinator/znodes/local-requests.ts'
import { newTree, type Owner, type ZnodeTree } from '../../../coordinator/znodes/tree.ts'
import { WatchTable } from '../../../coordinator/znodes/watches.ts'
import { CLIENT_DOOR, type SimPlace } from '../../../lab/simulator/control/session-platform.ts'
import type { Link } from '../../../lab/simulator/kernel/network.ts'
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
  readonly link: Link
  readonly owner: Owner
  session: bigint
  order: number
}

/** The real tree of one member in a simulated process, with sessions that expire; no log and no other members. Its state outlives its process. */
export class TinyCoordinator {
  readonly tree = newTree()
  readonly #place: SimPlace
  #watches = new WatchTable()
  readonly #connections = new Map<number, Connection>()
  readonly #sessions = new Map<bigint, { timeoutMs: number; heardAtMs: number }>()
  #count = 0

  constructor(place: SimPlace) {
    this.#place = place
  }

  /** What its process does from the start of a life on. */
  main(): void {
    const { process, network } = this.#place
    this.#watches = new WatchTable()
    this.#connections.clear()
    // A new leader restarts all clocks at full length.
    for (const session of this.#sessions.values()) session.heardAtMs = process.nowMs()
    network.listen(process, CLIENT_DOOR, (link) => this.#accept(link))
    process.timers.every(50, () => this.#expireSilent())
  }

  #expireSilent(): void {
    const { process } = this.#place
    for (const [session, { timeoutMs, heardAtMs }] of [...this.#sessions]) {
      if (process.nowMs() - heardAtMs < timeoutMs) continue
      this.#sessions.delete(session)
      this.#apply({ op: { type: 'expire-session' }, session, owner: null, order: 0 })
    }
  }

  #apply(command: { op: CommandOp; session: bigint; owner: Owner | null; order: number }) {
    const result = apply(this.tree, this.tree.zxid + 1, { timeWallMs: 0, identities: null, ...command })
    for (const change of result.changes) {
      this.#watches.fire(change, ({ connection, type, path }) => {
        this.#connections
          .get(connection)
          ?.link.send(encodeNotification({ type, state: SYNC_CONNECTED, path }))
      })
    }
    return result
  }

  #accept(link: Link) {
    this.#count += 1
    const number = this.#count
    const connection: Connection = { link, owner: { member: 1, connection: number }, session: 0n, order: 0 }
    this.#connections.set(number, connection)
    const splitter = new FrameSplitter()
    return {
      onReceive: (chunk: unknown) => {
        for (const packet of splitter.push(chunk as Uint8Array)) {
          if (connection.session === 0n) this.#open(connection, packet)
          else this.#serve(connection, packet)
        }
      },
      onDown: () => {
        this.#connections.delete(number)
        this.#watches.drop(number)
      },
    }
  }

  #open(connection: Connection, packet: Uint8Array): void {
    const { sessionId, timeoutMs, readOnly } = decodeConnectRequest(packet)
    const type = sessionId === 0n ? 'create-session' : 'resume-session'
    const { owner } = connection
    const { opened } = this.#apply({ op: { type, timeoutMs }, session: sessionId, owner, order: 0 })
    connection.session = opened
    if (opened !== 0n) this.#sessions.set(opened, { timeoutMs, heardAtMs: this.#place.process.nowMs() })
    const answer = { protocolVersion: 0, sessionId: opened, password: new Uint8Array(16), readOnly }
    connection.link.send(encodeConnectResponse({ ...answer, timeoutMs: opened === 0n ? 0 : timeoutMs }))
    if (opened === 0n) connection.link.close()
  }

  #serve(connection: Connection, packet: Uint8Array): void {
    const session = this.#sessions.get(connection.session)
    if (session === undefined) return connection.link.close()
    session.heardAtMs = this.#place.process.nowMs()
    const decoded = decodeRequest(packet)
    if (decoded.type !== 'request') throw new Error(JSON.stringify(decoded))
    const { err, response } = this.#answer(connection, decoded.request)
    connection.link.send(encodeReply({ xid: decoded.xid, zxid: this.tree.zxid, err }, response))
    if (decoded.request.type !== 'closeSession') return
    this.#sessions.delete(connection.session)
    connection.link.close()
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
          connection.link.send(encodeNotification({ type, state: SYNC_CONNECTED, path })),
      },
      request,
    )
  }
}

export function textAt(tree: ZnodeTree, path: string): string | null {
  const data = tree.nodes.get(path)?.data
  return data ? new TextDecoder().decode(data) : null
}
