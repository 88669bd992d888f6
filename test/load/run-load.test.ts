import { describe, expect, test } from 'vitest'
import { LoadError, runLoad } from '../../lab/load/run-load.ts'
import { resultOf } from '../../lab/load/tally.ts'
import { ycsb } from '../../lab/workload/ycsb.ts'
import { FakeTarget, loadTask } from './fake-target.ts'

describe('a closed loop', () => {
  test('keeps so many in flight, and counts what ended in the span', async () => {
    const target = new FakeTarget(5)
    const result = resultOf([await runLoad(loadTask(), target)])
    expect(target.inFlightMax).toBe(4)
    expect(target.inFlight).toBe(0)
    expect(result.seconds).toBeCloseTo(0.2, 5)
    // 4 in flight and at least 5 ms each.
    expect(result.perSecond).toBeGreaterThan(100)
    expect(result.perSecond).toBeLessThan(850)
    expect(result.all.count).toBe(Math.round(result.perSecond * result.seconds))
    expect(result.all.p50Us).toBeGreaterThan(4_500)
    expect(result.byType).toEqual({ read: result.all })
    expect(result).toMatchObject({ errors: 0, firstError: null, timeline: null, open: null })
  })

  test('operations of one turn leave in one flush', async () => {
    const target = new FakeTarget(5)
    await runLoad(loadTask({ loop: { type: 'closed', outstanding: 50 } }), target)
    expect(target.flushes).toBeLessThan(target.submitted.length / 20)
  })

  test('read-modify-write is a read and then an update, and its latency that of both', async () => {
    const target = new FakeTarget(5)
    const workload = { ...ycsb('F', { recordCount: 10, valueBytes: 10 }), shares: { 'read-modify-write': 1 } }
    const loop = { type: 'closed', outstanding: 1 } as const
    const result = resultOf([await runLoad(loadTask({ workload, loop }), target)])
    const types = target.submitted.map(({ type }) => type)
    expect(types.slice(0, 4)).toEqual(['read', 'update', 'read', 'update'])
    expect(target.submitted[0]?.key).toBe(target.submitted[1]?.key)
    expect(result.byType['read-modify-write']?.minUs).toBeGreaterThan(9_000)
    expect(Object.keys(result.byType)).toEqual(['read-modify-write'])
  })

  test('types are counted apart, and together', async () => {
    const workload = ycsb('A', { recordCount: 10, valueBytes: 10 })
    const result = resultOf([await runLoad(loadTask({ workload }), new FakeTarget(1))])
    expect((result.byType.read?.count ?? 0) + (result.byType.update?.count ?? 0)).toBe(result.all.count)
    expect(result.byType.read?.count).toBeGreaterThan(0)
  })

  test('ends with the first error, named, and with what it had counted', async () => {
    const target = new FakeTarget(1)
    target.outcome = () => (target.submitted.length > 100 ? 'the disk is full' : null)
    const error = await runLoad(loadTask({ warmUpMs: 0 }), target).catch((e: unknown) => e)
    if (!(error instanceof LoadError)) throw error
    expect(error.message).toContain('a read failed: the disk is full')
    expect(error.message).toMatch(/\(\d+ operations had succeeded/)
    expect(error.count).toMatchObject({ errors: 1, firstError: 'the disk is full' })
    expect(error.count.done).toBeGreaterThan(50)
  })

  test('goes on where errors are tolerated, and without hammering a dead target', async () => {
    const target = new FakeTarget()
    target.outcome = () => 'nobody is there'
    const result = resultOf([await runLoad(loadTask({ tolerateErrors: true, bucketMs: 50 }), target)])
    expect(result.errors).toBeGreaterThan(0)
    expect(result.errors).toBeLessThan(4 * 25)
    expect(result).toMatchObject({ perSecond: 0, firstError: 'nobody is there' })
    expect(result.timeline?.length).toBe(4)
    expect(result.timeline?.reduce((sum, { errors }) => sum + errors, 0)).toBe(result.errors)
  })

  test('a target that never answers is an error, not a rate of zero', async () => {
    const target = new FakeTarget()
    target.outcome = () => 'never'
    await expect(runLoad(loadTask(), target)).rejects.toThrow('4 operations had no answer')
  })

  test('a timeline shows when nothing was done', async () => {
    const target = new FakeTarget(1)
    setTimeout(() => target.stall(100), 150)
    const result = resultOf([await runLoad(loadTask({ bucketMs: 20 }), target)])
    const done = result.timeline?.map((bucket) => bucket.done) ?? []
    expect(done.length).toBe(10)
    expect(done.reduce((sum, count) => sum + count, 0)).toBe(result.all.count)
    expect(done.filter((count) => count === 0).length).toBeGreaterThanOrEqual(3)
  })
})

describe('an open loop', () => {
  const open = (perSecond: number, outstandingMax = 1000) => ({
    loop: { type: 'open', perSecond, outstandingMax } as const,
  })

  test('holds its rate', async () => {
    const result = resultOf([await runLoad(loadTask(open(1000)), new FakeTarget(1))])
    expect(result.open).toMatchObject({ due: 200, overrun: 0, unanswered: 0 })
    expect(result.all.count).toBe(200)
  })

  test('a stall shows in the latency of all that was due meanwhile: omission is corrected', async () => {
    const run = async (change: Partial<Parameters<typeof loadTask>[0]>) => {
      const target = new FakeTarget(1)
      setTimeout(() => target.stall(200), 150)
      return resultOf([await runLoad(loadTask({ measureMs: 400, ...change }), target)])
    }
    const closed = await run({ loop: { type: 'closed', outstanding: 1 } })
    const corrected = await run(open(1000))
    // Half of the span was a stall. The closed loop had one operation wait for it, the open one all that were due: a quarter waited 100 ms or more.
    expect(closed.all.p90Us).toBeLessThan(50_000)
    expect(corrected.all.p90Us).toBeGreaterThan(120_000)
    expect(corrected.all.count).toBe(400)
  })

  test('the bound on what is in flight is held, and what came late for it counted', async () => {
    const target = new FakeTarget(1)
    setTimeout(() => target.stall(100), 100)
    const result = resultOf([await runLoad(loadTask(open(1000, 10)), target)])
    expect(target.inFlightMax).toBe(10)
    expect(result.open?.overrun).toBeGreaterThan(50)
    expect(result.open?.unanswered).toBe(0)
    expect(result.all.maxUs).toBeGreaterThan(90_000)
    expect(result.all.count).toBe(200)
  })

  test('an impossible rate is said clearly, and what was not answered counts with the time that it waited', async () => {
    const target = new FakeTarget(20)
    const result = resultOf([await runLoad(loadTask(open(20_000, 10)), target)])
    expect(result.open?.problem).toMatch(/^20000\/s were due and \d+\/s were completed/)
    expect(result.open?.unanswered).toBeGreaterThan(2000)
    expect(result.all.count).toBe(4000)
    expect(result.all.p50Us).toBeGreaterThan(1_000_000)
  })
})
