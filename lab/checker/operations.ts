/**
 * What a history is made of: operations that clients called, and what they were told (Herlihy & Wing 1990, §2). Times are numbers of one clock; only
 * their order counts. Keys and values are strings in which every character is one byte.
 */

/** One operation. Where the outcome is unknown it stays open for ever: it may take effect at any time after its call, or never. */
export interface Operation<Input = unknown, Output = unknown> {
  readonly id: number
  /** Who called: a client does one thing at a time. */
  readonly process: string
  readonly input: Input
  /** Null: no answer came. */
  readonly output: Output | null
  readonly call: number
  /** `Infinity` where no answer came. */
  readonly return: number
}

/** A line of a history as it was recorded. What `fail`s did not happen; what has only `info` may have. */
export type HistoryEvent =
  | {
      readonly type: 'invoke'
      readonly op: number
      readonly process: string
      readonly time: number
      readonly input: KvInput | RegisterInput | ZnodeInput
    }
  | {
      readonly type: 'ok'
      readonly op: number
      readonly time: number
      readonly output: KvOutput | RegisterOutput | ZnodeOutput
    }
  | { readonly type: 'fail'; readonly op: number; readonly time: number; readonly reason: string }
  | { readonly type: 'info'; readonly op: number; readonly time: number; readonly reason: string }

/** First line of a history file in our format: one JSON object a line, `invoke` before its answer. */
export interface HistoryHeader {
  readonly format: 'catenary-history'
  readonly version: 1
  readonly model: ModelName
  /** What a register, or each key, holds before the first operation. Left out: nothing. */
  readonly initial?: string | null
  /** How it came about: seed, commit, command. Shown, not checked. */
  readonly about?: Record<string, string | number>
}

/**
 * `register`: one value, read, write, cas. `key-value`: keys are independent. `transactions`: the keys of one chain together. `znodes`: a tree,
 * writes linearizable, reads in order per session.
 */
export type ModelName = 'register' | 'key-value' | 'transactions' | 'znodes'

export type RegisterInput =
  | { readonly f: 'read' }
  | { readonly f: 'write'; readonly value: number | string }
  | { readonly f: 'cas'; readonly expect: number | string; readonly value: number | string }
export type RegisterOutput =
  | { readonly value: number | string | null }
  | { readonly matched: boolean }
  | Record<string, never>

/** A value with the seq of the entry that wrote it. Where versions are not recorded, `version` is left out everywhere. */
export interface KvVersioned {
  readonly value: string
  readonly version?: number
}

/** What a value must be for a conditional write to apply. `value: null`: absent. */
export type KvExpect = { readonly version: number } | { readonly value: string | null }

export type KvInput =
  | { readonly f: 'get'; readonly key: string }
  | { readonly f: 'put'; readonly key: string; readonly value: string }
  | { readonly f: 'append'; readonly key: string; readonly value: string }
  | { readonly f: 'delete'; readonly key: string }
  | { readonly f: 'increment'; readonly key: string; readonly by: number }
  | { readonly f: 'cas'; readonly key: string; readonly expect: KvExpect; readonly value: string }
  /** An atomic snapshot of several keys of one chain. */
  | { readonly f: 'multi-get'; readonly keys: readonly string[] }
  | {
      readonly f: 'txn'
      readonly compares: readonly { readonly key: string; readonly expect: KvExpect }[]
      readonly reads: readonly string[]
      /** `value: null` deletes. Reads are made before the writes. */
      readonly writes: readonly { readonly key: string; readonly value: string | null }[]
    }

export type KvOutput =
  /** get */
  | { readonly found: KvVersioned | null }
  /** put, append, delete (version 0 where nothing was there), increment (with the number) */
  | { readonly version?: number; readonly number?: number }
  /** cas */
  | { readonly matched: boolean; readonly version?: number; readonly current?: KvVersioned | null }
  /** multi-get */
  | { readonly values: readonly (KvVersioned | null)[] }
  /** txn */
  | { readonly applied: boolean; readonly version?: number; readonly reads: readonly (KvVersioned | null)[] }

/** `zxid` in an output is the one that the reply named. Versions are dataVersions. */
export type ZnodeInput =
  | { readonly f: 'create'; readonly path: string; readonly data: string; readonly sequential?: boolean }
  | { readonly f: 'set'; readonly path: string; readonly data: string; readonly version: number }
  | { readonly f: 'remove'; readonly path: string; readonly version: number }
  | { readonly f: 'read'; readonly path: string }
  | { readonly f: 'children'; readonly path: string }
  | { readonly f: 'sync' }
export interface ZnodeOutput {
  readonly zxid: number
  /** `NO_NODE`, `NODE_EXISTS`, `BAD_VERSION`, `NOT_EMPTY`; null where it worked. */
  readonly error: string | null
  /** create: the path that was made. */
  readonly path?: string
  /** set: the new version. read: the version. */
  readonly version?: number
  readonly data?: string
  readonly children?: readonly string[]
}
