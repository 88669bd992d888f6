/**
 * One member's side of its clients' sessions (the work of ZooKeeper's CommitProcessor). Writes go to the leader at
 * once; reads wait for the session's earlier writes and are then answered from the local tree; replies leave in the
 * order of the requests. The owner of this queue feeds it every applied entry before it applies the next one: so a
 * watch event leaves before any reply that reflects its change, and a read is served at the very state in which the
 * write before it left the tree.
 *
 * It does not know the wire (the door's part), nor how commands reach the leader, who may lose them: `forward-again`
 * repeats all that is not yet applied, and order numbers let the state machine ignore what it has seen.
 */
import { invariant, unreachable } from '../../protocol/invariants.ts'
import { ZK_ERRORS, type ZkErrorCode } from '../../protocol/zookeeper/errors.ts'
import {
  isWriteRequest,
  PERMS,
  type Request,
  type Response,
  SYNC_CONNECTED,
  type WriteRequest,
} from '../../protocol/zookeeper/ops.ts'
import type { WatcherEvent } from '../../protocol/zookeeper/records.ts'
import { isAllowed } from './acl.ts'
import type { ApplyResult } from './apply.ts'
import type { Command } from './command.ts'
import { type Identities, NOBODY } from './identities.ts'
import { LIMITS } from './limits.ts'
import { type Answer, failure, serveLocally, success } from './local-requests.ts'
import { configResponse } from './reconfig.ts'
import type { Owner, ZnodeTree } from './tree.ts'
import { type WatchNotification, WatchTable } from './watches.ts'

/** What happened, as this member sees it. `connection` numbers grow for ever, also across restarts. */
export type QueueEvent =
  /** A ConnectRequest. The door has negotiated the timeout and checked the password of a session to resume. */
  | {
      readonly type: 'connect'
      readonly connection: number
      /** 0n: a new one. */
      readonly session: bigint
      readonly passwordMatches: boolean
      readonly timeoutMs: number
      readonly lastZxidSeen: number
      readonly identities: Identities
    }
  /**
   * The client has shown another identity, or tried to: these are all that it has by now. `null`: it could not. Answered at once, ahead of
   * what waits; what it asked for before is still judged by what it was then.
   */
  | {
      readonly type: 'auth'
      readonly connection: number
      readonly xid: number
      readonly identities: Identities | null
    }
  /** `bytes` is the size of the packet, for the bounds. */
  | {
      readonly type: 'request'
      readonly connection: number
      readonly xid: number
      readonly request: Request
      readonly bytes: number
    }
  /** A packet that the door could not take: answered in its turn. */
  | {
      readonly type: 'refuse'
      readonly connection: number
      readonly xid: number
      readonly err: ZkErrorCode
      readonly thenClose: boolean
    }
  /** An entry was applied to the tree just now; nothing else has been applied since. */
  | { readonly type: 'applied'; readonly command: Command; readonly result: ApplyResult }
  /** All that was committed when `askReadIndex(token)` was asked has been applied here. */
  | { readonly type: 'read-index-reached'; readonly token: number }
  /** What was forwarded may be lost: another leader, or a broken link to it. */
  | { readonly type: 'forward-again' }
  | { readonly type: 'connection-lost'; readonly connection: number }
  /** A snapshot replaced the tree. Which watches it would have fired is unknown: clients must come again. */
  | { readonly type: 'restored'; readonly tree: ZnodeTree }
  /** This member has had no leader for too long: its clients should try another one. */
  | { readonly type: 'stop-serving' }

/** What the runtime must do, in order. */
export interface QueueOutbox {
  /** Hand a command to the leader, who stamps the time and proposes it. May get lost. */
  forward(command: Command): void
  /** Ask the leader for a read index; answered by `read-index-reached`. May get lost. */
  askReadIndex(token: number): void
  /** Answer the ConnectRequest. */
  connected(connection: number, session: bigint, timeoutMs: number): void
  /** Answer the ConnectRequest: no such session (timeout 0, session 0, password of zeros). `close` follows. */
  refused(connection: number): void
  /** Answer a request. `response` is null where `err` is not 0. */
  reply(connection: number, xid: number, zxid: number, err: ZkErrorCode, response: Response | null): void
  notify(connection: number, event: WatcherEvent): void
  /** Stop, or start again, to read the connection's socket. */
  pause(connection: number): void
  resume(connection: number): void
  /** Close the connection once all before is sent. Nothing more is said of it, and `connection-lost` is not needed. */
  close(connection: number): void
}

interface Pending {
  readonly xid: number
  /** `null`: refused by the door. */
  readonly request: Request | null
  readonly bytes: number
  /** Of the connection, when the request came. */
  readonly identities: Identities
  /** What a write was forwarded as. */
  command: Command | null
  /** A `reconfig` that has begun: answered when it ends. */
  underWay: boolean
  /** What a sync waits for; 0 until it asks. */
  token: number
  /** Known, but it leaves only after those of the requests before it. */
  answer: Answer | null
}

interface Connection {
  readonly id: number
  /** Forwarded and not applied: the connection has no session yet, its requests wait. */
  opening: Command | null
  session: bigint
  identities: Identities
  /** Order number of the last write forwarded. */
  order: number
  /** Syncs that are not answered yet. */
  syncs: number
  readonly pending: Pending[]
  pendingBytes: number
  paused: boolean
  /** Its closeSession took effect: only what came before that is still answered. */
  ending: boolean
  /** zxid of the last reply. */
  zxid: number
}

export class RequestQueue {
  readonly #member: number
  readonly #out: QueueOutbox
  #tree: ZnodeTree
  readonly #watches: WatchTable
  readonly #connections = new Map<number, Connection>()
  readonly #bySession = new Map<bigint, Connection>()
  readonly #syncs = new Map<number, Connection>()
  #lastToken = 0
  /** Everything up to here has fired its watches. */
  #firedZxid: number
  #touched = new Set<bigint>()

  constructor(options: {
    /** This coordinator's number, from 1 to 127. */
    readonly member: number
    readonly tree: ZnodeTree
    readonly out: QueueOutbox
    readonly watches?: WatchTable
  }) {
    this.#member = options.member
    this.#out = options.out
    this.#tree = options.tree
    this.#watches = options.watches ?? new WatchTable()
    this.#firedZxid = options.tree.zxid
  }

  step(event: QueueEvent): void {
    switch (event.type) {
      case 'connect':
        this.#onConnect(event)
        break
      case 'request':
        this.#onRequest(event.connection, { ...event, answer: null })
        break
      case 'refuse': {
        const answer = failure(event.err, event.thenClose)
        this.#onRequest(event.connection, { xid: event.xid, request: null, bytes: 0, answer })
        break
      }
      case 'auth':
        this.#onAuth(event)
        break
      case 'applied':
        this.#onApplied(event.command, event.result)
        break
      case 'read-index-reached':
        this.#onReadIndexReached(event.token)
        break
      case 'forward-again':
        for (const connection of this.#connections.values()) this.#forwardAgain(connection)
        break
      case 'connection-lost': {
        const connection = this.#connections.get(event.connection)
        if (connection !== undefined) this.#forget(connection)
        break
      }
      case 'restored':
        this.#closeAll()
        this.#tree = event.tree
        this.#firedZxid = event.tree.zxid
        break
      case 'stop-serving':
        this.#closeAll()
        break
      default:
        unreachable(event)
    }
  }

  /** Sessions heard since the last call: what the leader's clock must be told. */
  takeTouched(): bigint[] {
    const touched = [...this.#touched]
    this.#touched.clear()
    return touched
  }

  /** Connections with or about to get a session. */
  get connectionCount(): number {
    return this.#connections.size
  }

  #onConnect(event: Extract<QueueEvent, { type: 'connect' }>): void {
    const { connection: id, session, timeoutMs } = event
    // The client has seen a later state than ours: it must go to a member that has it (ZxidMonotone).
    if (event.lastZxidSeen > this.#tree.zxid) {
      this.#out.close(id)
      return
    }
    const older = this.#bySession.get(session)
    if (older !== undefined) this.#close(older) // even before the password counts, as in ZooKeeper
    if (session !== 0n && !event.passwordMatches) {
      this.#out.refused(id)
      this.#out.close(id)
      return
    }
    const owner: Owner = { member: this.#member, connection: id }
    const type = session === 0n ? 'create-session' : 'resume-session'
    const opening: Command = {
      timeWallMs: 0,
      session,
      owner,
      order: 0,
      identities: null,
      op: { type, timeoutMs },
    }
    this.#connections.set(id, {
      id,
      opening,
      session: 0n,
      identities: event.identities,
      order: 0,
      syncs: 0,
      pending: [],
      pendingBytes: 0,
      paused: false,
      ending: false,
      zxid: 0,
    })
    this.#out.forward(opening)
  }

  /** While the connection waits for its session, nothing may be sent: the client takes the first packet for the answer to its greeting. */
  #onAuth({ connection: id, xid, identities }: Extract<QueueEvent, { type: 'auth' }>): void {
    const connection = this.#connections.get(id)
    if (connection === undefined || connection.ending) return
    if (identities !== null) connection.identities = identities
    const answer = identities === null ? failure(ZK_ERRORS.AuthFailed, true) : success({ type: 'auth' })
    if (connection.opening !== null) {
      this.#onRequest(id, { xid, request: null, bytes: 0, answer })
      return
    }
    this.#touched.add(connection.session)
    this.#out.reply(id, xid, 0, answer.err, answer.response)
    if (answer.thenClose) this.#close(connection)
  }

  #onRequest(id: number, arrived: Pick<Pending, 'xid' | 'request' | 'bytes' | 'answer'>): void {
    const connection = this.#connections.get(id)
    // Closed by us while the packet was on its way, or about to be.
    if (connection === undefined || connection.ending) return
    if (connection.pending.length >= LIMITS.pendingRequestsMax) {
      this.#close(connection)
      return
    }
    const { xid, request, bytes, answer } = arrived
    const { identities } = connection
    const item: Pending = {
      xid,
      request,
      bytes,
      identities,
      command: null,
      underWay: false,
      token: 0,
      answer,
    }
    connection.pending.push(item)
    connection.pendingBytes += item.bytes
    if (connection.opening === null) {
      this.#touched.add(connection.session)
      this.#start(connection, item)
      this.#drain(connection)
    }
    this.#pauseOrResume(connection)
  }

  /**
   * Sends off what a request needs from elsewhere. A write waits for the syncs before it (ZooKeeper: both go to the leader on one path). Else it could take effect
   * first, and a read between the two, which waits for the sync, would see what its session has written after it (SessionFifo).
   */
  #start(connection: Connection, item: Pending): void {
    const { request } = item
    if (request === null) return
    if (isWriteRequest(request)) {
      if (connection.syncs > 0) return
      this.#forward(connection, item, request)
    } else if (request.type === 'sync') {
      this.#lastToken += 1
      item.token = this.#lastToken
      this.#syncs.set(item.token, connection)
      connection.syncs += 1
      this.#out.askReadIndex(item.token)
    }
  }

  #forward(connection: Connection, item: Pending, op: WriteRequest): void {
    connection.order += 1
    item.command = {
      timeWallMs: 0,
      session: connection.session,
      owner: { member: this.#member, connection: connection.id },
      order: connection.order,
      identities: item.identities,
      op,
    }
    this.#out.forward(item.command)
  }

  #onApplied(command: Command, result: ApplyResult): void {
    const { zxid } = result
    const inTurn = zxid === this.#tree.zxid && zxid > this.#firedZxid
    invariant('WatchBeforeRead', inTurn, () => `heard of ${zxid} at ${this.#tree.zxid}`)
    this.#firedZxid = zxid
    for (const change of result.changes) this.#watches.fire(change, this.#notify)
    const asker =
      command.owner?.member === this.#member ? this.#connections.get(command.owner.connection) : undefined
    if (result.opened !== 0n) this.#leaveTo(asker, result.opened)
    if (asker !== undefined) this.#onOwnApplied(asker, command, result)
    if (result.reconfig?.type === 'ended') this.#onReconfigured(result.reconfig.err)
    for (const session of result.closed) {
      const connection = this.#bySession.get(session)
      if (connection !== undefined) this.#failAll(connection, ZK_ERRORS.SessionExpired)
    }
  }

  /** Of the whole ensemble one alone is under way: who waits here waits for that. */
  #onReconfigured(err: ZkErrorCode): void {
    const response = err === 0 ? configResponse(this.#tree) : null
    for (const connection of [...this.#connections.values()]) {
      const item = connection.pending.find(({ underWay, answer }) => underWay && answer === null)
      if (item === undefined) continue
      item.answer = { err, response, thenClose: false }
      this.#drain(connection)
      this.#pauseOrResume(connection)
    }
  }

  /** A session was given to a connection, here or elsewhere: ours loses it, if it is another. */
  #leaveTo(opener: Connection | undefined, session: bigint): void {
    const connection = this.#bySession.get(session)
    if (connection !== undefined && connection !== opener) this.#failAll(connection, ZK_ERRORS.SessionMoved)
  }

  #onOwnApplied(connection: Connection, command: Command, result: ApplyResult): void {
    const { op } = command
    if (op.type === 'create-session' || op.type === 'resume-session') {
      if (connection.opening !== null) this.#onOpened(connection, op.timeoutMs, result)
      return // else forwarded twice: a session too many expires by itself
    }
    if (result.status === 'ignored-duplicate') return
    if (result.status === 'ignored-gap') {
      // Once per round: only the last command shows that nothing behind it can fill the gap.
      if (command.order === connection.order) this.#forwardAgain(connection)
      return
    }
    if (connection.ending) return // it came behind its own closeSession
    const item = connection.pending.find(
      ({ command: sent, underWay, answer }) => sent !== null && !underWay && answer === null,
    )
    invariant(
      'SessionFifo',
      item?.command?.order === command.order,
      () => `${command.order} applied before ${item?.command?.order} of connection ${connection.id}`,
    )
    if (result.reconfig?.type === 'begun') {
      item.underWay = true
      return
    }
    const { err, response } = result
    item.answer = { err, response, thenClose: op.type === 'closeSession' }
    if (op.type === 'closeSession') this.#endOfSession(connection, item)
    this.#drain(connection)
    this.#pauseOrResume(connection)
  }

  #onOpened(connection: Connection, timeoutMs: number, result: ApplyResult): void {
    connection.opening = null
    if (result.opened === 0n) {
      // Moved on already: say nothing, or the client would believe its session is over.
      if (result.err !== ZK_ERRORS.SessionMoved) this.#out.refused(connection.id)
      this.#close(connection)
      return
    }
    connection.session = result.opened
    this.#bySession.set(result.opened, connection)
    this.#touched.add(result.opened)
    this.#out.connected(connection.id, result.opened, timeoutMs)
    for (const item of connection.pending) this.#start(connection, item)
    this.#drain(connection)
    this.#pauseOrResume(connection)
  }

  /** What came behind a closeSession has no session to run in. */
  #endOfSession(connection: Connection, last: Pending): void {
    connection.ending = true
    this.#bySession.delete(connection.session)
    connection.pending.length = connection.pending.indexOf(last) + 1
  }

  #onReadIndexReached(token: number): void {
    const connection = this.#syncs.get(token)
    if (connection === undefined) return // asked twice, or the connection is gone
    this.#syncs.delete(token)
    const item = connection.pending.find((candidate) => candidate.token === token)
    if (item?.request?.type !== 'sync') return
    item.answer = success({ type: 'sync', path: item.request.path })
    connection.syncs -= 1
    this.#drain(connection)
    this.#startHeld(connection)
    this.#pauseOrResume(connection)
  }

  /** The writes that no sync is before any more. */
  #startHeld(connection: Connection): void {
    if (!this.#connections.has(connection.id)) return
    const unanswered = connection.pending.findIndex(({ token, answer }) => token !== 0 && answer === null)
    const free = unanswered < 0 ? connection.pending : connection.pending.slice(0, unanswered)
    for (const item of free) {
      if (item.command !== null || item.request === null || !isWriteRequest(item.request)) continue
      this.#forward(connection, item, item.request)
    }
  }

  /** Answers from the head of the queue on, as far as answers are known or can be had from the tree. */
  #drain(connection: Connection): void {
    let served = 0
    for (const item of connection.pending) {
      const answer = item.answer ?? this.#serveLocally(connection, item)
      if (answer === null) break
      served += 1
      connection.pendingBytes -= item.bytes
      this.#reply(connection, item.xid, answer)
      if (answer.thenClose) {
        this.#close(connection)
        return
      }
    }
    connection.pending.splice(0, served)
  }

  #reply(connection: Connection, xid: number, answer: Answer): void {
    const { zxid } = this.#tree
    invariant('ZxidMonotone', zxid >= connection.zxid, () => `reply at ${zxid} after ${connection.zxid}`)
    connection.zxid = zxid
    this.#out.reply(connection.id, xid, zxid, answer.err, answer.response)
  }

  #serveLocally(connection: Connection, { request, identities }: Pending): Answer | null {
    if (request === null || isWriteRequest(request) || request.type === 'sync') return null
    invariant(
      'WatchBeforeRead',
      this.#tree.zxid === this.#firedZxid,
      () => `read at ${this.#tree.zxid}, watches fired up to ${this.#firedZxid}`,
    )
    const context = {
      tree: this.#tree,
      watches: this.#watches,
      connection: connection.id,
      session: connection.session,
      identities,
      notify: this.#notify,
    }
    return serveLocally(context, request)
  }

  /** Who may not read a znode hears nothing of it. */
  readonly #notify = ({ connection, type, path, acl }: WatchNotification): void => {
    const identities = this.#connections.get(connection)?.identities ?? NOBODY
    if (acl !== null && !isAllowed(acl, PERMS.read, identities)) return
    this.#out.notify(connection, { type, state: SYNC_CONNECTED, path })
  }

  #forwardAgain(connection: Connection): void {
    if (connection.opening !== null) this.#out.forward(connection.opening)
    for (const { command, underWay, token, answer } of connection.pending) {
      if (answer !== null || underWay) continue
      if (command !== null) this.#out.forward(command)
      else if (token !== 0) this.#out.askReadIndex(token)
    }
  }

  #pauseOrResume(connection: Connection): void {
    if (!this.#connections.has(connection.id)) return
    const load = Math.max(
      connection.pending.length / LIMITS.pendingRequestsPause,
      connection.pendingBytes / LIMITS.pendingBytesPause,
    )
    if (!connection.paused && load >= 1) {
      connection.paused = true
      this.#out.pause(connection.id)
    } else if (connection.paused && load < 0.5) {
      connection.paused = false
      this.#out.resume(connection.id)
    }
  }

  /** Answers everything that waits with what is known, else with `err`; then closes. */
  #failAll(connection: Connection, err: ZkErrorCode): void {
    for (const item of connection.pending) this.#reply(connection, item.xid, item.answer ?? failure(err))
    this.#close(connection)
  }

  #closeAll(): void {
    for (const connection of [...this.#connections.values()]) this.#close(connection)
  }

  #close(connection: Connection): void {
    this.#forget(connection)
    this.#out.close(connection.id)
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection.id)
    if (this.#bySession.get(connection.session) === connection) this.#bySession.delete(connection.session)
    for (const { token } of connection.pending) this.#syncs.delete(token)
    this.#watches.drop(connection.id)
  }
}
