/** What went through the door, and how long it took: of each connection, of each operation, of all. */
import type { OpName } from '../../../protocol/zookeeper/ops.ts'
import { Latency, LatencyHistogram } from '../../latency.ts'

/** As ZooKeeper's `lop` names them. */
const SHORT_NAMES: Partial<Record<OpName, string>> = {
  create: 'CREA',
  create2: 'CREA',
  delete: 'DELE',
  exists: 'EXIS',
  getData: 'GETD',
  setData: 'SETD',
  getChildren: 'GETC',
  getChildren2: 'GETC',
  sync: 'SYNC',
  ping: 'PING',
  check: 'CHEC',
  multi: 'MULT',
  setWatches: 'SETW',
  setWatches2: 'STW2',
  addWatch: 'ADDW',
  removeWatches: 'REMW',
  checkWatches: 'CHKW',
  createContainer: 'CREA',
  createTTL: 'CREA',
  multiRead: 'MLTR',
  getACL: 'GETA',
  setACL: 'SETA',
  getEphemerals: 'GETE',
  getAllChildrenNumber: 'GACN',
  whoAmI: 'WHOA',
  reconfig: 'RECO',
  auth: 'AUTH',
  closeSession: 'CLOS',
}

/** Requests without an answer, in the order in which they came. */
interface Waiting {
  readonly xid: number
  /** `null`: no request that could be read. */
  readonly op: OpName | null
  readonly sinceMs: number
}

/** One connection's numbers. Times are of the process's monotonic clock. */
export class ConnectionTraffic {
  received = 0
  sent = 0
  /** `NA` until there is one. */
  lastOperation = 'NA'
  lastXid = -1
  lastZxid = 0
  lastReplyMs = 0
  lastLatencyMs = 0
  readonly latency = new Latency()
  #waiting: Waiting[] = []
  /** Answered ones at the front of `#waiting`, dropped now and then. */
  #answered = 0

  get outstanding(): number {
    return this.#waiting.length - this.#answered
  }

  began(xid: number, op: OpName | null, nowMs: number): void {
    this.#waiting.push({ xid, op, sinceMs: nowMs })
  }

  /** @returns what was answered, and after how long; `null` if it was no request. */
  answered(
    xid: number,
    zxid: number,
    nowMs: number,
  ): { readonly op: OpName | null; readonly ms: number } | null {
    const waiting = this.#take(xid)
    if (waiting === null) return null
    const ms = Math.max(0, nowMs - waiting.sinceMs)
    if (waiting.op !== null) this.lastOperation = SHORT_NAMES[waiting.op] ?? waiting.op
    this.lastXid = xid
    this.lastZxid = zxid
    this.lastReplyMs = nowMs
    this.lastLatencyMs = ms
    this.latency.add(ms)
    return { op: waiting.op, ms }
  }

  #take(xid: number): Waiting | null {
    const next = this.#waiting[this.#answered]
    if (next?.xid !== xid) {
      // An authentication may be answered before what came ahead of it.
      const place = this.#waiting.findIndex((one, n) => n >= this.#answered && one.xid === xid)
      return place < 0 ? null : (this.#waiting.splice(place, 1)[0] ?? null)
    }
    this.#answered += 1
    if (this.#answered === this.#waiting.length || this.#answered >= 1024) {
      this.#waiting.splice(0, this.#answered)
      this.#answered = 0
    }
    return next
  }

  /** What is under way stays. */
  reset(): void {
    this.received = 0
    this.sent = 0
    this.lastOperation = 'NA'
    this.lastXid = -1
    this.lastZxid = 0
    this.lastReplyMs = 0
    this.lastLatencyMs = 0
    this.latency.reset()
  }
}

/** All that went through the door since it opened, or since it was reset. */
export class DoorTraffic {
  received = 0
  sent = 0
  readonly latency = new Latency()
  readonly #byOperation = new Map<OpName, LatencyHistogram>()

  add(op: OpName | null, ms: number): void {
    this.latency.add(ms)
    if (op === null) return
    let histogram = this.#byOperation.get(op)
    if (histogram === undefined) {
      histogram = new LatencyHistogram()
      this.#byOperation.set(op, histogram)
    }
    histogram.add(ms)
  }

  get byOperation(): ReadonlyMap<OpName, LatencyHistogram> {
    return this.#byOperation
  }

  reset(): void {
    this.received = 0
    this.sent = 0
    this.latency.reset()
    this.#byOperation.clear()
  }
}
