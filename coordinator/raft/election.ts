/**
 * Who leads: elections (Raft §5.2), the election restriction (§5.4.1), pre-vote (thesis §9.6), check-quorum
 * (thesis §6.2) and the receiving end of a leadership transfer (thesis §3.10). Does not know how entries are
 * replicated.
 */

import type { RaftOutbox } from './events.ts'
import type { LogIndex, MemberId, Term } from './ids.ts'
import { asLogIndex, asTerm } from './ids.ts'
import type { RaftLog } from './log.ts'
import { newestOf, votersIn } from './membership.ts'
import type { PreVoteReply, PreVoteRequest, VoteReply, VoteRequest } from './messages.ts'
import { newProgress } from './progress.ts'
import { refuseLeaderReads } from './read-index.ts'
import { replicateToAll } from './replication.ts'
import type { Leader, Raft } from './state.ts'
import {
  afterAllWrites,
  appendToLog,
  drawElectionTimeout,
  followersOf,
  isVoter,
  peersOf,
  quorumOf,
  setHardState,
} from './state.ts'

/**
 * The election restriction (Raft §5.4.1): a higher last term wins; in the same term, at least the length.
 * "The longest log wins" would be wrong: 5 6 7 is longer than 5 8, but 8 may have been committed.
 */
export function isUpToDate(
  candidate: { readonly lastTerm: Term; readonly lastIndex: LogIndex },
  log: RaftLog,
): boolean {
  if (candidate.lastTerm !== log.lastTerm) return candidate.lastTerm > log.lastTerm
  return candidate.lastIndex >= log.last
}

/** A leader was heard so lately that nobody has reason to replace it. */
export function hasLiveLeader(raft: Raft): boolean {
  if (raft.role.type === 'leader') return true // check-quorum makes it resign when it is not
  return raft.leader !== null && raft.electionElapsed < raft.limits.electionTicksMin
}

export function onElectionTick(raft: Raft, out: RaftOutbox): void {
  raft.electionElapsed += 1
  if (raft.electionElapsed < raft.electionTimeout) return
  if (mayStand(raft)) return startPreVote(raft, out)
  // A learner, or who was removed, finds another leader no more than it finds this one.
  restartElectionTimer(raft)
  raft.leader = null
}

/**
 * Also one that the newest configuration leaves out, as long as that may never be committed: the voters who would commit it may all hold
 * shorter logs, and then nobody but this member can be elected (thesis §4.2.2).
 */
function mayStand(raft: Raft): boolean {
  if (isVoter(raft)) return true
  const before = raft.memberships.at(-2)
  return (
    before !== undefined &&
    newestOf(raft.memberships).index > raft.commit &&
    votersIn(before).includes(raft.self)
  )
}

/** Joins a term as a follower. A vote given in this term stays. */
export function becomeFollower(raft: Raft, term: Term, leader: MemberId | null, out: RaftOutbox): void {
  if (term > raft.term) {
    setHardState(raft, { term, votedFor: null }, out)
    raft.leader = null
  }
  if (raft.role.type === 'leader') refuseLeaderReads(raft.role, out)
  if (raft.role.type !== 'follower') restartElectionTimer(raft)
  raft.role = { type: 'follower' }
  raft.leader = leader
}

/**
 * Asks first whether an election could be won, so that a member that was cut off deposes nobody (thesis
 * §9.6).
 */
function startPreVote(raft: Raft, out: RaftOutbox): void {
  restartElectionTimer(raft)
  raft.leader = null
  raft.role = { type: 'pre-candidate', grants: new Set(isVoter(raft) ? [raft.self] : []) }
  const { term, log } = raft
  for (const to of peersOf(raft)) {
    out.send(
      to,
      { type: 'pre-vote-request', term, lastIndex: log.last, lastTerm: log.lastTerm },
      afterAllWrites(raft),
    )
  }
  if (raft.role.grants.size >= quorumOf(raft)) startElection(raft, { transfer: false }, out)
}

export function onPreVoteRequest(raft: Raft, from: MemberId, request: PreVoteRequest, out: RaftOutbox): void {
  const granted = request.term >= raft.term && !hasLiveLeader(raft) && isUpToDate(request, raft.log)
  out.send(
    from,
    { type: 'pre-vote-reply', term: raft.term, forTerm: request.term, granted },
    afterAllWrites(raft),
  )
}

export function onPreVoteReply(raft: Raft, from: MemberId, reply: PreVoteReply, out: RaftOutbox): void {
  if (raft.role.type !== 'pre-candidate' || !reply.granted || reply.forTerm !== raft.term) return // late
  if (!raft.voters.includes(from)) return
  raft.role.grants.add(from)
  if (raft.role.grants.size >= quorumOf(raft)) startElection(raft, { transfer: false }, out)
}

function startElection(raft: Raft, { transfer }: { readonly transfer: boolean }, out: RaftOutbox): void {
  restartElectionTimer(raft)
  raft.leader = null
  const voteWrite = setHardState(raft, { term: asTerm(raft.term + 1), votedFor: raft.self }, out)
  // Its own vote counts like any other: only once it is durable.
  raft.role = { type: 'candidate', grants: new Set(), voteWrite }
  const { term, log } = raft
  for (const to of peersOf(raft)) {
    const request: VoteRequest = {
      type: 'vote-request',
      term,
      lastIndex: log.last,
      lastTerm: log.lastTerm,
      transfer,
    }
    out.send(to, request, afterAllWrites(raft))
  }
}

/** The request is of our term. */
export function onVoteRequest(raft: Raft, from: MemberId, request: VoteRequest, out: RaftOutbox): void {
  const free = raft.votedFor === null || raft.votedFor === from
  const granted = free && raft.leader === null && isUpToDate(request, raft.log)
  if (granted) {
    if (raft.role.type === 'pre-candidate') becomeFollower(raft, raft.term, null, out)
    raft.electionElapsed = 0
    if (raft.votedFor === null) setHardState(raft, { term: raft.term, votedFor: from }, out)
  }
  out.send(from, { type: 'vote-reply', term: raft.term, granted }, afterAllWrites(raft))
}

export function onVoteReply(raft: Raft, from: MemberId, reply: VoteReply, out: RaftOutbox): void {
  // Late or refused
  if (raft.role.type !== 'candidate' || !reply.granted || !raft.voters.includes(from)) return
  raft.role.grants.add(from)
  if (raft.role.grants.size >= quorumOf(raft)) becomeLeader(raft, out)
}

/** Counts a candidate's own vote. */
export function onVoteDurable(raft: Raft, out: RaftOutbox): void {
  if (raft.role.type !== 'candidate' || !raft.writes.isDurable(raft.role.voteWrite)) return
  if (isVoter(raft)) raft.role.grants.add(raft.self)
  if (raft.role.grants.size >= quorumOf(raft)) becomeLeader(raft, out)
}

function becomeLeader(raft: Raft, out: RaftOutbox): void {
  const noopIndex = asLogIndex(raft.log.last + 1)
  const leader: Leader = {
    type: 'leader',
    progress: new Map(followersOf(raft).map((peer) => [peer, newProgress(raft.log.last)])),
    noopIndex,
    round: 1,
    snapshotSerial: 0,
    heartbeatElapsed: 0,
    quorumElapsed: 0,
    transfer: null,
    reads: { waiting: [], confirming: null },
  }
  raft.role = leader
  raft.leader = raft.self
  raft.incoming = null
  // Without an entry of its own term it could not commit what it inherited (Raft §5.4.2, §8).
  appendToLog(raft, [{ term: raft.term, index: noopIndex, command: null }], out)
  replicateToAll(raft, leader, out)
}

/** A leader that does not hear a majority resigns: its clients should look elsewhere (thesis §6.2). */
export function checkQuorum(raft: Raft, leader: Leader, out: RaftOutbox): void {
  leader.quorumElapsed += 1
  if (leader.quorumElapsed < raft.limits.electionTicksMin) return
  leader.quorumElapsed = 0
  let heard = isVoter(raft) ? 1 : 0
  for (const [id, progress] of leader.progress) {
    if (progress.heard && raft.voters.includes(id)) heard += 1
    progress.heard = false
  }
  if (heard < quorumOf(raft)) stepDown(raft, out)
}

/** A leader that leads no more, in the same term. */
export const stepDown = (raft: Raft, out: RaftOutbox): void => becomeFollower(raft, raft.term, null, out)

/** The leader wants us to take over: no pre-vote, and voters need not think it dead (thesis §3.10). */
export function onTimeoutNow(raft: Raft, from: MemberId, out: RaftOutbox): void {
  // A duplicate that arrives after the transfer was given up still is safe: it is an election like any other.
  if (raft.role.type !== 'follower' || raft.leader !== from || !mayStand(raft)) return
  startElection(raft, { transfer: true }, out)
}

export function restartElectionTimer(raft: Raft): void {
  raft.electionElapsed = 0
  raft.electionTimeout = drawElectionTimeout(raft.rng, raft.limits)
}
