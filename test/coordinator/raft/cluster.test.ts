import { describe, expect, test } from 'vitest'
import { Cluster } from './cluster.ts'

/** Safety under faults, then progress without. To repeat one seed: `run(size, seed, spare)`. */
function run(size: number, seed: number, spare = 0): Cluster {
  const cluster = new Cluster(seed, size, spare)
  try {
    for (let turn = 0; turn < 3000; turn += 1) cluster.turn()
    cluster.heal(300)
  } catch (cause) {
    throw new Error(`size ${size}, seed ${seed}, spare ${spare}: ${cluster.describe()}`, { cause })
  }
  return cluster
}

function sumOf(size: number, seeds: number, spare = 0): Cluster['counts'] {
  const sum = { commits: 0, installs: 0, crashes: 0, elections: 0, reads: 0, forwarded: 0, changes: 0 }
  for (let seed = 1; seed <= seeds; seed += 1) {
    const { counts } = run(size, seed, spare)
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += counts[name]
  }
  return sum
}

describe('random runs: ElectionSafety, LeaderAppendOnly, LogMatching, LeaderCompleteness, StateMachineSafety (Raft Figure 3) hold in each step, and a healed cluster makes progress', () => {
  for (const size of [1, 3, 5]) {
    test(`${size} members`, () => {
      const { changes, ...sum } = sumOf(size, size === 1 ? 20 : 150)
      expect(changes).toBe(0)
      // A run in which nothing happens proves nothing.
      if (size > 1) for (const [name, count] of Object.entries(sum)) expect(count, name).toBeGreaterThan(10)
    })
  }

  test.each([1, 2, 3])('%i members, and three that come and go (thesis §4)', (size) => {
    const sum = sumOf(size, 25, 3)
    for (const [name, count] of Object.entries(sum)) expect(count, name).toBeGreaterThan(10)
  })
})
