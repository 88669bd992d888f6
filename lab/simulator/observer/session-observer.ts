import type { Link, LinkEvents, SessionPlatform } from '../../../client/coordinator/platform.ts'
import { FrameSplitter } from '../../../protocol/zookeeper/frames.ts'
import { EVENT_TYPES, type Request, XIDS } from '../../../protocol/zookeeper/ops.ts'
import {
  decodeConnectRequest,
  decodeConnectResponse,
  decodeNotification,
  decodeRequest,
  decodeResponse,
  readReply,
} from '../../../protocol/zookeeper/packets.ts'
import type { WatcherEvent } from '../../../protocol/zookeeper/records.ts'
import type { WatchKind } from './tree-observer.ts'
import { must } from './violation.ts'

/** What the observer of a session asks about the committed tree. */
export interface TreeHistory {
  /** Newest committed change. */
  readonly zxid: number
  /** Zxid of the first change of this kind after `after`, or null. */
  firstChange(kind: WatchKind, path: string, after: number): number | null
}

interface Sent {
  readonly xid: number
  readonly request: Request
  /** What was committed when it was sent. */
  readonly committed: number
}

/**
 * What one ZooKeeper client sees of its sessions: replies in the order of its requests (SessionFifo), zxids that never go back, over all
 * connections of a session (ZxidMonotone), and no reply of a state in which a watched znode has changed before the event that says so (WatchBeforeRead).
 * It listens to the packets on both ways, so it trusts neither end.
 */
export class SessionObserver {
  readonly name: string
  readonly #tree: TreeHistory
  #session = 0n
  /** Newest zxid of this session. */
  #zxid = 0
  /** Of the newest successful setData: the effects of a session's writes come in their order. */
  #written = 0
  /** By kind and path: the zxid at which the oldest outstanding watch was set. */
  readonly #watches: Record<WatchKind, Map<string, number>> = { data: new Map(), child: new Map() }
  /** Those of the connection before this one. */
  #forgotten: Record<WatchKind, Map<string, number>> = { data: new Map(), child: new Map() }
  /** By path: mzxid as last read. */
  readonly #read = new Map<string, number>()

  constructor(name: string, tree: TreeHistory) {
    this.name = name
    this.#tree = tree
  }

  get zxid(): number {
    return this.#zxid
  }

  get committed(): number {
    return this.#tree.zxid
  }

  /** The same platform; what goes over its links is looked at before it is handed on. A violation is thrown where the packet arrives. */
  watching(platform: SessionPlatform): SessionPlatform {
    return {
      timers: platform.timers,
      random: () => platform.random(),
      onBug: platform.onBug,
      dial: (address, events) => {
        const connection = new ObservedConnection(this)
        return connection.over((inner) => platform.dial(address, inner), events)
      },
    }
  }

  // What a connection hears.

  /** The member took the session, or opened one, or refused: timeout 0. */
  opened(session: bigint): void {
    this.#forgotten = { data: new Map(this.#watches.data), child: new Map(this.#watches.child) }
    this.#watches.data.clear()
    this.#watches.child.clear()
    if (session === this.#session) return
    this.#session = session
    this.#zxid = 0
    this.#written = 0
    this.#forgotten = { data: new Map(), child: new Map() }
    this.#read.clear()
  }

  /** A member forgets watches with the connection; the client sets those that it still wants again, at the next one. */
  setAgain(request: Extract<Request, { type: 'setWatches' }>): void {
    const kinds = { data: [...(request.data ?? []), ...(request.exist ?? [])], child: request.child ?? [] }
    for (const kind of ['data', 'child'] as const) {
      for (const path of kinds[kind]) {
        if (path !== null)
          this.#watches[kind].set(path, this.#forgotten[kind].get(path) ?? request.relativeZxid)
      }
    }
  }

  /**
   * Departs: of a znode that was created and deleted again while the client was away, a watch on its existence hears nothing, as in ZooKeeper: it is still
   * absent. The watch counts from here on.
   */
  stillAbsent(paths: readonly string[], zxid: number): void {
    for (const path of paths) if (this.#watches.data.has(path)) this.#watches.data.set(path, zxid)
  }

  /** A connection offers what its session has seen: too little would let a member that is behind take it. */
  offered(session: bigint, lastZxidSeen: number): void {
    if (session === 0n || session !== this.#session) return
    must(
      'ZxidMonotone',
      lastZxidSeen >= this.#zxid,
      this.name,
      () => `offers zxid ${lastZxidSeen}, its session has seen ${this.#zxid}`,
    )
  }

  event({ type, path }: WatcherEvent): void {
    if (type !== EVENT_TYPES.childrenChanged) this.#watches.data.delete(path)
    if (type === EVENT_TYPES.childrenChanged || type === EVENT_TYPES.deleted) this.#watches.child.delete(path)
  }

  reply(
    sent: Sent,
    answer: { readonly zxid: number; readonly err: number; readonly stat: StatSeen | null },
  ): void {
    const { zxid, err } = answer
    must(
      'ZxidMonotone',
      zxid >= this.#zxid,
      this.name,
      () =>
        `session ${this.#session.toString(16)} has seen ${this.#zxid}; ${sent.request.type} is answered at ${zxid}`,
    )
    this.#zxid = zxid
    // After a sync the tree is not seen as it was before anything that anybody had seen by then (Raft §8).
    must(
      'ZxidMonotone',
      sent.request.type !== 'sync' || err !== 0 || zxid >= sent.committed,
      this.name,
      () => `sync is answered at ${zxid}, and ${sent.committed} was committed when it was sent`,
    )
    this.#checkWatches(sent, zxid)
    this.#remember(sent, err, zxid)
    if (err === 0 && answer.stat !== null) this.#checkStat(sent, answer.stat, zxid)
  }

  /** WatchBeforeRead: nothing that is still watched has changed up to the state of this reply. */
  #checkWatches({ request }: Sent, zxid: number): void {
    for (const kind of ['data', 'child'] as const) {
      for (const [path, setAt] of this.#watches[kind]) {
        const change = this.#tree.firstChange(kind, path, setAt)
        must(
          'WatchBeforeRead',
          change === null || change > zxid,
          this.name,
          () =>
            `${request.type} is answered at ${zxid}; ${path}, watched since ${setAt}, changed at ${change}: no event yet`,
        )
      }
    }
  }

  #remember({ request }: Sent, err: number, zxid: number): void {
    const reads =
      request.type === 'getData' || request.type === 'getChildren' || request.type === 'getChildren2'
    if (!reads && request.type !== 'exists') return
    // Only `exists` leaves a watch on what is not there.
    if (!request.watch || (err !== 0 && request.type !== 'exists')) return
    const kind = request.type === 'getData' || request.type === 'exists' ? 'data' : 'child'
    const path = request.path ?? ''
    if (!this.#watches[kind].has(path)) this.#watches[kind].set(path, zxid)
  }

  #checkStat({ request }: Sent, { path, mzxid }: StatSeen, zxid: number): void {
    must(
      'ZxidMonotone',
      mzxid <= zxid && mzxid >= (this.#read.get(path) ?? 0),
      this.name,
      () =>
        `${request.type} of ${path} at ${zxid} shows its change ${mzxid} after ${this.#read.get(path) ?? 0}`,
    )
    this.#read.set(path, mzxid)
    if (request.type !== 'setData') return
    must(
      'SessionFifo',
      mzxid > this.#written,
      this.name,
      () => `setData of ${path} took effect at ${mzxid}, an earlier one of the session at ${this.#written}`,
    )
    this.#written = mzxid
  }

  /** SessionFifo: replies come in the order of the requests. */
  inTurn(next: Sent | undefined, xid: number): asserts next is Sent {
    must(
      'SessionFifo',
      next?.xid === xid,
      this.name,
      () => `request ${xid} is answered where ${next === undefined ? 'none is awaited' : next.xid} is next`,
    )
  }
}

export interface StatSeen {
  readonly path: string
  readonly mzxid: number
}

/** Both ways of one connection, packet by packet. */
class ObservedConnection {
  readonly #observer: SessionObserver
  readonly #sent: Sent[] = []
  /** Of each `setWatches` that is not answered: the znodes that were absent. */
  readonly #absent: string[][] = []
  readonly #out = new FrameSplitter()
  readonly #in = new FrameSplitter(64 * 1024 * 1024)
  #asked = false
  #answered = false

  constructor(observer: SessionObserver) {
    this.#observer = observer
  }

  over(dial: (events: LinkEvents) => Link, events: LinkEvents): Link {
    const link = dial({
      onConnect: () => events.onConnect(),
      onClose: (reason) => events.onClose(reason),
      onData: (chunk) => {
        for (const packet of this.#in.push(chunk)) this.#received(packet)
        events.onData(chunk)
      },
    })
    return {
      write: (bytes) => {
        for (const packet of this.#out.push(bytes)) this.#sends(packet)
        link.write(bytes)
      },
      destroy: () => link.destroy(),
    }
  }

  #sends(packet: Uint8Array): void {
    if (!this.#asked) {
      this.#asked = true
      const { sessionId, lastZxidSeen } = decodeConnectRequest(packet)
      this.#observer.offered(sessionId, lastZxidSeen)
      return
    }
    const decoded = decodeRequest(packet)
    if (decoded.type !== 'request') return
    if (decoded.request.type === 'setWatches') {
      this.#observer.setAgain(decoded.request)
      this.#absent.push((decoded.request.exist ?? []).filter((path) => path !== null))
    }
    // Pings and setWatches have xids of their own; their answers reflect no state.
    const { committed } = this.#observer
    if (decoded.xid >= 0) this.#sent.push({ xid: decoded.xid, request: decoded.request, committed })
  }

  #received(packet: Uint8Array): void {
    if (!this.#answered) {
      this.#answered = true
      const { sessionId, timeoutMs } = decodeConnectResponse(packet)
      if (timeoutMs > 0) this.#observer.opened(sessionId)
      return
    }
    const { header, body } = readReply(packet)
    if (header.xid === -1) {
      this.#observer.event(decodeNotification(body))
      return
    }
    if (header.xid === XIDS.setWatches) this.#observer.stillAbsent(this.#absent.shift() ?? [], header.zxid)
    if (header.xid < 0) return
    const next = this.#sent.shift()
    this.#observer.inTurn(next, header.xid)
    const { request } = next
    let stat: StatSeen | null = null
    if (
      header.err === 0 &&
      (request.type === 'getData' || request.type === 'exists' || request.type === 'setData')
    ) {
      const { mzxid } = decodeResponse(request.type, body).stat
      stat = { path: request.path ?? '', mzxid }
    }
    this.#observer.reply(next, { zxid: header.zxid, err: header.err, stat })
  }
}
