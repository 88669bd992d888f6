import { describe, expect, test } from 'vitest'
import { Latencies } from '../../lab/load/latencies.ts'
import { type Count, resultOf, Tally } from '../../lab/load/tally.ts'

describe('latencies', () => {
  test('percentiles are right to three digits', () => {
    const latencies = new Latencies()
    for (let i = 1; i <= 10_000; i++) latencies.record(i / 1000)
    const summary = latencies.summary()
    expect(summary.count).toBe(10_000)
    expect(summary.p50Us / 5000).toBeCloseTo(1, 2)
    expect(summary.p99Us / 9900).toBeCloseTo(1, 2)
    expect(summary.p999Us / 9990).toBeCloseTo(1, 2)
    expect(summary.meanUs / 5000).toBeCloseTo(1, 2)
    expect(summary.minUs).toBe(1)
    expect(summary.maxUs / 10_000).toBeCloseTo(1, 2)
  })

  test('the distribution is ascending, ends at 1 and is short', () => {
    const latencies = new Latencies()
    for (let i = 0; i < 5000; i++) latencies.record(Math.exp(i % 13))
    const { cdf } = latencies.summary()
    expect(cdf.length).toBeLessThanOrEqual(110)
    expect(cdf.at(-1)?.[1]).toBe(1)
    for (let i = 1; i < cdf.length; i++) {
      expect(cdf[i]?.[0]).toBeGreaterThan(cdf[i - 1]?.[0] ?? 0)
      expect(cdf[i]?.[1]).toBeGreaterThan(cdf[i - 1]?.[1] ?? 0)
    }
  })

  test('nothing recorded is zeros; hours count as the longest', () => {
    expect(new Latencies().summary()).toMatchObject({ count: 0, meanUs: 0, minUs: 0, maxUs: 0, cdf: [] })
    const latencies = new Latencies()
    latencies.record(3_600_000)
    expect(latencies.summary().maxUs / 200_000_000).toBeCloseTo(1, 2)
  })
})

describe('a timeline', () => {
  test('has no bucket more because its ends are fractions', () => {
    const tally = new Tally(50)
    const beganMs = 1000.1
    tally.begin(beganMs, 1200.1000000001)
    tally.completed(1200.10000000005)
    const { timeline } = tally.count({ endedMs: null, cpuSeconds: 0, open: null, wantedPerSecond: null })
    expect(timeline?.map(({ done }) => done)).toEqual([0, 0, 0, 1])
  })
})

describe('results of several processes', () => {
  const count = (ms: number, done: number): Count => {
    const tally = new Tally(500)
    tally.begin(0, 1000)
    for (let i = 0; i < done; i++) {
      tally.completed(i)
      tally.latency('read', ms)
    }
    if (done === 30) tally.failed(700, 'once')
    return tally.count({ endedMs: null, cpuSeconds: 0.5, open: null, wantedPerSecond: null })
  }

  test('add up, and share one distribution', () => {
    const result = resultOf([count(1, 10), count(3, 30)])
    expect(result).toMatchObject({
      seconds: 1,
      perSecond: 40,
      errors: 1,
      firstError: 'once',
      clientCpuSeconds: 1,
    })
    expect(result.all.count).toBe(40)
    expect(result.all.p50Us / 3000).toBeCloseTo(1, 2)
    expect(result.all.minUs).toBe(1000)
    expect(result.timeline).toEqual([
      { done: 40, errors: 0 },
      { done: 0, errors: 1 },
    ])
  })
})
