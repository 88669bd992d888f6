// Lab 4: Raft's log backup. docs/labs/4-log-backup.md

/** Which lab this file is. */
export const lab = 4

interface LogEntry {
  readonly term: number
  readonly command: string
}

/** Indices count from 1: the entry of index i is log[i - 1]. prevIndex 0 is before the first, and always agrees. */
interface AppendEntries {
  readonly prevIndex: number
  readonly prevTerm: number
  readonly entries: readonly LogEntry[]
}

interface Reply {
  readonly success: boolean
  /** Of a success: up to which index the logs are now known to agree. */
  readonly match?: number
  /** Of a refusal: the term at prevIndex (null: no entry there), the first index of that term, and the length of the log. */
  readonly conflict?: { readonly xTerm: number | null; readonly xIndex: number; readonly xLen: number }
}

/** At the follower. Returns its log afterwards, and the reply. */
export function onAppendEntries(log: LogEntry[], message: AppendEntries): { log: LogEntry[]; reply: Reply } {
  throw new Error('your turn: onAppendEntries')
}

/** At the leader, after a refusal: where does it try next? */
export function nextIndexAfter(log: LogEntry[], nextIndex: number, reply: Reply): number {
  throw new Error('your turn: nextIndexAfter')
}
