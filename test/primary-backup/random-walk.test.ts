import { expect, test } from 'vitest'
import type { ReplicaOptions } from '../../chain/state.ts'
import { createPrimaryBackup } from '../../lab/primary-backup/state.ts'
import { step } from '../../lab/primary-backup/step.ts'
import { walk } from '../support/chain-walk.ts'
import type { Core } from '../support/chain-world.ts'

// SEED=552 STEPS=300 npx vitest run test/primary-backup/random-walk.test.ts repeats one walk, with its trace.
const seed = Number(process.env['SEED'] ?? 0)
const steps = Number(process.env['STEPS'] ?? 300)
const factor = Number(process.env['WALKS'] ?? 1)

const primaryBackup = (options: ReplicaOptions): Core => {
  const star = createPrimaryBackup(options)
  return { replica: star.replica, siblings: true, step: (event, out) => step(star, event, out) }
}

/** The chain's judge, and the chain's manager, over a star. */
function walkMany(options: { first: number; count: number; steps: number }) {
  const sum = { strongReads: 0, acknowledged: 0, snapshots: 0 }
  for (let i = 0; i < options.count * factor; i++) {
    const one = { seed: options.first + i, steps: options.steps, core: primaryBackup }
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

test.skipIf(seed !== 0)('random walks: linearizable, exactly once, committed at every member', () => {
  const sum = walkMany({ first: 1, count: 800, steps: 120 })
  const more = walkMany({ first: 10_001, count: 1000, steps: 300 })
  expect(sum.strongReads + more.strongReads).toBeGreaterThan(2_000)
  expect(sum.acknowledged + more.acknowledged).toBeGreaterThan(2_000)
  expect(sum.snapshots + more.snapshots).toBeGreaterThan(100)
})

test.skipIf(seed === 0)(`seed ${seed}`, () => {
  walk({ seed, steps, trace: true, core: primaryBackup })
})
