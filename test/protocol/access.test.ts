import { describe, expect, test } from 'vitest'
import {
  ANYBODY,
  type Grant,
  grantFromText,
  isAdmin,
  MEMBER,
  mayOver,
  type Principal,
  refusalOf,
} from '../../protocol/access.ts'
import type { ClientMessage } from '../../protocol/client-messages.ts'
import type { ReadCommand, WriteCommand } from '../../protocol/commands.ts'
import { asChainId, asKey, asMillis, asSeq } from '../../protocol/ids.ts'

const ann = (...grants: string[]): Principal => ({
  name: 'ann',
  member: false,
  grants: grants.map(grantFromText) as Grant[],
})
const chain = asChainId('c0')
const value = new Uint8Array(1)
const read = (command: ReadCommand): ClientMessage => ({
  type: 'read',
  call: 1,
  chain,
  command,
  options: { consistency: { type: 'strong' }, atLeast: asSeq(0) },
})
const write = (command: WriteCommand): ClientMessage => ({
  type: 'write',
  call: 1,
  chain,
  identity: null,
  command,
})
const get = (...keys: string[]) => read({ type: 'get', keys: keys.map(asKey) })
const put = (key: string) =>
  write({ type: 'put', key: asKey(key), value, expiry: { type: 'keep' }, condition: null })

describe('grants', () => {
  test('a role holds over the keys that begin with its prefix, and brings the lesser ones', () => {
    const writer = ann('write:users/')
    expect(mayOver(writer, 'read', asKey('users/7'))).toBe(true)
    expect(mayOver(writer, 'write', asKey('users/'))).toBe(true)
    expect(mayOver(writer, 'admin', asKey('users/7'))).toBe(false)
    expect(mayOver(writer, 'read', asKey('user'))).toBe(false)
    expect(mayOver(writer, 'read', asKey(''))).toBe(false)
  })

  test('several grants add up', () => {
    const both = ann('read:', 'write:a')
    expect(refusalOf(both, get('z'))).toBeNull()
    expect(refusalOf(both, put('ab'))).toBeNull()
    expect(refusalOf(both, put('z'))).toBe('user ann may not write "z"')
  })

  test('nobody without a grant gets at a key, whoever has the secret at all', () => {
    expect(refusalOf(ann(), get('a'))).toMatch(/may not read/)
    for (const principal of [ANYBODY, MEMBER]) {
      expect(refusalOf(principal, put('a'))).toBeNull()
      expect(isAdmin(principal)).toBe(true)
    }
    expect(isAdmin(ann('admin:x'))).toBe(false)
  })

  test('grants are written role:prefix', () => {
    expect(grantFromText('write:a:b')).toEqual({ role: 'write', prefix: 'a:b' })
    expect(grantFromText('read:')).toEqual({ role: 'read', prefix: '' })
    expect(grantFromText('read:é')).toEqual({ role: 'read', prefix: '\u00c3\u00a9' })
    expect(grantFromText('owner:a')).toBeNull()
    expect(grantFromText('read')).toBeNull()
  })
})

describe('what a message needs', () => {
  test('every key of a read; the prefix of a scan and of a watch', () => {
    const reader = ann('read:a')
    expect(refusalOf(reader, get('a1', 'a2'))).toBeNull()
    expect(refusalOf(reader, get('a1', 'b'))).toBe('user ann may not read "b"')
    const scan = (prefix: string) => read({ type: 'scan', prefix: asKey(prefix), after: null, limit: 1 })
    expect(refusalOf(reader, scan('ab'))).toBeNull()
    expect(refusalOf(reader, scan(''))).toBe('user ann may not read all keys')
    const changes = (prefix: string): ClientMessage => ({
      type: 'changes',
      call: 1,
      chain,
      command: { type: 'changes', prefix: asKey(prefix), after: null, limit: 1, waitMs: asMillis(0) },
    })
    expect(refusalOf(reader, changes('a'))).toBeNull()
    expect(refusalOf(reader, changes(''))).toMatch(/may not read all keys/)
  })

  test('a transaction needs to read what it compares and reads, and to write what it writes', () => {
    const both = ann('read:r', 'write:w')
    const transaction = (compared: string, asked: string, written: string) =>
      write({
        type: 'transaction',
        compares: [{ key: asKey(compared), condition: { type: 'present' } }],
        reads: [asKey(asked)],
        writes: [{ type: 'delete', key: asKey(written) }],
      })
    expect(refusalOf(both, transaction('r', 'r', 'w'))).toBeNull()
    expect(refusalOf(both, transaction('x', 'r', 'w'))).toMatch(/may not read "x"/)
    expect(refusalOf(both, transaction('r', 'x', 'w'))).toMatch(/may not read "x"/)
    expect(refusalOf(both, transaction('r', 'r', 'r'))).toMatch(/may not write "r"/)
  })

  test('a session, the map and the status are for whoever got in', () => {
    expect(refusalOf(ann(), write({ type: 'open-session' }))).toBeNull()
    expect(refusalOf(ann(), { type: 'map-request', call: 1 })).toBeNull()
    expect(refusalOf(ann(), { type: 'status-request', call: 1 })).toBeNull()
  })
})
