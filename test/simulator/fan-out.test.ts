import { expect, test } from 'vitest'
import { simulate } from '../../lab/simulator/simulate.ts'

const SEEDS = [1, 2, 3, 4, 5, 6]

/** All values, not only large ones, so that every seed tries it. */
test.each(SEEDS)('values go to all members at once, seed %i: nothing is broken (CRAQ §4.2)', async (seed) => {
  const shape = { fanOutBytes: 0, replicationFactor: 4 }
  const { failure } = await simulate({ seed, servers: 5, chains: 1, faultSeconds: 5, shape })
  expect(failure).toBeNull()
})
