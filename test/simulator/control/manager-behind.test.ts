import { describe, expect, test } from 'vitest'
import { SmallWorld } from './small-world.ts'

describe('a manager whose session survives an outage', () => {
  test('hears of what it missed before it plans: no chain is made of lives that are over', async () => {
    const world = new SmallWorld()
    const { manager } = world.startManager('manager-1')
    await world.seconds(1)
    const servers = ['n1', 'n2'].map((name) => world.startServer(name))
    // It waits for a third server: for ten seconds, then it begins with fewer.
    await world.seconds(7.5)
    for (const { process } of servers) process.crash()
    await world.seconds(1.2)
    world.network.cut('manager-1', 'coordinator-1')
    world.network.cut('coordinator-1', 'manager-1')
    await world.seconds(1.4)
    expect(world.text('/catenary/servers/n1')).toBe(null)
    expect(manager.status()).toMatchObject({ session: 'disconnected', changes: 0 })
    world.network.healAll()
    await world.seconds(2)
    expect(manager.status()).toMatchObject({ session: 'connected', leads: true })
    expect(world.chain()).toBe('none')

    for (const server of servers) server.start()
    await world.seconds(15)
    expect(world.chain().split(' ').sort()).toEqual(['n1', 'n2'])
    expect(world.bugs).toEqual([])
  })
})
