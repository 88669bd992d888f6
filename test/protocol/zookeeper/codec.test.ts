import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameSplitter, PACKET_BYTES_MAX } from '../../../protocol/zookeeper/frames.ts'
import { JuteError, JuteReader, JuteWriter } from '../../../protocol/zookeeper/jute.ts'
import type { OpName, Request, Response } from '../../../protocol/zookeeper/ops.ts'
import { OPS } from '../../../protocol/zookeeper/ops.ts'
import {
  decodeConnectRequest,
  decodeNotification,
  decodeRequest,
  decodeResponse,
  encodeReply,
  encodeRequest,
  readReply,
} from '../../../protocol/zookeeper/packets.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const acl = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]
const stat = {
  czxid: 1,
  mzxid: 2 ** 40,
  ctime: 1_700_000_000_000,
  mtime: 4,
  version: 5,
  cversion: -6,
  aversion: 7,
  ephemeralOwner: 0x01ff_ffff_ffff_ffffn,
  dataLength: 8,
  numChildren: 9,
  pzxid: -1,
}

const REQUESTS: { [N in OpName]: Extract<Request, { type: N }> } = {
  create: { type: 'create', path: '/é', data: null, acl, flags: 3 },
  create2: { type: 'create2', path: '/a', data: new Uint8Array(0), acl: [], flags: 0 },
  delete: { type: 'delete', path: '/a', version: -1 },
  exists: { type: 'exists', path: '/a', watch: true },
  getData: { type: 'getData', path: '', watch: false },
  setData: { type: 'setData', path: '/a', data: utf8('x'), version: 2 ** 31 - 1 },
  getChildren: { type: 'getChildren', path: '/', watch: true },
  getChildren2: { type: 'getChildren2', path: '/', watch: true },
  sync: { type: 'sync', path: '/' },
  ping: { type: 'ping' },
  check: { type: 'check', path: '/a', version: 0 },
  multi: {
    type: 'multi',
    ops: [
      { type: 'create', path: '/m', data: utf8('m'), acl, flags: 0 },
      { type: 'create2', path: '/m', data: null, acl, flags: 1 },
      { type: 'setData', path: '/m', data: null, version: 1 },
      { type: 'delete', path: '/m', version: 2 },
    ],
  },
  checkWatches: { type: 'checkWatches', path: '/a', watcherType: 3 },
  removeWatches: { type: 'removeWatches', path: '/a', watcherType: 1 },
  setWatches2: {
    type: 'setWatches2',
    relativeZxid: 77,
    data: ['/a'],
    exist: [],
    child: [],
    persistent: ['/p'],
    persistentRecursive: ['/q', '/r'],
  },
  addWatch: { type: 'addWatch', path: '/a', mode: 1 },
  setWatches: { type: 'setWatches', relativeZxid: 77, data: ['/a', '/b'], exist: [], child: ['/c'] },
  getACL: { type: 'getACL', path: '/a' },
  setACL: { type: 'setACL', path: '/a', acl, version: -1 },
  createContainer: { type: 'createContainer', path: '/a', data: null, acl, flags: 4 },
  createTTL: { type: 'createTTL', path: '/a', data: null, acl, flags: 5, ttlMs: -1n },
  reconfig: {
    type: 'reconfig',
    joining: 'server.4=h:1:2;3',
    leaving: '1',
    newMembers: '',
    currentConfigId: -1,
  },
  multiRead: {
    type: 'multiRead',
    ops: [
      { type: 'getData', path: '/a', watch: false },
      { type: 'getChildren', path: '/b', watch: true },
    ],
  },
  auth: { type: 'auth', authType: 0, scheme: 'digest', auth: utf8('u:p') },
  sasl: { type: 'sasl', token: null },
  getEphemerals: { type: 'getEphemerals', prefix: '/a' },
  getAllChildrenNumber: { type: 'getAllChildrenNumber', path: '/a' },
  whoAmI: { type: 'whoAmI' },
  closeSession: { type: 'closeSession' },
}

const RESPONSES: { [N in OpName]: Extract<Response, { type: N }> } = {
  create: { type: 'create', path: '/a' },
  create2: { type: 'create2', path: '/a', stat },
  delete: { type: 'delete' },
  exists: { type: 'exists', stat },
  getData: { type: 'getData', data: null, stat },
  setData: { type: 'setData', stat },
  getChildren: { type: 'getChildren', children: ['a', 'b'] },
  getChildren2: { type: 'getChildren2', children: [], stat },
  sync: { type: 'sync', path: '/' },
  ping: { type: 'ping' },
  check: { type: 'check' },
  multi: {
    type: 'multi',
    results: [
      { type: 'create', path: '/a' },
      { type: 'create2', path: '/a', stat },
      { type: 'setData', stat },
      { type: 'delete' },
      { type: 'check' },
      { type: 'error', err: -103 },
    ],
  },
  checkWatches: { type: 'checkWatches' },
  removeWatches: { type: 'removeWatches' },
  setWatches2: { type: 'setWatches2' },
  addWatch: { type: 'addWatch', err: 0 },
  setWatches: { type: 'setWatches' },
  getACL: { type: 'getACL', acl, stat },
  setACL: { type: 'setACL', stat },
  createContainer: { type: 'createContainer', path: '/a', stat },
  createTTL: { type: 'createTTL', path: '/a', stat },
  reconfig: { type: 'reconfig', data: utf8('server.1=h'), stat },
  multiRead: {
    type: 'multiRead',
    results: [
      { type: 'getData', data: utf8('x'), stat },
      { type: 'error', err: -101 },
      { type: 'getChildren', children: ['a'] },
    ],
  },
  auth: { type: 'auth' },
  sasl: { type: 'sasl', token: utf8('t') },
  getEphemerals: { type: 'getEphemerals', paths: ['/a', '/b'] },
  getAllChildrenNumber: { type: 'getAllChildrenNumber', total: 5 },
  whoAmI: { type: 'whoAmI', identities: [{ scheme: 'ip', user: '127.0.0.1' }] },
  closeSession: { type: 'closeSession' },
}

const names = Object.keys(OPS) as OpName[]

describe('every operation survives the trip', () => {
  test.each(names)('%s', (name) => {
    const request = encodeRequest(9, REQUESTS[name]).subarray(4)
    expect(decodeRequest(request)).toEqual({ type: 'request', xid: 9, request: REQUESTS[name] })
    const { body } = readReply(encodeReply({ xid: 9, zxid: 1, err: 0 }, RESPONSES[name]).subarray(4))
    expect(decodeResponse(name, body)).toEqual(RESPONSES[name])
    expect(body.remaining).toBe(0)
  })

  test('op codes are distinct', () => {
    expect(new Set(names.map((name) => OPS[name].code)).size).toBe(names.length)
  })
})

describe('scalars', () => {
  const written = (write: (writer: JuteWriter) => void) => {
    const writer = new JuteWriter(1)
    write(writer)
    return new JuteReader(writer.take())
  }

  test('longs keep their sign and 53 bits', () => {
    const safe = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER })
    fc.assert(fc.property(safe, (n) => written((w) => w.long(n)).long() === n))
  })

  test('a long beyond 53 bits is malformed, an id is not', () => {
    const largest = 2n ** 63n - 1n
    expect(() => written((w) => w.id(largest)).long()).toThrow(JuteError)
    expect(written((w) => w.id(largest)).id()).toBe(largest)
    expect(written((w) => w.id(-1n)).long()).toBe(-1)
  })

  test('strings are UTF-8, a byte order mark included; null reads as empty', () => {
    const text = fc.string({ unit: 'grapheme' })
    fc.assert(fc.property(text, (s) => written((w) => w.ustring(s)).ustring() === s))
    expect(written((w) => w.ustring('\ufeffa')).ustring()).toBe('\ufeffa')
    expect(written((w) => w.int(-1)).ustring()).toBe('')
  })

  test('null and empty buffers are kept apart', () => {
    expect(written((w) => w.buffer(null)).buffer()).toBeNull()
    expect(written((w) => w.buffer(new Uint8Array(0))).buffer()).toEqual(new Uint8Array(0))
  })

  test.each([-2, -(2 ** 31), 2 ** 31 - 1, 5])('a length or count of %d is refused', (length) => {
    expect(() => written((w) => w.int(length)).buffer()).toThrow(JuteError)
    expect(() => written((w) => w.int(length)).count()).toThrow(JuteError)
  })
})

describe('malformed packets', () => {
  test('an unknown operation, also 0, keeps its xid', () => {
    for (const code of [0, 999]) {
      const packet = new JuteWriter()
      packet.int(5)
      packet.int(code)
      expect(decodeRequest(packet.take())).toEqual({ type: 'unknown-op', xid: 5, code })
    }
  })

  test('a body cut short keeps its xid; a header cut short throws', () => {
    const packet = encodeRequest(5, REQUESTS.create).subarray(4)
    expect(decodeRequest(packet.subarray(0, 20))).toMatchObject({ type: 'malformed', xid: 5 })
    expect(() => decodeRequest(packet.subarray(0, 7))).toThrow(JuteError)
  })

  test('a kind that a multi may not hold spoils the whole request', () => {
    const packet = encodeRequest(5, REQUESTS.multi)
    const changed = packet.slice(4)
    new DataView(changed.buffer).setInt32(8, 4) // getData
    expect(decodeRequest(changed)).toMatchObject({ type: 'malformed', xid: 5 })
  })

  test('bytes after the record are ignored', () => {
    const packet = new Uint8Array([...encodeRequest(5, REQUESTS.exists).subarray(4), 1, 2, 3])
    expect(decodeRequest(packet)).toMatchObject({ type: 'request', request: REQUESTS.exists })
  })

  test('100,000 mutated packets: nothing is thrown but JuteError', () => {
    const requests = names.map((name) => encodeRequest(1, REQUESTS[name]).subarray(4))
    const replies = names.map((name) => encodeReply({ xid: 1, zxid: 2, err: 0 }, RESPONSES[name]).subarray(4))
    const seeds = [...requests, ...replies]
    const random = lcg(20)
    let refused = 0
    for (let round = 0; round < 100_000; round += 1) {
      const seed = seeds[round % seeds.length] ?? new Uint8Array(0)
      const packet = seed.slice(0, random(8) === 0 ? random(seed.length + 1) : seed.length)
      for (let flips = 1 + random(4); flips > 0 && packet.length > 0; flips -= 1) {
        packet[random(packet.length)] = random(3) === 0 ? 0xff : random(256)
      }
      if (!decodesOrRefuses(packet, names[round % names.length] ?? 'ping')) refused += 1
    }
    expect(refused).toBeGreaterThan(1_000)
  })
})

// True if every decoder took the packet; anything thrown but JuteError fails the test.
function decodesOrRefuses(packet: Uint8Array, name: OpName): boolean {
  const decoders = [
    () => decodeRequest(packet),
    () => decodeConnectRequest(packet),
    () => decodeResponse(name, readReply(packet).body),
    () => decodeNotification(readReply(packet).body),
  ]
  let all = true
  for (const decode of decoders) {
    try {
      decode()
    } catch (error) {
      if (!(error instanceof JuteError)) throw error
      all = false
    }
  }
  return all
}

/** A small repeatable source of numbers below a bound. */
function lcg(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}

describe('frames', () => {
  const stream = names.map((name) => encodeRequest(3, REQUESTS[name]))
  const joined = new Uint8Array(stream.flatMap((frame) => [...frame]))

  test('packets come out whole however the stream is cut', () => {
    const cuts = fc.array(fc.integer({ min: 0, max: joined.length }), { maxLength: 40 })
    fc.assert(
      fc.property(cuts, (unsorted) => {
        const splitter = new FrameSplitter()
        const at = [0, ...unsorted.sort((a, b) => a - b), joined.length]
        const packets = at.slice(1).flatMap((end, i) => splitter.push(joined.subarray(at[i], end)))
        expect(packets).toEqual(stream.map((frame) => frame.subarray(4)))
      }),
    )
  })

  test('a packet of exactly the limit passes, one byte more does not, nor does a negative length', () => {
    const header = (length: number) => {
      const writer = new JuteWriter()
      writer.int(length)
      return writer.take()
    }
    const splitter = new FrameSplitter()
    expect(splitter.push(header(PACKET_BYTES_MAX))).toEqual([])
    expect(splitter.push(new Uint8Array(PACKET_BYTES_MAX))[0]).toHaveLength(PACKET_BYTES_MAX)
    expect(() => new FrameSplitter().push(header(PACKET_BYTES_MAX + 1))).toThrow(JuteError)
    expect(() => new FrameSplitter().push(header(-1))).toThrow(JuteError)
    expect(() => new FrameSplitter().push(new TextEncoder().encode('ruok'))).toThrow(JuteError)
  })

  test('packets are copies: reusing the chunk does not change them', () => {
    const chunk = Uint8Array.from(joined)
    const packets = new FrameSplitter().push(chunk)
    chunk.fill(0)
    expect(packets[0]).toEqual(stream[0]?.subarray(4))
  })
})
