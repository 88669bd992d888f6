/** Stores that exist in this process only: what a runner does with them can be looked at step by step. */

import type { Plan, PlannedPoint, Visit } from '../../lab/compare/plan.ts'
import type { RunnerOptions, RunnerProgress, RunnerTools } from '../../lab/compare/runner.ts'
import { ResultsStore } from '../../lab/compare/store-results.ts'
import type { RunningSystem, System } from '../../lab/compare/system.ts'
import { mix } from '../../lab/compare/workloads.ts'
import type { TargetSpec } from '../../lab/load/target.ts'
import type { LoadResult, LoadTask } from '../../lab/load/task.ts'
import { fixtureResults } from './fixture.ts'

/** Made once: it is large. */
const FIXTURE = fixtureResults()

export interface FakeWorld {
  /** Everything that happened, in order. */
  readonly log: string[]
  readonly tools: RunnerTools
  readonly progress: RunnerProgress
  readonly alive: Set<number>
  /** Called in each measurement, in its middle. */
  onMeasure: (task: LoadTask) => void | Promise<void>
}

export function fakeWorld(): FakeWorld {
  const log: string[] = []
  const alive = new Set<number>()
  let now = 0
  let cpu = 0
  const world: FakeWorld = {
    log,
    alive,
    onMeasure: () => {},
    progress: {
      visit: (visit) => log.push(`visit ${visit.system} round ${visit.round}`),
      doing: () => {},
      measured: () => {},
      spent: () => {},
      skipped: () => log.push('skipped'),
      problem: (system, what) => log.push(`problem ${system}: ${what}`),
    },
    tools: {
      load: async (target, workload) =>
        void log.push(`load ${nameOf(target)} ${workload.recordCount}x${workload.valueBytes}`),
      measure: async (task, { signal, onSpan }) => {
        log.push(`measure ${nameOf(task.target)} ${task.workload.name}`)
        onSpan()
        await world.onMeasure(task)
        signal.throwIfAborted()
        cpu += 1
        now += task.measureMs
        return madeResult(task)
      },
      cpuSeconds: async () => cpu,
      isAlive: (pid) => alive.has(pid),
      makeDirectory: (name) => name,
      removeDirectory: () => {},
      wait: async () => {},
      nowMs: () => now,
    },
  }
  return world
}

const nameOf = (target: TargetSpec) => (target.kind === 'redis' ? target.endpoint : target.kind)

function madeResult(task: LoadTask): LoadResult {
  const [point] = FIXTURE.points
  if (point?.runs[0] === undefined) throw new Error('the fixture is empty')
  return { ...point.runs[0].load, seconds: task.measureMs / 1000, perSecond: 1000 }
}

let pids = 1000

export function fakeSystem(
  world: FakeWorld,
  id: string,
  options: { missing?: string; start?: () => void; canKill?: boolean } = {},
): System {
  const title = `The ${id}`
  return {
    id,
    title,
    kind: id.startsWith('bare') ? 'yardstick' : id.startsWith('catenary') ? 'catenary' : 'peer',
    effort: { ways: 2, startMs: 2000 },
    supports: ({ durability, replicas }) => durability !== 'relaxed' && replicas <= 7,
    missing: async () => options.missing ?? null,
    async start({ durability, replicas }) {
      world.log.push(`start ${id} ${durability} ${replicas}`)
      options.start?.()
      const pid = pids++
      world.alive.add(pid)
      const target = { kind: 'redis', endpoint: id, wait: 0 } as const
      const running: RunningSystem = {
        record: { id, title, kind: this.kind, version: '1', replicas, durability, flags: [], client: '' },
        variants: [
          { name: 'one', level: 'linearizable', target },
          { name: 'two', level: 'stale', target },
        ],
        processes: async () => [{ name: 'p1', pid, part: 'leader' }],
        traffic: async () => null,
        limit: (percent) => void world.log.push(`limit ${percent}`),
        ...(options.canKill
          ? {
              kill: async (name: string) => void world.log.push(`kill ${name}`),
              restart: async (name: string) => void world.log.push(`restart ${name}`),
            }
          : {}),
        stop: async () => {
          world.alive.delete(pid)
          world.log.push(`stop ${id}`)
        },
      }
      return running
    },
  }
}

export function plannedPoint(change: Partial<PlannedPoint> = {}): PlannedPoint {
  return {
    experiments: ['headline'],
    workload: mix(100, { valueBytes: 100 }),
    loop: { type: 'closed', outstanding: 64 },
    x: null,
    variants: 'first',
    warmUpMs: 100,
    measureMs: 1000,
    bucketMs: null,
    fault: null,
    quotaPercent: null,
    beside: null,
    ...change,
  }
}

export function plannedVisit(system: string, change: Partial<Visit> = {}): Visit {
  return {
    round: 1,
    system,
    durability: 'durable',
    replicas: 3,
    chains: 1,
    effort: { ways: 2, startMs: 2000 },
    points: [plannedPoint()],
    ...change,
  }
}

export function runnerOptions(
  world: FakeWorld,
  {
    visits,
    systems,
    path = null,
    signal = new AbortController().signal,
  }: {
    visits: readonly Visit[]
    systems: readonly System[]
    path?: string | null
    signal?: AbortSignal
  },
): RunnerOptions {
  const plan: Plan = { rounds: 1, visits }
  const { machine } = FIXTURE
  const store = new ResultsStore(path, {
    began: '2000-01-01T00:00:00Z',
    command: 'x',
    commit: 'x',
    machine,
    rounds: 1,
  })
  return { plan, systems, store, tools: world.tools, progress: world.progress, signal, seed: 1 }
}
