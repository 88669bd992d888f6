import type { Failure, WriteResult } from './commands.ts'
import type { Epoch, Key, Millis, RequestNumber, Seq, SessionId } from './ids.ts'

/**
 * One write of one key as an entry carries it: the resulting state, never the operation
 * (like ZooKeeper's idempotent transactions), so that replicas only store.
 */
export interface Write {
  readonly key: Key
  /** The new value; `null` is a tombstone. */
  readonly value: Uint8Array | null
  /** Wall-clock time at which the head will delete the key; 0 = never. */
  readonly expiresAtWallMs: Millis
}

/** Which request of which client session an entry answers: what makes a retry return the first result. */
export interface Origin {
  readonly session: SessionId
  readonly requestNumber: RequestNumber
  /** Every request of this session below this number has been answered to the client; their results may be forgotten. */
  readonly answeredBelow: RequestNumber
  readonly result: WriteResult
}

/** What else an entry may do, besides writing keys, to the table of client sessions. */
export interface SessionChange {
  /** Opens the session whose id is this entry's seq. */
  readonly opens?: boolean
  /** Sessions that have been idle for too long: their results are forgotten. */
  readonly lapses?: readonly SessionId[]
}

/**
 * One position of a chain's log. Identity is (epoch, seq): the same seq may be given twice by two heads, of
 * which at most one survives (trap 6).
 */
export interface Entry {
  readonly epoch: Epoch
  readonly seq: Seq
  readonly origin: Origin | null
  readonly writes: readonly Write[]
  readonly sessions: SessionChange | null
}

/** Identity of a log position. `{epoch: 0, seq: 0}` is the empty log's. */
export interface Position {
  readonly epoch: Epoch
  readonly seq: Seq
}

export const samePosition = (a: Position, b: Position) => a.epoch === b.epoch && a.seq === b.seq

/** Roughly what an entry costs in memory, for bounds. */
export function entryBytes(entry: Entry): number {
  let bytes = 120
  for (const write of entry.writes) bytes += 60 + write.key.length + (write.value?.length ?? 0)
  return entry.origin === null ? bytes : bytes + resultBytes(entry.origin.result)
}

/** What a result holds of values: they travel, and are kept, with the entry. */
export function resultBytes(result: WriteResult | Failure): number {
  if (result.type === 'unmatched') return result.current?.value.length ?? 0
  if (result.type !== 'read-back') return 0
  let bytes = 0
  for (const read of result.reads) bytes += 40 + (read?.value.length ?? 0)
  return bytes
}
