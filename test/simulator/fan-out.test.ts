import { expect, test } from 'vitest'
import { simulate } from '../../lab/simulator/simulate.ts'

/** All values, not only large ones, so that every seed tries it. */
test.each([1, 2, 3])(
  'values go to all members at once, seed %i: nothing is broken (CRAQ §4.2)',
  async (seed) => {
    const shape = { fanOutBytes: 0, replicationFactor: 4 }
    const { failure } = await simulate({ seed, servers: 5, chains: 1, faultSeconds: 5, shape })
    expect(failure).toBeNull()
  },
)

test.each([4, 5, 6])(
  'over a network that multiplies, seed %i: the successor, too, gets values by the one message',
  async (seed) => {
    const shape = { fanOutBytes: 0, replicationFactor: 4, multiplies: true }
    const { failure } = await simulate({ seed, servers: 5, chains: 1, faultSeconds: 5, shape })
    expect(failure).toBeNull()
  },
)

test('values of an older epoch let nothing through, seed 910047 (EpochFence)', async () => {
  const { failure } = await simulate({ seed: 910_047, shape: { fanOutBytes: 0 } })
  expect(failure).toBeNull()
})
