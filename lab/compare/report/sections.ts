/** The sections that show what was measured. A section without data is left out. */
import { escapeHtml } from '../../checker/page/text.ts'
import { failurePoints, pauseText, writesBeside } from '../findings.ts'
import { goals, goalsText } from '../goals.ts'
import { bytesText, countText, latencyText, microsText, rateText, spreadText } from '../number-text.ts'
import type { Point, Results } from '../results.ts'
import {
  bytesOf,
  clientShareOf,
  contests,
  contestTitle,
  cpuUsOf,
  messagesOf,
  nameOf,
  pointsOf,
  rateOf,
  type Spread,
  spreadOf,
  syncsOf,
  systemOf,
} from '../summary.ts'
import { barChart } from './bar-chart.ts'
import {
  contestBars,
  failureChart,
  growthText,
  latencyChart,
  paperChart,
  ratioChart,
  scalingChart,
  sizeChart,
  sweepChart,
} from './charts.ts'
import type { LineChart } from './line-chart.ts'
import { drawing, htmlTable, lineFigure, type Section } from './section.ts'

export function headlineSection(results: Results): Section | null {
  const found = contests(results)
  if (found.length === 0) return null
  const cards = found.map((contest) => {
    const chart = contestBars(contest)
    const better = contest.measure === 'rate' ? 'longer is better' : 'shorter is better'
    return `<figure class="card half"><figcaption>${escapeHtml(contestTitle(contest))} <small>${better}</small></figcaption>${drawing(({ width }) => barChart(chart, width), { width: 480, height: 0 })}</figure>`
  })
  return {
    id: 'headline',
    title: 'Side by side',
    lead: 'Medians of all rounds; the thin line runs from the worst round to the best. Reads of the pale bars may be stale: they promise less. Grey is a bare process without any protocol, the yardstick of what this machine allows.',
    body: `<div class="cards">${cards.join('')}</div>`,
  }
}

export function goalsSection(results: Results): Section | null {
  const found = goals(results)
  if (found.length === 0) return null
  const rows = found.map(({ what, against, numbers, measured, goal, met }, i) => {
    const isFirst = found[i - 1]?.what !== what
    const alike = found.filter((other) => other.what === what).length
    const verdict = met ? '<span class="met">✓ met</span>' : '<span class="missed">✗ missed</span>'
    const name = isFirst ? `<th scope="rowgroup" rowspan="${alike}">${escapeHtml(what)}</th>` : ''
    return `<tr${isFirst ? ' class="first"' : ''}>${name}<td class="words">${escapeHtml(against)}</td><td>${escapeHtml(numbers)}</td><td><b>${escapeHtml(measured)}</b></td><td>${escapeHtml(goal)}</td><td>${verdict}</td></tr>`
  })
  const heads = ['', 'against', 'ours : other', 'ratio', 'goal', ''].map(
    (text) => `<th scope="col">${text}</th>`,
  )
  return {
    id: 'goals',
    title: 'Our own goals',
    lead: `${goalsText(found)}. They were set before anything was measured; each is a ratio of two medians of this run.`,
    body: `<div class="card goals"><div class="scroll" tabindex="0" role="region" aria-label="Goals"><table><thead><tr>${heads.join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div></div>`,
  }
}

export function ratioSection(results: Results): Section | null {
  const chart = ratioChart(results)
  if (chart === null) return null
  return {
    id: 'read-ratio',
    title: 'From reads to writes',
    lead: 'The share of reads falls from left to right. Dashed lines may read stale values. The scale is logarithmic: equal steps are equal factors.',
    body: lineFigure({ id: 'read-ratio', title: 'Throughput by share of reads', chart }),
  }
}

const PERCENTILES = [
  ['median', 'p50Us'],
  ['90 %', 'p90Us'],
  ['99 %', 'p99Us'],
  ['99.9 %', 'p999Us'],
  ['worst', 'maxUs'],
] as const

export function latencySection(results: Results): Section | null {
  const headline = pointsOf(results, 'headline').filter(
    // Reads wait for no disk: those of every group are alike.
    (point) =>
      point.workload.name === 'reads' || (systemOf(results, point.system)?.group ?? 'durable') === 'durable',
  )
  const one = (name: string, outstanding: number) =>
    headline.filter(
      ({ workload, loop }) =>
        workload.name === name && loop.type === 'closed' && (outstanding === 1) === (loop.outstanding === 1),
    )
  const figures = [
    ['Reads, one at a time', one('reads', 1)],
    ['Writes, one at a time', one('writes', 1)],
    ['Reads, many outstanding', one('reads', 2)],
    ['Writes, many outstanding', one('writes', 2)],
  ] as const
  const drawn = figures.flatMap(([title, points]) => {
    const chart = latencyChart(results, points)
    if (chart === null) return []
    return [
      `<div class="block">${lineFigure({ id: 'latency', title, chart })}<div class="card">${percentileTable(results, points)}</div></div>`,
    ]
  })
  if (drawn.length === 0) return null
  return {
    id: 'latency',
    title: 'Latency',
    lead: 'How many of the operations were answered within a time. Curves further left are faster; the flatter the top, the longer the slow few take.',
    body: drawn.join(''),
  }
}

function percentileTable(results: Results, points: readonly Point[]): string {
  const median = (values: readonly number[]) => spreadOf(values)?.median ?? 0
  const rows = points.map((point) => [
    nameOf(results, point),
    ...PERCENTILES.map(([, field]) => latencyText(median(point.runs.map(({ load }) => load.all[field])))),
  ])
  return htmlTable(['', ...PERCENTILES.map(([name]) => name)], rows)
}

export function scalingSection(results: Results): Section | null {
  const scaling = scalingChart(results)
  const lengthReads = sweepChart(results, { experiment: 'chain-length', workload: 'reads', name: 'replicas' })
  const lengthWrites = sweepChart(results, {
    experiment: 'chain-length',
    workload: 'writes',
    name: 'replicas',
  })
  const lengthAlone = sweepChart(results, {
    experiment: 'chain-length',
    workload: 'writes',
    outstanding: 1,
    name: 'replicas',
  })
  const body = [
    figureOf('Reads, every replica with the same small share of a core', scaling, growthText(scaling)),
    `<div class="cards">${[
      figureOf('Reads by chain length, no limit of CPU', lengthReads, undefined, true),
      figureOf('Writes by chain length', lengthWrites, growthText(lengthWrites), true),
      figureOf('One write at a time, by chain length', lengthAlone, undefined, true),
    ].join('')}</div>`,
  ].join('')
  if (!body.includes('<svg')) return null
  return {
    id: 'scaling',
    title: 'More replicas',
    lead: 'On one machine all replicas share its processors, so that more of them cannot read faster. With an equal share of CPU for each, as if each had a small machine to itself, the protocol shows: who may answer reads decides.',
    body,
  }
}

function figureOf(title: string, chart: LineChart | null, remark?: string, isHalf = false): string {
  if (chart === null) return ''
  return lineFigure({ id: title, title, chart, isHalf, ...(remark === undefined ? {} : { remark }) })
}

export function costSection(results: Results): Section | null {
  const headline = pointsOf(results, 'headline').filter(
    ({ loop, workload }) =>
      loop.type === 'closed' && loop.outstanding > 1 && ['reads', 'writes'].includes(workload.name),
  )
  const rows = headline.flatMap((point) => {
    const cpu = cpuUsOf(point)
    if (cpu === null) return []
    const group = systemOf(results, point.system)?.group
    const name = `${nameOf(results, point)}${group === undefined || group === 'durable' || point.workload.name === 'reads' ? '' : ` (${group})`}`
    return [
      [
        name,
        point.workload.name,
        spreadText(cpu, microsText),
        textOf(messagesOf(point), countText),
        textOf(bytesOf(point), bytesText),
        textOf(syncsOf(point), countText),
      ],
    ]
  })
  if (rows.length === 0) return null
  rows.sort((a, b) => (a[1] ?? '').localeCompare(b[1] ?? ''))
  return {
    id: 'cost',
    title: 'What an operation costs',
    lead: 'CPU time of all server processes together, and what servers said to each other, for one operation with many outstanding. Empty where a system does not count it.',
    body: `<div class="card">${htmlTable(['', 'operation', 'CPU time', 'messages', 'bytes between servers', 'disk syncs'], rows)}</div>`,
  }
}

const textOf = (spread: Spread | null, text: (value: number) => string) =>
  spread === null ? '' : text(spread.median)

export function failureSection(results: Results): Section | null {
  const cards = failurePoints(results).flatMap((point) => {
    const chart = failureChart(results, point)
    if (chart === null) return []
    const title = `${systemOf(results, point.system)?.title ?? point.system}: ${point.workload.name}`
    const both = [point, writesBeside(results, point)]
    const errors = both.reduce((sum, one) => sum + (one?.runs[0]?.load.errors ?? 0), 0)
    const remark = `Longest standstill: ${pauseText(results, point)}. ${errors.toLocaleString('en')} operations failed.`
    return [lineFigure({ id: 'failure', title, chart, remark, isHalf: true })]
  })
  if (cards.length === 0) return null
  return {
    id: 'failure',
    title: 'While something dies',
    lead: 'Reads and writes, each eight at a time, without a pause, while one process is killed and comes back later. A standstill is a time with less than a twentieth of the usual answers. A loop stands still once all of its eight wait: when CRAQ’s tail dies, for the few keys that were being written; clean ones could be read. How long a system waits before it believes that a member is dead is a setting of each; the flags are below.',
    body: `<div class="cards">${cards.join('')}</div>`,
  }
}

export function ycsbSection(results: Results): Section | null {
  const points = pointsOf(results, 'ycsb')
  if (points.length === 0) return null
  return {
    id: 'ycsb',
    title: 'YCSB',
    lead: 'The six core workloads of the Yahoo! Cloud Serving Benchmark, zipfian keys, 64 outstanding. Bold is the best of a column; empty: the system cannot do it.',
    body: `<div class="card">${matrix(results, points)}</div>`,
  }
}

/** Systems down, workloads across, rates inside. */
function matrix(
  results: Results,
  points: readonly Point[],
  columnOf = (point: Point) => point.workload.name,
): string {
  const columns = [...new Set(points.map(columnOf))]
  // By the way to read everywhere: the writes beside such reads stand in their row.
  const nameIn = (point: Point) => nameOf(results, point, 'always')
  const names = [...new Set(points.map(nameIn))]
  const rate = (name: string, column: string) => {
    const point = points.find((one) => nameIn(one) === name && columnOf(one) === column)
    return point === undefined ? null : (rateOf(point)?.median ?? null)
  }
  const best = columns.map((column) => Math.max(...names.map((name) => rate(name, column) ?? 0)))
  const rows = names.map((name) => [
    name,
    ...columns.map((column, i) => {
      const value = rate(name, column)
      return value === null ? '' : `${value === best[i] ? '*' : ''}${rateText(value)}`
    }),
  ])
  return htmlTable(['', ...columns.map((column) => column.replace(/^YCSB /, ''))], rows)
}

export function sizeSection(results: Results): Section | null {
  const [reads, writes] = [sizeChart(results, 'reads'), sizeChart(results, 'writes')]
  if (reads === null && writes === null) return null
  return {
    id: 'value-size',
    title: 'Size of values',
    lead: 'Both scales are logarithmic. Large values are moved, not computed: there the links between replicas decide. A system ends where its limit for a value is.',
    body: `${figureOf('Reads', reads)}${figureOf('Writes', writes)}`,
  }
}

export function contentionSection(results: Results): Section | null {
  const hot = [...pointsOf(results, 'hot-key'), ...pointsOf(results, 'reads-under-writes')]
  const open = pointsOf(results, 'open-loop')
  const parts = [
    hot.length === 0
      ? ''
      : `<div class="card"><h3>One key, or few, for everybody</h3>${matrix(results, hot)}</div>`,
    open.length === 0
      ? ''
      : `<div class="card"><h3>At a fixed rate</h3><p class="remark">Operations begin when they are due, whatever becomes of them: median and 99 % from the moment at which each was due.</p>${openTable(results, open)}</div>`,
  ].join('')
  if (parts === '') return null
  return {
    id: 'contention',
    title: 'Under pressure',
    lead: 'Reads of keys that are written at the same time are where apportioned queries cost something: a replica that holds a version which is not committed asks the tail.',
    body: parts,
  }
}

function openTable(results: Results, points: readonly Point[]): string {
  const rates = [...new Set(points.map(({ loop }) => (loop.type === 'open' ? loop.perSecond : 0)))].sort(
    (a, b) => a - b,
  )
  const names = [...new Set(points.map((point) => nameOf(results, point)))]
  const rows = names.map((name) => [
    name,
    ...rates.map((rate) => {
      const point = points.find(
        (one) => nameOf(results, one) === name && one.loop.type === 'open' && one.loop.perSecond === rate,
      )
      if (point === undefined) return ''
      const got = rateOf(point)?.median ?? 0
      if (got < 0.97 * rate) return got === 0 ? 'not reached' : `not reached: ${rateText(got)}`
      const at = (field: 'p50Us' | 'p99Us') =>
        latencyText(spreadOf(point.runs.map(({ load }) => load.all[field]))?.median ?? 0)
      return `${at('p50Us')} · ${at('p99Us')}`
    }),
  ])
  return htmlTable(['', ...rates.map((rate) => rateText(rate))], rows)
}

export function growthSection(results: Results): Section | null {
  const figures = (['chains', 'key-count'] as const).flatMap((experiment) =>
    ['reads', '50 % reads', 'writes'].map((workload) => {
      const isChains = experiment === 'chains'
      const chart = sweepChart(results, {
        experiment,
        workload,
        name: isChains ? 'chains' : 'keys',
        kind: isChains ? 'steps' : 'log',
      })
      const what = `${workload.charAt(0).toUpperCase()}${workload.slice(1)}`
      return figureOf(
        `${what} by number of ${isChains ? 'chains on three servers' : 'keys'}`,
        chart,
        growthText(chart),
        true,
      )
    }),
  )
  const body = figures.join('')
  if (body === '') return null
  return {
    id: 'growth',
    title: 'More chains, more keys',
    lead: 'All chains live on the same three servers and share their logs, so that on one machine more of them show what a chain costs, not what it gains. A replica finds a record in memory or in a tree on disk, which grows deeper with the logarithm of their number. To load ten million keys takes minutes: `--long` asks for it.',
    body: `<div class="cards">${body}</div>`,
  }
}

export function paperSection(results: Results): Section | null {
  if (results.figures.length === 0) return null
  const cards = results.figures.map((figure) => {
    const how =
      figure.how === 'measured' ? 'measured on this machine' : 'simulated: the real code in virtual time'
    const remarks = figure.remarks.map((remark) => `<li>${escapeHtml(remark)}</li>`).join('')
    return `<div class="block">${lineFigure({ id: figure.id, title: `${figure.source}: ${figure.title}`, remark: `Ours is ${how}. ${figure.conditions}`, chart: paperChart(figure) })}${remarks === '' ? '' : `<ul class="remarks">${remarks}</ul>`}</div>`
  })
  return {
    id: 'papers',
    title: 'The papers’ figures, repeated',
    lead: 'Solid: ours. Dashed: the numbers that the paper gives. The papers’ machines and networks were others; the shapes are what should agree.',
    body: cards.join(''),
  }
}

export function clientTable(results: Results): string {
  const rows = results.systems.map(({ id, title, client }) => {
    const shares = results.points
      .filter(({ system, loop }) => system === id && loop.type === 'closed' && loop.outstanding > 1)
      .flatMap((point) => clientShareOf(point)?.median ?? [])
    return [title, shares.length === 0 ? '' : `${Math.round(Math.max(...shares) * 100)} %`, client]
  })
  return htmlTable(['', 'busiest point, of one core', 'how it is driven'], rows)
}
