/** Experiments that start a system in another way for each point, and those that take a fresh one. */

import type { Durability, PlannedPoint, PlanOptions, SystemShape, Visit } from './plan.ts'
import { closed, isIn, named, pointMaker } from './plan-points.ts'
import type { Experiment } from './results.ts'
import { mix, WRITES_MEANWHILE } from './workloads.ts'

/** Those in which the number of replicas says something. */
const SCALED = ['catenary-craq', 'catenary-chain', 'catenary-raft', 'etcd']

export type Condition = Omit<Visit, 'points'>

/** What needs the system started in another way for each point. */
export function sweeps(
  system: SystemShape,
  wanted: ReadonlySet<Experiment>,
  options: PlanOptions,
  plain: Condition,
): Visit[] {
  const { valueBytes } = options
  const { durability } = plain
  const point = pointMaker(options)
  const visits: Visit[] = []
  const isOurs = system.kind === 'catenary'
  if (isIn(system, SCALED, options))
    for (const replicas of replicaCounts(system, durability)) {
      const points = [
        ...(wanted.has('chain-length') && isOurs ? chainLengthPoints(replicas, options) : []),
        ...(wanted.has('read-scaling') ? [scalingPoint(replicas, options)] : []),
      ]
      if (points.length > 0) visits.push({ ...plain, replicas, points })
    }
  if (wanted.has('chains') && isOurs && isIn(system, ['catenary-craq'], options))
    for (const chains of [1, 2, 4, 8, 16, 32]) {
      const points = [100, 0, 50].map((readPercent) =>
        point({ experiments: ['chains'], workload: mix(readPercent, { valueBytes }), x: chains }),
      )
      visits.push({ ...plain, chains, points })
    }
  if (wanted.has('key-count') && isIn(system, ['catenary-craq', 'etcd'], options))
    visits.push({ ...plain, points: keyCountPoints(system, options) })
  if (wanted.has('failure')) visits.push(...failureVisits(system, options, plain))
  return visits
}

function chainLengthPoints(replicas: number, options: PlanOptions): PlannedPoint[] {
  const { valueBytes, outstanding } = options
  const one = (readPercent: number, many: number) =>
    pointMaker(options)({
      experiments: ['chain-length'],
      workload: mix(readPercent, { valueBytes }),
      outstanding: many,
      x: replicas,
    })
  return [one(100, outstanding), one(0, outstanding), one(0, 1)]
}

/** Each replica has as much to do as the only one: what waits at one that has used up its share is no work for another. */
function scalingPoint(replicas: number, options: PlanOptions): PlannedPoint {
  const { valueBytes, outstanding, cores } = options
  return pointMaker(options)({
    experiments: ['read-scaling'],
    workload: mix(100, { valueBytes }),
    outstanding: 2 * Math.max(outstanding, 64) * replicas,
    x: replicas,
    variants: 'all',
    spanMs: 1500,
    quotaPercent: quotaFor(cores),
  })
}

function replicaCounts(system: SystemShape, durability: Durability): number[] {
  return [1, 3, 5, 7].filter((replicas) => system.supports({ durability, replicas }))
}

/** Of one core, so that seven replicas and the load generator have a share each and the replicas' shares are what ends first. */
export function quotaFor(cores: number): number {
  return Math.max(5, Math.min(50, Math.floor(((cores - 1) * 100) / 10)))
}

/** Ten million take ours minutes to load, and a million take etcd as long: more are asked of nobody else. */
function keyCountPoints({ id }: SystemShape, options: PlanOptions): PlannedPoint[] {
  const counts = [1000, 10_000, 100_000]
  if (id.startsWith('catenary')) counts.push(1_000_000, ...(options.long ? [10_000_000] : []))
  return counts.flatMap((recordCount) =>
    [100, 0].map((readPercent) =>
      pointMaker(options)({
        experiments: ['key-count'],
        workload: mix(readPercent, { valueBytes: options.valueBytes, recordCount }),
        x: recordCount,
      }),
    ),
  )
}

/** Whom to kill: by system, else by kind. */
const PARTS_OF: Readonly<Record<string, readonly string[]>> = {
  'catenary-craq': ['head', 'middle', 'tail'],
  'catenary-raft': ['leader', 'follower'],
  catenary: [],
  peer: ['leader', 'follower'],
}

interface FaultTimes {
  readonly warmUpMs: number
  readonly killAtMs: number
  readonly restartAtMs: number
  readonly measureMs: number
  /** One start serves all faults: it takes longer than a second would tell. */
  readonly isShared: boolean
}

const FAULT_TIMES: FaultTimes = {
  ...{ warmUpMs: 500, killAtMs: 4000, restartAtMs: 10_000, measureMs: 16_000 },
  isShared: false,
}
/** A cold virtual machine writes so slowly that its pauses would be taken for those of a failure; JetStream's followers take up to ten seconds to elect a leader. */
const FAULT_TIMES_OF: Readonly<Record<string, FaultTimes>> = {
  zookeeper: { ...FAULT_TIMES, warmUpMs: 12_000, isShared: true },
  jetstream: { ...FAULT_TIMES, restartAtMs: 16_000, measureMs: 22_000 },
}

/** A fresh system for each fault where that is cheap: what one leaves behind must not count against the next. */
function failureVisits({ id, kind }: SystemShape, options: PlanOptions, plain: Condition): Visit[] {
  // Redis by itself promotes nobody: there is nothing to come back.
  if (kind === 'yardstick' || id.startsWith('redis')) return []
  const { warmUpMs, killAtMs, restartAtMs, measureMs, isShared } = FAULT_TIMES_OF[id] ?? FAULT_TIMES
  const points = (PARTS_OF[id] ?? PARTS_OF[kind] ?? []).map((part) => ({
    ...pointMaker(options)({
      experiments: ['failure'],
      workload: named(mix(100, { valueBytes: options.valueBytes }), `kill the ${part}`),
      outstanding: 8,
      // In a load of its own: a mixed one would stand still as soon as all that it has outstanding are writes.
      beside: {
        workload: named(mix(0, { valueBytes: options.valueBytes }), `kill the ${part}${WRITES_MEANWHILE}`),
        loop: closed(8),
      },
    }),
    ...{ warmUpMs, measureMs, bucketMs: 100, fault: { part, killAtMs, restartAtMs } },
  }))
  return isShared ? [{ ...plain, points }] : points.map((point) => ({ ...plain, points: [point] }))
}
