/**
 * Linearizable reads without a log entry (Raft §8, thesis §6.4). The leader notes its commit index, lets a
 * round of heartbeats confirm that it still leads, and answers with that index. Reads that arrive meanwhile
 * share the next round. A follower sends its own clients' reads to the leader in batches, and serves them
 * once it has committed that far.
 */

import type { RaftOutbox } from './events.ts'
import type { LogIndex, MemberId, ReadId } from './ids.ts'
import { NO_WRITE } from './ids.ts'
import type { ReadIndexReply, ReadIndexRequest } from './messages.ts'
import { sendHeartbeats } from './replication.ts'
import type { Leader, Raft, ReadRequest } from './state.ts'
import { afterAllWrites, reachedByQuorum } from './state.ts'

export function onReadIndex(raft: Raft, id: ReadId, out: RaftOutbox): void {
  const { reads, limits, role } = raft
  if (role.type === 'leader') {
    if (pendingAt(role) >= limits.pendingReadsMax) return out.readRefused(id)
    role.reads.waiting.push({ type: 'local', id })
    return
  }
  if (raft.leader === null || forwardedBy(raft) >= limits.pendingReadsMax) return out.readRefused(id)
  reads.waiting.push(id)
}

const forwardedBy = ({ reads }: Raft): number =>
  reads.answered.reduce(
    (sum, { ids }) => sum + ids.length,
    reads.waiting.length + (reads.asked?.ids.length ?? 0),
  )

const pendingAt = ({ reads }: Leader): number =>
  reads.waiting.length + (reads.confirming?.requests.length ?? 0)

/** A follower's batch. A lower term is no obstacle to answer: its reads began before now all the same. */
export function onReadIndexRequest(
  raft: Raft,
  from: MemberId,
  { life, batch }: ReadIndexRequest,
  out: RaftOutbox,
): void {
  if (raft.role.type !== 'leader' || pendingAt(raft.role) >= raft.limits.pendingReadsMax) {
    out.send(
      from,
      { type: 'read-index-reply', term: raft.term, life, batch, index: null },
      afterAllWrites(raft),
    )
    return
  }
  const { waiting } = raft.role.reads
  const repeated = waiting.some(
    (other) => other.type === 'forwarded' && other.from === from && other.batch === batch,
  )
  if (!repeated) waiting.push({ type: 'forwarded', from, life, batch })
}

/** Leader, at the end of every step: answers what a quorum has confirmed, begins the next round. */
export function serveReads(raft: Raft, leader: Leader, out: RaftOutbox): void {
  answerConfirmed(raft, leader, out)
  const { reads } = leader
  if (reads.confirming !== null || reads.waiting.length === 0) return
  // Before its first own commit a leader does not know how far its predecessors committed (Raft §8).
  if (raft.commit < leader.noopIndex) return
  sendHeartbeats(raft, leader, out)
  reads.confirming = { round: leader.round, index: raft.commit, requests: reads.waiting }
  reads.waiting = []
  answerConfirmed(raft, leader, out) // alone, we are a quorum
}

function answerConfirmed(raft: Raft, leader: Leader, out: RaftOutbox): void {
  const { confirming } = leader.reads
  if (confirming === null) return
  const confirmed = reachedByQuorum(raft, (voter) =>
    voter === raft.self ? leader.round : (leader.progress.get(voter)?.round ?? 0),
  )
  if (confirmed < confirming.round) return
  leader.reads.confirming = null
  for (const request of confirming.requests) answer(raft, request, confirming.index, out)
}

function answer(raft: Raft, request: ReadRequest, index: LogIndex, out: RaftOutbox): void {
  if (request.type === 'local') return out.readReady(request.id, index)
  const { life, batch } = request
  out.send(request.from, { type: 'read-index-reply', term: raft.term, life, batch, index }, NO_WRITE)
}

/** A leader that resigns can confirm nothing. Followers that asked hear of the next leader. */
export function refuseLeaderReads({ reads }: Leader, out: RaftOutbox): void {
  for (const request of [...(reads.confirming?.requests ?? []), ...reads.waiting]) {
    if (request.type === 'local') out.readRefused(request.id)
  }
}

/** Follower: the leader's answer to our batch. */
export function onReadIndexReply(raft: Raft, from: MemberId, reply: ReadIndexReply, out: RaftOutbox): void {
  const { reads } = raft
  if (reads.asked === null || reads.asked.leader !== from) return
  // Late, or from an earlier life of ours
  if (reply.life !== reads.life || reply.batch !== reads.batch) return
  const { ids } = reads.asked
  reads.asked = null
  if (reply.index === null) for (const id of ids) out.readRefused(id)
  else reads.answered.push({ index: reply.index, ids, ticks: 0 })
}

/**
 * Not leading, at the end of every step: serves what has been reached, gives up on a lost leader, sends the
 * next batch.
 */
export function forwardReads(raft: Raft, out: RaftOutbox): void {
  const { reads } = raft
  while (reads.answered[0] !== undefined && reads.answered[0].index <= raft.commit) {
    const reached = reads.answered.shift()
    for (const id of reached?.ids ?? []) out.readReady(id, reached?.index ?? raft.commit)
  }
  if (reads.asked !== null && reads.asked.leader !== raft.leader) {
    for (const id of reads.asked.ids) out.readRefused(id)
    reads.asked = null
  }
  if (raft.leader === null || raft.leader === raft.self) {
    for (const id of reads.waiting.splice(0)) out.readRefused(id)
  } else if (reads.asked === null && reads.waiting.length > 0) {
    reads.batch += 1
    reads.asked = { leader: raft.leader, ids: reads.waiting.splice(0), ticks: 0 }
    sendBatch(raft, raft.leader, out)
  }
}

function sendBatch(raft: Raft, leader: MemberId, out: RaftOutbox): void {
  const { life, batch } = raft.reads
  out.send(leader, { type: 'read-index-request', term: raft.term, life, batch }, afterAllWrites(raft))
}

/** Follower: asks again for what may have got lost, gives up what takes too long. */
export function onForwardedReadsTick(raft: Raft, out: RaftOutbox): void {
  const { reads, limits } = raft
  for (const answered of reads.answered) answered.ticks += 1
  while ((reads.answered[0]?.ticks ?? 0) >= limits.readTicksMax) {
    for (const id of reads.answered.shift()?.ids ?? []) out.readRefused(id)
  }
  if (reads.asked === null) return
  reads.asked.ticks += 1
  if (reads.asked.ticks >= limits.readTicksMax) {
    for (const id of reads.asked.ids) out.readRefused(id)
    reads.asked = null
  } else if (reads.asked.ticks % limits.heartbeatTicks === 0) sendBatch(raft, reads.asked.leader, out)
}
