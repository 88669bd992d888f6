import { describe, expect, test } from 'vitest'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import {
  describeFault,
  FAULT_KINDS,
  type FaultKind,
  type PlannedFault,
  takesMany,
} from '../../lab/torture/faults.ts'
import { planFaults } from '../../lab/torture/schedule.ts'

const OPTIONS = {
  durationMs: 120_000,
  faults: FAULT_KINDS,
  servers: 3,
  coordinators: 3,
  chains: 2,
  sessionTimeoutMs: 2000,
}
const planOf = (seed: number, more: { faults?: readonly FaultKind[] } = {}) =>
  planFaults({ ...OPTIONS, ...more, rng: new Rng(seed) })

describe('a plan of faults', () => {
  test('depends on the seed and on nothing else', () => {
    expect(planOf(7)).toEqual(planOf(7))
    expect(planOf(7)).not.toEqual(planOf(8))
  })

  test('ends in time, and is in order', () => {
    for (let seed = 0; seed < 200; seed++) {
      const plan = planOf(seed)
      const times = plan.map(({ atMs }) => atMs)
      expect(times).toEqual([...times].sort((a, b) => a - b))
      for (const { atMs, lastsMs } of plan) expect(atMs + lastsMs).toBeLessThanOrEqual(OPTIONS.durationMs)
    }
  })

  test('has every kind once before it has any twice', () => {
    for (let seed = 0; seed < 50; seed++) {
      const first = planOf(seed).slice(0, FAULT_KINDS.length)
      expect(first.map(({ kind }) => kind).sort()).toEqual([...FAULT_KINDS].sort())
    }
  })

  test('has only the kinds that were asked for', () => {
    const kinds = new Set(planOf(3, { faults: ['pause', 'kill'] }).map(({ kind }) => kind))
    expect([...kinds].sort()).toEqual(['kill', 'pause'])
    expect(planOf(3, { faults: [] })).toEqual([])
  })

  test('has pauses that are shorter than a session, and pauses that are longer', () => {
    const pauses = Array.from({ length: 20 }, (_, seed) => planOf(seed)).flat()
    const lengths = pauses.filter(({ kind }) => kind === 'pause').map(({ lastsMs }) => lastsMs)
    expect(lengths.some((length) => length < OPTIONS.sessionTimeoutMs)).toBe(true)
    expect(lengths.some((length) => length > OPTIONS.sessionTimeoutMs)).toBe(true)
  })

  test('lets nothing begin while many processes are down', () => {
    for (let seed = 0; seed < 100; seed++) {
      const plan = planOf(seed)
      for (const [index, fault] of plan.entries())
        if (takesMany(fault))
          expect(plan[index + 1]?.atMs ?? Number.POSITIVE_INFINITY).toBeGreaterThan(
            fault.atMs + fault.lastsMs,
          )
    }
  })

  test('tells each fault in a line', () => {
    const fault: PlannedFault = {
      kind: 'partition',
      atMs: 0,
      lastsMs: 2500,
      target: { type: 'member', chain: 1, position: 'tail' },
      cut: { side: 'coordinators', way: 'in' },
    }
    expect(describeFault(fault, ['n2'])).toBe(
      'partition: n2 (tail of c1) hears nothing of coordinators for 2.5 s',
    )
    for (const planned of planOf(1)) expect(describeFault(planned, ['n1'])).toMatch(/n1.* \d+\.\d s$/)
  })
})
