/**
 * Changing who belongs to the ensemble, one server at a time (Raft thesis §4.1-4.2): any majority of the old voters and any of the new
 * ones share a member, so no two leaders can be elected, whoever has heard of the change. Catching up before a vote is the
 * asker's part; so is finding out whether those who stay are alive.
 */
import { restartElectionTimer, stepDown } from './election.ts'
import type { RaftOutbox, RejectReason } from './events.ts'
import type { MemberId, ProposalId } from './ids.ts'
import { asLogIndex, NO_WRITE } from './ids.ts'
import type { MemberRow } from './membership.ts'
import { encodeMembership, newestOf, votersChanged } from './membership.ts'
import { replicateToAll } from './replication.ts'
import type { Leader, Raft } from './state.ts'
import { appendToLog, isVoter } from './state.ts'

/** Answered like a proposal, in the same step. It counts from now on, at this member; elsewhere once its entry is there. */
export function onChangeMembership(
  raft: Raft,
  { id, members }: { readonly id: ProposalId; readonly members: readonly MemberRow[] },
  out: RaftOutbox,
): void {
  const reason = refusal(raft, members)
  if (reason !== null || raft.role.type !== 'leader')
    return out.rejectProposal(id, raft.leader, reason ?? 'not-leader')
  const { term } = raft
  const index = asLogIndex(raft.log.last + 1)
  appendToLog(raft, [{ term, index, command: encodeMembership(members) }], out)
  out.proposed(id, { index, term })
  replicateToAll(raft, raft.role, out)
}

function refusal(raft: Raft, members: readonly MemberRow[]): RejectReason | null {
  const { role, commit } = raft
  if (role.type !== 'leader') return 'not-leader'
  if (role.transfer !== null) return 'transferring'
  const current = newestOf(raft.memberships)
  // The change before must be committed, and so must an entry of our own term: else two leaders could each have one change on the way
  // that the other has not seen, of which both commit (the bug in the thesis's first version, mended in 2015).
  if (current.index > commit || role.noopIndex > commit) return 'change-pending'
  const ids = new Set(members.map(({ id }) => id))
  const usable = ids.size === members.length && members.some(({ voter }) => voter)
  return usable && votersChanged(current, members) <= 1 ? null : 'not-one-change'
}

/** Leader, after every step: replicates to whoever is new, forgets whom a committed change removed, and goes if that is itself. */
export function settleMembership(raft: Raft, leader: Leader, out: RaftOutbox): void {
  const { memberships, commit } = raft
  const { index, members } = newestOf(memberships)
  if (index > commit) return // those who leave still get the log: so they hear of it
  const belongs = (id: MemberId): boolean => members.some((member) => member.id === id)
  for (const id of leader.progress.keys()) if (!belongs(id)) leader.progress.delete(id)
  if (leader.transfer !== null && !belongs(leader.transfer.to)) leader.transfer = null
  if (isVoter(raft) || index === 0) return
  // Its own removal is committed (thesis §4.2.2). Whoever holds all of its log takes over at once, the others need not wait for it.
  const [best] = [...leader.progress]
    .filter(([id]) => raft.voters.includes(id))
    .sort(([, a], [, b]) => b.match - a.match)
  if (best !== undefined) out.send(best[0], { type: 'timeout-now', term: raft.term }, NO_WRITE)
  restartElectionTimer(raft)
  stepDown(raft, out)
}
