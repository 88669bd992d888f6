import { describe, expect, test } from 'vitest'
import { apply, sessionIdOf } from '../../../coordinator/znodes/apply.ts'
import type { Command } from '../../../coordinator/znodes/command.ts'
import { NOBODY } from '../../../coordinator/znodes/identities.ts'
import { isValidPath, sequenceSuffix } from '../../../coordinator/znodes/paths.ts'
import { read } from '../../../coordinator/znodes/reads.ts'
import { nodeAt } from '../../../coordinator/znodes/tree.ts'
import { nextVersion } from '../../../coordinator/znodes/writes.ts'
import { InvariantViolation } from '../../../protocol/invariants.ts'
import { ZK_ERRORS, type ZkErrorName, zkErrorName } from '../../../protocol/zookeeper/errors.ts'
import type { MultiOp } from '../../../protocol/zookeeper/multi.ts'
import { check, create, create2, multi, openTree, remove, setData, TreeDriver } from './tree-driver.ts'

describe('a new tree', () => {
  test('has four nodes; the root shows cversion -1', () => {
    const { tree } = new TreeDriver()
    expect([...tree.nodes.keys()]).toEqual(['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config'])
    const root = read(tree, { type: 'exists', path: '/', watch: false }, NOBODY).response
    expect(root).toMatchObject({ stat: { czxid: 0, ctime: 0, cversion: -1, numChildren: 1, version: 0 } })
  })
})

// Each row fails several checks at once; the first one in ZooKeeper's order decides.
const FIRST_FAILURES: [string, MultiOp, ZkErrorName][] = [
  ['create: TTL flags before the path', create('nothing', 5), 'BadArguments'],
  ['create: unknown flags', create('/new', 7), 'BadArguments'],
  ['create: no slash before the ACL', create('nothing', 0, []), 'BadArguments'],
  ['create: NUL before the ACL', create('/a\0', 0, []), 'BadArguments'],
  ['create: ACL before the parent', create('/none/b', 0, []), 'InvalidAcl'],
  ['create: parent before the full path', create('/none/../b'), 'NoNode'],
  ['create: /a//b looks up /a/ first', create('/plain//b'), 'NoNode'],
  ['create: trailing slash, parent missing', create('/none/'), 'NoNode'],
  ['create: trailing slash, parent there', create('/plain/'), 'BadArguments'],
  ['create: dot', create('/plain/.'), 'BadArguments'],
  ['create: a private use character', create('/plain/\ue000'), 'BadArguments'],
  ['create: the root', create('/'), 'NodeExists'],
  ['create: exists before ephemeral parent', create('/plain'), 'NodeExists'],
  ['create: under an ephemeral', create('/ephemeral/child'), 'NoChildrenForEphemerals'],
  ['create: sequential under an ephemeral', create('/ephemeral/child-', 3), 'NoChildrenForEphemerals'],
  ['create2: as create', create2('/plain'), 'NodeExists'],
  ['delete: no slash', remove('plain'), 'BadArguments'],
  ['delete: the root', remove('/'), 'BadArguments'],
  ['delete: a fixed node', remove('/zookeeper/quota', 77), 'BadArguments'],
  ['delete: parent missing', remove('/none/b'), 'NoNode'],
  ['delete: node missing', remove('/none', 77), 'NoNode'],
  ['delete: version before children', remove('/full', 77), 'BadVersion'],
  ['delete: children', remove('/full'), 'NotEmpty'],
  ['setData: path before node', setData('/none/', 'y', 77), 'BadArguments'],
  ['setData: the alias of the root is no valid path', setData(''), 'BadArguments'],
  ['setData: node before version', setData('/none', 'y', 77), 'NoNode'],
  ['setData: version', setData('/plain', 'y', 77), 'BadVersion'],
  ['check: path before node', check('none'), 'BadArguments'],
  ['check: node before version', check('/none', 77), 'NoNode'],
  ['check: version', check('/plain', 77), 'BadVersion'],
]

describe('the first check that fails decides', () => {
  const prepared = () => {
    const opened = openTree()
    for (const op of [create('/plain'), create('/full'), create('/full/child'), create('/ephemeral', 1)]) {
      expect(opened.write(op).err).toBe(0)
    }
    return opened
  }

  test.each(FIRST_FAILURES)('%s', (_name, op, expected) => {
    const { driver, write } = prepared()
    const before = [...driver.tree.nodes.keys()]
    const result = write(op)
    expect(zkErrorName(result.err)).toBe(expected)
    expect(result).toMatchObject({ response: null, changes: [] })
    expect([...driver.tree.nodes.keys()]).toEqual(before)
  })

  test.each([
    ['no such scheme', { scheme: 'none', id: 'x' }],
    ['a name that every object has', { scheme: 'constructor', id: 'x' }],
    ['world is only for anyone', { scheme: 'world', id: 'me' }],
    ['digest without a colon', { scheme: 'digest', id: 'user' }],
    ['digest with two', { scheme: 'digest', id: 'a:b:c' }],
  ])('ACL: %s', (_name, id) => {
    const { write } = openTree()
    expect(write(create('/a', 0, [{ perms: 31, id }])).err).toBe(ZK_ERRORS.InvalidAcl)
  })

  test('exact duplicates in an ACL are dropped, order kept', () => {
    const { driver, write } = openTree()
    const user = { perms: 3, id: { scheme: 'digest', id: 'u:p' } }
    const world = { perms: 1, id: { scheme: 'world', id: 'anyone' } }
    write(create('/a', 0, [user, world, user]))
    expect(nodeAt(driver.tree, '/a')?.acl).toEqual([user, world])
  })

  test('reads never validate a path', () => {
    const { driver } = openTree()
    for (const path of ['none', '/a//b', '/a/', '/..']) {
      expect(read(driver.tree, { type: 'getData', path, watch: false }, NOBODY).err).toBe(ZK_ERRORS.NoNode)
    }
    expect(read(driver.tree, { type: 'getChildren', path: '', watch: false }, NOBODY).err).toBe(0)
  })

  test('valid paths', () => {
    const valid = ['/', '/a', '/a/b', '/a.b', '/...', '/é', '/ \u00a0', '/\u{d7ff}']
    const invalid = ['', 'a', '/a/', '//', '/a//b', '/.', '/a/..', '/\u007f', '/\u{1f600}', '/\ufffd']
    expect(valid.filter((path) => !isValidPath(path))).toEqual([])
    expect(invalid.filter(isValidPath)).toEqual([])
  })
})

describe('Stat', () => {
  test('create, setData, delete and their parent', () => {
    const { driver, write } = openTree() // the session is zxid 1
    expect(write(create('/p')).zxid).toBe(2)
    const created = driver.timeWallMs
    expect(driver.stat('/p')).toEqual({
      czxid: 2,
      mzxid: 2,
      pzxid: 2,
      ctime: created,
      mtime: created,
      version: 0,
      cversion: 0,
      aversion: 0,
      ephemeralOwner: 0n,
      dataLength: 1,
      numChildren: 0,
    })
    write(create('/p/a')) // 3
    write(create('/p/b')) // 4
    expect(driver.stat('/p')).toMatchObject({ mzxid: 2, pzxid: 4, cversion: 2, numChildren: 2 })
    write(remove('/p/a')) // 5
    expect(driver.stat('/p')).toMatchObject({ mzxid: 2, pzxid: 5, cversion: 3, numChildren: 1 })
    write(setData('/p', 'four')) // 6
    const set = { mzxid: 6, mtime: driver.timeWallMs, pzxid: 5, ctime: created, version: 1, dataLength: 4 }
    expect(driver.stat('/p')).toMatchObject(set)
    write(remove('/p/none')) // 7: a failed write changes nothing
    expect(driver.stat('/p')).toMatchObject(set)
  })

  test('null data stays null, with length 0', () => {
    const { driver, write } = openTree()
    write(create2('/null'))
    const answer = read(driver.tree, { type: 'getData', path: '/null', watch: false }, NOBODY)
    expect(answer.response).toMatchObject({ data: null, stat: { dataLength: 0 } })
  })

  test('stored data is no view of the request', () => {
    const { driver, write } = openTree()
    const request = create('/a')
    write(request)
    request.data.fill(0)
    expect(read(driver.tree, { type: 'getData', path: '/a', watch: false }, NOBODY).response).toMatchObject({
      data: new TextEncoder().encode('x'),
    })
  })

  test('version counters wrap and skip -1', () => {
    expect([0, 2 ** 31 - 1, -3, -2].map(nextVersion)).toEqual([1, -(2 ** 31), -2, 0])
  })
})

describe('sequential names', () => {
  const pathOf = (result: { response: unknown }) => (result.response as { path: string } | null)?.path

  test('count every child ever created, and never go back', () => {
    const { write } = openTree()
    write(create('/q'))
    const names: (string | undefined)[] = []
    const sequential = (path: string, flags = 2) => names.push(pathOf(write(create(path, flags))))
    sequential('/q/s-')
    sequential('/q/s-')
    write(remove('/q/s-0000000000'))
    sequential('/q/s-')
    write(create('/q/plain'))
    sequential('/q/s-', 3)
    sequential('/q/')
    expect(names).toEqual([
      '/q/s-0000000000',
      '/q/s-0000000001',
      '/q/s-0000000002',
      '/q/s-0000000004',
      '/q/0000000005',
    ])
  })

  test('are signed 32-bit numbers', () => {
    expect([0, 42, 2 ** 31 - 1, -(2 ** 31), -1].map(sequenceSuffix)).toEqual([
      '0000000000',
      '0000000042',
      '2147483647',
      '-2147483648',
      '-000000001',
    ])
    const { driver, write } = openTree()
    write(create('/q'))
    const node = nodeAt(driver.tree, '/q')
    if (node !== undefined) node.createCount = 2 ** 31 - 1
    expect(pathOf(write(create('/q/s', 2)))).toBe('/q/s2147483647')
    expect(pathOf(write(create('/q/s', 2)))).toBe('/q/s-2147483648')
  })
})

describe('multi', () => {
  test('sees its own earlier ops, under one zxid', () => {
    const { driver, write } = openTree()
    const result = write(
      multi(create('/m'), create('/m/s', 2), create2('/m/s', 2), setData('/m'), check('/m', 1)),
    )
    expect(result).toMatchObject({
      err: 0,
      response: {
        results: [
          { type: 'create', path: '/m' },
          { type: 'create', path: '/m/s0000000000' },
          { type: 'create2', path: '/m/s0000000001', stat: { czxid: 2 } },
          { type: 'setData', stat: { version: 1, czxid: 2, mzxid: 2 } },
          { type: 'check' },
        ],
      },
    })
    expect(driver.stat('/m')).toMatchObject({ pzxid: 2, cversion: 2, numChildren: 2 })
    expect(result.changes.map(({ type, path }) => `${type} ${path}`)).toEqual([
      'created /m',
      'created /m/s0000000000',
      'created /m/s0000000001',
      'data-changed /m',
    ])
  })

  test('all or nothing: 0 before the failing op, -2 behind it, header err 0', () => {
    const { driver, write } = openTree()
    write(create('/p'))
    write(create('/p/old'))
    write(create('/p/ephemeral', 1))
    const stats = () => ['/p', '/p/old', '/p/ephemeral'].map((path) => driver.stat(path))
    const before = stats()
    const result = write(
      multi(
        setData('/p'),
        create('/p/new'),
        remove('/p/old'),
        remove('/p/ephemeral'),
        check('/p', 7),
        remove('/p'),
      ),
    )
    expect(result).toMatchObject({ err: 0, changes: [] })
    expect(result.response).toMatchObject({
      results: [0, 0, 0, 0, -103, -2].map((err) => ({ type: 'error', err })),
    })
    expect(stats()).toEqual(before)
    expect(write(create('/p/s', 2)).response).toMatchObject({ path: '/p/s0000000002' })
    expect([...(nodeAt(driver.tree, '/p')?.children ?? [])].sort()).toEqual([
      'ephemeral',
      'old',
      's0000000002',
    ])
  })

  test('may delete children and parent, and is undone with both', () => {
    const { driver, write } = openTree()
    for (const path of ['/a', '/a/b', '/a/b/c']) write(create(path))
    const before = ['/', '/a', '/a/b', '/a/b/c'].map((path) => driver.stat(path))
    const failing = multi(remove('/a/b/c'), remove('/a/b'), remove('/a'), check('/a'))
    expect(write(failing).response).toMatchObject({
      results: [{ err: 0 }, { err: 0 }, { err: 0 }, { err: -101 }],
    })
    expect(['/', '/a', '/a/b', '/a/b/c'].map((path) => driver.stat(path))).toEqual(before)
    write(multi(remove('/a/b/c'), remove('/a/b'), remove('/a')))
    expect(driver.stat('/a')).toBeUndefined()
  })

  test('an empty one succeeds', () => {
    expect(openTree().write(multi())).toMatchObject({ err: 0, response: { type: 'multi', results: [] } })
  })
})

describe('sessions', () => {
  const first = { member: 1, connection: 1 }
  const second = { member: 2, connection: 1 }

  test('ids: the server in the upper byte, the zxid below', () => {
    const driver = new TreeDriver()
    expect(driver.open(first)).toBe(0x0100_0000_0000_0001n)
    expect(driver.open({ member: 127, connection: 1 })).toBe(0x7f00_0000_0000_0002n)
    expect(sessionIdOf(1, 2 ** 40)).toBe(0x0100_0100_0000_0000n)
  })

  test.each(['expire-session', 'closeSession'] as const)(
    '%s deletes its ephemerals and no others',
    (type) => {
      const { driver, session, owner, write } = openTree()
      const other = driver.open(second)
      write(create('/p'))
      write(create('/p/one', 1))
      driver.write(other, second, create('/p/other', 1))
      write(create('/p/two', 3))
      expect(driver.stat('/p/one')).toMatchObject({ ephemeralOwner: session })
      const result = type === 'closeSession' ? write({ type }) : driver.expire(session)
      expect(result).toMatchObject({ err: 0, closed: [session] })
      expect(result.changes).toMatchObject([
        { type: 'deleted', path: '/p/one' },
        { type: 'deleted', path: '/p/two0000000002' },
      ])
      expect([...(nodeAt(driver.tree, '/p')?.children ?? [])]).toEqual(['other'])
      expect(driver.stat('/p')).toMatchObject({ pzxid: result.zxid })

      // A later request of the ended session is refused, and ending it again ends nothing.
      expect(driver.write(session, owner, create('/late')).err).toBe(ZK_ERRORS.SessionExpired)
      expect(driver.move(session, { member: 1, connection: 9 })).toMatchObject({ err: -112, opened: 0n })
      expect(driver.expire(session)).toMatchObject({ err: ZK_ERRORS.SessionExpired, closed: [] })
      expect(driver.stat('/late')).toBeUndefined()
    },
  )

  test('an ephemeral that its session does not own is our own bug (EphemeralOwner)', () => {
    const { driver, session, write } = openTree()
    write(create('/e', 1))
    const node = nodeAt(driver.tree, '/e')
    if (node !== undefined) node.ephemeralOwner = 0n
    expect(() => driver.expire(session)).toThrow(InvariantViolation)
  })

  test('an ephemeral that was deleted is no longer of the session', () => {
    const { driver, session, write } = openTree()
    write(create('/e', 1))
    write(remove('/e'))
    write(create('/e'))
    expect(driver.expire(session).changes).toEqual([])
    expect(driver.stat('/e')).toBeDefined()
  })

  test('a moved session refuses its former connection', () => {
    const { driver, session, write } = openTree()
    write(create('/a', 1))
    expect(driver.move(session, second, 4_000)).toMatchObject({ err: 0, opened: session })
    expect(driver.tree.sessions.get(session)?.timeoutMs).toBe(4_000)
    expect(write(create('/b')).err).toBe(ZK_ERRORS.SessionMoved)
    expect(write({ type: 'closeSession' }).err).toBe(ZK_ERRORS.SessionMoved)
    expect(driver.write(session, second, create('/b')).err).toBe(0)
    expect(driver.stat('/a')).toMatchObject({ ephemeralOwner: session })
  })

  test('a connection that lost the session never gets it back by a late copy of its resume', () => {
    const { driver, session } = openTree()
    driver.move(session, { member: 1, connection: 2 })
    driver.move(session, second)
    for (const late of [
      { member: 1, connection: 1 },
      { member: 1, connection: 2 },
    ]) {
      expect(driver.move(session, late)).toMatchObject({ err: ZK_ERRORS.SessionMoved, opened: 0n })
    }
    expect(driver.move(session, second)).toMatchObject({ err: 0, opened: session })
    expect(driver.move(session, { member: 1, connection: 3 })).toMatchObject({ err: 0, opened: session })
  })

  test('a resume that arrives twice does not start the order numbers again', () => {
    const { driver, session } = openTree()
    driver.move(session, second)
    driver.write(session, second, create('/a'))
    driver.move(session, second)
    const again = { session, owner: second, order: 1, identities: null, op: setData('/a') }
    expect(driver.entry(again)).toMatchObject({ status: 'ignored-duplicate', changes: [] })
  })

  test('commands are taken once and in order', () => {
    const { driver, session, owner } = openTree()
    const status = (order: number) =>
      driver.entry({ session, owner, order, identities: null, op: create('/s', 2) }).status
    expect([2, 1, 1, 3, 2, 4, 3].map(status)).toEqual([
      'ignored-gap',
      'applied',
      'ignored-duplicate',
      'ignored-gap',
      'applied',
      'ignored-gap',
      'applied',
    ])
    expect(driver.stat('/')?.numChildren).toBe(4)
  })

  test('a write that fails also counts', () => {
    const { driver, session, owner } = openTree()
    expect(driver.entry({ session, owner, order: 1, identities: null, op: remove('/none') }).err).toBe(-101)
    expect(driver.entry({ session, owner, order: 2, identities: null, op: create('/a') }).err).toBe(0)
  })

  test('only the ensemble may act without an owner', () => {
    const { driver, session } = openTree()
    expect(driver.entry({ session, owner: null, order: 1, identities: null, op: create('/a') }).err).toBe(
      ZK_ERRORS.SessionMoved,
    )
  })

  test('a noop changes nothing but the zxid', () => {
    const driver = new TreeDriver()
    const noop = { session: 0n, owner: null, order: 0, identities: null, op: { type: 'noop' } } as const
    expect(driver.entry(noop)).toMatchObject({ zxid: 1, status: 'applied', changes: [], closed: [] })
    expect(driver.tree.zxid).toBe(1)
  })

  test('an entry that is not above the last one is our own bug', () => {
    const { tree } = openTree().driver
    const noop: Command = {
      timeWallMs: 0,
      session: 0n,
      owner: null,
      order: 0,
      identities: null,
      op: { type: 'noop' },
    }
    expect(() => apply(tree, tree.zxid, noop)).toThrow(InvariantViolation)
  })
})
