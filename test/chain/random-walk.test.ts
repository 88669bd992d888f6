import { describe, expect, test } from 'vitest'
import { walk } from '../support/chain-walk.ts'

// SEED=552 STEPS=300 npx vitest run test/chain/random-walk.test.ts repeats one walk, with its trace.
const seed = Number(process.env['SEED'] ?? 0)
const steps = Number(process.env['STEPS'] ?? 0)
const factor = Number(process.env['WALKS'] ?? 1)

/** Walks that begin with consecutive seeds. A walk that breaks a promise is run again with its trace. */
function walkMany(options: { first: number; count: number; steps: number }): {
  strongReads: number
  acknowledged: number
  snapshots: number
} {
  const sum = { strongReads: 0, acknowledged: 0, snapshots: 0 }
  for (let i = 0; i < options.count * factor; i++) {
    const one = { seed: options.first + i, steps: options.steps }
    try {
      const { clients, snapshots } = walk(one)
      sum.strongReads += clients.stats.strongReads
      sum.acknowledged += clients.stats.acknowledged
      sum.snapshots += snapshots
    } catch {
      walk({ ...one, trace: true })
      throw new Error(`seed ${one.seed} fails only without a trace`)
    }
  }
  return sum
}

const PROMISES =
  'UpdatePropagation, InprocessRequests, CleanMeansCommitted, AckAfterDurable, EpochFence, ReadUnderLease, ExactlyOnce'

describe.skipIf(seed !== 0)(`random walks keep ${PROMISES}`, () => {
  test('short ones, where the chain has just begun', () => {
    const sum = walkMany({ first: 1, count: 1500, steps: 120 })
    expect(sum.strongReads).toBeGreaterThan(1000)
  })

  test('with ServingNeverEmpty and HandoffBeforeServing kept by the manager', () => {
    const sum = walkMany({ first: 10_001, count: 1200, steps: 300 })
    expect(sum.strongReads).toBeGreaterThan(5000)
    expect(sum.acknowledged).toBeGreaterThan(5000)
    expect(sum.snapshots).toBeGreaterThan(250)
  })

  test('long ones, with many lives of every server', () => {
    const sum = walkMany({ first: 100_001, count: 300, steps: 1200 })
    expect(sum.acknowledged).toBeGreaterThan(5000)
  })
})

test('the same seed walks the same way', () => {
  const traceOf = () => walk({ seed: 77, steps: 400, trace: true }).world.trace?.join('\n')
  expect(traceOf()).toBe(traceOf())
})

if (seed !== 0) {
  test(`seed ${seed}`, () => {
    walk({ seed, steps: steps || 300, trace: true })
  })
}
