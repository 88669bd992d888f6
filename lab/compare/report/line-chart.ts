/** Lines that carry their names, drawn as SVG: in the report, and as files. */
import { clip, escapeHtml } from '../../checker/page/text.ts'
import type { Look, Mark } from './palette.ts'
import { type Scale, type ScaleKind, scaleOf } from './scale.ts'

export interface ChartPoint {
  readonly x: number
  readonly y: number
  readonly low?: number
  readonly high?: number
}

export interface Series {
  readonly name: string
  readonly look: Look
  readonly points: readonly ChartPoint[]
  readonly isOurs?: boolean
  /** Dashed. */
  readonly isStale?: boolean
  readonly marks?: boolean
  readonly area?: boolean
}

export interface Axis {
  readonly name: string
  readonly kind: ScaleKind
  readonly text: (value: number) => string
  /** Steps: from the greatest to the least. */
  readonly isReversed?: boolean
}

export interface LineChart {
  /** What is to be seen, for those who cannot see it. */
  readonly about: string
  readonly x: Axis
  readonly y: Axis
  readonly series: readonly Series[]
  /** A line to compare with, without marks. */
  readonly ideal?: { readonly name: string; readonly points: readonly ChartPoint[] }
  /** Moments. */
  readonly events?: readonly { readonly x: number; readonly text: string }[]
  readonly yMax?: number
  /** `below`: where lines end at one place, their ends cannot carry names. */
  readonly names?: 'beside' | 'below'
}

export interface Size {
  readonly width: number
  readonly height: number
}

const CHARACTER = 6.9
const LINE = 15
/** Of names under a chart. */
const COLUMN = 310
/** Below it there is no room for names beside the lines; they stand under the chart. */
const NARROW = 480

export function lineChart(chart: LineChart, size: Size): string {
  const drawn = chart.series.filter(({ points }) => points.length > 0)
  const isNarrow = size.width < NARROW || chart.names === 'below'
  const columns = Math.max(1, Math.floor(size.width / COLUMN))
  const single = drawn.length < 2 && chart.ideal === undefined
  const longest = Math.max(0, ...drawn.map(({ name }) => name.length), chart.ideal?.name.length ?? 0)
  const rows = Math.ceil((drawn.length + (chart.ideal === undefined ? 0 : 1)) / columns)
  const legendRows = isNarrow && !single ? rows : 0
  const right = single || isNarrow ? 14 : Math.min(size.width * 0.36, longest * CHARACTER + 26)
  const box = {
    left: 54,
    top: chart.events === undefined ? 22 : 56,
    right: size.width - right,
    bottom: size.height - 40,
  }
  const height = size.height + legendRows * LINE + (legendRows > 0 ? 4 : 0)
  const scales = scalesOf(chart, drawn, box, isNarrow)
  const parts = [
    grid(chart, scales, box),
    events(chart, scales, box),
    ideal(chart, scales, { names: !isNarrow, right: box.right }),
    ...drawn.map((series) => drawSeries(series, chart, scales)),
    single
      ? ''
      : isNarrow
        ? legend(chart, drawn, { top: size.height + 2, columns, width: size.width })
        : endNames(drawn, chart, scales, box),
  ]
  return `<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" width="${size.width}" height="${height}" role="img" aria-label="${escapeHtml(chart.about)}">${parts.join('')}</svg>`
}

interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

interface Scales {
  readonly x: Scale
  readonly y: Scale
}

function scalesOf(chart: LineChart, drawn: readonly Series[], box: Box, isNarrow: boolean): Scales {
  const all = [...drawn.flatMap(({ points }) => points), ...(chart.ideal?.points ?? [])]
  const [from, to] = chart.x.isReversed ? [box.right - 10, box.left + 12] : [box.left + 12, box.right - 10]
  return {
    x: scaleOf({
      kind: chart.x.kind,
      values: all.map(({ x }) => x),
      from,
      to,
      ticksMax: isNarrow ? 5 : 8,
      zero: false,
    }),
    y: scaleOf({
      kind: chart.y.kind,
      values: [
        ...all.flatMap(({ y, low, high }) => [y, low ?? y, high ?? y]),
        ...(chart.yMax === undefined ? [] : [chart.yMax]),
      ],
      from: box.bottom,
      to: box.top,
      ticksMax: 5,
    }),
  }
}

const n = (value: number) => String(Math.round(value * 10) / 10)

function grid(chart: LineChart, { x, y }: Scales, box: Box): string {
  const rows = y.ticks.map(
    (tick) =>
      `<path class="grid" d="M${n(box.left)} ${n(y.at(tick))}H${n(box.right)}"/><text x="${n(box.left - 7)}" y="${n(y.at(tick) + 4)}" text-anchor="end">${escapeHtml(chart.y.text(tick))}</text>`,
  )
  const columns = x.ticks.map(
    (tick) =>
      `<text x="${n(x.at(tick))}" y="${n(box.bottom + 17)}" text-anchor="middle">${escapeHtml(chart.x.text(tick))}</text>`,
  )
  const names = `<text class="axis-name" x="${n(box.left - 46)}" y="11">${escapeHtml(chart.y.name)}</text><text class="axis-name" x="${n((box.left + box.right) / 2)}" y="${n(box.bottom + 34)}" text-anchor="middle">${escapeHtml(chart.x.name)}</text>`
  return `${rows.join('')}<path class="base" d="M${n(box.left)} ${n(box.bottom)}H${n(box.right)}"/>${columns.join('')}${names}`
}

function events({ events: all = [] }: LineChart, { x }: Scales, box: Box): string {
  const within = all.filter(({ x: at }) => x.at(at) >= box.left && x.at(at) <= box.right)
  return within
    .map(({ x: at, text }, i) => {
      const place = x.at(at)
      // Two names beside each other would meet: they take turns in height.
      return `<path class="event" d="M${n(place)} ${box.top - 30 + (i % 2) * 14}V${n(box.bottom)}"/><text class="event-text" x="${n(place + 4)}" y="${box.top - 22 + (i % 2) * 14}">${escapeHtml(text)}</text>`
    })
    .join('')
}

function ideal(
  { ideal: line }: LineChart,
  { x, y }: Scales,
  { names, right }: { names: boolean; right: number },
): string {
  if (line === undefined) return ''
  const last = line.points.at(-1)
  const name =
    names && last !== undefined
      ? `<text x="${n(right + 8)}" y="${n(y.at(last.y) + 4)}">${escapeHtml(line.name)}</text>`
      : ''
  return `<path class="ideal" d="${path(line.points, { x, y })}"/>${name}`
}

const path = (points: readonly ChartPoint[], { x, y }: Scales) =>
  points.map((point, i) => `${i === 0 ? 'M' : 'L'}${n(x.at(point.x))} ${n(y.at(point.y))}`).join('')

function drawSeries(series: Series, chart: LineChart, scales: Scales): string {
  const { points, look, isOurs = false, isStale = false, marks = true } = series
  const { x, y } = scales
  const whiskers = points.map(({ x: at, low, high }) =>
    low === undefined || high === undefined || low === high
      ? ''
      : `<path class="whisker" d="M${n(x.at(at))} ${n(y.at(low))}V${n(y.at(high))}"/>`,
  )
  const [first, last] = [points[0], points.at(-1)]
  const floor = chart.y.kind === 'linear' ? y.at(0) : y.at(y.ticks[0] ?? 0)
  const area =
    series.area && first !== undefined && last !== undefined
      ? `<path class="area" d="${path(points, scales)}L${n(x.at(last.x))} ${n(floor)}L${n(x.at(first.x))} ${n(floor)}Z"/>`
      : ''
  const drawnMarks = marks
    ? points.map((point) => {
        const what = `${series.name}: ${chart.x.text(point.x)}, ${chart.y.text(point.y)}`
        return `<g>${markAt(look.mark, x.at(point.x), y.at(point.y))}<title>${escapeHtml(what)}</title></g>`
      })
    : []
  const names = ['series', look.className, ...(isOurs ? ['ours'] : []), ...(isStale ? ['stale'] : [])]
  return `<g class="${names.join(' ')}">${area}${whiskers.join('')}<path class="line" d="${path(points, scales)}"/>${drawnMarks.join('')}</g>`
}

export function markAt(mark: Mark, x: number, y: number, r = 4): string {
  const at = (dx: number, dy: number) => `${n(x + dx * r)} ${n(y + dy * r)}`
  switch (mark) {
    case 'circle':
      return `<circle class="mark" cx="${n(x)}" cy="${n(y)}" r="${r}"/>`
    case 'ring':
      return `<circle class="mark open" cx="${n(x)}" cy="${n(y)}" r="${r - 0.3}"/>`
    case 'square':
      return `<path class="mark" d="M${at(-0.9, -0.9)}L${at(0.9, -0.9)}L${at(0.9, 0.9)}L${at(-0.9, 0.9)}Z"/>`
    case 'diamond':
      return `<path class="mark" d="M${at(0, -1.3)}L${at(1.3, 0)}L${at(0, 1.3)}L${at(-1.3, 0)}Z"/>`
    case 'triangle':
      return `<path class="mark" d="M${at(0, -1.2)}L${at(1.2, 0.9)}L${at(-1.2, 0.9)}Z"/>`
    case 'down':
      return `<path class="mark" d="M${at(0, 1.2)}L${at(1.2, -0.9)}L${at(-1.2, -0.9)}Z"/>`
    case 'cross':
      return `<path class="mark open" d="M${at(-0.8, -0.8)}L${at(0.8, 0.8)}M${at(0.8, -0.8)}L${at(-0.8, 0.8)}"/>`
  }
}

/** Names at the ends of their lines, moved apart where they would meet. */
function endNames(drawn: readonly Series[], chart: LineChart, { x, y }: Scales, box: Box): string {
  const wanted = drawn.map((series) => {
    const end = chart.x.isReversed
      ? series.points.reduce((a, b) => (b.x < a.x ? b : a))
      : series.points.reduce((a, b) => (b.x > a.x ? b : a))
    return { series, place: y.at(end.y), end: { x: x.at(end.x), y: y.at(end.y) } }
  })
  const taken = chart.ideal?.points.at(-1)
  const places = spread(
    [...wanted.map(({ place }) => place), ...(taken === undefined ? [] : [y.at(taken.y)])],
    { least: LINE, top: box.top + 4, bottom: box.bottom - 2 },
  )
  return wanted
    .map(({ series, end }, i) => {
      const at = places[i] ?? end.y
      const thread = `<path class="leader" d="M${n(end.x + 7)} ${n(end.y)}L${n(box.right + 4)} ${n(at)}"/>`
      return `<g class="${series.look.className}">${thread}<text class="name" x="${n(box.right + 8)}" y="${n(at + 4)}">${escapeHtml(series.name)}</text></g>`
    })
    .join('')
}

/** Places at least so far apart, each near where it wants to be. */
export function spread(
  wanted: readonly number[],
  { least, top, bottom }: { least: number; top: number; bottom: number },
): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0))
  const places = [...wanted]
  let from = top
  for (const i of order) {
    places[i] = Math.max(wanted[i] ?? 0, from)
    from = (places[i] ?? 0) + least
  }
  let to = bottom
  for (const i of order.reverse()) {
    places[i] = Math.min(places[i] ?? 0, to)
    to = (places[i] ?? 0) - least
  }
  return places
}

function legend(
  { ideal: line }: LineChart,
  drawn: readonly Series[],
  { top, columns, width }: { top: number; columns: number; width: number },
): string {
  const lettersMax = Math.floor((Math.min(COLUMN, width) - 52) / CHARACTER)
  const place = (i: number) => ({
    x: 12 + (i % columns) * COLUMN,
    y: top + Math.floor(i / columns) * LINE + 6,
  })
  const rows = drawn.map(({ name, look, isStale, marks = true }, i) => {
    const { x, y } = place(i)
    const mark = marks ? markAt(look.mark, x + 14, y) : ''
    return `<g class="${look.className}${isStale ? ' stale' : ''}"><path class="line" d="M${x} ${y}h28"/>${mark}<text class="name" x="${x + 36}" y="${y + 4}">${escapeHtml(clip(name, lettersMax))}</text></g>`
  })
  const { x, y } = place(drawn.length)
  const last =
    line === undefined
      ? ''
      : `<path class="ideal" d="M${x} ${y}h28"/><text x="${x + 36}" y="${y + 4}">${escapeHtml(line.name)}</text>`
  return `${rows.join('')}${last}`
}
