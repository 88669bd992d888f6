/**
 * The follower's side of log replication (Raft §5.3, receiver of AppendEntries). The sender is the leader of
 * our term.
 */
import { invariant } from '../../protocol/invariants.ts'
import type { RaftOutbox } from './events.ts'
import type { LogIndex, MemberId } from './ids.ts'
import { asLogIndex, NO_INDEX } from './ids.ts'
import type { LogEntry, RaftLog } from './log.ts'
import { entryBytes } from './log.ts'
import type { AppendEntries, Conflict, Matched } from './messages.ts'
import type { Raft } from './state.ts'
import { afterAllWrites, appendToLog, commitUpTo, truncateLog } from './state.ts'

export function onAppendEntries(raft: Raft, from: MemberId, message: AppendEntries, out: RaftOutbox): void {
  const outcome = conflictOf(raft, message) ?? accept(raft, message, out)
  // After all writes: what we acknowledge must be durable, also where an earlier message brought it.
  out.send(
    from,
    { type: 'append-reply', term: raft.term, round: message.round, outcome },
    afterAllWrites(raft),
  )
}

/** `null` if our log agrees with the leader's at `prevIndex`. */
function conflictOf({ log, commit }: Raft, { prevIndex, prevTerm }: AppendEntries): Conflict | null {
  // What the snapshot covers was committed, so the leader has the same (LeaderCompleteness).
  if (prevIndex < log.base.lastIndex) return null
  const ours = log.termAt(prevIndex)
  if (ours === prevTerm) return null
  invariant(
    'LeaderCompleteness',
    prevIndex > commit,
    () => `the leader has term ${prevTerm} at ${prevIndex}, where term ${ours} was committed`,
  )
  if (ours === null) return { type: 'conflict', prevIndex, xTerm: null, xIndex: null, xLen: log.last }
  return { type: 'conflict', prevIndex, xTerm: ours, xIndex: log.firstOfTermAt(prevIndex), xLen: log.last }
}

function accept(raft: Raft, { prevIndex, entries, commit }: AppendEntries, out: RaftOutbox): Matched {
  const agreed = asLogIndex(prevIndex + entries.length)
  const fresh = entries.slice(countHeld(raft.log, entries))
  if (fresh.length > 0) appendFresh(raft, fresh, out)
  // No further than this message vouches for: beyond it our log may hold what the leader does not (Raft
  // Figure 2).
  commitUpTo(raft, asLogIndex(Math.min(commit, agreed)), out)
  return { type: 'matched', index: agreed }
}

/**
 * How many of these we hold already. An ancient message is a prefix of what followed it: it must not truncate
 * what it does not contradict.
 */
function countHeld(log: RaftLog, entries: readonly LogEntry[]): number {
  let held = 0
  for (const entry of entries) {
    if (entry.index > log.base.lastIndex) {
      if (log.termAt(entry.index) !== entry.term) break
      const [ours] = log.slice(entry.index, entry.index)
      invariant(
        'LogMatching',
        ours !== undefined && entryBytes(ours) === entryBytes(entry),
        () => `entry ${entry.index} of term ${entry.term} differs from ours`,
      )
    }
    held += 1
  }
  return held
}

/**
 * The first of these is either next in our log, or contradicts what we have there: that and all after it
 * goes.
 */
function appendFresh(raft: Raft, entries: readonly LogEntry[], out: RaftOutbox): void {
  const from = entries[0]?.index ?? NO_INDEX
  const truncates = from <= raft.log.last
  if (truncates) truncate(raft, from)
  appendToLog(raft, entries, out, truncates ? from : null)
}

function truncate(raft: Raft, from: LogIndex): void {
  invariant(
    'LeaderAppendOnly',
    raft.role.type !== 'leader',
    () => `asked to drop ${from} while leading term ${raft.term}`,
  )
  invariant(
    'StateMachineSafety',
    from > raft.commit,
    () => `asked to drop ${from}, committed up to ${raft.commit}`,
  )
  truncateLog(raft, from)
}
