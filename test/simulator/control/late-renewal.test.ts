import { describe, expect, test } from 'vitest'
import { registrationFromJson } from '../../../runtime/cluster-znodes.ts'
import { SmallWorld } from './small-world.ts'

const SEEDS = 40

/** The life that the registration of n1 names. */
const lifeIn = (world: SmallWorld): number => {
  const text = world.text('/catenary/servers/n1')
  return text === null ? 0 : (registrationFromJson(text)?.incarnation ?? 0)
}

describe('a renewal that arrives late', () => {
  // A member whose way to the leader is slow holds a renewal back; its server is killed, and lives again, over another member.
  test('names no life that is over', async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = new SmallWorld(seed, { members: 3 })
      world.startManager('manager-1')
      const server = world.startServer('n1')
      await world.seconds(5)
      const leader = world.leader()
      const follower = world.coordinators.find(({ leads }) => !leads())?.process.name ?? ''
      world.network.slow(follower, leader, 6_000)
      await world.seconds(0.2 + (seed % 10) / 10)
      const first = lifeIn(world)
      expect(first, `seed ${seed}`).toBeGreaterThan(0)
      server.process.crash()
      await world.seconds(0.02)
      server.start()
      let newest = first
      for (let i = 0; i < 400; i++) {
        await world.seconds(0.01)
        const life = lifeIn(world)
        if (life !== 0) expect(life, `seed ${seed}`).toBeGreaterThanOrEqual(newest)
        newest = Math.max(newest, life)
      }
      world.network.healAll()
      await world.seconds(5)
      expect(lifeIn(world), `seed ${seed}`).toBeGreaterThan(first)
      expect(world.bugs).toEqual([])
    }
  })
})
