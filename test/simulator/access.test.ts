import { expect, test } from 'vitest'
import type { CoordinatorClient } from '../../client/coordinator/api.ts'
import { isCoordinatorError } from '../../client/coordinator/errors.ts'
import { snapshotTree } from '../../coordinator/znodes/snapshot.ts'
import type { ZnodeTree } from '../../coordinator/znodes/tree.ts'
import type { Rng } from '../../lab/simulator/kernel/rng.ts'
import { EnsembleWorld, type Session } from './coordinator-world.ts'

const PACE_MS = 20
const FAULT_US = 1_000_000
const COUNT_MAX = 6
const TTL_MS = 300
const HERS = [{ perms: 31, id: { scheme: 'auth', id: '' } }]
const QUOTA = '/zookeeper/quota/app'

/** What a client was told that it must not be told. */
type Wrongs = string[]

function keepDoing(
  session: Session,
  thing: (client: CoordinatorClient) => Promise<unknown>,
  judge: (error: unknown) => void = () => {},
): void {
  session.begin(
    () => thing(session.client),
    (end) => {
      if ('error' in end) judge(end.error)
      if (session.client.state === 'expired') session.client.renew()
      session.process.timers.after(PACE_MS, () => keepDoing(session, thing, judge))
    },
  )
}

/** On what is hers she may do everything, at whichever member, whatever she came through. */
function beAnn(session: Session, rng: Rng, wrongs: Wrongs): void {
  let count = 0
  const act = (client: CoordinatorClient): Promise<unknown> => {
    const dice = rng.below(5)
    if (dice === 0) count += 1
    if (dice === 0) return client.create(`/ann/n${count}`, 'x', { acl: HERS })
    if (dice === 1) return client.setAcl('/ann', HERS)
    if (dice === 2) return client.getData('/ann')
    return dice === 3 ? client.setData('/ann', 'y') : client.getChildren('/ann')
  }
  keepDoing(session, act, (error) => {
    if (isCoordinatorError(error, 'NO_AUTH')) wrongs.push(`ann: ${error.message}`)
  })
}

/** Whoever else asks is refused. */
function beBob(session: Session, rng: Rng, wrongs: Wrongs): void {
  const act = async (client: CoordinatorClient): Promise<void> => {
    const dice = rng.below(4)
    if (dice === 0) await client.getData('/ann')
    else if (dice === 1) await client.setData('/ann', 'bob')
    else if (dice === 2) await client.create('/ann/bob', null)
    else await client.multi([{ type: 'setData', path: '/ann', data: 'bob' }])
    wrongs.push(`bob could: ${dice}`)
  }
  keepDoing(session, act)
}

/** Fills a quota, and makes what ends by itself. */
function beAnybody(session: Session, rng: Rng): void {
  let count = 0
  keepDoing(session, (client) => {
    count += 1
    const name = `${session.process.name}-${count}`
    const dice = rng.below(6)
    if (dice < 2) return client.create(`/app/${name}`, 'x', { ephemeral: dice === 0 })
    if (dice === 2) return client.create(`/box-${rng.below(3)}`, null, { container: true })
    if (dice === 3) return client.create(`/box-${rng.below(3)}/${name}`, null, { ttlMs: TTL_MS })
    if (dice === 4) return client.create(`/ttl-${name}`, null, { ttlMs: TTL_MS })
    return client.getChildren('/app').then(([first]) => client.delete(`/app/${first}`))
  })
}

function disturb(world: EnsembleWorld, rng: Rng): void {
  const name = rng.pick(world.members)
  const process = world.processOf(name)
  const client = rng.pick(['ann', 'bob', 'one'])
  switch (rng.below(4)) {
    case 0:
      if (process.alive) process.crash()
      break
    case 1:
      world.isolate(name)
      break
    case 2:
      for (const each of world.members) world.processOf(each).crash('power cut')
      break
    default:
      world.network.break(client, name)
  }
  world.scheduler.after(FAULT_US / 2, () => {
    world.network.healAll()
    for (const each of world.members) if (!world.processOf(each).alive) world.at(each).start()
  })
}

const treeOf = (world: EnsembleWorld, name: string): ZnodeTree => {
  const { member } = world.at(name)
  if (member === null) throw new Error(`${name} is down`)
  return member.tree
}
const below = ({ nodes }: ZnodeTree, path: string) =>
  [...nodes.keys()].filter((other) => other.startsWith(path))

test.each([1, 2, 3])('ACLs, quotas and lifetimes hold whatever happens: seed %i', async (seed) => {
  const world = new EnsembleWorld(seed, { settings: { snapshotEntries: 40, containerCheckMs: 100 } })
  await world.elected()
  const rng = world.rng.fork('access')
  const ann = world.session('ann')
  await ann.ask((client) => client.addAuth('digest', 'ann:1'))
  await ann.ask((client) => client.create('/ann', 'x', { acl: HERS }))
  await ann.ask((client) => client.create('/app', null))
  await ann.ask((client) => client.create(QUOTA, null))
  const limits = `count=1,bytes=1=;countHardLimit=${COUNT_MAX}`
  await ann.ask((client) => client.create(`${QUOTA}/zookeeper_limits`, limits))
  await ann.ask((client) => client.create(`${QUOTA}/zookeeper_stats`, ''))
  const bob = world.session('bob')
  await bob.ask((client) => client.addAuth('digest', 'bob:1'))
  await bob.ask((client) => client.sync('/'))

  const wrongs: Wrongs = []
  beAnn(ann, rng, wrongs)
  beBob(bob, rng, wrongs)
  const others = [world.session('one'), world.session('two')]
  for (const other of others) beAnybody(other, rng)
  let fullest = 0
  for (let faults = 8; faults > 0; faults -= 1) {
    disturb(world, rng)
    await world.scheduler.runUntil(world.scheduler.nowUs + FAULT_US, () => {
      for (const { member } of world.coordinators.values())
        fullest = Math.max(
          fullest,
          member === null ? 0 : 1 + (member.tree.nodes.get('/app')?.children.size ?? 0),
        )
      return world.bugs.length > 0
    })
  }
  for (const { process } of [ann, bob, ...others]) process.crash('done')
  await world.seconds(12) // sessions expire, lifetimes end

  expect(world.bugs).toEqual([])
  expect(wrongs).toEqual([])
  expect(fullest).toBe(COUNT_MAX)
  const trees = world.members.map((name) => treeOf(world, name))
  const [tree] = trees
  if (tree === undefined) throw new Error('no members')
  for (const other of trees) expect(snapshotTree(other)).toEqual(snapshotTree(tree))
  expect(below(tree, '/ann/').length).toBeGreaterThan(0)
  // A container that was never used has five minutes left.
  const left = [...below(tree, '/box-'), ...below(tree, '/ttl-')]
  expect(left.filter((path) => tree.nodes.get(path)?.createCount !== 0 || path.startsWith('/ttl-'))).toEqual(
    [],
  )
  const stats = new TextDecoder().decode(tree.nodes.get(`${QUOTA}/zookeeper_stats`)?.data ?? undefined)
  expect(stats).toBe(`count=${1 + below(tree, '/app/').length},bytes=${below(tree, '/app/').length}`)
})
