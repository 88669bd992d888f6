import { describe, expect, test } from 'vitest'
import { asChainId } from '../../protocol/ids.ts'
import { StoreWorld } from './store-world.ts'

const C0 = asChainId('c0')

/** What clients saw can be explained, and nothing threw. */
async function expectWell(world: StoreWorld): Promise<void> {
  await world.finish()
  expect(world.bugs).toEqual([])
  const bad = world.verdict().parts.find(({ judgement }) => judgement !== 'linearizable')
  expect(bad?.reason ?? null).toBeNull()
}

/** A run with a crash of each role, and what became of it. */
async function crashes(seed: number, options: Partial<ConstructorParameters<typeof StoreWorld>[0]> = {}) {
  const world = new StoreWorld({ seed, ...options })
  expect(await world.until(() => world.isWhole())).toBe(true)
  for (const role of [0, 1, 2]) {
    await world.seconds(1)
    const victim = world.server(world.config()?.members[role]?.server ?? 'n1')
    victim.process.crash()
    await world.seconds(3)
    victim.boot()
    expect(await world.until(() => world.isWhole())).toBe(true)
  }
  await expectWell(world)
  return world
}

describe('a chain of simulated servers', () => {
  test('serves, and tells those who watch', async () => {
    const world = new StoreWorld({ seed: 1 })
    expect(await world.until(() => world.isWhole())).toBe(true)
    await world.seconds(5)
    await expectWell(world)
    const { seen, history } = world
    expect(history.counts.ok).toBeGreaterThan(300)
    expect(seen.entries).toBeGreaterThan(100)
    expect(seen.applied).toBe(3 * seen.entries)
    expect(seen.readsHere).toBeGreaterThan(100)
    const { log } = world.server('n2').replicas?.get(C0) ?? {}
    expect(log?.commit.seq).toBe(seen.entries)
    for (const server of world.servers) {
      expect(server.durableOnDisk(C0)).toBe(seen.entries)
      expect(log === undefined ? null : server.durablyHolds(C0, log.commit)).not.toBeNull()
      expect(server.stores.get(C0)?.flushedPosition.seq).toBeGreaterThan(0)
    }
  })

  test('a crash of head, middle and tail loses nothing', async () => {
    const world = await crashes(2)
    expect(world.history.counts.ok).toBeGreaterThan(300)
    const newest = world.server('n1').replicas?.get(C0)?.log.commit
    for (const server of world.servers)
      if (newest !== undefined) expect(server.durablyHolds(C0, newest)).not.toBeNull()
  })

  test('clients without sessions hear of unknown outcomes', async () => {
    const world = await crashes(3, { exactlyOnce: () => false })
    expect(world.history.counts.unknown).toBeGreaterThan(0)
  })

  test('messages and records may pass through their bytes', async () => {
    await crashes(4, { codec: true })
  })

  test('a client that crashes leaves its operations open, and comes back as another', async () => {
    const world = new StoreWorld({ seed: 5, clients: 2, workload: { processes: 6, thinkMs: [0, 10] } })
    expect(await world.until(() => world.isWhole())).toBe(true)
    for (let i = 0; i < 5; i++) {
      await world.seconds(0.2)
      world.clients[0]?.process.crash()
      world.workloads[0]?.start()
    }
    await expectWell(world)
    expect(world.history.events.some((event) => event.type === 'info')).toBe(true)
  })

  test.each(['interval', 'memory'] as const)(
    'durability %s survives the end of processes',
    async (durability) => {
      const world = new StoreWorld({ seed: 6, server: { durability } })
      for (const { disk } of world.servers) disk.keepsCache = true
      expect(await world.until(() => world.isWhole())).toBe(true)
      await world.seconds(1)
      for (const { process } of world.servers) process.crash('kill')
      await world.seconds(1)
      for (const server of world.servers) server.boot()
      expect(await world.until(() => world.isWhole())).toBe(true)
      await world.seconds(1)
      await expectWell(world)
    },
  )

  test('a power cut of everything: the chain comes back with every acknowledged write', async () => {
    const world = new StoreWorld({ seed: 7, coordinators: 3 })
    expect(await world.until(() => world.isWhole())).toBe(true)
    await world.seconds(2)
    for (const { process } of world.servers) process.crash('power')
    await world.seconds(1)
    for (const server of world.servers) server.boot()
    expect(await world.until(() => world.isWhole())).toBe(true)
    await world.seconds(1)
    await expectWell(world)
  })

  test('a server whose disk is full leaves; a rotten log does not start until it is wiped', async () => {
    const world = new StoreWorld({ seed: 8 })
    expect(await world.until(() => world.isWhole())).toBe(true)
    const n2 = world.server('n2')
    n2.disk.full = true
    expect(await world.until(() => world.config()?.members.length === 2)).toBe(true)
    expect(n2.server?.storageError?.message).toContain('no space')
    n2.process.crash()
    n2.disk.full = false
    n2.rot()
    n2.boot()
    expect(n2.process.alive).toBe(false)
    expect(world.seen.refused).toBe(1)
    n2.wipe()
    n2.boot()
    expect(await world.until(() => world.isWhole())).toBe(true)
    await expectWell(world)
  })

  test('a server that is stopped in good order leaves at once', async () => {
    const world = new StoreWorld({ seed: 9 })
    expect(await world.until(() => world.isWhole())).toBe(true)
    world.server('n1').stop()
    expect(await world.until(() => world.config()?.members.length === 2, 1)).toBe(true)
    expect(await world.until(() => !world.server('n1').process.alive, 1)).toBe(true)
    await expectWell(world)
  })
})

test('the same seed makes the same run', async () => {
  const runs = [await crashes(11), await crashes(11), await crashes(12)]
  const [first, second, other] = runs.map(({ trace, scheduler }) => `${trace.hash} ${scheduler.count}`)
  expect(second).toBe(first)
  expect(other).not.toBe(first)
  expect(runs[1]?.history.events).toEqual(runs[0]?.history.events)
})

/** Shown, not judged: it depends on the machine and on what else it does. */
test.each([
  ['an idle chain', { clients: 1, workload: { thinkMs: [1e9, 1e9] } }, 100],
  ['a busy chain', { clients: 8 }, 10],
] as const)('how fast %s is', async (name, options, seconds) => {
  const world = new StoreWorld({ seed: 1, ...options })
  expect(await world.until(() => world.isWhole())).toBe(true)
  await world.seconds(seconds / 10)
  const { count } = world.scheduler
  const { ok } = world.history.counts
  const began = process.cpuUsage()
  await world.seconds(seconds)
  const cpuSeconds = process.cpuUsage(began).user / 1e6
  const events = world.scheduler.count - count
  console.log(
    `${name}: ${Math.round(seconds / cpuSeconds)} simulated seconds a second, ${Math.round(events / cpuSeconds)} events a second; ` +
      `each simulated second has ${Math.round(events / seconds)} events and ${Math.round((world.history.counts.ok - ok) / seconds)} operations`,
  )
})
