/** What the numbers of a comparison come to: medians with their spread, and ratios of like with like. */
import type { Experiment, Point, ReadLevel, Results, Run, SystemRecord } from './results.ts'
import { readShare } from './workloads.ts'

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = 0, high = 0] = [sorted[sorted.length % 2 === 1 ? middle : middle - 1], sorted[middle]]
  return { median: (low + high) / 2, min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0 }
}

const over = (point: Point, pick: (run: Run) => number | null): Spread | null =>
  spreadOf(point.runs.map(pick).filter((value): value is number => value !== null && Number.isFinite(value)))

export const rateOf = (point: Point) => over(point, ({ load }) => load.perSecond)
export const medianUsOf = (point: Point) => over(point, ({ load }) => load.all.p50Us)
export const p99UsOf = (point: Point) => over(point, ({ load }) => load.all.p99Us)

const operationsOf = ({ load }: Run) => load.perSecond * load.seconds

/** CPU time of all server processes for one operation, in microseconds; null where it was not counted. */
export const cpuUsOf = (point: Point) =>
  over(point, (run) => {
    const seconds = Object.values(run.serverCpuSeconds)
    return seconds.length === 0 || operationsOf(run) === 0
      ? null
      : (seconds.reduce((sum, one) => sum + one, 0) * 1e6) / operationsOf(run)
  })

/** Between servers. */
export const messagesOf = (point: Point) => perOperation(point, (traffic) => traffic.messages)
export const bytesOf = (point: Point) => perOperation(point, (traffic) => traffic.bytes)
export const syncsOf = (point: Point) => perOperation(point, (traffic) => traffic.syncs)

function perOperation(point: Point, pick: (traffic: NonNullable<Run['traffic']>) => number) {
  return over(point, (run) =>
    run.traffic === null || operationsOf(run) === 0 ? null : pick(run.traffic) / operationsOf(run),
  )
}

/** Of one core. Near 1, the load generator is what ends first. */
export const clientShareOf = (point: Point) =>
  over(point, ({ load }) => (load.seconds === 0 ? null : load.clientCpuSeconds / load.seconds))

export function systemOf(results: Results, id: string): SystemRecord | undefined {
  return results.systems.find((system) => system.id === id)
}

export function pointsOf(results: Results, experiment: Experiment): readonly Point[] {
  return results.points.filter((point) => point.experiment === experiment && point.runs.length > 0)
}

/** One system read in one way, as a report names it. */
export function nameOf(
  results: Results,
  point: Point,
  when: 'where it reads' | 'always' = 'where it reads',
): string {
  const title = systemOf(results, point.system)?.title ?? point.system
  const ways = new Set(
    results.points.filter(({ system }) => system === point.system).map(({ variant }) => variant),
  )
  return ways.size > 1 && (when === 'always' || readShare(point.workload) > 0)
    ? `${title}, ${point.variant}`
    : title
}

export type Kind = SystemRecord['kind']

/** One condition of the headline, with everything that was measured under it. */
export interface Contest {
  readonly workload: string
  readonly outstanding: number
  readonly group: 'durable' | 'relaxed' | 'memory'
  /** Rates with many outstanding, latencies with one. */
  readonly measure: 'rate' | 'latency'
  readonly entries: readonly Entry[]
}

export interface Entry {
  readonly point: Point
  readonly name: string
  readonly kind: Kind
  readonly level: ReadLevel
  /** Operations in a second, or the median latency in microseconds. */
  readonly value: Spread
  readonly cpuUs: Spread | null
}

const GROUPS = ['durable', 'relaxed', 'memory'] as const

/** What the headline compares, group by group: reads wait for no disk, so that they are compared in the first group alone. */
export function contests(results: Results): Contest[] {
  const found = new Map<
    string,
    { workload: string; outstanding: number; group: Contest['group']; points: Point[] }
  >()
  for (const point of pointsOf(results, 'headline')) {
    if (point.loop.type !== 'closed') continue
    const group =
      readShare(point.workload) === 1 ? 'durable' : (systemOf(results, point.system)?.group ?? 'durable')
    const { outstanding } = point.loop
    const key = JSON.stringify([GROUPS.indexOf(group), point.workload.name, outstanding])
    const contest = found.get(key) ?? { workload: point.workload.name, outstanding, group, points: [] }
    contest.points.push(point)
    found.set(key, contest)
  }
  return [...found.values()]
    .sort((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group))
    .map(({ points, ...contest }) => {
      const measure = contest.outstanding === 1 ? 'latency' : 'rate'
      return { ...contest, measure, entries: entriesOf(results, points, measure) }
    })
}

function entriesOf(results: Results, points: readonly Point[], measure: Contest['measure']): Entry[] {
  const entries = points.flatMap((point): Entry[] => {
    const value = measure === 'rate' ? rateOf(point) : medianUsOf(point)
    if (value === null) return []
    const kind = systemOf(results, point.system)?.kind ?? 'peer'
    return [{ point, name: nameOf(results, point), kind, level: point.level, value, cpuUs: cpuUsOf(point) }]
  })
  const better = (a: Entry, b: Entry) =>
    measure === 'rate' ? b.value.median - a.value.median : a.value.median - b.value.median
  return entries.sort(better)
}

/** The system whose results are ours: CRAQ, read as it is meant to be. */
export const OURS = 'catenary-craq'

export function oursIn({ entries }: Contest): Entry | null {
  const ours = entries.filter(({ point }) => point.system.split('@')[0] === OURS)
  return ours.find(({ level }) => level === 'linearizable') ?? ours[0] ?? null
}

/** How many times better the first is: above 1, ours wins, whatever is measured. */
export function advantage(contest: Contest, ours: Entry, other: Entry): number {
  return contest.measure === 'rate'
    ? ours.value.median / other.value.median
    : other.value.median / ours.value.median
}

export interface Rivals {
  readonly ours: Entry
  readonly others: readonly Entry[]
}

/** Ours against those that promise the same, best first; what is read stale is no match for what is read linearizably. */
export function rivals(contest: Contest): Rivals | null {
  const ours = oursIn(contest)
  if (ours === null) return null
  const isRead = readShare(ours.point.workload) > 0
  const others = contest.entries.filter(
    (entry) => entry.kind === 'peer' && (!isRead || entry.level === ours.level),
  )
  return { ours, others }
}

export function yardstickOf({ entries }: Contest): Entry | null {
  return entries.find(({ kind }) => kind === 'yardstick') ?? null
}

const GROUP_WORDS = { durable: 'durable', relaxed: 'relaxed sync', memory: 'memory' } as const

export function contestTitle({ workload, outstanding, group, measure }: Contest): string {
  const isRead = workload === 'reads'
  const what =
    isRead || (group === 'durable' && workload !== 'writes')
      ? capital(workload)
      : `${capital(GROUP_WORDS[group])} ${workload}`
  return `${what}, ${outstanding} outstanding${measure === 'latency' ? ', median' : ''}`
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
