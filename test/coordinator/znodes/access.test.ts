import { describe, expect, test } from 'vitest'
import { isAllowed, OPEN_ACL } from '../../../coordinator/znodes/acl.ts'
import type { CommandOp } from '../../../coordinator/znodes/command.ts'
import {
  identitiesIn,
  identitiesOfAddress,
  NOBODY,
  SUPER,
  withIdentity,
} from '../../../coordinator/znodes/identities.ts'
import { isInNetwork, networkOf } from '../../../coordinator/znodes/networks.ts'
import {
  countDescendants,
  ownEphemerals,
  read,
  readAcl,
  readMulti,
  whoAmI,
} from '../../../coordinator/znodes/reads.ts'
import { nodeAt } from '../../../coordinator/znodes/tree.ts'
import { digestIdOf } from '../../../protocol/zookeeper/digest.ts'
import { ZK_ERRORS, type ZkErrorName } from '../../../protocol/zookeeper/errors.ts'
import { PERMS } from '../../../protocol/zookeeper/ops.ts'
import type { Acl, Id } from '../../../protocol/zookeeper/records.ts'
import { check, create, LOCALHOST, multi, OPEN, openTree, remove, setData, utf8 } from './tree-driver.ts'

const digest = (text: string): Id => ({ scheme: 'digest', id: digestIdOf(text) })
const ANN = withIdentity(LOCALHOST, digest('ann:1'))
const BOB = withIdentity(LOCALHOST, digest('bob:2'))
const ROOT_USER = withIdentity(LOCALHOST, SUPER)
const annMay = (perms: number): Acl[] => [{ perms, id: digest('ann:1') }]
const setAcl = (path: string, acl: readonly Acl[], version = -1) =>
  ({ type: 'setACL', path, acl, version }) as const
const container = (path: string, flags = 4) =>
  ({ type: 'createContainer', path, data: null, acl: OPEN, flags }) as const
const ttl = (path: string, ttlMs: bigint, flags = 5) =>
  ({ type: 'createTTL', path, data: null, acl: OPEN, flags, ttlMs }) as const

/** /open, /open/child, /locked (ann alone), /locked/child, /ephemeral. */
function furnished() {
  const world = openTree()
  for (const op of [create('/open'), create('/open/child'), create('/ephemeral', 1), create('/locked')])
    world.write(op)
  world.write(create('/locked/child'))
  world.write(setAcl('/locked', annMay(PERMS.all)))
  return world
}

describe('the first check that fails decides', () => {
  const BAD_ACL: Acl[] = [{ perms: 31, id: { scheme: 'nobody', id: 'x' } }]
  const rows: readonly (readonly [ZkErrorName, CommandOp])[] = [
    // create: flags, path, ACL, parent, CREATE, full path, exists, ephemeral parent
    ['BadArguments', create('none', 9, BAD_ACL)],
    ['BadArguments', create('none', 0, BAD_ACL)],
    ['BadArguments', create('/open/a', 5)],
    ['BadArguments', create('/open/a', 6)],
    ['InvalidAcl', create('/missing/a', 0, BAD_ACL)],
    ['InvalidAcl', create('/open/a', 0, [])],
    ['InvalidAcl', create('/open/a', 0, [{ perms: 31, id: { scheme: 'auth', id: '' } }])],
    ['NoNode', create('/missing//a')],
    ['NoAuth', create('/locked/..')],
    ['NoAuth', create('/locked/child')],
    ['BadArguments', create('/open/..')],
    ['NodeExists', create('/open/child')],
    ['NodeExists', create('/')],
    ['NoChildrenForEphemerals', create('/ephemeral/a')],
    ['NoAuth', create('/zookeeper/config/a')],
    // container and TTL: their own flags and a TTL that is one
    ['BadArguments', container('/open/c', 5)],
    ['BadArguments', ttl('/open/t', 0n)],
    ['BadArguments', ttl('/open/t', -1n)],
    ['BadArguments', ttl('/open/t', 2n ** 40n)],
    ['BadArguments', ttl('/open/t', 5n, 4)],
    ['NoNode', ttl('/missing/t', 2n ** 40n - 1n)],
    // delete: path, parent, DELETE on the parent, node, version, children
    ['BadArguments', remove('none')],
    ['BadArguments', remove('/zookeeper/quota')],
    ['NoNode', remove('/missing/a')],
    ['NoAuth', remove('/locked/missing')],
    ['NoNode', remove('/open/missing', 9)],
    ['BadVersion', remove('/open', 9)],
    ['NotEmpty', remove('/open', 0)],
    // setData: path, node, WRITE, version
    ['BadArguments', setData('/missing//a')],
    ['NoNode', setData('/missing')],
    ['NoAuth', setData('/locked', 'x', 9)],
    ['BadVersion', setData('/open', 'x', 9)],
    // setACL: path, ACL, node, ADMIN, version
    ['BadArguments', setAcl('/missing//a', BAD_ACL)],
    ['InvalidAcl', setAcl('/missing', BAD_ACL)],
    ['NoNode', setAcl('/missing', OPEN)],
    ['NoAuth', setAcl('/locked', OPEN, 9)],
    ['BadVersion', setAcl('/open', OPEN, 9)],
    // check: path, node, READ, version
    ['BadArguments', check('/missing//a')],
    ['NoNode', check('/missing')],
    ['NoAuth', check('/locked', 9)],
    ['BadVersion', check('/open', 9)],
  ]
  for (const [error, op] of rows) {
    test(`${op.type} ${'path' in op ? op.path : ''}: ${error}`, () => {
      const { driver, write } = furnished()
      const before = driver.tree.nodes.size
      expect(write(op)).toMatchObject({ err: ZK_ERRORS[error], response: null, changes: [] })
      expect(driver.tree.nodes.size).toBe(before)
    })
  }
})

describe('ACLs', () => {
  test('whoever has the identity may, whoever has not may not, and nothing stops super', () => {
    const { write } = furnished()
    for (const op of [setData('/locked'), create('/locked/a'), remove('/locked/a'), check('/locked')]) {
      expect(write(op, BOB).err).toBe(ZK_ERRORS.NoAuth)
      expect(write(op, ANN).err).toBe(0)
    }
    expect(write(setAcl('/locked', OPEN), BOB).err).toBe(ZK_ERRORS.NoAuth)
    expect(write(setAcl('/locked', annMay(PERMS.read)), ROOT_USER).err).toBe(0)
    expect(write(setData('/locked'), ANN).err).toBe(ZK_ERRORS.NoAuth)
  })

  test('in a multi, too: it fails as a whole', () => {
    const { driver, write } = furnished()
    const { response } = write(multi(create('/open/new'), setData('/locked')))
    expect(response).toMatchObject({ results: [{ err: 0 }, { err: ZK_ERRORS.NoAuth }] })
    expect(nodeAt(driver.tree, '/open/new')).toBeUndefined()
  })

  test('a setACL counts aversion and nothing else, and fires nothing', () => {
    const { driver, write } = furnished()
    const before = driver.stat('/open')
    const { response, changes } = write(setAcl('/open', annMay(PERMS.all), 0))
    expect(response).toEqual({ type: 'setACL', stat: { ...before, aversion: 1 } })
    expect(changes).toEqual([])
  })

  test('auth stands for every digest that the connection has shown, not for its address', () => {
    const { driver, write } = openTree()
    const both = withIdentity(ANN, digest('bob:2'))
    write(create('/a', 0, [{ perms: 3, id: { scheme: 'auth', id: 'ignored' } }]), both)
    expect(nodeAt(driver.tree, '/a')?.acl).toEqual([
      { perms: 3, id: digest('ann:1') },
      { perms: 3, id: digest('bob:2') },
    ])
  })

  test('a reader who is no administrator sees digests without their secret', () => {
    const { driver, write } = openTree()
    const world = { perms: PERMS.read, id: { scheme: 'world', id: 'anyone' } }
    write(create('/a', 0, [...annMay(PERMS.all), world]))
    const shown = (identities: typeof ANN) => readAcl(driver.tree, '/a', identities).response
    expect(shown(ANN)).toMatchObject({ acl: [{ id: digest('ann:1') }, world] })
    expect(shown(BOB)).toMatchObject({ acl: [{ id: { scheme: 'digest', id: 'ann:x' } }, world] })
    write(setAcl('/a', annMay(PERMS.all)), ANN)
    expect(readAcl(driver.tree, '/a', BOB).err).toBe(ZK_ERRORS.NoAuth)
    expect(readAcl(driver.tree, '/none', BOB).err).toBe(ZK_ERRORS.NoNode)
  })

  test('reads need READ; exists, as in 3.8, needs nothing', () => {
    const { driver } = furnished()
    const { tree } = driver
    for (const type of ['getData', 'getChildren', 'getChildren2'] as const) {
      expect(read(tree, { type, path: '/locked', watch: false }, BOB).err).toBe(ZK_ERRORS.NoAuth)
      expect(read(tree, { type, path: '/locked', watch: false }, ANN).err).toBe(0)
    }
    expect(read(tree, { type: 'exists', path: '/locked', watch: false }, BOB).err).toBe(0)
    expect(countDescendants(tree, '/locked', BOB).err).toBe(ZK_ERRORS.NoAuth)
  })

  test('entries of a format without identities are applied as they were: unchecked', () => {
    const { driver, owner, session } = furnished()
    const command = { session, owner, order: 7, identities: null, op: setData('/locked') }
    expect(driver.entry(command).err).toBe(0)
  })
})

describe('identities', () => {
  test('are kept in the order shown, once each', () => {
    const shown = withIdentity(withIdentity(ANN, digest('bob:2')), digest('ann:1'))
    expect(identitiesIn(shown)).toEqual([{ scheme: 'ip', id: '127.0.0.1' }, digest('ann:1'), digest('bob:2')])
    expect(whoAmI(withIdentity(shown, SUPER)).response).toMatchObject({
      identities: [
        { scheme: 'ip', user: '127.0.0.1' },
        { scheme: 'digest', user: 'ann' },
        { scheme: 'digest', user: 'bob' },
        { scheme: 'super', user: '' },
      ],
    })
    expect(identitiesIn(NOBODY)).toEqual([])
    expect(identitiesOfAddress('::ffff:10.0.0.1')).toBe('ip:10.0.0.1')
  })

  test('digests are those of ZooKeeper', () => {
    expect(digestIdOf('u:p')).toBe('u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=')
    expect(digestIdOf('super:test')).toBe('super:D/InIHSb7yEEbrWz8b9l71RjZJU=')
    expect(digestIdOf(utf8(`é:${'x'.repeat(200)}`))).toMatch(/^é:[A-Za-z0-9+/]{27}=$/)
  })

  test.each([
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.0.0/16', true],
    ['10.2.2.3', '10.1.0.0/16', false],
    ['10.1.2.3', '10.1.2.0/31', false],
    ['10.1.2.1', '10.1.2.0/31', true],
    ['10.1.2.3', '0.0.0.0/0', true],
    ['fd00::1', 'fd00::/8', true],
    ['fe80::1', 'fd00::/8', false],
    ['fd00::1', 'fd00:0:0:0:0:0:0:1', true],
    ['10.1.2.3', '::/0', false],
  ])('%s in %s: %s', (address, network, expected) => {
    expect(isInNetwork(address, network)).toBe(expected)
  })

  test.each([
    '',
    '10.1',
    '10.1.2.256',
    '10.1.2.3/33',
    '10.1.2.3/',
    'fd00::1::',
    ':',
    '1:2',
    'host',
    '1.2.3.4/-1',
  ])('no network: %s', (text) => expect(networkOf(text)).toBeNull())

  test('an ACL of addresses', () => {
    const acl = [{ perms: PERMS.read, id: { scheme: 'ip', id: '127.0.0.0/8' } }]
    expect(isAllowed(acl, PERMS.read, LOCALHOST)).toBe(true)
    expect(isAllowed(acl, PERMS.write, LOCALHOST)).toBe(false)
    expect(isAllowed(acl, PERMS.read, identitiesOfAddress('10.0.0.1'))).toBe(false)
    expect(isAllowed(OPEN_ACL, PERMS.admin, NOBODY)).toBe(true)
  })
})

describe('what a session and a subtree hold', () => {
  test('getEphemerals: the session’s own, by prefix', () => {
    const { driver, session, write } = openTree()
    const other = driver.open({ member: 2, connection: 5 })
    for (const path of ['/a1', '/a2', '/b']) write(create(path, 1))
    driver.write(other, { member: 2, connection: 5 }, create('/a3', 1))
    const paths = (prefix: string) => ownEphemerals(driver.tree, session, prefix).response
    expect(paths('/a')).toEqual({ type: 'getEphemerals', paths: ['/a1', '/a2'] })
    expect(paths('')).toEqual({ type: 'getEphemerals', paths: ['/a1', '/a2', '/b'] })
  })

  test('getAllChildrenNumber: all descendants', () => {
    const { driver } = furnished()
    const total = (path: string) => countDescendants(driver.tree, path, ANN).response
    expect(total('/')).toMatchObject({ total: driver.tree.nodes.size - 1 })
    expect(total('/zookeeper')).toMatchObject({ total: 2 })
    expect(total('/open/child')).toMatchObject({ total: 0 })
    expect(countDescendants(driver.tree, '/none', ANN).err).toBe(ZK_ERRORS.NoNode)
  })

  test('multiRead: each on its own', () => {
    const { driver } = furnished()
    const ops = [
      { type: 'getData', path: '/open', watch: false },
      { type: 'getData', path: '/none', watch: false },
      { type: 'getChildren', path: '/locked', watch: false },
      { type: 'getChildren', path: '/open', watch: false },
    ] as const
    expect(readMulti(driver.tree, { type: 'multiRead', ops }, BOB)).toMatchObject({
      err: 0,
      response: {
        results: [
          { type: 'getData', data: utf8('x') },
          { type: 'error', err: ZK_ERRORS.NoNode },
          { type: 'error', err: ZK_ERRORS.NoAuth },
          { type: 'getChildren', children: ['child'] },
        ],
      },
    })
  })
})
