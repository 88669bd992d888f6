/** A comparison as docs/COMPARISON.md and its pictures, which follow the reader's light or dark. */
import { failurePoints, findings } from '../findings.ts'
import { goals, goalsText } from '../goals.ts'
import { latencyText, microsText, rateText, spreadText } from '../number-text.ts'
import type { Results } from '../results.ts'
import {
  advantage,
  type Contest,
  contests,
  contestTitle,
  cpuUsOf,
  nameOf,
  OURS,
  oursIn,
  pointsOf,
  rateOf,
  yardstickOf,
} from '../summary.ts'
import { comparedText } from '../table.ts'
import { barChart } from './bar-chart.ts'
import {
  contestBars,
  failureChart,
  paperChart,
  ratioChart,
  scalingChart,
  sizeChart,
  sweepChart,
} from './charts.ts'
import { type LineChart, lineChart } from './line-chart.ts'
import { FILE_STYLE } from './style.ts'

export interface ComparisonFile {
  /** From the documents' folder. */
  readonly path: string
  readonly text: string
}

interface Picture {
  readonly name: string
  readonly title: string
  readonly svg: string
}

/** `COMPARISON.md`, and the pictures that it shows in `comparison/`. */
export function comparisonFiles(results: Results): ComparisonFile[] {
  const pictures = picturesOf(results)
  return [
    { path: 'COMPARISON.md', text: markdown(results, pictures) },
    ...pictures.map(({ name, svg }) => ({ path: `comparison/${name}.svg`, text: `${standalone(svg)}\n` })),
  ]
}

/** A page that shows it as an image gives it no styles: it brings its own. */
function standalone(svg: string): string {
  return svg.replace('>', `><style>${FILE_STYLE}svg{background:var(--card)}</style>`)
}

const WIDE = { width: 860, height: 340 }

function picturesOf(results: Results): Picture[] {
  const bars = contests(results).map((contest) => ({
    name: slug(`${contest.group}-${contest.workload}-${contest.outstanding === 1 ? 1 : 'many'}`),
    title: contestTitle(contest),
    svg: barChart(contestBars(contest), 640),
  }))
  const line = (name: string, title: string, chart: LineChart | null): Picture[] =>
    chart === null ? [] : [{ name, title, svg: lineChart(chart, WIDE) }]
  return [
    ...bars,
    ...line('read-ratio', 'Throughput by share of reads', ratioChart(results)),
    ...line('read-scaling', 'Reads with an equal share of CPU for every replica', scalingChart(results)),
    ...line(
      'chain-length',
      'Writes by chain length',
      sweepChart(results, { experiment: 'chain-length', workload: 'writes', name: 'replicas' }),
    ),
    ...line('value-size-reads', 'Reads by size of the value', sizeChart(results, 'reads')),
    ...line('value-size-writes', 'Writes by size of the value', sizeChart(results, 'writes')),
    ...failurePoints(results).flatMap((point) =>
      line(
        slug(`failure-${point.system}-${point.workload.name}`),
        `${nameOf(results, point)}: ${point.workload.name}`,
        failureChart(results, point),
      ),
    ),
    ...results.figures.flatMap((figure) =>
      line(`paper-${slug(figure.id)}`, `${figure.source}: ${figure.title}`, paperChart(figure)),
    ),
  ]
}

const slug = (text: string) =>
  text
    .toLowerCase()
    .replace(/%/g, 'percent')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')

function markdown(results: Results, pictures: readonly Picture[]): string {
  const { machine } = results
  const parts = [
    '# Comparison',
    `Written by \`catenary compare --markdown\` from one run; [the guide](guide/chain-or-quorum.md) says why the numbers are as they are. On your own machine: \`npm run compare\`.`,
    `${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, ${machine.kernel}, Node ${machine.node}, ${machine.fileSystem}; one fdatasync takes ${latencyText(machine.fdatasyncUs)}. Servers and load generator share the machine. ${results.began.slice(0, 10)}, commit ${results.commit}: \`${results.command}\`.`,
    ...(results.ended === null ? ['**Interrupted:** not every point has all of its rounds.'] : []),
    '## What was found',
    findings(results)
      .map(({ sign, text }) => `- ${SIGNS[sign]}${cell(text)}`)
      .join('\n'),
    ...goalTable(results),
    '## Side by side',
    'Medians (worst … best round). CPU is that of all server processes for one operation.',
    ...contests(results).map(
      (contest) =>
        `### ${contestTitle(contest)}\n\n${pictureOf(pictures, contestTitle(contest))}\n\n${contestTable(contest)}`,
    ),
    ...ycsbTable(results),
    ...pictures
      .filter(({ title }) => !contests(results).some((contest) => contestTitle(contest) === title))
      .map(({ title }) => `## ${title}\n\n${pictureOf(pictures, title)}`),
    '## Systems',
    mdTable(
      ['', 'version', 'replicas', 'durability', 'flags'],
      results.systems.map(({ title, version, replicas, durability, flags }) => [
        title,
        version,
        String(replicas),
        durability,
        flags.map((flag) => `\`${flag}\``).join(' '),
      ]),
    ),
    ...(results.problems.length === 0
      ? []
      : [
          '## Not measured, and why',
          results.problems.map(({ system, what }) => `- ${cell(`${system}: ${what}`)}`).join('\n'),
        ]),
  ]
  return `${parts.join('\n\n')}\n`
}

const SIGNS = { ours: '**+** ', theirs: '**−** ', note: '' } as const

function pictureOf(pictures: readonly Picture[], title: string): string {
  const found = pictures.find((picture) => picture.title === title)
  return found === undefined ? '' : `<img src="comparison/${found.name}.svg" alt="${title}">`
}

function contestTable(contest: Contest): string {
  const ours = oursIn(contest)
  const bare = yardstickOf(contest)
  const text = contest.measure === 'rate' ? rateText : latencyText
  return mdTable(
    ['', 'reads are', contest.measure === 'rate' ? 'rate' : 'median', 'CPU', 'Catenary is', 'of bare'],
    contest.entries.map((entry) => [
      entry.point.system.startsWith(OURS) ? `**${entry.name}**` : entry.name,
      contest.workload === 'writes' || entry.kind === 'yardstick' ? '' : entry.level,
      spreadText(entry.value, text),
      cpuUsOf(entry.point) === null ? '' : microsText(cpuUsOf(entry.point)?.median ?? 0),
      ours === null || entry === ours ? '' : comparedText(advantage(contest, ours, entry)),
      bare === null || entry === bare ? '' : (entry.value.median / bare.value.median).toFixed(2),
    ]),
  )
}

function goalTable(results: Results): string[] {
  const found = goals(results)
  if (found.length === 0) return []
  return [
    '## Goals',
    `${goalsText(found)}. Each is a ratio of two medians of this run: ours, then the other.`,
    mdTable(
      ['', 'against', 'ours : other', 'ratio', 'goal', ''],
      found.map(({ what, against, numbers, measured, goal, met }) => [
        ...[what, against, numbers, measured, goal],
        met ? 'met' : '**missed**',
      ]),
    ),
  ]
}

function ycsbTable(results: Results): string[] {
  const points = pointsOf(results, 'ycsb')
  if (points.length === 0) return []
  const columns = [...new Set(points.map(({ workload }) => workload.name))]
  const names = [...new Set(points.map((point) => nameOf(results, point)))]
  const rows = names.map((name) => [
    name,
    ...columns.map((column) => {
      const point = points.find((one) => nameOf(results, one) === name && one.workload.name === column)
      return point === undefined ? '' : rateText(rateOf(point)?.median ?? 0)
    }),
  ])
  return ['## YCSB', mdTable(['', ...columns.map((column) => column.replace('YCSB ', ''))], rows)]
}

function mdTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), `| ${head.map(() => '---').join(' | ')} |`, ...rows.map(line)].join('\n')
}

const cell = (text: string) => text.replace(/\|/g, '\\|').replace(/</g, '&lt;').replace(/\n/g, ' ')
