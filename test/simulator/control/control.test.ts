import { describe, expect, test } from 'vitest'
import type { CoordinatorState } from '../../../client/coordinator/api.ts'
import { SESSION_TIMEOUT_MS, SmallWorld } from './small-world.ts'

describe('a session', () => {
  test('opens, asks, hears of changes', async () => {
    const world = new SmallWorld()
    const { process, client } = world.startSession('client-1')
    await world.seconds(1)
    expect(client.state).toBe('connected')
    const seen: (string | null)[] = []
    await world.ask(process, async () => {
      client.watchData('/a', (znode) => seen.push(znode && new TextDecoder().decode(znode.data)))
    })
    await world.ask(process, () => client.create('/a', 'one'))
    await world.ask(process, () => client.setData('/a', 'two'))
    expect(seen).toEqual([null, 'one', 'two'])
    expect(world.text('/a')).toBe('two')
  })

  test('outlives a broken link and a restarted member; an idle one lives on by its pings', async () => {
    const world = new SmallWorld()
    const { process, client } = world.startSession('client-1')
    await world.ask(process, () => client.create('/here', null, { ephemeral: true }))
    const { sessionId } = client.session
    world.network.break('client-1', 'coordinator-1')
    await world.seconds(1)
    world.coordinators[0]?.process.crash()
    await world.seconds(1)
    world.coordinators[0]?.start()
    await world.seconds(30)
    expect(client).toMatchObject({ state: 'connected', session: { sessionId } })
    expect(await world.ask(process, () => client.exists('/here'))).not.toBe(null)
  })

  test('expires behind a cut that lasts; hears of it once it is healed', async () => {
    const world = new SmallWorld()
    const { process, client } = world.startSession('client-1')
    await world.ask(process, () => client.create('/here', null, { ephemeral: true }))
    const states: CoordinatorState[] = []
    client.onState((state) => states.push(state))
    world.network.cut('client-1', 'coordinator-1')
    const asked = world.ask(process, () => client.getData('/here'))
    await expect(asked).rejects.toMatchObject({ code: 'CONNECTION_LOSS' })
    await world.seconds(10)
    expect(world.trees[0]?.nodes.has('/here')).toBe(false)
    expect(states).toEqual(['disconnected'])
    world.network.healAll()
    await world.seconds(5)
    expect(states).toEqual(['disconnected', 'expired'])
  })

  test('dies with its process', async () => {
    const world = new SmallWorld()
    const { process, client } = world.startSession('client-1')
    await world.ask(process, () => client.create('/here', null, { ephemeral: true }))
    process.crash()
    expect(world.trees[0]?.nodes.has('/here')).toBe(true)
    await world.seconds(10)
    expect(world.trees[0]?.nodes.has('/here')).toBe(false)
    expect(world.bugs).toEqual([])
  })
})

describe('membership', () => {
  for (const rate of [0.95, 1, 1.05]) {
    test(`a lease ends before the session does, with a clock of rate ${rate} (ReadUnderLease)`, async () => {
      const world = new SmallWorld()
      const { process: setter, client } = world.startSession('client-1')
      await world.ask(setter, () => client.ensurePath('/catenary/servers'))
      await world.ask(setter, () => client.ensurePath('/catenary/lives'))
      const server = world.startServer('n1')
      server.process.setClockRate(rate)
      await world.seconds(10)
      for (let i = 0; i < 200; i++) {
        expect(server.hasLease).toBe(true)
        await world.seconds(0.05)
      }
      world.network.cut('n1', 'coordinator-1')
      let leaseEndedMs = 0
      while (world.text('/catenary/servers/n1') !== null) {
        await world.seconds(0.005)
        if (leaseEndedMs === 0 && !server.hasLease) leaseEndedMs = world.nowMs
      }
      expect(leaseEndedMs).toBeGreaterThan(0)
      expect(leaseEndedMs).toBeLessThan(world.nowMs)
      world.network.healAll()
      await world.seconds(5)
      expect(server).toMatchObject({ lostSessions: 1, incarnation: 2, hasLease: true })
    })
  }

  test('an unexpected error ends the simulated process, and that one only', async () => {
    const world = new SmallWorld()
    world.startManager('manager')
    await world.seconds(5)
    const server = world.startServer('n1')
    server.onServer = () => {
      throw new Error('nobody expects this')
    }
    await world.seconds(5)
    expect(world.bugs).toEqual([{ process: 'n1', error: new Error('nobody expects this') }])
    expect(server.process.alive).toBe(false)
  })
})

describe('the manager', () => {
  const names = ['n1', 'n2', 'n3']

  async function fullChain(seed: number): Promise<SmallWorld> {
    const world = new SmallWorld(seed, { reads: true })
    world.startManager('manager-1')
    world.startManager('manager-2')
    for (const name of names) world.startServer(name)
    await world.seconds(20)
    return world
  }

  test('makes a chain, replaces who dies, and is itself replaced', async () => {
    const world = new SmallWorld()
    const first = world.startManager('manager-1')
    await world.seconds(5)
    const second = world.startManager('manager-2')
    const servers = names.map((name) => world.startServer(name))
    await world.seconds(20)
    expect(world.chain().split(' ').sort()).toEqual(names)
    expect([first, second].map(({ manager }) => manager.status().leads)).toEqual([true, false])

    first.process.crash()
    servers[0]?.process.crash()
    world.startServer('n4')
    await world.seconds(20)
    expect(world.chain().split(' ').sort()).toEqual(['n2', 'n3', 'n4'])
    expect(second.manager.status().leads).toBe(true)
    expect(world.bugs).toEqual([])
  })

  test('gives its office up when it is told to stop', async () => {
    const world = new SmallWorld()
    const first = world.startManager('manager-1')
    await world.seconds(5)
    const second = world.startManager('manager-2')
    await world.seconds(5)
    world.scheduler.after(0, () => first.process.run(() => first.manager.stop()))
    await world.seconds(SESSION_TIMEOUT_MS / 2 / 1000)
    expect(second.manager.status().leads).toBe(true)
  })

  test('rests while nothing changes, and goes on as soon as something does', async () => {
    const world = new SmallWorld()
    const { manager } = world.startManager('manager-1')
    const servers = ['n1', 'n2', 'n3', 'n4'].map((name) => world.startServer(name))
    await world.seconds(30)
    expect(manager.status()).toMatchObject({ leads: true, waiting: [] })
    const gone = world.chain().split(' ')[0] ?? ''
    const { changes } = manager.status()
    servers.find(({ process }) => process.name === gone)?.process.crash()
    // It is missed once its session is over; then nothing waits for the next round at rest, which is seconds away.
    await world.seconds(SESSION_TIMEOUT_MS / 1000 + 1)
    expect(manager.status().changes).toBeGreaterThan(changes)
    expect(world.chain().split(' ')).not.toContain(gone)
    expect(world.bugs).toEqual([])
  })

  test('the same seed makes the same run, another seed another', async () => {
    const [one, again, other] = [await fullChain(7), await fullChain(7), await fullChain(8)]
    expect(again.lines).toEqual(one.lines)
    expect(again.trace.hash).toBe(one.trace.hash)
    expect(other.trace.hash).not.toBe(one.trace.hash)
  })
})
