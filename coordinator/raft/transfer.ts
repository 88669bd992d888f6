/** The leader's end of a leadership transfer (Raft thesis §3.10). */

import type { RaftOutbox } from './events.ts'
import type { MemberId } from './ids.ts'
import { NO_WRITE } from './ids.ts'
import { replicateTo } from './replication.ts'
import type { Leader, Raft } from './state.ts'

/** From now on proposals are rejected, so that the target can catch up. A second wish replaces the first. */
export function onTransferLeadership(raft: Raft, to: MemberId, out: RaftOutbox): void {
  // Elsewhere, to itself, to a stranger, to a learner: no effect
  if (raft.role.type !== 'leader' || to === raft.self || !raft.voters.includes(to)) return
  raft.role.transfer = { to, ticks: 0 }
  replicateTo(raft, raft.role, to, out)
  continueTransfer(raft, raft.role, to, out)
}

/**
 * Lets the target go once it holds our whole log; again after each reply, because the message may have got
 * lost.
 */
export function continueTransfer(raft: Raft, leader: Leader, from: MemberId, out: RaftOutbox): void {
  if (leader.transfer?.to !== from || leader.progress.get(from)?.match !== raft.log.last) return
  out.send(from, { type: 'timeout-now', term: raft.term }, NO_WRITE)
}

/** A target that does not take over in time: we lead on. */
export function onTransferTick(raft: Raft, leader: Leader): void {
  if (leader.transfer === null) return
  leader.transfer.ticks += 1
  if (leader.transfer.ticks >= raft.limits.electionTicksMax) leader.transfer = null
}
