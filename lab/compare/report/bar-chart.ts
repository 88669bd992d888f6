/** Bars with their names above and their values beside them, and a whisker from the least to the greatest round. */
import { clip, escapeHtml } from '../../checker/page/text.ts'
import type { Spread } from '../summary.ts'
import type { Look } from './palette.ts'

export interface Bar {
  readonly name: string
  readonly look: Look
  readonly value: Spread
  readonly isOurs?: boolean
  /** Pale: promises less. */
  readonly isStale?: boolean
  readonly isBare?: boolean
  /** Small, behind the name. */
  readonly remark?: string
}

export interface BarChart {
  readonly about: string
  readonly bars: readonly Bar[]
  readonly text: (value: number) => string
}

const ROW = 42
const VALUE_WIDTH = 76
const CHARACTER = 6.9

export function barChart({ about, bars, text }: BarChart, width: number): string {
  const greatest = Math.max(...bars.map(({ value }) => value.max), 1e-9)
  const room = width - VALUE_WIDTH
  const height = bars.length * ROW + 4
  const rows = bars.map((bar, i) =>
    drawBar(bar, { y: i * ROW, scale: room / greatest, text, lettersMax: Math.floor(width / CHARACTER) }),
  )
  return `<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeHtml(about)}">${rows.join('')}</svg>`
}

function drawBar(
  bar: Bar,
  place: { y: number; scale: number; text: (value: number) => string; lettersMax: number },
): string {
  const { y, scale, text, lettersMax } = place
  const { median, min, max } = bar.value
  const length = Math.max(2, median * scale)
  const whisker =
    min === max
      ? ''
      : `<path class="spread" d="M${n(min * scale)} ${y + 25}H${n(max * scale)}M${n(min * scale)} ${y + 21}v8M${n(max * scale)} ${y + 21}v8"/>`
  const remark =
    bar.remark === undefined || bar.name.length + bar.remark.length + 2 > lettersMax
      ? ''
      : `<tspan dx="8" style="font-weight:400" fill="currentColor" opacity=".62">${escapeHtml(bar.remark)}</tspan>`
  const names = [
    bar.look.className,
    ...(bar.isOurs ? ['ours'] : []),
    ...(bar.isStale ? ['stale'] : []),
    ...(bar.isBare ? ['bare'] : []),
  ]
  const title = `${bar.name}: ${text(median)}, from ${text(min)} to ${text(max)}`
  return `<g class="${names.join(' ')}"><title>${escapeHtml(title)}</title><text class="${bar.isOurs ? 'strong' : 'value'}" x="0" y="${y + 13}">${escapeHtml(clip(bar.name, lettersMax))}${remark}</text><rect class="bar" x="0" y="${y + 18}" width="${n(length)}" height="14" rx="2.5"/>${whisker}<text class="strong" x="${n(Math.max(length, max * scale) + 8)}" y="${y + 30}">${escapeHtml(text(median))}</text></g>`
}

const n = (value: number) => String(Math.round(value * 10) / 10)
