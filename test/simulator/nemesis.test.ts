import { describe, expect, test } from 'vitest'
import { drawFaults } from '../../lab/simulator/faults/draw.ts'
import { DEFAULT_KINDS, type FaultKind } from '../../lab/simulator/faults/kinds.ts'
import { Nemesis } from '../../lab/simulator/faults/nemesis.ts'
import type { Deed, FaultPlan } from '../../lab/simulator/faults/plan.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { CHAINS, COORDINATORS, FaultCluster, SERVERS, SESSION_TIMEOUT_MS } from './fault-cluster.ts'

/** The first deeds that a seed draws of one kind, one every two seconds. */
function planOf(kind: FaultKind, seed = 4): FaultPlan {
  const plan = drawFaults(new Rng(seed).fork('faults'), {
    seed,
    durationMs: 400_000,
    coordinators: COORDINATORS,
    servers: SERVERS,
    clients: 1,
    chains: CHAINS,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    kinds: [kind],
    everyKind: true,
  })
  const actions = plan.actions.slice(0, 3).map((action, i) => ({ ...action, atMs: 2_000 + 1_500 * i }))
  const environment = { ...plan.environment, latencyUs: [100, 500], fsyncUs: [100, 1_000] } as const
  return { ...plan, durationMs: 7_000, actions, environment }
}

const withDeeds = (plan: FaultPlan, ...deeds: [number, Deed][]): FaultPlan => ({
  ...plan,
  actions: deeds.map(([atMs, deed]) => ({ kind: 'crash', atMs, deed })),
})

describe('each kind of fault', () => {
  test.each(DEFAULT_KINDS)('%s: strikes, breaks no promise, and is gone after healing', async (kind) => {
    const plan = planOf(kind)
    const cluster = new FaultCluster(plan)
    const nemesis = new Nemesis(cluster, plan)
    nemesis.begin()
    await cluster.run(plan.durationMs)
    cluster.mustBeFine()
    expect(cluster.lines.length).toBeGreaterThanOrEqual(plan.actions.length)
    nemesis.heal()
    const back = await cluster.until(() => nemesis.healed && cluster.whole, 60)
    cluster.mustBeFine()
    expect(back).toBe(true)
    cluster.observer.check()
    for (const name of [...COORDINATORS, ...SERVERS, ...cluster.clients]) {
      expect([name, cluster.process(name)?.alive, cluster.process(name)?.paused]).toEqual([name, true, false])
    }
    expect(cluster.observer.committed('c0').last).toBeGreaterThan(0)
  })
})

describe('deeds that overlap', () => {
  test('a process is up again when the last crash lets it', async () => {
    const down = (ms: number): Deed => ({
      type: 'crash',
      targets: [{ role: 'process', name: 'n4' }],
      downMs: [ms],
    })
    const plan = withDeeds(planOf('crash'), [1_000, down(3_000)], [2_000, down(500)])
    const cluster = new FaultCluster(plan)
    new Nemesis(cluster, plan).begin()
    await cluster.run(3_900)
    expect(cluster.process('n4')?.alive).toBe(false)
    await cluster.run(200)
    expect(cluster.process('n4')?.alive).toBe(true)
  })

  test('healing also starts who is neither coordinator, server nor client', async () => {
    const deed: Deed = { type: 'crash', targets: [{ role: 'manager' }], downMs: [60_000] }
    const plan = withDeeds(planOf('crash'), [1_000, deed])
    const cluster = new FaultCluster(plan)
    const nemesis = new Nemesis(cluster, plan)
    nemesis.begin()
    await cluster.run(2_000)
    expect(cluster.process('manager')?.alive).toBe(false)
    nemesis.heal()
    expect(cluster.process('manager')?.alive).toBe(true)
  })

  test('a symbolic target is whoever it is at that moment; nobody, if there is none', async () => {
    const plan = withDeeds(
      planOf('crash'),
      [0, { type: 'crash', targets: [{ role: 'head', chain: 'c0' }], downMs: [50_000] }],
      [3_000, { type: 'crash', targets: [{ role: 'head', chain: 'c0' }], downMs: [50_000] }],
    )
    const cluster = new FaultCluster(plan)
    new Nemesis(cluster, plan).begin()
    await cluster.run(2_900)
    const head = cluster.config('c0')?.members[0]?.server ?? ''
    expect(SERVERS.every((name) => cluster.process(name)?.alive)).toBe(true)
    await cluster.run(200)
    expect(SERVERS.filter((name) => !cluster.process(name)?.alive)).toEqual([head])
  })

  test('the last server that holds a chain is spared by bit rot', async () => {
    const down = (name: string): Deed => ({
      type: 'crash',
      targets: [{ role: 'process', name }],
      downMs: [60_000],
    })
    const rot = SERVERS.map((name): [number, Deed] => [
      9_000,
      { type: 'bit-rot', target: { role: 'process', name }, downMs: 3_000 },
    ])
    const plan = withDeeds(
      planOf('bit-rot'),
      [4_000, down('n1')],
      [4_000, down('n2')],
      [4_000, down('n3')],
      ...rot,
    )
    const cluster = new FaultCluster(plan)
    const nemesis = new Nemesis(cluster, plan)
    nemesis.begin()
    await cluster.run(16_000)
    nemesis.heal()
    expect(await cluster.until(() => nemesis.healed && cluster.whole, 60)).toBe(true)
    expect(cluster.lines.filter((line) => line.includes('bit-rot spares')).length).toBeGreaterThan(1)
    cluster.observer.check()
  })
})
