import { expect, test } from 'vitest'
import { chaos } from './coordinator-chaos.ts'

test.each([32, 33, 34])(
  'members come and go under faults, seed %i: nothing acknowledged is lost, and it recovers',
  async (seed) => {
    const { acknowledged, changes, world } = await chaos({ seed, seconds: 50, spares: 2 })
    expect(acknowledged).toBeGreaterThan(100)
    expect(changes).toBeGreaterThan(3)
    expect(world.bugs).toEqual([])
  },
)
