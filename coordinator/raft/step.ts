/**
 * One member of a Raft ensemble (Ongaro & Ousterhout 2014) as a pure core: events in, effects out. Decides
 * who leads, what is committed and when a read is safe. Does not know what commands mean, how long a tick is,
 * or how bytes reach disks and peers.
 */
import { invariant, unreachable } from '../../protocol/invariants.ts'
import { onAppendEntries } from './acceptance.ts'
import {
  becomeFollower,
  checkQuorum,
  hasLiveLeader,
  onElectionTick,
  onPreVoteReply,
  onPreVoteRequest,
  onTimeoutNow,
  onVoteDurable,
  onVoteReply,
  onVoteRequest,
} from './election.ts'
import type { RaftEvent, RaftOutbox } from './events.ts'
import type { MemberId, WriteId } from './ids.ts'
import { NO_INDEX } from './ids.ts'
import { onChangeMembership, settleMembership } from './membership-change.ts'
import type { AppendEntries, AppendReply, RaftMessage, SnapshotChunk, SnapshotReply } from './messages.ts'
import {
  forwardReads,
  onForwardedReadsTick,
  onReadIndex,
  onReadIndexReply,
  onReadIndexRequest,
  serveReads,
} from './read-index.ts'
import { advanceCommit, onAppendReply, onHeartbeatTick, onPropose } from './replication.ts'
import {
  onCompacted,
  onSnapshotChunk,
  onSnapshotChunkRead,
  onSnapshotReply,
  onSnapshotTick,
} from './snapshot.ts'
import type { Raft } from './state.ts'
import { afterAllWrites } from './state.ts'
import { continueTransfer, onTransferLeadership, onTransferTick } from './transfer.ts'

/** Applies one event. Same state and event, same effects. Mutates `raft` and `out`, nothing else. */
export function step(raft: Raft, event: RaftEvent, out: RaftOutbox): void {
  const { term, leader } = raft
  const role = raft.role.type
  dispatch(raft, event, out)
  if (raft.role.type === 'leader') settleMembership(raft, raft.role, out)
  forwardReads(raft, out)
  if (raft.role.type === 'leader') serveReads(raft, raft.role, out)
  if (raft.role.type !== role || raft.term !== term || raft.leader !== leader) {
    out.roleChanged(raft.role.type, raft.term, raft.leader)
  }
}

function dispatch(raft: Raft, event: RaftEvent, out: RaftOutbox): void {
  switch (event.type) {
    case 'tick':
      return onTick(raft, out)
    case 'message':
      return onMessage(raft, event.from, event.message, out)
    case 'propose':
      return onPropose(raft, event.commands, out)
    case 'durable':
      return onDurable(raft, event.write, out)
    case 'read-index':
      return onReadIndex(raft, event.id, out)
    case 'compacted':
      return onCompacted(raft, event.meta)
    case 'snapshot-chunk-read':
      return onSnapshotChunkRead(raft, event.to, event, out)
    case 'transfer-leadership':
      return onTransferLeadership(raft, event.to, out)
    case 'change-membership':
      return onChangeMembership(raft, event, out)
    default:
      return unreachable(event)
  }
}

function onTick(raft: Raft, out: RaftOutbox): void {
  onForwardedReadsTick(raft, out)
  if (raft.role.type !== 'leader') return onElectionTick(raft, out)
  const leader = raft.role
  checkQuorum(raft, leader, out)
  if (raft.role !== leader) return // it resigned
  onTransferTick(raft, leader)
  onSnapshotTick(raft, leader, out)
  onHeartbeatTick(raft, leader, out)
}

function onDurable(raft: Raft, write: WriteId, out: RaftOutbox): void {
  raft.writes.onDurable(write)
  onVoteDurable(raft, out)
  if (raft.role.type === 'leader') advanceCommit(raft, raft.role, out)
}

function onMessage(raft: Raft, from: MemberId, message: RaftMessage, out: RaftOutbox): void {
  // A pre-vote is a question about a term that may never be: it moves nobody's term (thesis §9.6).
  if (message.type === 'pre-vote-request') return onPreVoteRequest(raft, from, message, out)
  // Nor does the answer depend on the voter's term, which may be far behind: a new member learns ours by the vote itself.
  if (message.type === 'pre-vote-reply' && message.term < raft.term)
    return onPreVoteReply(raft, from, message, out)
  if (message.term < raft.term) return onStaleMessage(raft, from, message, out)
  if (message.term > raft.term) {
    // While the leader lives, a candidate is one that cannot hear it: without an answer it disturbs nobody
    // (thesis §4.2.3).
    if (message.type === 'vote-request' && !message.transfer && hasLiveLeader(raft)) return
    becomeFollower(raft, message.term, null, out)
  }
  onCurrentMessage(raft, from, message, out)
}

/** The message is of our term. */
function onCurrentMessage(raft: Raft, from: MemberId, message: RaftMessage, out: RaftOutbox): void {
  switch (message.type) {
    case 'pre-vote-request':
      return onPreVoteRequest(raft, from, message, out)
    case 'pre-vote-reply':
      return onPreVoteReply(raft, from, message, out)
    case 'vote-request':
      return onVoteRequest(raft, from, message, out)
    case 'vote-reply':
      return onVoteReply(raft, from, message, out)
    case 'append-entries':
      followLeader(raft, from, out)
      return onAppendEntries(raft, from, message, out)
    case 'snapshot-chunk':
      followLeader(raft, from, out)
      return onSnapshotChunk(raft, from, message, out)
    case 'append-reply':
    case 'snapshot-reply':
      return onFollowerReply(raft, from, message, out)
    case 'read-index-request':
      return onReadIndexRequest(raft, from, message, out)
    case 'read-index-reply':
      return onReadIndexReply(raft, from, message, out)
    case 'timeout-now':
      return onTimeoutNow(raft, from, out)
    default:
      return unreachable(message)
  }
}

/** Whoever replicates in our term was elected in it. */
function followLeader(raft: Raft, from: MemberId, out: RaftOutbox): void {
  const only = raft.role.type !== 'leader' && (raft.leader === null || raft.leader === from)
  invariant(
    'ElectionSafety',
    only,
    () => `${from} and ${raft.leader ?? raft.self} both lead term ${raft.term}`,
  )
  if (raft.role.type !== 'follower') becomeFollower(raft, raft.term, from, out)
  raft.leader = from
  raft.electionElapsed = 0
}

function onFollowerReply(
  raft: Raft,
  from: MemberId,
  reply: AppendReply | SnapshotReply,
  out: RaftOutbox,
): void {
  if (raft.role.type !== 'leader') return // it came after we resigned
  if (reply.type === 'append-reply') onAppendReply(raft, raft.role, from, reply, out)
  else onSnapshotReply(raft, raft.role, from, reply, out)
  continueTransfer(raft, raft.role, from, out)
}

/**
 * Of an older term than ours: changes nothing here; senders that act on their term are told ours (Raft §5.1).
 */
function onStaleMessage(raft: Raft, from: MemberId, message: RaftMessage, out: RaftOutbox): void {
  switch (message.type) {
    case 'vote-request':
      return out.send(from, { type: 'vote-reply', term: raft.term, granted: false }, afterAllWrites(raft))
    case 'append-entries':
    case 'snapshot-chunk':
      return deposeStaleLeader(raft, from, message, out)
    case 'read-index-request': // its reads began before now, whatever its term
      return onReadIndexRequest(raft, from, message, out)
    default:
      return // replies to what we asked in an earlier term, an election that is over
  }
}

/**
 * The answer carries our term as its own, and no round, serial or index of the old one: if the sender wins an
 * election in our term and this comes again, it must not read as an answer to its new rounds.
 */
function deposeStaleLeader(
  raft: Raft,
  from: MemberId,
  message: AppendEntries | SnapshotChunk,
  out: RaftOutbox,
): void {
  const { term } = raft
  const after = afterAllWrites(raft)
  if (message.type === 'append-entries') {
    const outcome = { type: 'matched', index: NO_INDEX } as const
    return out.send(from, { type: 'append-reply', term, round: 0, outcome }, after)
  }
  const nothing = { round: 0, serial: 0, lastIndex: NO_INDEX, installed: false, nextOffset: 0 }
  out.send(from, { type: 'snapshot-reply', term, ...nothing }, after)
}
