import { describe, expect, test } from 'vitest'
import type { Point, Results, Run } from '../../lab/compare/results.ts'
import type { LatencySummary, Loop } from '../../lab/load/task.ts'
import { measuredNumbers } from '../../lab/paper/calibrate.ts'
import { measuredFigures } from '../../lab/paper/measured-figures.ts'

const latency = (p50Us: number): LatencySummary => ({
  count: 1000,
  meanUs: p50Us,
  minUs: 0,
  p50Us,
  p90Us: p50Us,
  p95Us: p50Us,
  p99Us: p50Us,
  p999Us: p50Us,
  maxUs: p50Us,
  cdf: [],
})

const run = (perSecond: number, p50Us: number, serverCpuSeconds: Record<string, number>): Run => ({
  load: {
    seconds: 10,
    perSecond,
    errors: 0,
    firstError: null,
    all: latency(p50Us),
    byType: {},
    clientCpuSeconds: 1,
    timeline: null,
  },
  serverCpuSeconds,
  traffic: null,
  events: [],
})

const point = (type: 'read' | 'update', outstanding: number, runs: readonly Run[]): Point => {
  const loop: Loop = { type: 'closed', outstanding }
  return {
    system: 'catenary-craq',
    experiment: 'headline',
    variant: 'any replica',
    level: 'linearizable',
    workload: {
      name: type,
      shares: { [type]: 1 },
      keys: { type: 'uniform' },
      recordCount: 1,
      valueBytes: 100,
      scanLengthMax: 1,
    },
    loop,
    x: null,
    runs,
  }
}

const resultsOf = (points: readonly Point[]) => ({ points }) as unknown as Results

describe('prices from a comparison', () => {
  test('CPU time of all servers is what a read costs at one', () => {
    const reads = point('read', 64, [run(50_000, 1000, { n1: 2, n2: 2, n3: 1, 'coordinator-1': 0.01 })])
    const idle = point('read', 1, [run(5000, 190, { n1: 1 })])
    const numbers = measuredNumbers(resultsOf([idle, reads]))
    expect(numbers.readUs).toBeCloseTo(10)
    expect(numbers.latencyUs).toBeCloseTo(90)
    expect(numbers.writeUs).toBeUndefined()
  })

  test('the head does the most for a write, the tail the least', () => {
    const cpu = { n1: 3, n2: 2, n3: 1, 'coordinator-1': 0.5 }
    const writes = point('update', 64, [run(10_000, 1000, cpu)])
    const { writeUs = 0, ackUs = 0, appendUs } = measuredNumbers(resultsOf([writes]))
    expect(writeUs + ackUs).toBeCloseTo(30)
    expect(appendUs).toBeCloseTo(10)
  })

  test('nothing measured, nothing known', () => {
    expect(measuredNumbers(resultsOf([]))).toEqual({})
    expect([...measuredFigures(resultsOf([]), true)]).toEqual([])
  })

  test('figures with costs of this machine have no points of the paper', () => {
    const [first] = measuredFigures(resultsOf([point('read', 64, [run(50_000, 1000, { n1: 2 })])]), true)
    expect(first?.id).toBe('craq-4-here')
    expect(first?.conditions).toContain('measured: readUs 4')
    expect(first?.series.every(({ ours, paper }) => ours.length > 0 && paper === null)).toBe(true)
  })
})
