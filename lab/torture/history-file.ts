import { writeFileSync } from 'node:fs'
import type { HistoryHeader } from '../checker/operations.ts'
import { renderPage } from '../checker/page/render.ts'
import type { Verdict } from '../checker/verdict.ts'
import type { JudgedHistory } from './judge.ts'
import type { Part } from './recorder.ts'

/**
 * Writes parts as one history that `catenary check` reads. Keys of different parts have nothing to do with each other, and the checker finds that by itself: all of
 * them may be judged as transactions.
 */
export function writeHistory(
  file: string,
  parts: readonly Part[],
  about: Readonly<Record<string, string | number>>,
): void {
  const only = parts.length === 1 ? parts[0]?.model : undefined
  const header: HistoryHeader = {
    format: 'catenary-history',
    version: 1,
    model: only ?? 'transactions',
    about,
  }
  const events = parts.flatMap((part) => part.events).sort((a, b) => a.time - b.time)
  writeFileSync(file, `${[header, ...events].map((line) => JSON.stringify(line)).join('\n')}\n`)
}

/** Draws the parts that are not plainly linearizable, each on its time line. */
export function writePage(
  file: string,
  { judgement, doubtful }: JudgedHistory,
  { command }: { readonly command: string },
): void {
  const parts = doubtful.flatMap(({ verdict }) => verdict.parts)
  const operations = doubtful.reduce((sum, { verdict }) => sum + verdict.operations, 0)
  const verdict: Verdict = { judgement, model: 'transactions', operations, parts }
  writeFileSync(file, renderPage(verdict, { title: 'Torture', source: command, timeUnit: 'µs' }))
}
