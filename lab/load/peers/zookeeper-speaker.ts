/** One ZooKeeper session: requests are written into the buffer of the turn, replies come in order. */
import { encodeConnectRequest } from '../../../protocol/zookeeper/packets.ts'
import type { OutBuffer } from './out-buffer.ts'
import { Remainder } from './remainder.ts'
import { ProtocolError, type Speaker, type Waiting, WaitingQueue, type Wire } from './speaker.ts'

/** Where the keys are. */
export const PARENT = '/bench'

const OP = { create: 1, getData: 4, setData: 5, sync: 9, ping: 11 } as const
const XID = { notification: -1, ping: -2, parent: 0 } as const
const ERR = { noNode: -101, nodeExists: -110 } as const

const SESSION_TIMEOUT_MS = 30_000
/** Far below a third of the shortest session that a server with a tick of 2 s grants. */
const PING_TICKS = 2
const HEADER_BYTES = 16
const XID_MAX = 0x7fff_ffff

/** Everybody may do everything: one entry, all permissions, `world`, `anyone`; then flags 0. */
const OPEN_ACL_AND_FLAGS = Buffer.concat([
  Buffer.from([0, 0, 0, 1, 0, 0, 0, 31, 0, 0, 0, 5]),
  Buffer.from('world'),
  Buffer.from([0, 0, 0, 6]),
  Buffer.from('anyone'),
  Buffer.from([0, 0, 0, 0]),
])

interface WaitingReply extends Waiting {
  /** `sync`'s own reply is still to come, before the one that counts. */
  syncing: boolean
  readonly xid: number
}

export class ZooKeeperSpeaker implements Speaker {
  readonly exhausted = false
  readonly #wire: Wire
  readonly #syncs: boolean
  readonly #waiting = new WaitingQueue<WaitingReply>()
  readonly #rest = new Remainder()
  #state: 'connecting' | 'making the parent' | 'ready' = 'connecting'
  #nextXid = 1
  #ticksToPing = PING_TICKS

  /** @param syncs - a read is `sync` and then `getData`, answered when both are. */
  constructor(wire: Wire, syncs: boolean) {
    this.#wire = wire
    this.#syncs = syncs
  }

  get pending(): number {
    return this.#waiting.length
  }

  begin(): void {
    this.#wire.out.put(
      encodeConnectRequest({
        protocolVersion: 0,
        lastZxidSeen: 0,
        timeoutMs: SESSION_TIMEOUT_MS,
        sessionId: 0n,
        password: new Uint8Array(16),
        readOnly: false,
      }),
    )
    putCreate(this.#wire.out, XID.parent, PARENT, new Uint8Array(0))
  }

  submit(waiting: Waiting): void {
    const { operation } = waiting
    if (operation.type === 'scan') {
      setImmediate(waiting.done, 'scan: zookeeper has no range reads')
      return
    }
    const { out } = this.#wire
    const path = pathOf(operation.key)
    const xid = this.#takeXid()
    const syncing = operation.type === 'read' && this.#syncs
    if (operation.type === 'insert') putCreate(out, xid, path, operation.value)
    else if (operation.type === 'update') putSetData(out, xid, path, operation.value)
    else {
      if (syncing) putSync(out, xid, path)
      putGetData(out, xid, path)
    }
    this.#waiting.push({ ...waiting, syncing, xid })
  }

  onBytes(chunk: Buffer): void {
    const bytes = this.#rest.with(chunk)
    let at = 0
    while (bytes.length - at >= 4) {
      const length = bytes.readInt32BE(at)
      if (length < 0) throw new ProtocolError(`a packet of ${length} bytes`)
      const end = at + 4 + length
      if (end > bytes.length) break
      this.#onPacket(bytes, at + 4, end)
      at = end
    }
    this.#rest.keep(bytes, at)
  }

  onTick(overdueTick: number): void {
    const oldest = this.#waiting.peek()
    if (oldest !== undefined && oldest.beganTick <= overdueTick) return this.#wire.fail('no answer in time')
    if (--this.#ticksToPing > 0) return
    this.#ticksToPing = PING_TICKS
    putHeader(this.#wire.out, 8, XID.ping, OP.ping)
    this.#wire.wantsFlush()
  }

  fail(error: string): void {
    this.#waiting.failAll(error)
  }

  #onPacket(bytes: Buffer, from: number, end: number): void {
    if (this.#state === 'connecting') return this.#onConnected(bytes, from, end)
    if (end - from < HEADER_BYTES) throw new ProtocolError('a reply without a header')
    const xid = bytes.readInt32BE(from)
    if (xid === XID.ping || xid === XID.notification) return
    const err = bytes.readInt32BE(from + 12)
    if (this.#state === 'ready') return this.#onReply(xid, err, bytes, from + HEADER_BYTES)
    if (err !== 0 && err !== ERR.nodeExists) throw new ProtocolError(`create ${PARENT}: error ${err}`)
    this.#state = 'ready'
    this.#wire.ready()
  }

  #onConnected(bytes: Buffer, from: number, end: number): void {
    if (end - from < 8 || bytes.readInt32BE(from + 4) <= 0) throw new ProtocolError('no session was granted')
    this.#state = 'making the parent'
  }

  #onReply(xid: number, err: number, bytes: Buffer, body: number): void {
    const waiting = this.#waiting.peek()
    if (waiting?.xid !== xid) throw new ProtocolError(`a reply out of order: ${xid}`)
    // Should sync fail, so does the session: ZooKeeper has no error of sync alone.
    if (waiting.syncing && err === 0) {
      waiting.syncing = false
      return
    }
    if (waiting.syncing) throw new ProtocolError(`sync: error ${err}`)
    this.#waiting.shift()
    const { operation } = waiting
    if (err === ERR.nodeExists && operation.type === 'insert') return this.#overwrite(waiting)
    const isAbsent = err === ERR.noNode && operation.type === 'read'
    if (err === 0 && operation.type === 'read' && waiting.onValue !== null) {
      const length = bytes.readInt32BE(body)
      waiting.onValue(length < 0 ? new Uint8Array(0) : bytes.subarray(body + 4, body + 4 + length))
    } else waiting.onValue?.(null)
    waiting.done(err === 0 || isAbsent ? null : `${operation.type} ${pathOf(operation.key)}: error ${err}`)
  }

  /** An insert of what is there (a load that is repeated) writes all the same, as the other stores do. */
  #overwrite(waiting: WaitingReply): void {
    const { operation } = waiting
    if (operation.type !== 'insert') return
    this.submit({ ...waiting, operation: { ...operation, type: 'update' } })
    this.#wire.wantsFlush()
  }

  #takeXid(): number {
    const xid = this.#nextXid
    this.#nextXid = xid === XID_MAX ? 1 : xid + 1
    return xid
  }
}

const PLAIN = /^[\w:=@+-]+$/

/** A key as the last component of a path: what a path cannot hold, and `%` itself, is written as `%` and two hexadecimal digits. */
export function pathOf(key: string): string {
  if (PLAIN.test(key)) return `${PARENT}/${key}`
  const escaped = key.replace(/[^\w:=@+-]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return `${PARENT}/${escaped}`
}

function putHeader(out: OutBuffer, length: number, xid: number, code: number): void {
  out.reserve(12)
  const { bytes } = out
  const at = bytes.writeInt32BE(length, out.end)
  out.end = bytes.writeInt32BE(code, bytes.writeInt32BE(xid, at))
}

function putPath(out: OutBuffer, path: string): void {
  out.int32(path.length)
  out.text(path)
}

function putData(out: OutBuffer, data: Uint8Array): void {
  out.int32(data.length)
  out.put(data)
}

function putGetData(out: OutBuffer, xid: number, path: string): void {
  putHeader(out, 8 + 4 + path.length + 1, xid, OP.getData)
  putPath(out, path)
  out.byte(0) // no watch
}

function putSync(out: OutBuffer, xid: number, path: string): void {
  putHeader(out, 8 + 4 + path.length, xid, OP.sync)
  putPath(out, path)
}

function putSetData(out: OutBuffer, xid: number, path: string, data: Uint8Array): void {
  putHeader(out, 8 + 4 + path.length + 4 + data.length + 4, xid, OP.setData)
  putPath(out, path)
  putData(out, data)
  out.int32(-1) // any version
}

function putCreate(out: OutBuffer, xid: number, path: string, data: Uint8Array): void {
  putHeader(out, 8 + 4 + path.length + 4 + data.length + OPEN_ACL_AND_FLAGS.length, xid, OP.create)
  putPath(out, path)
  putData(out, data)
  out.put(OPEN_ACL_AND_FLAGS)
}
