import { describe, expect, test } from 'vitest'
import { ZK_ERRORS } from '../../../protocol/zookeeper/errors.ts'
import { EVENT_TYPES, type Request, type Response, SYNC_CONNECTED } from '../../../protocol/zookeeper/ops.ts'
import {
  decodeConnectRequest,
  decodeConnectResponse,
  decodeNotification,
  decodeRequest,
  decodeResponse,
  encodeConnectRequest,
  encodeConnectResponse,
  encodeNotification,
  encodeReply,
  encodeRequest,
  readReply,
} from '../../../protocol/zookeeper/packets.ts'
import type { Acl, Stat } from '../../../protocol/zookeeper/records.ts'

const fromHex = (hex: string) => Uint8Array.from(Buffer.from(hex.replace(/[\s|]/g, ''), 'hex'))
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const utf8 = (text: string) => new TextEncoder().encode(text)
const withoutLength = (frame: Uint8Array) => frame.subarray(4)

const OPEN: Acl[] = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]
const ZERO8 = '0000000000000000'
const ROOT_STAT: Stat = {
  czxid: 0,
  mzxid: 0,
  ctime: 0,
  mtime: 0,
  version: 0,
  cversion: -1,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 1,
  pzxid: 0,
}

// Recorded from ZooKeeper 3.8.0 (test vectors of the protocol's specification).
const REQUESTS: Record<string, { xid: number; request: Request; hex: string }> = {
  'exists /': {
    xid: 1,
    request: { type: 'exists', path: '/', watch: false },
    hex: '0000000e 00000001 00000003 00000001 2f 00',
  },
  'create /a': {
    xid: 2,
    request: { type: 'create', path: '/a', data: utf8('hi'), acl: OPEN, flags: 0 },
    hex:
      '00000033 00000002 00000001 00000002 2f61 00000002 6869 00000001 0000001f 00000005 776f726c64 ' +
      '00000006 616e796f6e65 00000000',
  },
  'getData /a, watched': {
    xid: 3,
    request: { type: 'getData', path: '/a', watch: true },
    hex: '0000000f 00000003 00000004 00000002 2f61 01',
  },
  'setData /a': {
    xid: 4,
    request: { type: 'setData', path: '/a', data: utf8('yo'), version: 0 },
    hex: '00000018 00000004 00000005 00000002 2f61 00000002 796f 00000000',
  },
  'delete /nope': {
    xid: 5,
    request: { type: 'delete', path: '/nope', version: -1 },
    hex: '00000015 00000005 00000002 00000005 2f6e6f7065 ffffffff',
  },
  multi: {
    xid: 6,
    request: {
      type: 'multi',
      ops: [
        { type: 'check', path: '/a', version: 1 },
        { type: 'delete', path: '/nope', version: -1 },
      ],
    },
    hex:
      '0000003a 00000006 0000000e | 0000000d 00 ffffffff 00000002 2f61 00000001 | ' +
      '00000002 00 ffffffff 00000005 2f6e6f7065 ffffffff | ffffffff 01 ffffffff',
  },
  ping: { xid: -2, request: { type: 'ping' }, hex: '00000008 fffffffe 0000000b' },
  closeSession: { xid: 7, request: { type: 'closeSession' }, hex: '00000008 00000007 fffffff5' },
}

type ReplyVector = { header: [number, number, number]; response: Response | null; hex: string }
const REPLIES: Record<string, ReplyVector> = {
  'exists /': {
    header: [1, 1, 0],
    response: { type: 'exists', stat: ROOT_STAT },
    hex:
      `00000054 00000001 0000000000000001 00000000 ${ZERO8}${ZERO8}${ZERO8}${ZERO8} 00000000 ffffffff 00000000 ` +
      `${ZERO8} 00000000 00000001 ${ZERO8}`,
  },
  'create /a': {
    header: [2, 2, 0],
    response: { type: 'create', path: '/a' },
    hex: '00000016 00000002 0000000000000002 00000000 00000002 2f61',
  },
  'delete /nope: NoNode': {
    header: [5, 4, ZK_ERRORS.NoNode],
    response: null,
    hex: '00000010 00000005 0000000000000004 ffffff9b',
  },
  'failed multi': {
    header: [6, 5, 0],
    response: {
      type: 'multi',
      results: [
        { type: 'error', err: 0 },
        { type: 'error', err: ZK_ERRORS.NoNode },
      ],
    },
    hex:
      '00000033 00000006 0000000000000005 00000000 | ffffffff 00 00000000 00000000 | ' +
      'ffffffff 00 ffffff9b ffffff9b | ffffffff 01 ffffffff',
  },
  ping: {
    header: [-2, 5, 0],
    response: { type: 'ping' },
    hex: '00000010 fffffffe 0000000000000005 00000000',
  },
  closeSession: {
    header: [7, 6, 0],
    response: { type: 'closeSession' },
    hex: '00000010 00000007 0000000000000006 00000000',
  },
}

describe('requests as ZooKeeper 3.8.0 took them', () => {
  test.each(Object.entries(REQUESTS))('%s', (_name, { xid, request, hex }) => {
    expect(hexOf(encodeRequest(xid, request))).toBe(hexOf(fromHex(hex)))
    expect(decodeRequest(withoutLength(fromHex(hex)))).toEqual({ type: 'request', xid, request })
  })
})

describe('replies as ZooKeeper 3.8.0 gave them', () => {
  test.each(Object.entries(REPLIES))('%s', (_name, { header: [xid, zxid, err], response, hex }) => {
    expect(hexOf(encodeReply({ xid, zxid, err }, response))).toBe(hexOf(fromHex(hex)))
    const { header, body } = readReply(withoutLength(fromHex(hex)))
    expect(header).toEqual({ xid, zxid, err })
    if (response !== null) expect(decodeResponse(response.type, body)).toEqual(response)
    expect(body.remaining).toBe(0)
  })

  test('the notification that precedes the reply of setData', () => {
    const hex = '0000001e ffffffff ffffffffffffffff 00000000 00000003 00000003 00000002 2f61'
    const event = { type: EVENT_TYPES.dataChanged, state: SYNC_CONNECTED, path: '/a' }
    expect(hexOf(encodeNotification(event))).toBe(hexOf(fromHex(hex)))
    const { header, body } = readReply(withoutLength(fromHex(hex)))
    expect(header).toEqual({ xid: -1, zxid: -1, err: 0 })
    expect(decodeNotification(body)).toEqual(event)
  })

  test('getData: length 0x5a with 2 bytes of data', () => {
    const reply = encodeReply(
      { xid: 3, zxid: 2, err: 0 },
      { type: 'getData', data: utf8('hi'), stat: ROOT_STAT },
    )
    expect(hexOf(reply).slice(0, 8)).toBe('0000005a')
  })

  test('a reply with an error has no body', () => {
    expect(
      encodeReply({ xid: 1, zxid: 2, err: ZK_ERRORS.NoNode }, { type: 'create', path: '/a' }),
    ).toHaveLength(20)
  })
})

describe('connecting', () => {
  const zeros = new Uint8Array(16)
  const request = {
    protocolVersion: 0,
    lastZxidSeen: 0,
    timeoutMs: 10_000,
    sessionId: 0n,
    password: zeros,
    readOnly: false,
  }

  test('a request of 45 bytes, its answer of 37', () => {
    const requestHex = `0000002d 00000000 ${ZERO8} 00002710 ${ZERO8} 00000010 ${ZERO8}${ZERO8} 00`
    expect(hexOf(encodeConnectRequest(request))).toBe(hexOf(fromHex(requestHex)))
    expect(decodeConnectRequest(withoutLength(fromHex(requestHex)))).toEqual(request)

    const responseHex =
      '00000025 00000000 00002710 01000041ff3d0000 00000010 99d117fcb2e514709f845c434b9ac187 00'
    const response = decodeConnectResponse(withoutLength(fromHex(responseHex)))
    expect(response).toMatchObject({ timeoutMs: 10_000, sessionId: 0x01000041ff3d0000n, readOnly: false })
    expect(hexOf(encodeConnectResponse(response))).toBe(hexOf(fromHex(responseHex)))
  })

  test('clients that send no readOnly get none: 44 bytes, 36 back', () => {
    const frame = encodeConnectRequest({ ...request, readOnly: null })
    expect(frame).toHaveLength(4 + 44)
    expect(decodeConnectRequest(withoutLength(frame)).readOnly).toBeNull()
    const answer = { protocolVersion: 0, timeoutMs: 0, sessionId: 0n, password: zeros, readOnly: null }
    expect(encodeConnectResponse(answer)).toHaveLength(4 + 36)
  })
})
