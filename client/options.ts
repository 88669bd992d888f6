/** What callers may say about single operations, and what they get back. */
import type { Bytes, ConditionOptions, ConsistencyOption, ExpiryOptions } from './arguments.ts'
import type { ReadPolicy } from './core/events.ts'
import type { StoredValue } from './stored-value.ts'

export interface CallOptions {
  /** Gives up after this long. Default: what `connect` was told. */
  readonly timeoutMs?: number
}

export interface GetOptions extends CallOptions {
  /** Default: `'strong'`, linearizable. */
  readonly consistency?: ConsistencyOption
  /** Which replica answers. Default: what `connect` was told. */
  readonly readPolicy?: ReadPolicy
}

export interface PutOptions extends CallOptions, ExpiryOptions, ConditionOptions {}

export interface DeleteOptions extends CallOptions {
  /** Deletes only this version. */
  readonly ifVersion?: number
}

export interface ScanOptions extends GetOptions {
  /** Only keys that begin with it. Default: all keys. */
  readonly prefix?: Bytes
  /** Items that one request to one chain returns at most. Default: 256. */
  readonly pageSize?: number
}

export interface WatchOptions {
  /**
   * The first seq to show: one number for all chains, or `watch.positions` of an earlier watch. Chains that it does not name begin now. Default: what
   * is written from now on.
   */
  readonly fromSeq?: number | Readonly<Record<string, number>>
  /** First shows what there is now, each key once, and then what changes. Default: false. */
  readonly snapshot?: boolean
  /** Which replica is asked. Default: what `connect` was told. */
  readonly readPolicy?: ReadPolicy
}

/** What a conditional write did. `version` is 0 where nothing had to be written: a delete of an absent key. */
export type WriteOutcome =
  | { readonly applied: true; readonly version: number }
  /** The condition did not hold for `current`; null: the key is absent. */
  | { readonly applied: false; readonly current: StoredValue | null }

/** A condition of a transaction: exactly one of the four. */
export interface TransactionCompare extends ConditionOptions {
  readonly key: Bytes
  readonly ifValue?: Bytes
}

/** A write of a transaction: `value: null` deletes. */
export interface TransactionWrite extends ExpiryOptions {
  readonly key: Bytes
  readonly value: Bytes | null
}

export interface Transaction {
  readonly compare?: readonly TransactionCompare[]
  readonly read?: readonly Bytes[]
  readonly write?: readonly TransactionWrite[]
}

export interface TransactionOutcome {
  /** False where a compare did not hold: nothing was written. */
  readonly applied: boolean
  /** Version of all that was written; 0 where nothing was. */
  readonly version: number
  /** Values before the writes, in the order of `read`. */
  readonly reads: readonly (StoredValue | null)[]
}

/** What one server says of itself; or why it did not. */
export type ServerStatus =
  | { readonly server: string; readonly status: unknown; readonly error: null }
  | { readonly server: string; readonly status: null; readonly error: Error }
