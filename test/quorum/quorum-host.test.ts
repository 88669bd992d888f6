import { describe, expect, test } from 'vitest'
import { asKey, asMillis, NO_SEQ } from '../../protocol/ids.ts'
import { type Answer, CHAIN, NAMES, type Node, QuorumWorld } from './quorum-world.ts'

const text = (value: Uint8Array) => new TextDecoder().decode(value)

function put(world: QuorumWorld, node: Node, key: string, value: string): Answer | undefined {
  const request = world.request()
  const bytes = new TextEncoder().encode(value)
  const expiry = { type: 'set', atWallMs: asMillis(0) } as const
  const command = { type: 'put', key: asKey(key), value: bytes, expiry, condition: null } as const
  world.ask(node, { type: 'write', request, identity: null, command })
  return node.answers.get(request)
}

function get(world: QuorumWorld, node: Node, key: string, weak = false): string | null | Answer | undefined {
  const request = world.request()
  const consistency = { type: weak ? 'eventual' : 'strong' } as const
  const command = { type: 'get', keys: [asKey(key)] } as const
  world.ask(node, { type: 'read', request, command, options: { consistency, atLeast: NO_SEQ } })
  const answer = node.answers.get(request)
  if (answer?.type !== 'values') return answer
  const [value] = answer.values
  return value == null ? null : text(value.value)
}

const othersOf = (world: QuorumWorld, node: Node) => [...world.nodes.values()].filter((one) => one !== node)

describe('a member of a quorum', () => {
  test('the leader writes, every member reads, and says who leads', () => {
    const world = new QuorumWorld()
    const leader = world.elected()
    expect(put(world, leader, 'k', 'one')).toMatchObject({ type: 'written' })
    for (const node of world.nodes.values()) {
      expect(get(world, node, 'k')).toBe('one')
      expect(node.host.config).toEqual(leader.host.config)
      expect(node.host.status.serving).toBe(true)
    }
    expect(leader.host.config?.members[0]?.server).toBe(world.nameOf(leader))
    expect(leader.host.config?.epoch).toBe(1 + (leader.host.raft?.term ?? 0))
    const [follower] = othersOf(world, leader)
    if (follower === undefined) throw new Error('alone')
    expect(put(world, follower, 'k', 'two')).toMatchObject({ code: 'NOT_HEAD' })
  })

  test('under a lease the leader answers without a word; when it ends, it answers nobody', () => {
    const world = new QuorumWorld({ lease: true })
    const leader = world.elected()
    put(world, leader, 'k', 'one')
    world.cut.add(world.nameOf(leader))
    expect(get(world, leader, 'k')).toBe('one')
    expect(leader.host.status.counters.localReads).toBe(1)
    world.pass(1_400)
    expect(get(world, leader, 'k')).toBeUndefined()
    expect(get(world, leader, 'k', true)).toBe('one')
  })

  test('without a lease it asks first', () => {
    const world = new QuorumWorld()
    const leader = world.elected()
    put(world, leader, 'k', 'one')
    world.cut.add(world.nameOf(leader))
    expect(get(world, leader, 'k')).toBeUndefined()
  })

  test('a leader that resigns does not know what becomes of its writes', () => {
    const world = new QuorumWorld()
    const leader = world.elected()
    world.cut.add(world.nameOf(leader))
    const before = leader.answers.size
    expect(put(world, leader, 'k', 'one')).toBeUndefined()
    world.pass(4_000)
    expect([...leader.answers.values()].slice(before)).toMatchObject([{ code: 'CONNECTION_LOST' }])
  })

  test('a restart goes on with what its log holds', () => {
    const world = new QuorumWorld()
    const leader = world.elected()
    put(world, leader, 'k', 'one')
    for (const name of NAMES) world.start(name)
    const next = world.elected()
    expect(next.host.raft?.term).toBeGreaterThan(leader.host.raft?.term ?? 0)
    expect(get(world, next, 'k')).toBe('one')
  })

  test('with leases, a member that has just started gives no vote', () => {
    const world = new QuorumWorld({ lease: true })
    const leader = world.elected()
    const [patient, restarted] = othersOf(world, leader)
    if (patient === undefined || restarted === undefined) throw new Error('alone')
    // One member hears nothing until its patience is over; then the other one restarts, and the leader is gone.
    world.cut.add(world.nameOf(patient))
    world.pass(2_600)
    world.cut.clear()
    world.cut.add(world.nameOf(leader))
    world.start(world.nameOf(restarted))
    world.pass(1_400)
    expect(patient.host.raft?.role.type).not.toBe('leader')
    world.pass(4_000)
    expect([...world.nodes.values()].filter(({ host }) => host.raft?.role.type === 'leader')).toHaveLength(1)
  })
})

describe('a member that lacks what is gone', () => {
  /** One member is away while the others write and cut their logs. It is back. */
  function leftBehind() {
    const world = new QuorumWorld()
    const leader = world.elected()
    const [absent] = othersOf(world, leader)
    if (absent === undefined) throw new Error('alone')
    put(world, leader, 'before', 'x')
    const name = world.nameOf(absent)
    world.cut.add(name)
    for (let i = 0; i < 20; i++) put(world, leader, `k${i % 3}`, `value ${i}`)
    world.pass(100)
    for (const node of world.nodes.values())
      if (node !== absent) node.host.onStoreFlushed(node.host.store.meta.applied)
    world.cut.clear()
    return { world, leader, absent, name }
  }

  test('takes over the leader’s state, and confirms it once that is on its disk', async () => {
    const { world, leader, absent } = leftBehind()
    world.pass(600)
    expect(get(world, absent, 'k1', true)).toBe('value 19')
    expect(absent.host.status.receivingSnapshot).toBe(true)
    expect(absent.host.raft?.writes.durableLast).toBe(0)
    for (const flushed of absent.store.flushes.splice(0)) flushed()
    await Promise.resolve()
    await Promise.resolve()
    world.settle()
    world.pass(200)
    expect(absent.host.raft?.writes.durableLast).toBe(leader.host.raft?.log.last)
    put(world, leader, 'after', 'y')
    expect(get(world, absent, 'after')).toBe('y')
  })

  test('a torso of it is forgotten, but no promise', () => {
    const { world, name } = leftBehind()
    world.pass(600)
    const { store, host } = world.node(name)
    const term = host.raft?.term
    store.setMeta({ receivingSnapshot: true })
    const again = world.start(name)
    expect(again.store.keyCount).toBe(0)
    expect(again.host.raft).toMatchObject({ term, commit: 0 })
    expect(again.host.raft?.log.last).toBe(0)
    // And what it writes from here on fits to what it has forgotten.
    world.pass(600)
    again.store.setMeta({ receivingSnapshot: true })
    const third = world.start(name)
    expect(third.host.raft?.term).toBeGreaterThanOrEqual(term ?? 0)
    expect(third.host.chain).toBe(CHAIN)
  })
})
