import { describe, expect, test } from 'vitest'
import { ALL_SYSTEMS } from '../../lab/compare/all-systems.ts'
import { planMs } from '../../lab/compare/estimate.ts'
import { EXPERIMENTS, makePlan, type PlanOptions } from '../../lab/compare/plan.ts'
import { fakeSystem, fakeWorld } from './fake-systems.ts'

const OPTIONS: PlanOptions = {
  quick: false,
  only: null,
  systems: null,
  rounds: null,
  seconds: null,
  valueBytes: 100,
  outstanding: 64,
  long: false,
  cores: 2,
}
const world = fakeWorld()
const systems = ['bare-read', 'bare-relay', 'catenary-craq', 'catenary-raft-lease', 'etcd', 'redis'].map(
  (id) => fakeSystem(world, id),
)
const planOf = (change: Partial<PlanOptions> = {}) => makePlan(systems, { ...OPTIONS, ...change })

describe('a plan', () => {
  test('visits every system in every round, and not always the same one first', () => {
    const { rounds, visits } = planOf({ only: ['headline'] })
    expect(rounds).toBe(5)
    const orders = [1, 2, 3, 4, 5].map((round) =>
      [...new Set(visits.filter((visit) => visit.round === round).map(({ system }) => system))].join(),
    )
    for (const order of orders.slice(0, 3))
      expect(order.split(',').sort()).toEqual(systems.map(({ id }) => id).sort())
    // A median of five where the goals speak of it, of three elsewhere.
    for (const order of orders.slice(3)) expect(order).not.toContain('catenary-raft-lease')
    expect(new Set(orders).size).toBeGreaterThan(3)
  })

  test('yardsticks do the one thing that they can', () => {
    const { visits } = planOf()
    const names = (id: string) => [
      ...new Set(
        visits
          .filter(({ system }) => system === id)
          .flatMap(({ points }) => points.map(({ workload }) => workload.name)),
      ),
    ]
    expect(names('bare-read')).toEqual(['reads'])
    expect(names('bare-relay')).toEqual(['writes'])
  })

  test('has every experiment, and measures what two of them share once', () => {
    const { visits } = planOf()
    const found = new Set(visits.flatMap(({ points }) => points.flatMap(({ experiments }) => experiments)))
    expect([...found].sort()).toEqual([...EXPERIMENTS].sort())
    for (const { points } of visits) {
      const keys = points.map(({ workload, loop, x, beside }) => JSON.stringify([workload, loop, x, beside]))
      expect(new Set(keys).size).toBe(keys.length)
    }
    const reads = visits.find(({ system }) => system === 'etcd')?.points[0]
    expect(reads?.experiments).toEqual(['headline', 'read-ratio', 'value-size'])
  })

  test('compares like with like: other groups of durability measure writes alone', () => {
    const memory = planOf().visits.filter(
      ({ system, durability }) => system === 'etcd' && durability === 'memory',
    )
    expect(memory.length).toBeGreaterThan(0)
    for (const { points } of memory)
      expect(points.map(({ workload }) => workload.name)).toEqual(['writes', 'writes'])
  })

  test('who names systems gets all of it for them, and the yardsticks', () => {
    const { visits } = planOf({ systems: ['catenary-raft-lease'], only: ['headline', 'ycsb'] })
    expect([...new Set(visits.map(({ system }) => system))].sort()).toEqual([
      'bare-read',
      'bare-relay',
      'catenary-raft-lease',
    ])
    expect(visits.some(({ points }) => points.some(({ experiments }) => experiments.includes('ycsb')))).toBe(
      true,
    )
    expect(planOf({ systems: ['etcd'] }).visits.every(({ system }) => system === 'etcd')).toBe(true)
  })

  test('--quick: one round, less than five minutes', () => {
    const plan = planOf({ quick: true })
    expect(plan.rounds).toBe(1)
    expect(planMs(plan)).toBeLessThan(5 * 60_000)
  })

  test('the whole takes less than fifty minutes, with a median of five for what the goals speak of', () => {
    const plan = makePlan(ALL_SYSTEMS, OPTIONS)
    expect(planMs(plan)).toBeLessThan(50 * 60_000)
    const rounds = (experiment: string) =>
      plan.visits.filter(
        ({ system, durability, replicas, points }) =>
          system === 'catenary-craq' &&
          durability === 'durable' &&
          replicas === 3 &&
          points.some(({ experiments }) => experiments.some((one) => one === experiment)),
      ).length
    for (const experiment of ['headline', 'read-scaling', 'reads-under-writes'])
      expect([experiment, rounds(experiment)]).toEqual([experiment, 5])
  })

  test('--rounds, --seconds, --values and --outstanding are obeyed', () => {
    const plan = planOf({ only: ['headline'], rounds: 2, seconds: 7, valueBytes: 5, outstanding: 9 })
    expect(plan.rounds).toBe(2)
    const points = plan.visits.flatMap((visit) => visit.points)
    expect(new Set(points.map(({ measureMs }) => measureMs))).toEqual(new Set([7000]))
    expect(new Set(points.map(({ workload }) => workload.valueBytes))).toEqual(new Set([5]))
    const outstanding = points.map(({ loop }) => (loop.type === 'closed' ? loop.outstanding : 0))
    expect(new Set(outstanding)).toEqual(new Set([9, 1]))
  })

  test('limits the CPU of every replica where reads are to scale', () => {
    const scaling = planOf({ only: ['read-scaling'] }).visits
    expect(new Set(scaling.map(({ replicas }) => replicas))).toEqual(new Set([1, 3, 5, 7]))
    expect(scaling.every(({ points }) => points.every(({ quotaPercent }) => quotaPercent === 10))).toBe(true)
  })
})
