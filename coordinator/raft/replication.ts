/**
 * The leader's side of log replication (Raft §5.3): batches, an optimistic pipeline, backing up after a
 * conflict, and the commit rule (§5.4.2). Knows nothing of elections, and of snapshots only when one is
 * needed.
 */
import { invariant } from '../../protocol/invariants.ts'
import type { Proposal, RaftOutbox, RejectReason } from './events.ts'
import type { LogIndex, MemberId } from './ids.ts'
import { asLogIndex, NO_TERM, NO_WRITE } from './ids.ts'
import type { LogEntry, RaftLog } from './log.ts'
import type { AppendReply, Conflict } from './messages.ts'
import type { Progress } from './progress.ts'
import { becomePipelining, becomeProbing, becomeSnapshotting } from './progress.ts'
import type { Leader, Raft } from './state.ts'
import { appendToLog, commitUpTo, reachedByQuorum } from './state.ts'

export function onPropose(raft: Raft, commands: readonly Proposal[], out: RaftOutbox): void {
  if (raft.role.type !== 'leader') {
    for (const { id } of commands) out.rejectProposal(id, raft.leader, 'not-leader')
    return
  }
  const entries: LogEntry[] = []
  let bytes = raft.log.bytesBetween(raft.commit, raft.log.last)
  for (const { id, command } of commands) {
    const index = asLogIndex(raft.log.last + 1 + entries.length)
    const reason = rejection(raft, raft.role, command, { entries: index - 1 - raft.commit, bytes })
    if (reason !== null) {
      out.rejectProposal(id, raft.role.transfer?.to ?? raft.self, reason)
      continue
    }
    entries.push({ term: raft.term, index, command })
    bytes += command.length
    out.proposed(id, { index, term: raft.term })
  }
  if (entries.length === 0) return
  appendToLog(raft, entries, out)
  // Before our own disk has it: the followers' disks work at the same time (Raft thesis §10.2.1).
  replicateToAll(raft, raft.role, out)
}

function rejection(
  raft: Raft,
  leader: Leader,
  command: Uint8Array,
  uncommitted: { readonly entries: number; readonly bytes: number },
): RejectReason | null {
  if (leader.transfer !== null) return 'transferring'
  if (command.length > raft.limits.commandBytesMax) return 'too-large'
  const { uncommittedEntriesMax, uncommittedBytesMax } = raft.limits
  const full =
    uncommitted.entries >= uncommittedEntriesMax || uncommitted.bytes + command.length > uncommittedBytesMax
  return full ? 'overloaded' : null
}

export function replicateToAll(raft: Raft, leader: Leader, out: RaftOutbox): void {
  for (const to of leader.progress.keys()) replicateTo(raft, leader, to, out)
}

/** Sends all that the follower may have now, and a commit index that it has not heard. */
export function replicateTo(raft: Raft, leader: Leader, to: MemberId, out: RaftOutbox): void {
  const progress = leader.progress.get(to)
  if (progress === undefined || progress.mode.type === 'snapshot') return
  if (progress.next <= raft.log.base.lastIndex) return beginSnapshot(raft, to, progress, out)
  if (progress.mode.type === 'probing') {
    if (progress.mode.awaitingReply) return
    progress.mode.awaitingReply = true
    const room = { entriesMax: raft.limits.batchEntriesMax, bytesMax: raft.limits.batchBytesMax }
    return sendAppend(raft, leader, to, progress, raft.log.batch(progress.next, room), out)
  }
  for (let room = roomInPipeline(raft, progress); room !== null; room = roomInPipeline(raft, progress)) {
    const entries = raft.log.batch(progress.next, room)
    sendAppend(raft, leader, to, progress, entries, out)
    progress.next = asLogIndex(progress.next + entries.length)
  }
  if (progress.sentCommit < raft.commit) sendAppend(raft, leader, to, progress, [], out)
}

/** How large the next batch may be, or `null` where nothing is left to send or the pipeline is full. */
function roomInPipeline(raft: Raft, progress: Progress): { entriesMax: number; bytesMax: number } | null {
  if (progress.next > raft.log.last) return null
  const { inflightEntriesMax, inflightBytesMax, batchEntriesMax, batchBytesMax } = raft.limits
  const lastSent = asLogIndex(progress.next - 1)
  const entriesMax = Math.min(batchEntriesMax, inflightEntriesMax - (lastSent - progress.match))
  const bytesMax = Math.min(batchBytesMax, inflightBytesMax - raft.log.bytesBetween(progress.match, lastSent))
  return entriesMax > 0 && bytesMax > 0 ? { entriesMax, bytesMax } : null
}

function sendAppend(
  raft: Raft,
  leader: Leader,
  to: MemberId,
  progress: Progress,
  entries: readonly LogEntry[],
  out: RaftOutbox,
): void {
  // The follower's log is taken to reach to `next - 1`; while it needs a snapshot, no further back than we
  // can name a term.
  const prevIndex = asLogIndex(Math.max(progress.next - 1, raft.log.base.lastIndex))
  const prevTerm = raft.log.termAt(prevIndex) ?? NO_TERM
  const { term, commit } = raft
  progress.sentCommit = commit
  // At once: our term became durable before we were elected, and our own entries we count only when durable.
  out.send(
    to,
    { type: 'append-entries', term, round: leader.round, prevIndex, prevTerm, commit, entries },
    NO_WRITE,
  )
}

export function onHeartbeatTick(raft: Raft, leader: Leader, out: RaftOutbox): void {
  leader.heartbeatElapsed += 1
  if (leader.heartbeatElapsed >= raft.limits.heartbeatTicks) sendHeartbeats(raft, leader, out)
}

/**
 * Begins a new round. A heartbeat names `next - 1`, so its answer also tells whether everything sent before
 * arrived: what was lost is found here, where no later entry would show it.
 */
export function sendHeartbeats(raft: Raft, leader: Leader, out: RaftOutbox): void {
  leader.heartbeatElapsed = 0
  leader.round += 1
  for (const [to, progress] of leader.progress) {
    if (progress.mode.type === 'probing') progress.mode.awaitingReply = true
    sendAppend(raft, leader, to, progress, [], out)
  }
}

export function onAppendReply(
  raft: Raft,
  leader: Leader,
  from: MemberId,
  reply: AppendReply,
  out: RaftOutbox,
): void {
  const progress = leader.progress.get(from)
  if (progress === undefined) return // no member of ours any more
  const { outcome } = reply
  // The first answer to a newer round, hence not an old one that is late: its log is shorter than what it once held durably. Its disk was
  // replaced, and it begins anew. What it helped to commit stays committed.
  if (outcome.type === 'conflict' && reply.round > progress.round && outcome.xLen < progress.match)
    progress.match = outcome.xLen
  heardFrom(progress, reply.round)
  if (reply.outcome.type === 'matched') onMatched(raft, leader, from, reply.outcome.index, out)
  else onConflict(raft, leader, from, reply.outcome, out)
}

export function heardFrom(progress: Progress, round: number): void {
  progress.heard = true
  progress.round = Math.max(progress.round, round)
}

/**
 * The follower durably holds our log up to `index`. True for ever, so a late or repeated reply does no harm.
 */
export function onMatched(
  raft: Raft,
  leader: Leader,
  from: MemberId,
  index: LogIndex,
  out: RaftOutbox,
): void {
  const progress = leader.progress.get(from)
  if (progress === undefined) return
  invariant(
    'LogMatching',
    index <= raft.log.last,
    () => `${from} matches ${index}, our log ends at ${raft.log.last}`,
  )
  progress.match = asLogIndex(Math.max(progress.match, index))
  progress.next = asLogIndex(Math.max(progress.next, progress.match + 1))
  const reaches = progress.mode.type === 'snapshot' ? raft.log.base.lastIndex : progress.next - 1
  if (index >= reaches) becomePipelining(progress)
  advanceCommit(raft, leader, out)
  replicateTo(raft, leader, from, out)
}

function onConflict(raft: Raft, leader: Leader, from: MemberId, conflict: Conflict, out: RaftOutbox): void {
  const progress = leader.progress.get(from)
  if (progress === undefined || progress.mode.type === 'snapshot') return
  // Late: the follower has matched that place since, or we have backed up beyond it already.
  if (conflict.prevIndex <= progress.match || conflict.prevIndex >= progress.next) return
  if (progress.mode.type === 'probing' && conflict.prevIndex !== progress.next - 1) return
  becomeProbing(progress, Math.min(nextAfterConflict(raft.log, conflict), conflict.prevIndex))
  replicateTo(raft, leader, from, out)
}

/** Where to try next, one term further back (Raft §5.3, end). */
export function nextAfterConflict(log: RaftLog, conflict: Conflict): number {
  // The follower's log is too short: go on where it ends.
  if (conflict.xTerm === null || conflict.xIndex === null) return conflict.xLen + 1
  // We have that term: its entries may agree up to our last one. We lack it: skip all that the follower has
  // of it.
  const lastOfTerm = log.lastOfTerm(conflict.xTerm)
  return lastOfTerm === null ? conflict.xIndex : lastOfTerm + 1
}

/**
 * Commits what a quorum durably holds, ourselves included. Only an entry of our own term is committed by
 * counting; all before it with it. An older one on a majority can still be overwritten (Raft §5.4.2, Figure
 * 8).
 */
export function advanceCommit(raft: Raft, leader: Leader, out: RaftOutbox): void {
  const { durableLast } = raft.writes
  const reached = asLogIndex(
    reachedByQuorum(raft, (voter) =>
      voter === raft.self ? durableLast : (leader.progress.get(voter)?.match ?? 0),
    ),
  )
  if (reached <= raft.commit || raft.log.termAt(reached) !== raft.term) return
  commitUpTo(raft, reached, out)
  replicateToAll(raft, leader, out) // tells the followers at once: their clients wait for it, too
}

function beginSnapshot(raft: Raft, to: MemberId, progress: Progress, out: RaftOutbox): void {
  becomeSnapshotting(progress)
  out.readSnapshot(to, { meta: null, offset: 0, bytesMax: raft.limits.snapshotChunkBytesMax })
}
