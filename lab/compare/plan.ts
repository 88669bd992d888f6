/**
 * What a comparison will do, as data. A *visit* starts one system in one condition, measures all points that share the condition, and stops it. Rounds
 * visit every system in turn and then begin again, so that an hour in which the machine is slow meets all of them.
 */
import type { LoadTask, Loop, WorkloadSpec } from '../load/task.ts'
import { YCSB_LETTERS, ycsb } from '../workload/ycsb.ts'
import { closed, isIn, named, type PointShape, pointMaker } from './plan-points.ts'
import { sweeps } from './plan-sweeps.ts'
import type { Experiment } from './results.ts'
import type { System, SystemOptions } from './system.ts'
import { mix, RECORDS } from './workloads.ts'

export const EXPERIMENTS = [
  'headline',
  'read-ratio',
  'ycsb',
  'value-size',
  'hot-key',
  'reads-under-writes',
  'open-loop',
  'chain-length',
  'read-scaling',
  'chains',
  'key-count',
  'failure',
] as const satisfies readonly Experiment[]

export type Durability = SystemOptions['durability']
export const DURABILITIES = ['durable', 'relaxed', 'memory'] as const satisfies readonly Durability[]

export interface PlanOptions {
  readonly quick: boolean
  readonly only: readonly Experiment[] | null
  /** Ids; null: all that there are (of `--quick`: the short list). */
  readonly systems: readonly string[] | null
  /** Null: 5 for the headline, 3 for the sweeps, 1 of `--quick`. */
  readonly rounds: number | null
  /** Of one measured span; null: what the experiment takes. */
  readonly seconds: number | null
  readonly valueBytes: number
  readonly outstanding: number
  /** Ten million keys, too. */
  readonly long: boolean
  readonly cores: number
}

/** What is done to the system while it is under load: SIGKILL to the process that plays a part, then its restart. */
export interface PlannedFault {
  readonly part: string
  readonly killAtMs: number
  readonly restartAtMs: number
}

export interface PlannedPoint {
  /** One measurement may belong to several. */
  readonly experiments: readonly Experiment[]
  readonly workload: WorkloadSpec
  readonly loop: Loop
  readonly x: number | null
  /** `first`: only the system's first way to read, where ways to read are not what the experiment is about. */
  readonly variants: 'all' | 'first'
  readonly warmUpMs: number
  readonly measureMs: number
  readonly bucketMs: number | null
  readonly fault: PlannedFault | null
  /** From this point on each replica has so much of one core; null: no limit, or the one before. */
  readonly quotaPercent: number | null
  /** Runs beside it, from a load process of its own, and is recorded as a point too. */
  readonly beside: { readonly workload: WorkloadSpec; readonly loop: Loop } | null
}

export interface Visit {
  readonly round: number
  readonly system: string
  readonly durability: Durability
  readonly replicas: number
  readonly chains: number
  readonly effort: System['effort']
  readonly points: readonly PlannedPoint[]
}

export interface Plan {
  readonly rounds: number
  readonly visits: readonly Visit[]
}

export type SystemShape = Pick<System, 'id' | 'kind' | 'supports' | 'effort' | 'lacks'>

/** What `--quick` compares, where these are installed. */
const QUICK_YARDSTICKS = ['bare-read', 'bare-relay']
const QUICK_SYSTEMS = ['catenary-craq', 'catenary-raft', 'etcd', 'zookeeper', 'redis', 'redis-wait']
const REPLICAS = 3
/** Of what the goals speak of: a median of five. */
const ROUNDS_OF_GOALS = 5
const GOAL_SYSTEMS = [
  ...['bare-read', 'bare-relay', 'catenary-craq', 'etcd', 'zookeeper', 'jetstream', 'redis', 'redis-wait'],
]
/** Whose reads and writes in other groups of durability, and whose growth, the goals speak of. */
const GOAL_GROUPS = ['catenary-craq', 'bare-relay']
const GOAL_SWEEPS: readonly Experiment[] = ['read-scaling', 'reads-under-writes']
/** Of the headline of the others. */
const ROUNDS_OF_OTHERS = 3
/** To load a million records takes long, or megabytes, and a failure shows more than a rate. */
const ROUNDS: Partial<Record<Experiment, number>> = {
  ...{ chains: 1, 'key-count': 1, 'value-size': 1, 'open-loop': 1, failure: 1 },
}
const ROUNDS_OF_SWEEPS = 2
/** Of the groups that are not a system's own: writes that wait less. */
const ROUNDS_OF_GROUPS = 2
/** One of each kind of system, which all experiments measure; the others take part in the headline. Who names systems gets everything for each of them. */
const REPRESENTATIVES = ['catenary-craq', 'catenary-raft', 'etcd', 'zookeeper', 'jetstream', 'redis-wait']

export function makePlan(systems: readonly SystemShape[], options: PlanOptions): Plan {
  const chosen = systems.filter((system) => isChosen(system, options))
  const wanted = new Set<Experiment>(
    options.only ?? (options.quick ? ['headline', 'read-ratio'] : EXPERIMENTS),
  )
  const roundsOf = (system: SystemShape, experiment: Experiment) =>
    options.rounds ?? (options.quick ? 1 : fullRounds(system, experiment))
  const pairs = chosen.flatMap((system) => [...wanted].map((experiment) => roundsOf(system, experiment)))
  const rounds = Math.max(0, ...pairs)
  const visits: Visit[] = []
  for (let round = 1; round <= rounds; round++)
    // Not always the same one first: what a round leaves behind (caches, dirty pages) must not meet the same system every time.
    for (const system of rotated(chosen, round - 1)) {
      const now = new Set([...wanted].filter((experiment) => round <= roundsOf(system, experiment)))
      visits.push(...visitsOf(system, now, options, round))
    }
  return { rounds, visits }
}

function fullRounds({ id }: SystemShape, experiment: Experiment): number {
  if (experiment === 'headline') return GOAL_SYSTEMS.includes(id) ? ROUNDS_OF_GOALS : ROUNDS_OF_OTHERS
  if (id === 'catenary-craq' && GOAL_SWEEPS.includes(experiment)) return ROUNDS_OF_GOALS
  return ROUNDS[experiment] ?? ROUNDS_OF_SWEEPS
}

function isChosen({ id, kind }: SystemShape, { systems, quick }: PlanOptions): boolean {
  if (systems !== null)
    // What the protocol costs is said in shares of a yardstick that ran in the same hour.
    return (
      systems.includes(id) ||
      (QUICK_YARDSTICKS.includes(id) && systems.some((one) => one.startsWith('catenary')))
    )
  return !quick || (kind === 'yardstick' ? QUICK_YARDSTICKS : QUICK_SYSTEMS).includes(id)
}

function rotated<Item>(items: readonly Item[], by: number): Item[] {
  return items.map((_, i) => items[(i + by) % items.length] as Item)
}

function visitsOf(
  system: SystemShape,
  wanted: ReadonlySet<Experiment>,
  options: PlanOptions,
  round: number,
): Visit[] {
  const groups = DURABILITIES.filter((durability) => system.supports({ durability, replicas: REPLICAS }))
  const home = groups[0]
  if (home === undefined) return []
  const plain = { round, system: system.id, replicas: REPLICAS, chains: 1, effort: system.effort }
  const visits: Visit[] = []
  for (const durability of groups) {
    const isRepeated = round > ROUNDS_OF_GROUPS && options.rounds === null && !GOAL_GROUPS.includes(system.id)
    const isExtra = durability !== home
    if (isExtra && (options.quick || isRepeated || !inEveryGroup(system, options))) continue
    const points = merged(
      isExtra ? otherGroupPoints(durability, wanted, options) : homePoints(system, wanted, options),
    ).filter((point) => isAble(system, point))
    if (points.length > 0) visits.push({ ...plain, durability, points })
  }
  if (system.kind !== 'yardstick')
    visits.push(...sweeps(system, wanted, options, { ...plain, durability: home }))
  return visits
}

const inEveryGroup = (system: SystemShape, options: PlanOptions) =>
  system.kind === 'yardstick' || isIn(system, REPRESENTATIVES, options)

/** A bare yardstick does one thing only, and some peers have no scans. */
function isAble({ id, kind, lacks }: SystemShape, { workload, beside }: PlannedPoint): boolean {
  if (lacks?.some((type) => workload.shares[type] !== undefined)) return false
  if (kind !== 'yardstick') return true
  return beside === null && workload.name === (id.startsWith('bare-read') ? 'reads' : 'writes')
}

const RATIOS = [100, 99, 95, 90, 50, 0]
const QUICK_RATIOS = [100, 95, 50, 0]
const VALUE_SIZES = [16, 100, 1000, 10_000, 100_000, 1_000_000]

/** Everything that needs nothing but three replicas under their honest durability. */
function homePoints(
  { id, kind }: SystemShape,
  wanted: ReadonlySet<Experiment>,
  options: PlanOptions,
): PlannedPoint[] {
  const { valueBytes, outstanding } = options
  const point = pointMaker(options)
  const points: PlannedPoint[] = []
  const add = (experiment: Experiment, ...shapes: Omit<PointShape, 'experiments'>[]) => {
    if (!wanted.has(experiment)) return
    points.push(...shapes.map((shape) => point({ ...shape, experiments: [experiment] })))
  }
  for (const readPercent of [100, 0])
    for (const many of [outstanding, 1])
      add('headline', { workload: mix(readPercent, { valueBytes }), outstanding: many, variants: 'all' })
  add('headline', { workload: mix(95, { valueBytes }), variants: 'all' })
  add('headline', { workload: mix(50, { valueBytes }), variants: 'all' })
  if (!isIn({ id, kind }, REPRESENTATIVES, options)) return points
  for (const readPercent of options.quick ? QUICK_RATIOS : RATIOS)
    add('read-ratio', { workload: mix(readPercent, { valueBytes }), variants: 'all' })
  // With its own size of a record, whatever the other experiments take.
  for (const letter of YCSB_LETTERS) add('ycsb', { workload: ycsb(letter, { recordCount: RECORDS }) })
  const hot = { valueBytes, keys: { type: 'hot', keys: 1 } as const }
  for (const readPercent of [95, 50])
    add('hot-key', { workload: named(mix(readPercent, hot), `${readPercent} % reads of one key`) })
  add('reads-under-writes', ...underWrites(valueBytes, outstanding))
  for (const perSecond of [1000, 5000, 20_000])
    add('open-loop', {
      workload: mix(95, { valueBytes }),
      loop: { type: 'open', perSecond, outstandingMax: 10_000 },
    })
  for (const size of VALUE_SIZES)
    for (const readPercent of [100, 0])
      add('value-size', {
        workload: mix(readPercent, { valueBytes: size, recordCount: recordsOfSize(size) }),
        outstanding: size > 10_000 ? Math.min(8, outstanding) : outstanding,
      })
  return points
}

/** A hundred keys that are written without a pause: nearly every read meets a version that is not committed yet. The same reads without writes come first. */
function underWrites(valueBytes: number, outstanding: number): Omit<PointShape, 'experiments'>[] {
  const shape = { valueBytes, keys: { type: 'hot', keys: 100 } as const }
  return [
    { workload: named(mix(100, shape), 'reads of the same keys'), variants: 'all' },
    {
      workload: named(mix(100, shape), 'reads of keys under write'),
      variants: 'all',
      beside: { workload: named(mix(0, shape), 'writes meanwhile'), loop: closed(outstanding) },
    },
  ]
}

/** Durability is about writes; reads alone would only be measured again, and mixes where they meet those of another system whose best this is. */
function otherGroupPoints(
  durability: Durability,
  wanted: ReadonlySet<Experiment>,
  options: PlanOptions,
): PlannedPoint[] {
  if (!wanted.has('headline')) return []
  const { valueBytes, outstanding } = options
  const point = pointMaker(options)
  const writes = [outstanding, 1].map((many) =>
    point({ experiments: ['headline'], workload: mix(0, { valueBytes }), outstanding: many }),
  )
  if (durability !== 'relaxed') return writes
  const mixes = [95, 50].map((readPercent) =>
    point({ experiments: ['headline'], workload: mix(readPercent, { valueBytes }) }),
  )
  return [...writes, ...mixes]
}

/** About 32 MB in all, so that large values fill neither the disk nor the memory of a small machine. */
const recordsOfSize = (bytes: number) => Math.max(20, Math.min(RECORDS, Math.floor(32_000_000 / bytes)))

/** Points of several experiments that are the same measurement become one. */
function merged(points: readonly PlannedPoint[]): PlannedPoint[] {
  const found = new Map<string, PlannedPoint>()
  for (const point of points) {
    const key = JSON.stringify([point.workload, point.loop, point.x, point.beside, point.quotaPercent])
    const before = found.get(key)
    found.set(
      key,
      before === undefined
        ? point
        : {
            ...before,
            experiments: [...before.experiments, ...point.experiments],
            variants: before.variants === 'all' || point.variants === 'all' ? 'all' : 'first',
            warmUpMs: Math.max(before.warmUpMs, point.warmUpMs),
            measureMs: Math.max(before.measureMs, point.measureMs),
          },
    )
  }
  return [...found.values()]
}

export function taskOf(point: PlannedPoint, target: LoadTask['target'], seed: number): LoadTask {
  return {
    target,
    workload: point.workload,
    loop: point.loop,
    warmUpMs: point.warmUpMs,
    measureMs: point.measureMs,
    seed,
    bucketMs: point.bucketMs,
    tolerateErrors: point.fault !== null,
  }
}
