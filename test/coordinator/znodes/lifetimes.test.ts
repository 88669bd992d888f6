import { describe, expect, test } from 'vitest'
import { overduePaths, UNUSED_CONTAINER_MS } from '../../../coordinator/znodes/reaper.ts'
import { restoreTree, snapshotTree } from '../../../coordinator/znodes/snapshot.ts'
import { nodeAt } from '../../../coordinator/znodes/tree.ts'
import { ZK_ERRORS } from '../../../protocol/zookeeper/errors.ts'
import { JuteWriter } from '../../../protocol/zookeeper/jute.ts'
import { create, multi, OPEN, openTree, remove, setData, TreeDriver, utf8 } from './tree-driver.ts'

const container = (path: string) =>
  ({ type: 'createContainer', path, data: null, acl: OPEN, flags: 4 }) as const
const ttl = (path: string, ttlMs: number, flags = 5) =>
  ({ type: 'createTTL', path, data: null, acl: OPEN, flags, ttlMs: BigInt(ttlMs) }) as const
const reap = (driver: TreeDriver, path: string) =>
  driver.entry({ session: 0n, owner: null, order: 0, identities: null, op: { type: 'reap', path } })
const createText = (path: string, text: string) =>
  ({ type: 'create', path, data: utf8(text), acl: OPEN, flags: 0 }) as const

describe('containers', () => {
  test('go once their last child has gone, and are judged again at commit', () => {
    const { driver, write } = openTree()
    expect(write(container('/c'))).toMatchObject({ response: { type: 'createContainer', path: '/c' } })
    const due = (nowMs = driver.timeWallMs) => overduePaths(driver.tree, nowMs, 10)
    expect(due()).toEqual([])
    write(create('/c/a'))
    expect(due()).toEqual([])
    write(remove('/c/a'))
    expect(due()).toEqual(['/c'])
    write(create('/c/b')) // between the look and the commit
    expect(reap(driver, '/c').changes).toEqual([])
    write(remove('/c/b'))
    expect(reap(driver, '/c').changes).toMatchObject([{ type: 'deleted', path: '/c' }])
    expect(nodeAt(driver.tree, '/c')).toBeUndefined()
    expect(reap(driver, '/c').changes).toEqual([])
    expect(driver.tree.mortal.size).toBe(0)
  })

  test('one that was never used gets five minutes', () => {
    const { driver, write } = openTree()
    write(container('/c'))
    const born = driver.timeWallMs
    expect(overduePaths(driver.tree, born + UNUSED_CONTAINER_MS, 10)).toEqual([])
    expect(overduePaths(driver.tree, born + UNUSED_CONTAINER_MS + 1, 10)).toEqual(['/c'])
  })

  test('nobody reaps an ordinary znode', () => {
    const { driver, write } = openTree()
    write(create('/a'))
    expect(reap(driver, '/a').changes).toEqual([])
    expect(reap(driver, '/').changes).toEqual([])
  })
})

describe('TTL znodes', () => {
  test('go when they were not written for so long and have no children', () => {
    const { driver, write } = openTree()
    write(ttl('/t', 1000))
    write(ttl('/t-', 5000, 6))
    const born = driver.timeWallMs - 1
    expect(driver.stat('/t')?.ephemeralOwner).toBe(0n)
    expect(nodeAt(driver.tree, '/t-0000000001')?.ttlMs).toBe(5000)
    expect(overduePaths(driver.tree, born + 1000, 10)).toEqual([])
    expect(overduePaths(driver.tree, born + 1001, 10)).toEqual(['/t'])
    write(setData('/t'))
    expect(overduePaths(driver.tree, born + 1001, 10)).toEqual([])
    write(create('/t/child'))
    expect(overduePaths(driver.tree, born + 9999, 10)).toEqual(['/t-0000000001'])
    expect(overduePaths(driver.tree, born + 9999, 0)).toEqual([])
  })

  test('a multi that fails leaves none behind', () => {
    const { driver, write } = openTree()
    write(multi(container('/c'), ttl('/t', 5), remove('/none')))
    expect(driver.tree.mortal.size).toBe(0)
    expect(write(multi(container('/c'), ttl('/t', 5))).response).toMatchObject({
      results: [{ type: 'createContainer' }, { type: 'createTTL' }],
    })
    expect([...driver.tree.mortal]).toEqual(['/c', '/t'])
  })
})

describe('quotas', () => {
  const quota = (driver: ReturnType<typeof openTree>, limits: string) => {
    driver.write(create('/app'))
    driver.write(create('/zookeeper/quota/app'))
    driver.write(createText('/zookeeper/quota/app/zookeeper_limits', limits))
    driver.write(createText('/zookeeper/quota/app/zookeeper_stats', ''))
  }
  const stats = ({ driver }: ReturnType<typeof openTree>) =>
    new TextDecoder().decode(nodeAt(driver.tree, '/zookeeper/quota/app/zookeeper_stats')?.data ?? undefined)

  test('stats count the subtree, its top included, from their creation on', () => {
    const world = openTree()
    quota(world, 'count=5,bytes=10')
    expect(stats(world)).toBe('count=1,bytes=1')
    world.write(createText('/app/a', 'four'))
    world.write(setData('/app/a', 'sixsix'))
    expect(stats(world)).toBe('count=2,bytes=7')
    world.write(createText('/apple', 'not of it'))
    world.write(remove('/app/a'))
    expect(stats(world)).toBe('count=1,bytes=1')
  })

  test('soft limits refuse nothing; hard ones refuse what grows beyond them', () => {
    const world = openTree()
    const { write } = world
    quota(world, 'count=1,bytes=1=;countHardLimit=3;byteHardLimit=8')
    expect(write(createText('/app/a', 'abc')).err).toBe(0)
    expect(write(createText('/app/b', 'abcde')).err).toBe(ZK_ERRORS.QuotaExceeded)
    expect(write(setData('/app/a', 'abcdefg')).err).toBe(0)
    expect(write(setData('/app/a', 'abcdefgh', 77)).err).toBe(ZK_ERRORS.QuotaExceeded) // before the version
    expect(write(createText('/app/b', '')).err).toBe(0)
    expect(write(createText('/app/c', '')).err).toBe(ZK_ERRORS.QuotaExceeded)
    expect(write(setData('/app/a', '')).err).toBe(0)
    expect(stats(world)).toBe('count=3,bytes=1')
    write(remove('/zookeeper/quota/app/zookeeper_limits'))
    expect(write(createText('/app/c', 'much more')).err).toBe(0)
  })

  test('a multi that fails is not counted; an ended session’s ephemerals are', () => {
    const world = openTree()
    quota(world, 'count=9,bytes=-1')
    world.write(multi(createText('/app/a', 'x'), remove('/none')))
    expect(stats(world)).toBe('count=1,bytes=1')
    world.write(create('/app/e', 1))
    expect(stats(world)).toBe('count=2,bytes=2')
    world.driver.expire(world.session)
    expect(stats(world)).toBe('count=1,bytes=1')
  })
})

describe('snapshots', () => {
  test('carry lifetimes, quotas and ACLs', () => {
    const { driver, write } = openTree()
    for (const op of [container('/c'), ttl('/t', 77), create('/zookeeper/quota/app')]) write(op)
    write(createText('/zookeeper/quota/app/zookeeper_limits', 'count=5,bytes=10'))
    write(create('/a', 0, [{ perms: 1, id: { scheme: 'ip', id: '10.0.0.0/8' } }]))
    const restored = restoreTree(snapshotTree(driver.tree))
    expect(restored).toEqual(driver.tree)
    expect([...restored.mortal]).toEqual(['/c', '/t'])
    expect([...restored.governed]).toEqual(['/app'])
  })

  test('the former format is read: no znode has an end of its own', () => {
    const { tree } = new TreeDriver()
    const writer = new JuteWriter()
    const header = [0x43544e5a, 1]
    for (const int of header) writer.int(int)
    writer.long(9)
    writer.int(0)
    writer.int(tree.nodes.size)
    for (const [path, node] of tree.nodes) {
      writer.ustring(path)
      writer.buffer(null)
      writer.int(node.acl.length)
      for (const { perms, id } of node.acl) {
        writer.int(perms)
        writer.ustring(id.scheme)
        writer.ustring(id.id)
      }
      for (let i = 0; i < 5; i += 1) writer.long(0)
      for (let i = 0; i < 2; i += 1) writer.int(0)
      writer.id(0n)
      writer.int(0)
    }
    expect(restoreTree(writer.take())).toEqual({ ...tree, zxid: 9 })
  })
})
