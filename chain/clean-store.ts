import type { Versioned } from '../protocol/commands.ts'
import type { Entry, Origin, Position } from '../protocol/entry.ts'
import type { Epoch, Key, Millis, RequestNumber, Seq, SessionId } from '../protocol/ids.ts'

/** Newest result per request of one client session, as replicated state. */
export interface SessionRecord {
  readonly session: SessionId
  /** Seq of the newest entry of this session: decides which of two copies is newer. */
  readonly lastSeq: Seq
  readonly origins: readonly { readonly seq: Seq; readonly origin: Origin }[]
}

/** What is kept for one client session. To ask it costs the same however much that is. */
export interface SessionResults {
  readonly count: number
  /** Of the values in the results. */
  readonly bytes: number
  /** The highest that any of its requests has said: the results of those below are forgotten. */
  readonly answeredBelow: number
  result(request: RequestNumber): Origin['result'] | null
}

/** A clean version with its key, as snapshots and scans carry it. */
export interface StoredItem extends Versioned {
  readonly key: Key
}

/** What a store remembers about itself, written in the same transaction as the data it speaks of. */
export interface StoreMeta {
  /** Everything up to here has been applied. */
  readonly applied: Position
  /** Highest epoch of which this replica was a member; 0 = never was (a fresh or wiped directory). */
  readonly memberEpoch: Epoch
  /** A snapshot was being received: the content is not a state of the chain and must be discarded. */
  readonly receivingSnapshot: boolean
}

/**
 * The committed state of one chain at one replica: a synchronous port, so that the core stays pure.
 * Writes are visible to reads at once; they reach the disk in the background, in order (see `StoreFlush` of the runtime).
 * One LMDB and one in-memory implementation pass one conformance suite.
 */
export interface CleanStore {
  get(key: Key): Versioned | null
  /** Keys starting with `prefix` and greater than `after` (byte order), at most `limit`; it ends early once they have `bytesMax` bytes. */
  scan(options: { prefix: Key; after: Key | null; limit: number; bytesMax?: number }): StoredItem[]
  /**
   * Applies a committed entry's key writes and session changes, and moves `meta.applied` to it. Idempotent: a write older than the stored version
   * of its key is skipped, so that entries may be applied over a fuzzy snapshot. Entries arrive in seq order.
   */
  apply(entry: Entry): void
  /** Stores one item of a snapshot, unless the store holds a newer version of that key. Does not move `applied`. */
  putSnapshotItem(item: StoredItem): void
  putSnapshotSession(record: SessionRecord): void
  /** Forgets everything except `memberEpoch`; `applied` becomes the empty position. */
  clear(): void
  setMeta(meta: Partial<StoreMeta>): void
  readonly meta: StoreMeta
  /** Keys whose `expiresAtWallMs` is > 0 and <= `wallMs`, soonest first, at most `limit`. */
  expired(wallMs: Millis, limit: number): Key[]
  session(session: SessionId): SessionRecord | null
  /** The same for the head, which asks for every write. To be read at once: the next entry may change what was returned. */
  results(session: SessionId): SessionResults | null
  /** Session ids greater than `after`, ascending, at most `limit`: for snapshots. */
  sessionsAfter(after: SessionId, limit: number): SessionRecord[]
  readonly keyCount: number
  readonly sessionCount: number
}
