/**
 * Log compaction and InstallSnapshot (Raft §7). The leader sends one chunk at a time to each follower that
 * needs entries which are gone; the bytes come from the runtime, so that a snapshot is never whole in memory.
 */
import { invariant } from '../../protocol/invariants.ts'
import type { RaftOutbox, SnapshotPart } from './events.ts'
import type { MemberId } from './ids.ts'
import { NO_WRITE } from './ids.ts'
import type { SnapshotMeta } from './log.ts'
import { membershipAt, newestOf } from './membership.ts'
import type { SnapshotChunk, SnapshotReply } from './messages.ts'
import type { SnapshotTransfer } from './progress.ts'
import { becomeProbing } from './progress.ts'
import { heardFrom, onMatched } from './replication.ts'
import type { IncomingSnapshot, Leader, Raft } from './state.ts'
import { adoptMemberships, afterAllWrites, commitUpTo } from './state.ts'

/**
 * The state machine can restart from `meta`: entries that it covers may go, except a few for followers that
 * lag a little.
 */
export function onCompacted(raft: Raft, meta: SnapshotMeta): void {
  const { log, limits } = raft
  if (meta.lastIndex <= log.snapshot.lastIndex) return // a newer one came from the leader meanwhile
  invariant(
    'StateMachineSafety',
    meta.lastIndex <= raft.commit && log.termAt(meta.lastIndex) === meta.lastTerm,
    () => `a snapshot at ${meta.lastIndex} of term ${meta.lastTerm}, committed up to ${raft.commit}`,
  )
  const room = { entriesMax: limits.retainedEntriesMax, bytesMax: limits.retainedBytesMax }
  log.compact(log.retainedFrom(meta.lastIndex, room), meta)
}

/** Leader: reads a chunk again that got lost on the way, there or back. */
export function onSnapshotTick(raft: Raft, leader: Leader, out: RaftOutbox): void {
  for (const [to, progress] of leader.progress) {
    if (progress.mode.type !== 'snapshot') continue
    const { transfer } = progress.mode
    transfer.ticks += 1
    if (transfer.ticks >= raft.limits.snapshotRetryTicks) readChunk(raft, to, transfer, out)
  }
}

function readChunk(raft: Raft, to: MemberId, transfer: SnapshotTransfer, out: RaftOutbox): void {
  transfer.reading = true
  transfer.ticks = 0
  const { meta, offset } = transfer
  out.readSnapshot(to, { meta, offset, bytesMax: raft.limits.snapshotChunkBytesMax })
}

/** Leader: the runtime has read a chunk. @throws {RangeError} a chunk larger than was asked for. */
export function onSnapshotChunkRead(raft: Raft, to: MemberId, part: SnapshotPart, out: RaftOutbox): void {
  if (raft.role.type !== 'leader') return
  const mode = raft.role.progress.get(to)?.mode
  if (mode?.type !== 'snapshot' || !mode.transfer.reading) return // answered too late
  const { transfer } = mode
  const goesOn = transfer.meta?.lastIndex === part.meta.lastIndex && transfer.offset === part.offset
  // Neither the chunk that we asked for nor the start of a newer snapshot
  if (!goesOn && part.offset !== 0) return
  if (part.bytes.length > raft.limits.snapshotChunkBytesMax) {
    throw new RangeError(
      `snapshot chunk of ${part.bytes.length} bytes, asked for ${raft.limits.snapshotChunkBytesMax}`,
    )
  }
  raft.role.snapshotSerial += 1
  Object.assign(transfer, {
    meta: part.meta,
    offset: part.offset,
    reading: false,
    serial: raft.role.snapshotSerial,
    ticks: 0,
  })
  const { meta, offset, bytes, done } = part
  const { term, memberships } = raft
  const { round } = raft.role
  const { serial } = transfer
  const membership = membershipAt(memberships, meta.lastIndex)
  const chunk: SnapshotChunk = {
    type: 'snapshot-chunk',
    term,
    round,
    serial,
    meta,
    membership,
    offset,
    bytes,
    done,
  }
  out.send(to, chunk, NO_WRITE)
}

/** Leader: the follower has taken a chunk, or says where it would go on. */
export function onSnapshotReply(
  raft: Raft,
  leader: Leader,
  from: MemberId,
  reply: SnapshotReply,
  out: RaftOutbox,
): void {
  const progress = leader.progress.get(from)
  if (progress === undefined) return
  heardFrom(progress, reply.round)
  if (reply.installed) {
    const ends =
      progress.mode.type === 'snapshot' && (progress.mode.transfer.meta?.lastIndex ?? 0) <= reply.lastIndex
    // And if that is compacted by now, the next snapshot begins
    if (ends) becomeProbing(progress, reply.lastIndex + 1)
    return onMatched(raft, leader, from, reply.lastIndex, out)
  }
  if (progress.mode.type !== 'snapshot') return
  const { transfer } = progress.mode
  // Only the reply to the latest chunk moves us: else each repeated one would start another copy of the rest.
  if (transfer.reading || reply.serial !== transfer.serial) return
  transfer.offset = reply.nextOffset
  readChunk(raft, from, transfer, out)
}

/** Follower: takes the next chunk; a late, repeated or ancient one changes nothing. */
export function onSnapshotChunk(raft: Raft, from: MemberId, chunk: SnapshotChunk, out: RaftOutbox): void {
  const { meta, round, serial } = chunk
  const installed = takeChunk(raft, chunk, out)
  const nextOffset = continuing(raft, meta)?.nextOffset ?? 0
  const { term } = raft
  const { lastIndex } = meta
  out.send(
    from,
    { type: 'snapshot-reply', term, round, serial, lastIndex, installed, nextOffset },
    afterAllWrites(raft),
  )
}

/** Whether we hold all that this snapshot covers. */
function takeChunk(raft: Raft, chunk: SnapshotChunk, out: RaftOutbox): boolean {
  const { meta, offset, bytes, done } = chunk
  if (meta.lastIndex <= raft.commit) return true
  if (raft.log.termAt(meta.lastIndex) === meta.lastTerm) {
    // Our log has its last entry, hence all before it, and all of that was committed (Raft §7, rule 6).
    raft.incoming = null
    commitUpTo(raft, meta.lastIndex, out)
    return true
  }
  if (offset === 0 && supersedes(raft, meta)) raft.incoming = { term: raft.term, meta, nextOffset: 0 }
  const incoming = continuing(raft, meta)
  if (incoming === null || incoming.nextOffset !== offset) return false
  incoming.nextOffset += bytes.length
  if (!done) {
    out.installSnapshot({ meta, offset, bytes, done }, NO_WRITE)
    return false
  }
  raft.incoming = null
  raft.log.reset(meta)
  adoptMemberships(raft, [chunk.membership ?? newestOf(raft.memberships)])
  raft.staleLogFrom = null // the installation drops that, too
  raft.commit = meta.lastIndex
  out.installSnapshot({ meta, offset, bytes, done }, raft.writes.replaced(meta.lastIndex))
  return true
}

/**
 * The transfer that a chunk of `meta` belongs to. A transfer ends with its term: another leader's snapshot at
 * the same index holds the same state, but maybe not in the same bytes.
 */
function continuing(raft: Raft, meta: SnapshotMeta): IncomingSnapshot | null {
  const { incoming, term } = raft
  return incoming !== null && incoming.term === term && incoming.meta.lastIndex === meta.lastIndex
    ? incoming
    : null
}

/**
 * Within one term only a newer snapshot replaces the one that is arriving: the first chunk of an older one is
 * late.
 */
function supersedes({ incoming, term }: Raft, meta: SnapshotMeta): boolean {
  return incoming === null || incoming.term < term || incoming.meta.lastIndex < meta.lastIndex
}
