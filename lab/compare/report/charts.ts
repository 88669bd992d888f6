/** Charts made from results: the same for the report and for the files of docs/. */
import { writesBeside } from '../findings.ts'
import { bytesText, countText, latencyText, rateText, timesText } from '../number-text.ts'
import type { Experiment, Figure, Point, Results } from '../results.ts'
import {
  type Contest,
  contestTitle,
  nameOf,
  OURS,
  pointsOf,
  rateOf,
  type Spread,
  systemOf,
} from '../summary.ts'
import { readShare } from '../workloads.ts'
import type { BarChart } from './bar-chart.ts'
import type { Axis, LineChart, Series } from './line-chart.ts'
import { lookNumber, lookOf } from './palette.ts'

/** Numbers on an axis: short. */
export function axisRate(value: number): string {
  if (value >= 1e6) return `${trim(value / 1e6)}M`
  return value >= 1000 ? `${trim(value / 1000)}k` : trim(value)
}

const trim = (value: number) => String(Math.round(value * 100) / 100)

const RATE: Axis = { name: 'operations/s', kind: 'linear', text: axisRate }

export function contestBars(contest: Contest): BarChart {
  const text = contest.measure === 'rate' ? rateText : latencyText
  const isRead = contest.workload !== 'writes'
  return {
    about: `${contestTitle(contest)}: ${contest.entries.map(({ name, value }) => `${name} ${text(value.median)}`).join(', ')}`,
    text,
    bars: contest.entries.map(({ point, name, kind, level, value }) => ({
      name,
      look: lookOf(point.system),
      value,
      isOurs: point.system.startsWith(OURS) && level === 'linearizable',
      isStale: isRead && level === 'stale',
      isBare: kind === 'yardstick',
      ...(kind === 'yardstick'
        ? { remark: 'yardstick' }
        : isRead && level === 'stale'
          ? { remark: 'may be stale' }
          : {}),
    })),
  }
}

/** One series for each system and way to read, among the points given. */
export function seriesOf(
  results: Results,
  points: readonly Point[],
  { x, y = rateOf }: { x: (point: Point) => number; y?: (point: Point) => Spread | null },
): Series[] {
  const lines = new Map<string, Point[]>()
  for (const point of points) {
    const key = JSON.stringify([point.system, point.variant])
    lines.set(key, [...(lines.get(key) ?? []), point])
  }
  return [...lines.values()].map((line) => {
    const [first] = line as [Point, ...Point[]]
    const isStale = first.level === 'stale' && line.some(({ workload }) => readShare(workload) > 0)
    const places = line.flatMap((point) => {
      const spread = y(point)
      return spread === null ? [] : [{ x: x(point), y: spread.median, low: spread.min, high: spread.max }]
    })
    return {
      name: nameOf(results, line.find(({ workload }) => readShare(workload) > 0) ?? first),
      look: lookOf(first.system),
      points: places.sort((a, b) => a.x - b.x),
      isOurs: first.system === OURS && !isStale,
      isStale,
    }
  })
}

export function ratioChart(results: Results): LineChart | null {
  const points = pointsOf(results, 'read-ratio')
  if (points.length === 0) return null
  // Writes alone are measured once for all ways to read: the first way's last point serves them all.
  const shared = points.flatMap((point) => {
    if (readShare(point.workload) > 0) return [point]
    const ways = new Set(points.filter(({ system }) => system === point.system).map(({ variant }) => variant))
    return [...ways].map((variant) => {
      const like = points.find((other) => other.system === point.system && other.variant === variant)
      return { ...point, variant, level: like?.level ?? point.level }
    })
  })
  return {
    about: 'Throughput by share of reads, from reads alone to writes alone',
    x: { name: 'reads (%)', kind: 'steps', text: trim, isReversed: true },
    y: { ...RATE, kind: 'log' },
    series: seriesOf(results, shared, { x: ({ workload }) => Math.round(readShare(workload) * 100) }),
  }
}

/** Throughput against `x` of one kind of workload. */
export function sweepChart(
  results: Results,
  {
    experiment,
    workload,
    outstanding,
    name,
    kind = 'steps',
  }: {
    experiment: Experiment
    workload: string
    /** Latency is drawn instead where it is 1. */
    outstanding?: number
    name: string
    kind?: Axis['kind']
  },
): LineChart | null {
  const points = pointsOf(results, experiment).filter(
    (point) =>
      point.workload.name === workload &&
      point.x !== null &&
      point.loop.type === 'closed' &&
      (outstanding === undefined ? point.loop.outstanding > 1 : point.loop.outstanding === outstanding),
  )
  if (points.length === 0) return null
  const isLatency = outstanding === 1
  const median = (point: Point) => medianLatency(point)
  return {
    about: `${workload} by ${name}`,
    x: { name, kind, text: axisRate },
    y: isLatency ? { name: 'median latency', kind: 'linear', text: latencyAxis } : RATE,
    series: seriesOf(results, points, { x: ({ x }) => x ?? 0, ...(isLatency ? { y: median } : {}) }),
  }
}

function medianLatency(point: Point): Spread | null {
  const values = point.runs.map(({ load }) => load.all.p50Us).sort((a, b) => a - b)
  const median = values[values.length >> 1]
  return median === undefined ? null : { median, min: values[0] ?? median, max: values.at(-1) ?? median }
}

/** With the line that perfect scaling of our own single replica would draw. */
export function scalingChart(results: Results): LineChart | null {
  const chart = sweepChart(results, { experiment: 'read-scaling', workload: 'reads', name: 'replicas' })
  const ours = chart?.series.find(({ isOurs }) => isOurs)?.points
  const first = ours?.[0]
  if (chart === null || ours === undefined || first === undefined) return chart
  const points = ours.map(({ x }) => ({ x, y: (first.y * x) / first.x }))
  return { ...chart, ideal: { name: 'perfect scaling', points } }
}

/** `1 kB`, not `1.00 kB`. */
const axisBytes = (bytes: number) => bytesText(bytes).replace(/\.0+(?= )/, '')

export function sizeChart(results: Results, workload: 'reads' | 'writes'): LineChart | null {
  const points = pointsOf(results, 'value-size').filter((point) => point.workload.name === workload)
  if (points.length === 0) return null
  return {
    about: `${workload} by size of the value`,
    x: { name: 'bytes of a value', kind: 'log', text: axisBytes },
    y: { ...RATE, kind: 'log' },
    series: withoutStrays(seriesOf(results, points, { x: ({ workload: { valueBytes } }) => valueBytes })),
  }
}

/** A way to read that another experiment has measured at one place is no line here. */
function withoutStrays(series: Series[]): Series[] {
  const isLine = ({ points }: Series) => points.length > 1
  return series.some(isLine) ? series.filter(isLine) : series
}

/** Cumulative distributions, one run each: the one whose median is the middle. */
export function latencyChart(results: Results, points: readonly Point[]): LineChart | null {
  const series = points.flatMap((point): Series[] => {
    const runs = [...point.runs].sort((a, b) => a.load.all.p50Us - b.load.all.p50Us)
    const cdf = runs[runs.length >> 1]?.load.all.cdf.filter(([us]) => us > 0) ?? []
    if (cdf.length === 0) return []
    return [
      {
        name: nameOf(results, point),
        look: lookOf(point.system),
        points: cdf.map(([us, share]) => ({ x: us, y: share * 100 })),
        marks: false,
        isOurs: point.system === OURS && point.level === 'linearizable',
        isStale: point.level === 'stale' && readShare(point.workload) > 0,
      },
    ]
  })
  if (series.length === 0) return null
  return {
    about: 'Share of operations answered within a time',
    x: { name: 'latency', kind: 'log', text: latencyAxis },
    y: { name: 'answered by then', kind: 'linear', text: (value) => `${trim(value)} %` },
    series,
    yMax: 100,
    names: 'below',
  }
}

function latencyAxis(us: number): string {
  if (us >= 1e6) return `${trim(us / 1e6)} s`
  return us >= 1000 ? `${trim(us / 1000)} ms` : `${trim(us)} µs`
}

/** Answers in a second over the time of a failure: reads, and the writes beside them. */
export function failureChart(results: Results, reads: Point): LineChart | null {
  const [run] = reads.runs
  if (run === undefined) return null
  const title = systemOf(results, reads.system)?.title ?? reads.system
  const writes = writesBeside(results, reads)
  const look = lookOf(reads.system)
  const series = [
    timelineOf(reads, writes === null ? title : 'reads', { look, area: true }),
    ...(writes === null
      ? []
      : [timelineOf(writes, 'writes', { look: otherThan(reads.system), isOurs: true })]),
  ].filter((one) => one !== null)
  if (series.length === 0) return null
  return {
    about: `${title}, ${reads.workload.name}: operations answered in each second`,
    x: { name: 'seconds', kind: 'linear', text: trim },
    y: RATE,
    series,
    events: run.events.map(({ atMs, what }) => ({ x: atMs / 1000, text: what })),
    names: 'below',
  }
}

const otherThan = (system: string) => lookOf(system === 'etcd' ? 'zookeeper' : 'redis')

function timelineOf(
  point: Point,
  name: string,
  shape: Pick<Series, 'look' | 'area' | 'isOurs'>,
): Series | null {
  const [run] = point.runs
  const timeline = run?.load.timeline
  if (run === undefined || timeline == null || timeline.length === 0) return null
  const bucket = run.load.seconds / timeline.length
  const points = timeline.map(({ done }, i) => ({ x: (i + 0.5) * bucket, y: done / bucket }))
  return { name, points, marks: false, ...shape }
}

/** A paper's figure: ours drawn through, the paper's own numbers dashed. */
export function paperChart(figure: Figure): LineChart {
  return {
    about: `${figure.title}, ${figure.source}`,
    x: { name: figure.xLabel, kind: 'linear', text: axisRate },
    y: { name: figure.yLabel, kind: 'linear', text: axisRate },
    series: figure.series.flatMap(({ name, ours, paper }, i): Series[] => {
      const places = (points: readonly (readonly [number, number])[]) => points.map(([x, y]) => ({ x, y }))
      const look = lookNumber(i === 1 ? 2 : i > 1 ? i + 1 : i)
      const mine: Series = { name, look, points: places(ours), isOurs: i === 0, marks: ours.length <= 24 }
      if (paper === null) return [mine]
      return [
        mine,
        {
          name: `${name}, paper`,
          look: { ...look, mark: 'ring' },
          points: places(paper),
          isStale: true,
          marks: paper.length <= 24,
        },
      ]
    }),
  }
}

/** Our reads or writes as multiples of a single chain, replica or key count: for a remark. */
export function growthText(chart: LineChart | null): string | undefined {
  const points = chart?.series.find(({ isOurs }) => isOurs)?.points
  const [first, last] = [points?.[0], points?.at(-1)]
  if (first === undefined || last === undefined || first === last || first.y === 0) return undefined
  return `Catenary, CRAQ: ${timesText(last.y / first.y)} from ${countText(first.x).replace(/\.0+$/, '')} to ${countText(last.x).replace(/\.0+$/, '')}.`
}
