import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { runPlan } from '../../lab/compare/runner.ts'
import { ResultsStore, readResults } from '../../lab/compare/store-results.ts'
import { mix } from '../../lab/compare/workloads.ts'
import {
  type FakeWorld,
  fakeSystem,
  fakeWorld,
  plannedPoint,
  plannedVisit,
  runnerOptions,
} from './fake-systems.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
function resultsPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'catenary-compare-test-'))
  folders.push(folder)
  return join(folder, 'results.json')
}

describe('a run', () => {
  test('starts, fills, measures and stops one system after the other', async () => {
    const world = fakeWorld()
    const systems = [fakeSystem(world, 'catenary-craq'), fakeSystem(world, 'etcd')]
    const visits = [plannedVisit('catenary-craq'), plannedVisit('etcd')]
    const options = runnerOptions(world, { visits, systems })
    expect(await runPlan(options)).toBe('done')
    expect(world.log).toEqual([
      'visit catenary-craq round 1',
      'start catenary-craq durable 3',
      'load catenary-craq 10000x100',
      'measure catenary-craq reads',
      'stop catenary-craq',
      'visit etcd round 1',
      'start etcd durable 3',
      'load etcd 10000x100',
      'measure etcd reads',
      'stop etcd',
    ])
    const { points, systems: records } = options.store.results
    expect(records.map(({ id, group }) => [id, group])).toEqual([
      ['catenary-craq', 'durable'],
      ['etcd', 'durable'],
    ])
    expect(points.map(({ system, runs }) => [system, runs.length])).toEqual([
      ['catenary-craq', 1],
      ['etcd', 1],
    ])
    expect(points[0]?.runs[0]?.serverCpuSeconds).toEqual({ p1: 1 })
  })

  test('fills again only where the records are not there, and measures each way to read', async () => {
    const world = fakeWorld()
    const points = [
      plannedPoint({ variants: 'all' }),
      plannedPoint({ workload: mix(0, { valueBytes: 100 }), variants: 'all' }),
      plannedPoint({ workload: mix(100, { valueBytes: 100, recordCount: 1000 }) }),
      plannedPoint({ workload: mix(100, { valueBytes: 1000 }) }),
    ]
    const visits = [plannedVisit('etcd', { points })]
    const options = runnerOptions(world, { visits, systems: [fakeSystem(world, 'etcd')] })
    await runPlan(options)
    expect(world.log.filter((line) => line.startsWith('load'))).toEqual([
      'load etcd 10000x100',
      'load etcd 10000x1000',
    ])
    expect(options.store.results.points.map(({ variant, level }) => [variant, level])).toEqual([
      ['one', 'linearizable'],
      ['two', 'stale'],
      ['one', 'linearizable'], // writes are the same whoever reads
      ['one', 'linearizable'],
      ['one', 'linearizable'],
    ])
  })

  test('one measurement serves all experiments that it belongs to; rounds gather', async () => {
    const world = fakeWorld()
    const points = [plannedPoint({ experiments: ['headline', 'read-ratio'] })]
    const visits = [1, 2].map((round) => plannedVisit('etcd', { round, points }))
    const options = runnerOptions(world, { visits, systems: [fakeSystem(world, 'etcd')] })
    await runPlan(options)
    expect(options.store.results.points.map(({ experiment, runs }) => [experiment, runs.length])).toEqual([
      ['headline', 2],
      ['read-ratio', 2],
    ])
    expect(world.log.filter((line) => line.startsWith('measure'))).toHaveLength(2)
  })

  test('a load beside the point is measured, too', async () => {
    const world = fakeWorld()
    const beside = {
      workload: mix(0, { valueBytes: 100 }),
      loop: { type: 'closed', outstanding: 64 },
    } as const
    const visits = [plannedVisit('etcd', { points: [plannedPoint({ beside })] })]
    const options = runnerOptions(world, { visits, systems: [fakeSystem(world, 'etcd')] })
    await runPlan(options)
    expect(options.store.results.points.map(({ workload }) => workload.name)).toEqual(['reads', 'writes'])
  })

  test('a fault kills the process that plays the part, restarts it, and says when', async () => {
    const world = fakeWorld()
    const points = [plannedPoint({ bucketMs: 100, fault: { part: 'leader', killAtMs: 10, restartAtMs: 20 } })]
    const visits = [plannedVisit('etcd', { points })]
    const options = runnerOptions(world, { visits, systems: [fakeSystem(world, 'etcd', { canKill: true })] })
    await runPlan(options)
    expect(world.log).toContain('kill p1')
    expect(world.log).toContain('restart p1')
    const events = options.store.results.points[0]?.runs[0]?.events.map(({ what }) => what)
    expect(events).toEqual(['p1 (leader) killed', 'p1 restarted'])
  })

  test('CPU is limited once the records are there and the code is hot', async () => {
    const world = fakeWorld()
    const points = [
      plannedPoint({ x: 3 }),
      plannedPoint({ quotaPercent: 10, variants: 'all', experiments: ['read-scaling'] }),
    ]
    const visits = [plannedVisit('etcd', { points })]
    await runPlan(runnerOptions(world, { visits, systems: [fakeSystem(world, 'etcd')] }))
    const measure = 'measure etcd reads'
    expect(world.log.slice(3)).toEqual([measure, measure, 'limit 10', measure, measure, 'stop etcd'])
  })

  test('what cannot be killed is not measured while it dies', async () => {
    const world = fakeWorld()
    const points = [plannedPoint({ fault: { part: 'leader', killAtMs: 10, restartAtMs: 20 } })]
    const visits = [plannedVisit('redis', { points })]
    const options = runnerOptions(world, { visits, systems: [fakeSystem(world, 'redis')] })
    await runPlan(options)
    expect(options.store.results.points).toEqual([])
    expect(options.store.results.problems).toEqual([])
  })
})

describe('what goes wrong', () => {
  test('a missing peer is said, with what to do, and the others are measured', async () => {
    const world = fakeWorld()
    const systems = [
      fakeSystem(world, 'etcd', { missing: 'not installed: apt-get install etcd-server' }),
      fakeSystem(world, 'redis'),
    ]
    const options = runnerOptions(world, { visits: [plannedVisit('etcd'), plannedVisit('redis')], systems })
    expect(await runPlan(options)).toBe('done')
    expect(options.store.results.problems).toEqual([
      { system: 'The etcd', what: 'not installed: apt-get install etcd-server' },
    ])
    expect(options.store.results.points.map(({ system }) => system)).toEqual(['redis'])
  })

  test('a peer that dies keeps what was measured before, is stopped, and does not end the run', async () => {
    const world = fakeWorld()
    let count = 0
    world.onMeasure = () => {
      if (++count !== 2) return
      world.alive.clear()
      throw new Error('connection closed')
    }
    const points = [plannedPoint(), plannedPoint({ workload: mix(50, { valueBytes: 100 }) }), plannedPoint()]
    const systems = [fakeSystem(world, 'etcd'), fakeSystem(world, 'redis')]
    const visits = [plannedVisit('etcd', { points }), plannedVisit('redis')]
    const options = runnerOptions(world, { visits, systems })
    expect(await runPlan(options)).toBe('done')
    expect(options.store.results.points.map(({ system }) => system)).toEqual(['etcd', 'redis'])
    expect(options.store.results.problems).toEqual([
      {
        system: 'The etcd',
        what: 'round 1, 50 % reads, one: connection closed; p1 died; what was measured before is kept',
      },
    ])
    expect(world.log.filter((line) => line.startsWith('stop'))).toEqual(['stop etcd', 'stop redis'])
  })

  test('errors of a living system cost the point; after two of them it is left alone', async () => {
    const world = fakeWorld()
    world.onMeasure = () => Promise.reject(new Error('too many requests'))
    const points = [plannedPoint(), plannedPoint(), plannedPoint()]
    const visits = [plannedVisit('etcd', { points })]
    const options = runnerOptions(world, { visits, systems: [fakeSystem(world, 'etcd')] })
    await runPlan(options)
    expect(world.log.filter((line) => line.startsWith('measure'))).toHaveLength(2)
    expect(options.store.results.problems).toHaveLength(1)
  })

  test('what does not start is tried twice, then left out', async () => {
    const world = fakeWorld()
    const start = () => {
      throw new Error('port taken')
    }
    const visits = [1, 2, 3].map((round) => plannedVisit('etcd', { round }))
    const options = runnerOptions(world, { visits, systems: [fakeSystem(world, 'etcd', { start })] })
    expect(await runPlan(options)).toBe('done')
    expect(world.log.filter((line) => line.startsWith('start'))).toHaveLength(2)
    expect(options.store.results.problems.map(({ what }) => what)).toEqual([
      'round 1: port taken',
      'round 2: port taken',
    ])
  })

  test('a rate that is not reached is said', async () => {
    const world = fakeWorld()
    const loop = { type: 'open', perSecond: 5000, outstandingMax: 100 } as const
    const visits = [plannedVisit('etcd', { points: [plannedPoint({ loop })] })]
    const options = runnerOptions(world, { visits, systems: [fakeSystem(world, 'etcd')] })
    await runPlan(options)
    expect(options.store.results.problems.map(({ what }) => what)).toEqual([
      '5,000 operations a second were not reached (one): 1,000',
    ])
  })

  test('a signal stops what runs; what was measured is in the file, whole', async () => {
    const world = fakeWorld()
    const stopping = new AbortController()
    let count = 0
    world.onMeasure = () => {
      if (++count === 2) stopping.abort(new Error('interrupted'))
    }
    const path = resultsPath()
    const points = [plannedPoint(), plannedPoint({ workload: mix(0, { valueBytes: 100 }) })]
    const visits = [plannedVisit('etcd', { points }), plannedVisit('redis')]
    const systems = [fakeSystem(world, 'etcd'), fakeSystem(world, 'redis')]
    const options = runnerOptions(world, { visits, systems, path, signal: stopping.signal })
    expect(await runPlan(options)).toBe('interrupted')
    expect(world.log.at(-1)).toBe('stop etcd')
    const read = readResults(path)
    expect(read.ended).toBeNull()
    expect(read.points.map(({ workload }) => workload.name)).toEqual(['reads'])
    expect(read.problems).toEqual([])
    expect(readdirSync(join(path, '..'))).toEqual(['results.json'])
  })

  test('a run goes on where it stopped: nothing is measured twice, nothing is left out', async () => {
    const path = resultsPath()
    const points = [plannedPoint(), plannedPoint({ workload: mix(0, { valueBytes: 100 }) })]
    const visits = [1, 2].flatMap((round) => [
      plannedVisit('redis', { round }),
      plannedVisit('etcd', { round, points }),
    ])
    const first = fakeWorld()
    const systemsOf = (world: FakeWorld) => [fakeSystem(world, 'etcd'), fakeSystem(world, 'redis')]
    const stopping = new AbortController()
    let count = 0
    first.onMeasure = () => {
      if (++count === 3) stopping.abort(new Error('interrupted'))
    }
    await runPlan(runnerOptions(first, { visits, systems: systemsOf(first), path, signal: stopping.signal }))

    const second = fakeWorld()
    const options = runnerOptions(second, { visits, systems: systemsOf(second) })
    const store = ResultsStore.resume(path, readResults(path), 'y')
    expect(await runPlan({ ...options, store })).toBe('done')
    expect(second.log.filter((line) => /skipped|measure/.test(line))).toEqual([
      'skipped',
      'measure etcd writes',
      'measure redis reads',
      'measure etcd reads',
      'measure etcd writes',
    ])
    expect(store.results.points.map(({ runs }) => runs.length)).toEqual([2, 2, 2])
    expect(store.results.commit).toBe('x, then y')
  })
})
