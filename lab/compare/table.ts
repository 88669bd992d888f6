/** The end of a comparison, in a terminal. */
import Table from 'cli-table3'
import { goals, goalsText } from './goals.ts'
import { latencyText, microsText, rateText, spreadText, timesText } from './number-text.ts'
import type { Results } from './results.ts'
import { advantage, type Contest, contests, contestTitle, oursIn, yardstickOf } from './summary.ts'

/** One table for each condition of the headline, best first; then the goals. */
export function headlineTables(results: Results): string {
  const found = contests(results)
  if (found.length === 0) return 'Nothing of the headline was measured.'
  const parts = found.map((contest) => `${contestTitle(contest)}\n${contestTable(contest)}`)
  return [...parts, ...goalLines(results)].join('\n\n')
}

function contestTable(contest: Contest): string {
  const ours = oursIn(contest)
  const bare = yardstickOf(contest)
  const text = contest.measure === 'rate' ? rateText : latencyText
  const table = new Table({
    head: [
      '',
      'reads are',
      contest.measure === 'rate' ? 'rate (min … max)' : 'median (min … max)',
      'server CPU / op',
      'ours is',
      'of bare',
    ],
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right'],
  })
  for (const entry of contest.entries)
    table.push([
      entry.name,
      contest.workload === 'writes' || entry.kind === 'yardstick' ? '' : entry.level,
      spreadText(entry.value, text),
      entry.cpuUs === null ? '' : microsText(entry.cpuUs.median),
      ours === null || entry === ours ? '' : comparedText(advantage(contest, ours, entry)),
      bare === null || entry === bare ? '' : (entry.value.median / bare.value.median).toFixed(2),
    ])
  return table.toString()
}

/** Always above 1, with the word that says which way. */
export function comparedText(ratio: number): string {
  if (ratio > 0.97 && ratio < 1.03) return 'the same'
  return ratio > 1 ? `${timesText(ratio)} better` : `${timesText(1 / ratio)} worse`
}

function goalLines(results: Results): string[] {
  const found = goals(results)
  if (found.length === 0) return []
  const table = new Table({
    head: ['', 'against', 'ours : other', 'ratio', 'goal', ''],
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'right', 'right', 'right', 'left'],
  })
  for (const { what, against, numbers, measured, goal, met } of found)
    table.push([what, against, numbers, measured, goal, met ? 'met' : 'MISSED'])
  return [`${goalsText(found)}\n${table.toString()}`]
}

export function problemLines(results: Results): string {
  return results.problems.map(({ system, what }) => `  ${system}: ${what}`).join('\n')
}
