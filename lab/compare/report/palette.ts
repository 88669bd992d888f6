/**
 * One colour and one mark for each system, the same in every chart. The colours are of the Okabe-Ito family and never the only sign: marks differ, stale
 * reads are dashed, and lines carry their names.
 */

export interface Look {
  /** A class that sets `--c`. */
  readonly className: string
  readonly mark: Mark
}

export type Mark = 'circle' | 'square' | 'diamond' | 'triangle' | 'down' | 'cross' | 'ring'

const LOOKS: readonly (readonly [prefix: string, look: Look])[] = [
  ['catenary-craq', { className: 'k-craq', mark: 'circle' }],
  ['catenary-raft', { className: 'k-raft', mark: 'square' }],
  ['catenary-primary', { className: 'k-star', mark: 'diamond' }],
  ['catenary', { className: 'k-chain', mark: 'ring' }],
  ['etcd', { className: 'k-etcd', mark: 'square' }],
  ['zookeeper', { className: 'k-zookeeper', mark: 'diamond' }],
  ['jetstream', { className: 'k-jetstream', mark: 'triangle' }],
  ['redis', { className: 'k-redis', mark: 'down' }],
]
const OTHER: Look = { className: 'k-bare', mark: 'cross' }

export function lookOf(system: string): Look {
  return LOOKS.find(([prefix]) => system.startsWith(prefix))?.[1] ?? OTHER
}

/** For lines that are not systems. */
export function lookNumber(index: number): Look {
  return LOOKS[index % LOOKS.length]?.[1] ?? OTHER
}

const LIGHT = {
  craq: '#0063a6',
  chain: '#2a8fd0',
  raft: '#6a55b8',
  star: '#4f6d8f',
  etcd: '#b87400',
  zookeeper: '#a8477f',
  jetstream: '#00795a',
  redis: '#c24a00',
  bare: '#77808c',
} as const
const DARK: Record<keyof typeof LIGHT, string> = {
  craq: '#5db2f5',
  chain: '#9bd3fb',
  raft: '#b3a2f5',
  star: '#a5bfdc',
  etcd: '#ecb23c',
  zookeeper: '#e591c0',
  jetstream: '#3ccb9c',
  redis: '#ff8a50',
  bare: '#8d98a6',
}

const variables = (colours: Readonly<Record<string, string>>) =>
  Object.entries(colours)
    .map(([name, colour]) => `--k-${name}:${colour};`)
    .join('')

export const LIGHT_COLOURS = `--ink:#18212b;--dim:#5a6672;--line:#dfe3e8;--faint:#eef1f4;--card:#ffffff;--bad:#b3270b;${variables(LIGHT)}`
export const DARK_COLOURS = `--ink:#e7ecf2;--dim:#9eabb9;--line:#2d3743;--faint:#212a34;--card:#171e27;--bad:#ff8a68;${variables(DARK)}`

export const COLOUR_CLASSES = Object.keys(LIGHT)
  .map((name) => `.k-${name}{--c:var(--k-${name})}`)
  .join('')

/** What drawings need, in the report and in files of their own. */
export const DRAWING_STYLE = `${COLOUR_CLASSES}
.chart text{font-family:var(--sans,system-ui,-apple-system,"Segoe UI","Helvetica Neue","Liberation Sans",Arial,sans-serif);font-size:12px;fill:var(--dim)}
.chart .grid{stroke:var(--line);stroke-width:1}.chart .base{stroke:var(--dim);stroke-width:1}
.chart .line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.chart .stale .line{stroke-dasharray:5 4}
.chart .mark{fill:var(--c);stroke:var(--card);stroke-width:1.5}.chart .mark.open{fill:var(--card);stroke:var(--c);stroke-width:2}
.chart .whisker{stroke:var(--c);stroke-width:1.5;opacity:.55}
.chart .area{fill:var(--c);opacity:.14}
.chart .name{fill:var(--c);font-weight:600}.chart .strong{fill:var(--ink);font-weight:600}.chart .value{fill:var(--ink)}
.chart .ours .name,.chart .ours .line{stroke-width:2.8}.chart .ours .name{stroke:none}
.chart .ideal{fill:none;stroke:var(--dim);stroke-width:1.3;stroke-dasharray:2 4}
.chart .event{stroke:var(--bad);stroke-width:1.4;stroke-dasharray:4 3}.chart .event-text{fill:var(--bad);font-weight:600}
.chart .bar{fill:var(--c)}.chart .stale .bar{opacity:.45}.chart .bare .bar{opacity:.4}
.chart .spread{stroke:var(--ink);stroke-width:1.4;opacity:.75}.chart .leader{stroke:var(--line);stroke-width:1}
.chart .axis-name{fill:var(--dim);font-size:11.5px}`
