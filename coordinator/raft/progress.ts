/** What a leader knows about one follower's log. */

import type { LogIndex } from './ids.ts'
import { asLogIndex, NO_INDEX } from './ids.ts'
import type { SnapshotMeta } from './log.ts'

/** A snapshot on its way to a follower, one chunk at a time. */
export interface SnapshotTransfer {
  /** `null` until the runtime has said which snapshot it reads. */
  meta: SnapshotMeta | null
  /** Of the chunk now being read or unanswered. */
  offset: number
  /** The runtime has been asked for that chunk. Otherwise it has been sent. */
  reading: boolean
  serial: number
  ticks: number
}

export type ReplicationMode =
  /** Where the logs agree is not known yet: one AppendEntries at a time. */
  | { readonly type: 'probing'; awaitingReply: boolean }
  /** Logs agree at `match`: everything up to `next - 1` is on its way, optimistically. */
  | { readonly type: 'pipelining' }
  /** The entries that it lacks have been compacted away. */
  | { readonly type: 'snapshot'; readonly transfer: SnapshotTransfer }

export interface Progress {
  /** Known to be equal to our log, and durable there. */
  match: LogIndex
  /** The next entry to send. Always above `match`. */
  next: LogIndex
  /** The highest commit index sent. */
  sentCommit: LogIndex
  /** The highest heartbeat round that it has answered. */
  round: number
  /** Heard since the last check of the quorum. */
  heard: boolean
  mode: ReplicationMode
}

export function newProgress(last: LogIndex): Progress {
  return {
    match: NO_INDEX,
    next: asLogIndex(last + 1),
    sentCommit: NO_INDEX,
    round: 0,
    heard: true, // a new leader gets a full interval before it counts who is there
    mode: { type: 'probing', awaitingReply: false },
  }
}

export function becomeProbing(progress: Progress, next: number): void {
  progress.next = asLogIndex(Math.max(next, progress.match + 1))
  progress.mode = { type: 'probing', awaitingReply: false }
}

export function becomePipelining(progress: Progress): void {
  progress.next = asLogIndex(Math.max(progress.next, progress.match + 1))
  progress.mode = { type: 'pipelining' }
}

export function becomeSnapshotting(progress: Progress): SnapshotTransfer {
  const transfer: SnapshotTransfer = { meta: null, offset: 0, reading: true, serial: 0, ticks: 0 }
  progress.mode = { type: 'snapshot', transfer }
  return transfer
}
