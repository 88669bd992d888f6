/** Raft's log backup, fast (Raft §5.3, the last paragraphs; the lecture's XTerm, XIndex and XLen). */
import type { LogEntry, StudentBackup } from '../../../lab/grade/contract.ts'

export const MUTANTS = ['one-at-a-time', 'truncates', 'no-check', 'match-too-far', 'adds-on-refusal'] as const
type Mutant = (typeof MUTANTS)[number] | null

export const solution = (mutant: Mutant): StudentBackup => ({
  onAppendEntries(log, { prevIndex, prevTerm, entries }) {
    const agrees = prevIndex === 0 || log[prevIndex - 1]?.term === prevTerm
    if (!agrees && mutant !== 'no-check') {
      const xTerm = log[prevIndex - 1]?.term ?? null
      const xIndex = xTerm === null ? 0 : log.findIndex(({ term }) => term === xTerm) + 1
      const kept = mutant === 'adds-on-refusal' ? [...log, ...entries] : log
      return { log: kept, reply: { success: false, conflict: { xTerm, xIndex, xLen: log.length } } }
    }
    const differs = entries.findIndex(({ term }, i) => log[prevIndex + i]?.term !== term)
    const merged =
      differs < 0 && mutant !== 'truncates'
        ? log
        : [...log.slice(0, prevIndex + Math.max(0, differs)), ...entries.slice(Math.max(0, differs))]
    const match = mutant === 'match-too-far' ? merged.length : prevIndex + entries.length
    return { log: merged, reply: { success: true, match } }
  },

  nextIndexAfter(log, nextIndex, { conflict }) {
    if (conflict === undefined || mutant === 'one-at-a-time') return nextIndex - 1
    const { xTerm, xIndex, xLen } = conflict
    if (xTerm === null) return xLen + 1
    const last = lastOfTerm(log.slice(0, nextIndex - 1), xTerm)
    return last === 0 ? xIndex : last + 1
  },
})

const lastOfTerm = (log: readonly LogEntry[], term: number): number =>
  log.findLastIndex((entry) => entry.term === term) + 1
