import { writeFileSync } from 'node:fs'
import type { HistoryHeader } from '../checker/operations.ts'
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
