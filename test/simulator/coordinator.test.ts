import { describe, expect, test } from 'vitest'
import type { PeerCodec } from '../../lab/simulator/coordinator/peers.ts'
import { decodeBody, encodeBody, toWireArray } from '../../runtime/coordinator/peer-messages.ts'
import { chaos } from './coordinator-chaos.ts'
import { EnsembleWorld, type Session } from './coordinator-world.ts'

const CODEC: PeerCodec = {
  encode: ({ ensembleId, messages }) => encodeBody(ensembleId, messages.map(toWireArray)),
  decode: decodeBody,
}

const createMany = (session: Session, prefix: string, count: number) =>
  session.ask((client) =>
    Promise.all(Array.from({ length: count }, (_, n) => client.create(`/${prefix}${n}`, 'x'))),
  )

const pathsAt = (world: EnsembleWorld, name: string) =>
  [...(world.at(name).member?.tree.nodes.keys() ?? [])].sort()

/** All three are up, and hold the same tree. */
async function agreed(world: EnsembleWorld): Promise<readonly string[]> {
  const isAgreed = () => {
    const [first, ...others] = world.members.map((name) => world.at(name).member?.applied.lastIndex ?? -1)
    return first !== undefined && first > 0 && others.every((index) => index === first)
  }
  await world.until('all at one index', isAgreed)
  const [paths = [], ...others] = world.members.map((name) => pathsAt(world, name))
  for (const other of others) expect(other).toEqual(paths)
  expect(world.bugs).toEqual([])
  return paths
}

const follower = async (world: EnsembleWorld) => {
  const leader = await world.elected()
  const [name = ''] = world.members.filter((member) => member !== leader)
  return name
}

describe('an ensemble', () => {
  test('elects a leader and serves sessions', async () => {
    const world = new EnsembleWorld(1)
    const leader = await world.elected()
    expect(world.scheduler.nowUs).toBeLessThan(3_000_000)
    const one = world.session('client-1')
    const other = world.session('client-2')
    const seen: (readonly string[] | null)[] = []
    await other.ask(async (client) => {
      client.watchChildren('/', (children) => seen.push(children))
    })
    expect(await one.ask((client) => client.create('/a', 'one'))).toBe('/a')
    expect(await one.ask((client) => client.create('/b', null, { ephemeral: true }))).toBe('/b')
    await other.ask((client) => client.sync())
    expect(seen.at(-1)).toEqual(['a', 'b', 'zookeeper'])
    expect(world.at(leader).member?.status()).toMatchObject({ role: 'leader', sessions: 2, failure: null })
    await one.ask((client) => client.close())
    await world.seconds(1)
    expect(await other.ask((client) => client.exists('/b'))).toBe(null)
    await agreed(world)
  })

  test('ends the session of a client that is gone, and no sooner than its timeout', async () => {
    const world = new EnsembleWorld(2)
    const leader = await world.elected()
    const session = world.session('client-1', { timeoutMs: 2_000 })
    await session.ask((client) => client.create('/here', null, { ephemeral: true }))
    await world.seconds(30)
    expect(pathsAt(world, leader)).toContain('/here')
    session.process.crash()
    const goneUs = world.scheduler.nowUs
    await world.until('the session ends', () => !pathsAt(world, leader).includes('/here'))
    expect((world.scheduler.nowUs - goneUs) / 1e6).toBeGreaterThan(1)
    expect((world.scheduler.nowUs - goneUs) / 1e6).toBeLessThan(3)
  })

  test('keeps what was acknowledged when its leader dies, and the client its session', async () => {
    const world = new EnsembleWorld(3)
    const leader = await world.elected()
    const session = world.session('client-1')
    await createMany(session, 'a', 50)
    const { sessionId } = session.client.session
    // In the middle of a write, and of its sync.
    session.begin(
      () => session.client.create('/last', 'x'),
      () => {},
    )
    await world.seconds(0.0007)
    world.processOf(leader).crash()
    await world.seconds(5)
    expect(await world.elected()).not.toBe(leader)
    await createMany(session, 'b', 50)
    expect(session.client.session.sessionId).toBe(sessionId)
    world.at(leader).start()
    const paths = await agreed(world)
    for (const prefix of ['a', 'b']) for (let n = 0; n < 50; n++) expect(paths).toContain(`/${prefix}${n}`)
  })

  test('outlives a power cut of all members', async () => {
    const world = new EnsembleWorld(4)
    await world.elected()
    const session = world.session('client-1')
    await createMany(session, 'a', 20)
    for (const name of world.members) world.processOf(name).crash('power cut')
    await world.seconds(1)
    for (const name of world.members) world.at(name).start()
    await world.elected()
    expect((await agreed(world)).filter((path) => path.startsWith('/a'))).toHaveLength(20)
  })

  test('a leader that is cut off steps down and sends its clients away', async () => {
    const world = new EnsembleWorld(5)
    const leader = await world.elected()
    const session = world.session('client-1', { at: [leader, ...world.members] })
    await createMany(session, 'a', 5)
    for (const other of world.members) {
      if (other === leader) continue
      world.network.cut(leader, other)
      world.network.cut(other, leader)
    }
    await world.seconds(3)
    expect(await world.elected()).not.toBe(leader)
    expect(world.at(leader).member?.status()).toMatchObject({ leader: null, connections: 0 })
    await createMany(session, 'b', 5)
    world.network.healAll()
    expect(await agreed(world)).toContain('/b4')
  })

  test('a leader that stops hands over first', async () => {
    const world = new EnsembleWorld(6)
    const leader = await world.elected()
    world.at(leader).stop()
    await world.until('it is gone', () => !world.processOf(leader).alive)
    expect(await world.elected()).not.toBe(leader)
  })
})

describe('disks', () => {
  test('a member that was away gets a snapshot; it restarts from its own', async () => {
    const raftLimits = { retainedEntriesMax: 20, snapshotChunkBytesMax: 1_000 }
    const world = new EnsembleWorld(7, { settings: { snapshotEntries: 50, raftLimits } })
    const away = await follower(world)
    world.processOf(away).crash()
    const session = world.session('client-1')
    await createMany(session, 'a', 200)
    await world.seconds(1)
    const leader = await world.elected()
    expect(world.at(leader).member?.status().snapshotIndex).toBeGreaterThan(100)
    world.at(away).start()
    await agreed(world)
    expect(world.at(away).member?.status().snapshotIndex).toBeGreaterThan(100)
    await createMany(session, 'b', 60)
    world.processOf(away).crash()
    world.at(away).start()
    expect(world.at(away).member?.applied.lastIndex).toBeGreaterThan(200)
    expect(await agreed(world)).toContain('/b59')
  })

  test('a full disk: the member says why and takes no part; with room again it comes back', async () => {
    const failures: string[] = []
    const world = new EnsembleWorld(8, { onFailure: (error) => failures.push(error.message) })
    const full = await world.elected()
    const session = world.session('client-1')
    world.at(full).disk.full = true
    session.begin(
      () => session.client.create('/a', null),
      () => {},
    )
    await world.seconds(5)
    expect(failures).toEqual(['no space left on device'])
    expect(world.at(full).failure?.message).toBe('no space left on device')
    expect(world.processOf(full).alive).toBe(true)
    expect(await world.elected()).not.toBe(full)
    await createMany(session, 'b', 10)
    world.processOf(full).crash('operator')
    world.at(full).disk.full = false
    world.at(full).start()
    expect(await agreed(world)).toContain('/b9')
  })

  test.each(['log', 'snapshot'] as const)(
    'a rotten %s: the member does not start until it is wiped',
    async (where) => {
      const world = new EnsembleWorld(9, { settings: { snapshotEntries: 20 } })
      const rotten = await follower(world)
      const session = world.session('client-1')
      await createMany(session, 'a', 100)
      await world.seconds(1)
      world.processOf(rotten).crash()
      expect(world.at(rotten).rot(where)).toBe(true)
      expect(world.at(rotten).start()).toBe(false)
      expect(world.at(rotten).refusal?.message).toMatch(/checksum/)
      expect(world.processOf(rotten).alive).toBe(false)
      world.at(rotten).wipe()
      expect(world.at(rotten).start()).toBe(true)
      expect(await agreed(world)).toContain('/a99')
    },
  )
})

describe('chaos', () => {
  test.each([1, 2, 3, 4, 5, 6])('seed %i: nothing acknowledged is lost, and it recovers', async (seed) => {
    const { acknowledged, world } = await chaos({ seed, seconds: 20 })
    expect(acknowledged).toBeGreaterThan(100)
    expect(world.bugs).toEqual([])
  })

  test('links that lose, double and delay', async () => {
    const harsh = { lose: 0.05, duplicate: 0.1, late: 0.1, lateUs: 300_000 }
    const { acknowledged } = await chaos({ seed: 11, seconds: 20, harsh })
    expect(acknowledged).toBeGreaterThan(100)
  })

  test('the same seed is the same run; another one is another; bytes between peers change nothing', async () => {
    const first = await chaos({ seed: 21, seconds: 10 })
    const again = await chaos({ seed: 21, seconds: 10 })
    const other = await chaos({ seed: 22, seconds: 10 })
    const encoded = await chaos({ seed: 21, seconds: 10, coordinator: { codec: CODEC } })
    expect(again.hash).toBe(first.hash)
    expect(other.hash).not.toBe(first.hash)
    expect(encoded.hash).toBe(first.hash)
  })
})
