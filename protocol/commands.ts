import type { ErrorCode } from './errors.ts'
import type { Key, Millis, Seq } from './ids.ts'

/** A committed or dirty version of a key, as a read returns it. */
export interface Versioned {
  readonly value: Uint8Array
  /** The seq of the entry that wrote it: monotonic for ever, also across delete and re-create. */
  readonly version: Seq
  /** Wall-clock milliseconds at which it lapses; 0 = never. */
  readonly expiresAtWallMs: Millis
}

/** When a conditional write applies. Version 0 never exists. */
export type Condition =
  | { readonly type: 'absent' }
  | { readonly type: 'present' }
  | { readonly type: 'version'; readonly version: Seq }
  | { readonly type: 'value'; readonly value: Uint8Array }

export interface Compare {
  readonly key: Key
  readonly condition: Condition
}

/** How a write treats the key's expiry: set it (wall ms), clear it (0) or keep what the old version had. */
export type Expiry = { readonly type: 'set'; readonly atWallMs: Millis } | { readonly type: 'keep' }

export type Mutation =
  | { readonly type: 'put'; readonly key: Key; readonly value: Uint8Array; readonly expiry: Expiry }
  | { readonly type: 'delete'; readonly key: Key }

/**
 * What clients ask the head to do (DESIGN 3.2; CRAQ §4.1). All run against the newest version, dirty or not.
 * Results: `put`, `delete`, `append`, `prepend`, `increment` give `written`, or `unmatched` where `condition` did not hold;
 * `get-and-set` and `transaction` give `read-back`; `open-session` gives `written` whose version is the session id.
 */
export type WriteCommand =
  | {
      readonly type: 'put'
      readonly key: Key
      readonly value: Uint8Array
      readonly expiry: Expiry
      readonly condition: Condition | null
    }
  | { readonly type: 'delete'; readonly key: Key; readonly condition: Condition | null }
  | { readonly type: 'append'; readonly key: Key; readonly value: Uint8Array }
  | { readonly type: 'prepend'; readonly key: Key; readonly value: Uint8Array }
  /** Decimal integer in ASCII, as Redis has it; absent counts as 0. Negative `by` decrements. Range: ±(2^53 - 1). */
  | { readonly type: 'increment'; readonly key: Key; readonly by: number }
  /** Sets the value (`null` deletes) and returns the old version. */
  | {
      readonly type: 'get-and-set'
      readonly key: Key
      readonly value: Uint8Array | null
      readonly expiry: Expiry
    }
  /** Sets or clears the expiry of a present key. `unmatched` if absent. */
  | { readonly type: 'expire'; readonly key: Key; readonly atWallMs: Millis }
  /** Single-chain mini-transaction (Sinfonia's compare, read, write sets; CRAQ §4.1). */
  | {
      readonly type: 'transaction'
      readonly compares: readonly Compare[]
      readonly reads: readonly Key[]
      readonly writes: readonly Mutation[]
    }
  | { readonly type: 'open-session' }

/** How fresh a read must be (CRAQ §2.4). */
export type Consistency =
  /** Linearizable. */
  | { readonly type: 'strong' }
  /** The newest version this replica knows, committed or not. */
  | { readonly type: 'eventual' }
  /** As eventual, but no uncommitted version older than this, and only while the chain has been heard within it. */
  | { readonly type: 'bounded-age'; readonly maxAgeMs: Millis }
  /** As eventual, but at most this many versions beyond the committed one. */
  | { readonly type: 'bounded-versions'; readonly maxVersions: number }

export type ReadCommand =
  /** One or more keys of one chain: an atomic snapshot at one commit point. */
  | { readonly type: 'get'; readonly keys: readonly Key[] }
  /** Keys in byte order: those that start with `prefix` and are greater than `after`, at most `limit`. One page is atomic. */
  | { readonly type: 'scan'; readonly prefix: Key; readonly after: Key | null; readonly limit: number }

export interface ReadOptions {
  readonly consistency: Consistency
  /** The highest seq that the client has seen on this chain: a replica behind it waits (the zxid idea). 0 = none. */
  readonly atLeast: Seq
}

/** What has been committed in a chain behind a position: the changefeed. */
export interface ChangesCommand {
  readonly type: 'changes'
  /** Only keys that begin with it. */
  readonly prefix: Key
  /** Seqs above this one. Null: nothing yet, only where the chain stands. */
  readonly after: Seq | null
  /** A page ends with the entry that brings it to so many changes. */
  readonly limit: number
  /** How long to wait for a change where there is none; the server has a bound of its own. */
  readonly waitMs: Millis
}

/** One write of one committed entry. */
export interface ChangeRecord {
  readonly key: Key
  /** Shared by all that one transaction wrote. */
  readonly seq: Seq
  /** Null: deleted, or expired. */
  readonly value: Uint8Array | null
  readonly expiresAtWallMs: Millis
}

/** Whole entries only, in order of seq. */
export interface ChangesResult {
  readonly type: 'changes'
  readonly changes: readonly ChangeRecord[]
  /** Everything up to here has been looked at: pass it as `after` to go on. */
  readonly next: Seq
}

/** What a write answers. `version` is the seq of its entry, or 0 where it needed none (deleting what is absent). */
export type WriteResult =
  | { readonly type: 'written'; readonly version: Seq; readonly number: number | null }
  /** A condition did not hold; nothing changed. `current` is the version that it saw, null if absent. */
  | { readonly type: 'unmatched'; readonly current: Versioned | null }
  /** The command makes no sense for the value that it found (an increment of text, an append beyond the limit); nothing changed. */
  | { readonly type: 'refused'; readonly code: 'NOT_A_NUMBER' | 'TOO_LARGE'; readonly message: string }
  /** `applied` is false where a compare of a transaction failed; the reads are made either way, before the writes. */
  | {
      readonly type: 'read-back'
      readonly applied: boolean
      readonly version: Seq
      readonly reads: readonly (Versioned | null)[]
    }

export type ReadResult =
  | {
      readonly type: 'values'
      readonly values: readonly (Versioned | null)[]
      /** False where any value may still vanish (weak reads only; trap 19). */
      readonly committed: boolean
      /** The commit point (or, uncommitted, the last seq) that this answer reflects: the session token. */
      readonly at: Seq
    }
  | {
      readonly type: 'page'
      readonly keys: readonly Key[]
      readonly values: readonly Versioned[]
      /** Pass the last key as `after` to go on. False: nothing follows. */
      readonly more: boolean
      readonly committed: boolean
      readonly at: Seq
    }

/** What went wrong, as it travels: the code decides, the message explains. */
export interface Failure {
  readonly type: 'failure'
  readonly code: ErrorCode
  readonly message: string
}
