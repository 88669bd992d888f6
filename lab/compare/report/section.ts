/** The pieces of a report: sections with a heading, drawings in two widths, and the numbers behind them. */
import { escapeHtml } from '../../checker/page/text.ts'
import { type LineChart, lineChart, type Size } from './line-chart.ts'

export interface Section {
  readonly id: string
  readonly title: string
  /** Under the heading: what this shows and how to read it. */
  readonly lead: string
  readonly body: string
}

export const WIDE: Size = { width: 980, height: 350 }
export const NARROW: Size = { width: 344, height: 250 }
const HALF: Size = { width: 460, height: 250 }

/** Drawn twice, since text in a drawing that shrinks cannot be read: one is shown where the window is wide, the other on a phone. */
export function drawing(draw: (size: Size) => string, wide: Size = WIDE): string {
  return `<div class="drawing"><div class="wide">${draw(wide)}</div><div class="narrow">${draw(NARROW)}</div></div>`
}

export interface LineFigure {
  readonly id: string
  readonly title: string
  readonly remark?: string
  readonly chart: LineChart
  readonly isHalf?: boolean
}

export function lineFigure({ title, remark, chart, isHalf = false }: LineFigure): string {
  const note = remark === undefined ? '' : `<p class="remark">${escapeHtml(remark)}</p>`
  return `<figure class="card${isHalf ? ' half' : ''}"><figcaption>${escapeHtml(title)}</figcaption>${note}${drawing((size) => lineChart(chart, size), isHalf ? HALF : WIDE)}${numbersOf(chart)}</figure>`
}

/** The chart as a table: for those who cannot see it, and those who want the numbers. */
function numbersOf({ x, y, series }: LineChart): string {
  const places = [...new Set(series.flatMap(({ points }) => points.map((point) => point.x)))].sort(
    (a, b) => a - b,
  )
  if (places.length > 12) return ''
  const rows = series.map(({ name, points }) => [
    name,
    ...places.map((place) => {
      const found = points.find((point) => point.x === place)
      return found === undefined ? '' : y.text(found.y)
    }),
  ])
  return `<details><summary>Numbers</summary>${htmlTable([x.name, ...places.map(x.text)], rows)}</details>`
}

/** The first column names the row; the others are numbers. A cell that begins with `*` is the best of its kind. */
export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const heads = head.map((text) => `<th scope="col">${escapeHtml(text)}</th>`).join('')
  const body = rows.map((row) => {
    const cells = row.map((text, i) => {
      const best = text.startsWith('*')
      const shown = escapeHtml(best ? text.slice(1) : text)
      return i === 0
        ? `<th scope="row">${shown}</th>`
        : `<td${/[a-z] [a-z].* /.test(text) && text.length > 40 ? ' class="long"' : ''}>${best ? `<b>${shown}</b>` : shown}</td>`
    })
    return `<tr>${cells.join('')}</tr>`
  })
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(head.filter((text) => text !== '').join(', '))}"><table><thead><tr>${heads}</tr></thead><tbody>${body.join('')}</tbody></table></div>`
}

export function sectionHtml({ id, title, lead, body }: Section): string {
  return `<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${escapeHtml(title)}</h2>${lead === '' ? '' : `<p class="lead">${escapeHtml(lead)}</p>`}${body}</section>`
}
