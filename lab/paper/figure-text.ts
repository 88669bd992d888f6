import type { Figure } from '../compare/results.ts'

/** A figure as text: one column for each series, and one more beside it where the paper gives numbers. */
export function figureText(figure: Figure): string {
  const xs = new Set<number>()
  for (const { ours, paper } of figure.series) for (const [x] of [...ours, ...(paper ?? [])]) xs.add(x)
  const columns = figure.series.flatMap(({ name, ours, paper }) => [
    { name, values: new Map(ours) },
    ...(paper === null ? [] : [{ name: `${name} (paper)`, values: new Map(paper) }]),
  ])
  const header = [figure.xLabel, ...columns.map(({ name }) => name)]
  const rows = [...xs]
    .sort((a, b) => a - b)
    .map((x) => [String(x), ...columns.map(({ values }) => String(values.get(x) ?? '-'))])
  const widths = header.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: readonly string[]) => cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  ')
  return [
    `${figure.id}: ${figure.title} (${figure.how}; ${figure.yLabel})`,
    `  ${figure.source}`,
    `  ${figure.conditions}`,
    '',
    ...[header, ...rows].map((cells) => `  ${line(cells)}`),
    '',
    ...figure.remarks.map((remark) => `  - ${remark}`),
    '',
  ].join('\n')
}
