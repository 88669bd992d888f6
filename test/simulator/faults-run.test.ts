import { describe, expect, test } from 'vitest'
import { drawFaults } from '../../lab/simulator/faults/draw.ts'
import { Nemesis } from '../../lab/simulator/faults/nemesis.ts'
import type { FaultPlan } from '../../lab/simulator/faults/plan.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { CHAINS, COORDINATORS, FaultCluster, SERVERS, SESSION_TIMEOUT_MS } from './fault-cluster.ts'

const drawn = (seed: number, durationMs: number): FaultPlan =>
  drawFaults(new Rng(seed).fork('faults'), {
    seed,
    durationMs,
    coordinators: COORDINATORS,
    servers: SERVERS,
    clients: 3,
    chains: CHAINS,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
  })

async function survive(plan: FaultPlan): Promise<FaultCluster> {
  const cluster = new FaultCluster(plan)
  const nemesis = new Nemesis(cluster, plan)
  nemesis.begin()
  await cluster.run(plan.durationMs)
  nemesis.heal()
  await cluster.until(() => nemesis.healed && cluster.whole, 120)
  if (cluster.failure === null) cluster.observer.check()
  return cluster
}

const SEEDS = [2, 5, 13]

describe('a whole cluster under drawn faults', () => {
  test.each(SEEDS)(
    'seed %i: no observer objects, and it comes back',
    async (seed) => {
      const cluster = await survive(drawn(seed, 12_000))
      cluster.mustBeFine()
      expect(cluster.whole).toBe(true)
    },
    60_000,
  )
})
