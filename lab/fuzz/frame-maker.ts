/** Frames that a client of the ZooKeeper door might send, and then again might not. */
import { type FieldType, JuteWriter, type Layout } from '../../protocol/zookeeper/jute.ts'
import { MULTI_OPS } from '../../protocol/zookeeper/multi.ts'
import { OPS, type OpName } from '../../protocol/zookeeper/ops.ts'
import { encodeConnectRequest } from '../../protocol/zookeeper/packets.ts'
import { PATH_AND_WATCH } from '../../protocol/zookeeper/records.ts'
import type { Rng } from '../simulator/kernel/rng.ts'
import { changedOnce, putInt, randomBytes } from './mutations.ts'

export interface KnownSession {
  readonly sessionId: bigint
  readonly password: Uint8Array
}

/** Few, so that operations meet. */
const GOOD_PATHS = ['/a', '/a', '/a', '/b', '/b', '/a/b', '/a/b', '/a/b/c', '/c', '/c/d', '/a/n-']
/** Illegal ones, and those that mean something to the server. */
const ODD_PATHS = [
  ...['/', '', '/zookeeper', '/zookeeper/config', '/zookeeper/quota', '/zookeeper/quota/a/zookeeper_limits'],
  ...[
    'a',
    '//',
    '/a//b',
    '/a/',
    '/a/.',
    '/a/../b',
    '/\0',
    '/a\0b',
    '/\u001f',
    '/\u009f',
    '/\ud800',
    '/\uf8ff',
  ],
  ...['/\ufffe', '/é', '/日本', '/😀', `/${'x'.repeat(2_000)}`, '/deep'.repeat(200), '/..', '/./a', '/b/'],
]
const SCHEMES = ['world', 'digest', 'ip', 'auth', 'super', 'sasl', 'x509', '', 'nobody', '__proto__']
const IDS = ['anyone', 'u:p', 'u:x:y', '127.0.0.1', '127.0.0.1/8', '::1/200', '1.2.3.4/99', '', 'a/b']
const INTS = [-1, 0, 1, 2, 3, 4, 5, 6, 7, 31, -2, -100, 0x7fffffff, -0x80000000, 0xfffff, 1 << 20]
const LONGS = [0, 1, -1, 1000, 2 ** 40, 2 ** 40 - 1, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER]
/** Op codes that no row has, and those of the server alone. */
const ODD_CODES = [0, -1, 10, 20, 102, 108, 1000, -10, -12, -100, 0x7fffffff, -0x80000000]
const XIDS = [-1, -2, -4, -8, 0, 0x7fffffff]
const OP_NAMES = Object.keys(OPS) as OpName[]
const MULTI_NAMES = Object.keys(MULTI_OPS) as (keyof typeof MULTI_OPS)[]
const FRAME_BYTES_MAX = 0xfffff
const WORDS = 'ruok isro srvr stat cons conf envi mntr dump wchs wchc wchp dirs crst srst gtmk hash'.split(
  ' ',
)

export class FrameMaker {
  readonly #rng: Rng
  #xid = 0
  /** Pieces of frames made before, to be put into others. */
  #last: Uint8Array = new Uint8Array(8)

  constructor(rng: Rng) {
    this.#rng = rng
  }

  /** A frame of any operation: sometimes as it should be, mostly changed. */
  frame(): Uint8Array {
    const frame = this.#request(this.#opName())
    const changed = this.#rng.chance(0.2) ? frame : this.#changed(frame)
    this.#last = frame
    return changed
  }

  #opName(): OpName {
    const name = this.#rng.pick(OP_NAMES)
    return name === 'closeSession' && this.#rng.chance(0.95) ? 'create' : name
  }

  #request(name: OpName): Uint8Array {
    const writer = new JuteWriter()
    writer.int(0)
    this.#xid += 1
    writer.int(this.#rng.chance(0.05) ? this.#rng.pick(XIDS) : this.#xid)
    writer.int(OPS[name].code)
    this.#record(writer, OPS[name].request, name)
    writer.patchInt(0, writer.length - 4)
    return writer.take()
  }

  #record(writer: JuteWriter, layout: Layout, name: string): void {
    for (const [field, type] of layout.fields) this.#field(writer, type, field, name)
  }

  #field(writer: JuteWriter, type: FieldType, field: string, op: string): void {
    const rng = this.#rng
    if (typeof type !== 'string') {
      if ('fields' in type) this.#record(writer, type, op)
      else if ('vectorOf' in type) this.#vector(writer, type.vectorOf, field, op)
      else this.#parts(writer, op)
      return
    }
    switch (type) {
      case 'bool':
      case 'bool?':
        writer.bool(rng.chance(0.5))
        break
      case 'int':
        writer.int(this.#int(field))
        break
      case 'long':
        writer.long(rng.pick(LONGS))
        break
      case 'id':
        writer.id(BigInt(rng.pick(LONGS)))
        break
      case 'buffer':
        writer.buffer(rng.chance(0.1) ? null : randomBytes(rng, rng.scale(1, 200)))
        break
      case 'ustring':
        writer.ustring(this.#string(field))
        break
    }
  }

  #int(field: string): number {
    const rng = this.#rng
    if (field === 'version' && rng.chance(0.7)) return -1
    if (field === 'perms' && rng.chance(0.9)) return 31
    if (field === 'flags' && rng.chance(0.9)) return rng.between(0, 6)
    if (field === 'mode' && rng.chance(0.8)) return rng.below(2)
    if (field === 'watcherType' && rng.chance(0.8)) return rng.between(1, 5)
    return rng.pick(INTS)
  }

  #string(field: string): string {
    if (field === 'scheme') return this.#rng.chance(0.8) ? 'world' : this.#rng.pick(SCHEMES)
    if (field === 'id') return this.#rng.chance(0.8) ? 'anyone' : this.#rng.pick(IDS)
    return this.#rng.pick(this.#rng.chance(0.75) ? GOOD_PATHS : ODD_PATHS)
  }

  #vector(writer: JuteWriter, item: FieldType, field: string, op: string): void {
    const count = field === 'acl' && this.#rng.chance(0.9) ? 1 : this.#rng.below(this.#rng.scale(1, 20))
    writer.int(count)
    for (let n = 0; n < count; n += 1) this.#field(writer, item, field, op)
  }

  /** What a multi or a multiRead holds. */
  #parts(writer: JuteWriter, op: string): void {
    const rng = this.#rng
    for (let left = rng.between(0, 5); left > 0; left -= 1) {
      const name = rng.pick(MULTI_NAMES)
      const row = op === 'multi' ? MULTI_OPS[name] : { code: rng.pick([4, 8]), request: PATH_AND_WATCH }
      writer.int(row.code)
      writer.bool(false)
      writer.int(-1)
      this.#record(writer, row.request, name)
    }
    writer.int(-1)
    writer.bool(true)
    writer.int(-1)
  }

  // What is changed.

  #changed(frame: Uint8Array): Uint8Array {
    const rng = this.#rng
    let body: Uint8Array = frame.slice(4)
    const code = rng.fraction()
    if (code < 0.02) putInt(body, 4, rng.pick(ODD_CODES))
    else if (code < 0.1) putInt(body, 4, OPS[rng.pick(OP_NAMES)].code)
    for (let changes = rng.chance(0.7) ? 1 : rng.scale(2, 8); changes > 0; changes -= 1)
      body = changedOnce(rng, body, { headerBytes: 8, numbers: INTS, other: this.#last })
    const framed = new Uint8Array(4 + body.length)
    framed.set(body, 4)
    putInt(framed, 0, this.#lengthOf(body))
    return framed
  }

  /** Rarely a lie: one puts everything behind it out of step. */
  #lengthOf(body: Uint8Array): number {
    const rng = this.#rng
    if (rng.chance(0.997)) return body.length
    return rng.chance(0.5)
      ? rng.pick([-1, -0x80000000, FRAME_BYTES_MAX + 1, 0x7fffffff])
      : rng.between(0, body.length * 2)
  }

  /** How a connection begins. */
  greeting(known: readonly KnownSession[]): Uint8Array {
    const rng = this.#rng
    const how = rng.fraction()
    if (how < 0.03) return new TextEncoder().encode(rng.pick(WORDS))
    if (how < 0.05) return randomBytes(rng, rng.between(1, 100))
    const old = how < 0.2 && known.length > 0 ? rng.pick(known) : null
    const frame = encodeConnectRequest({
      protocolVersion: 0,
      lastZxidSeen: how < 0.07 ? 2 ** 40 : 0,
      timeoutMs: rng.pick([1, 1_000, 4_000, 0x7fffffff, -1]),
      sessionId: old?.sessionId ?? 0n,
      password: old?.password ?? new Uint8Array(16),
      readOnly: rng.pick([false, true, null]),
    })
    return how > 0.9 ? this.#changed(frame) : frame
  }
}
