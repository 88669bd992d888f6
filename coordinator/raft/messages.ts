/**
 * What members say to each other, and how each message becomes a positional array for the wire. Every message
 * carries its sender's term: a lower one than ours is stale, a higher one makes us a follower (Raft §5.1).
 */

import type { LogIndex, Term } from './ids.ts'
import { asLogIndex, asTerm } from './ids.ts'
import type { LogEntry, SnapshotMeta } from './log.ts'
import type { Membership } from './membership.ts'
import { membersOf } from './membership.ts'

/** "Would you vote for me in the term after `term`?" Changes nothing at the receiver (Raft thesis §9.6). */
export interface PreVoteRequest {
  readonly type: 'pre-vote-request'
  readonly term: Term
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
}

export interface PreVoteReply {
  readonly type: 'pre-vote-reply'
  readonly term: Term
  /** The term of the request; a candidate that has moved on ignores the reply. */
  readonly forTerm: Term
  readonly granted: boolean
}

/** RequestVote (Raft §5.2). */
export interface VoteRequest {
  readonly type: 'vote-request'
  readonly term: Term
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
  /** The leader asked for this election: a live leader is no reason to refuse (Raft thesis §4.2.3). */
  readonly transfer: boolean
}

export interface VoteReply {
  readonly type: 'vote-reply'
  readonly term: Term
  readonly granted: boolean
}

/** AppendEntries (Raft §5.3); without entries a heartbeat. */
export interface AppendEntries {
  readonly type: 'append-entries'
  readonly term: Term
  /**
   * Number of the leader's heartbeat round, echoed: a reply proves that the sender followed in or after that
   * round.
   */
  readonly round: number
  readonly prevIndex: LogIndex
  readonly prevTerm: Term
  readonly commit: LogIndex
  readonly entries: readonly LogEntry[]
}

/**
 * Where a follower's log disagrees with `prevIndex`, so that the leader backs up one term a round (Raft §5.3,
 * end).
 */
export interface Conflict {
  readonly type: 'conflict'
  /** The `prevIndex` that did not match. */
  readonly prevIndex: LogIndex
  /** Term of the follower's entry there, `null` where its log is too short. */
  readonly xTerm: Term | null
  /** First index of that term in the follower's log, `null` where its log is too short. */
  readonly xIndex: LogIndex | null
  /** The follower's last index. */
  readonly xLen: LogIndex
}

/** Up to `index` the follower's log is the leader's, and on the follower's disk. */
export interface Matched {
  readonly type: 'matched'
  readonly index: LogIndex
}

export interface AppendReply {
  readonly type: 'append-reply'
  readonly term: Term
  readonly round: number
  readonly outcome: Matched | Conflict
}

/** InstallSnapshot (Raft §7). */
export interface SnapshotChunk {
  readonly type: 'snapshot-chunk'
  readonly term: Term
  /** Heartbeat round, as in `append-entries`. */
  readonly round: number
  /** Number of this chunk in the leader's term; the leader takes only the reply to the latest. */
  readonly serial: number
  readonly meta: SnapshotMeta
  /** Who belonged to the ensemble at `meta`; null: whom the receiver was started with. */
  readonly membership: Membership | null
  readonly offset: number
  readonly bytes: Uint8Array
  readonly done: boolean
}

export interface SnapshotReply {
  readonly type: 'snapshot-reply'
  readonly term: Term
  readonly round: number
  readonly serial: number
  /** `meta.lastIndex` of the chunk. */
  readonly lastIndex: LogIndex
  /** The follower durably holds all up to `lastIndex`. */
  readonly installed: boolean
  /** Otherwise: where the next chunk must begin. 0 asks to start over. */
  readonly nextOffset: number
}

/** A follower asks for an index that its reads must wait for (Raft §8, thesis §6.4). */
export interface ReadIndexRequest {
  readonly type: 'read-index-request'
  readonly term: Term
  /** Random number of the asker's process life: an ancient reply must not answer a batch of a later life. */
  readonly life: number
  readonly batch: number
}

export interface ReadIndexReply {
  readonly type: 'read-index-reply'
  readonly term: Term
  readonly life: number
  readonly batch: number
  /** `null`: not the leader, or too many reads wait there. */
  readonly index: LogIndex | null
}

/** "Start an election now" (Raft thesis §3.10). */
export interface TimeoutNow {
  readonly type: 'timeout-now'
  readonly term: Term
}

export type RaftMessage =
  | PreVoteRequest
  | PreVoteReply
  | VoteRequest
  | VoteReply
  | AppendEntries
  | AppendReply
  | SnapshotChunk
  | SnapshotReply
  | ReadIndexRequest
  | ReadIndexReply
  | TimeoutNow
export type RaftMessageType = RaftMessage['type']

/** One position of an array. `unpack` gives `undefined` for garbage. */
interface Field<Value> {
  pack(value: Value): unknown
  unpack(raw: unknown): Value | undefined
}

/**
 * Code first, then the fields in the order of their keys: a new field of a message does not compile until it
 * is here.
 */
interface Shape<Message> {
  readonly code: number
  readonly fields: { readonly [Name in Exclude<keyof Message, 'type'>]: Field<Message[Name]> }
  /** What no single field can check. */
  readonly valid?: (message: Message) => boolean
}

const isCount = (raw: unknown): raw is number =>
  typeof raw === 'number' && Number.isSafeInteger(raw) && raw >= 0

const count: Field<number> = { pack: (n) => n, unpack: (raw) => (isCount(raw) ? raw : undefined) }
const term: Field<Term> = { pack: (n) => n, unpack: (raw) => (isCount(raw) ? asTerm(raw) : undefined) }
const index: Field<LogIndex> = {
  pack: (n) => n,
  unpack: (raw) => (isCount(raw) ? asLogIndex(raw) : undefined),
}
const flag: Field<boolean> = { pack: (b) => b, unpack: (raw) => (typeof raw === 'boolean' ? raw : undefined) }
const bytes: Field<Uint8Array> = {
  pack: (value) => value,
  unpack: (raw) => (raw instanceof Uint8Array ? raw : undefined),
}

const nullable = <Value>(field: Field<Value>): Field<Value | null> => ({
  pack: (value) => (value === null ? null : field.pack(value)),
  unpack: (raw) => (raw === null ? null : field.unpack(raw)),
})
const nullableTerm = nullable(term)
const nullableIndex = nullable(index)
const command = nullable(bytes)

const meta: Field<SnapshotMeta> = {
  pack: (value) => [value.lastIndex, value.lastTerm],
  unpack(raw) {
    if (!Array.isArray(raw) || raw.length !== 2) return undefined
    const lastIndex = index.unpack(raw[0])
    const lastTerm = term.unpack(raw[1])
    return lastIndex === undefined || lastTerm === undefined ? undefined : { lastIndex, lastTerm }
  },
}

const membership: Field<Membership | null> = nullable({
  pack: (value) => [value.index, value.members.map(({ id, voter, address }) => [id, voter, address])],
  unpack(raw) {
    if (!Array.isArray(raw) || raw.length !== 2) return undefined
    const at = index.unpack(raw[0])
    const members = membersOf(raw[1])
    return at === undefined || members === null ? undefined : { index: at, members }
  },
})

const outcome: Field<Matched | Conflict> = {
  pack: (value) =>
    value.type === 'matched' ? [value.index] : [value.prevIndex, value.xTerm, value.xIndex, value.xLen],
  unpack(raw) {
    if (!Array.isArray(raw)) return undefined
    if (raw.length === 1) {
      const matched = index.unpack(raw[0])
      return matched === undefined ? undefined : { type: 'matched', index: matched }
    }
    const prevIndex = index.unpack(raw[0])
    const xTerm = nullableTerm.unpack(raw[1])
    const xIndex = nullableIndex.unpack(raw[2])
    const xLen = index.unpack(raw[3])
    if (raw.length !== 4 || prevIndex === undefined || xLen === undefined) return undefined
    if (xTerm === undefined || xIndex === undefined || (xTerm === null) !== (xIndex === null))
      return undefined
    return { type: 'conflict', prevIndex, xTerm, xIndex, xLen }
  },
}

/** Flat: term, index, command, term, index, command, ... */
const entries: Field<readonly LogEntry[]> = {
  pack: (value) => value.flatMap((entry): unknown[] => [entry.term, entry.index, entry.command]),
  unpack(raw) {
    if (!Array.isArray(raw) || raw.length % 3 !== 0) return undefined
    const unpacked: LogEntry[] = []
    for (let at = 0; at < raw.length; at += 3) {
      const entryTerm = term.unpack(raw[at])
      const entryIndex = index.unpack(raw[at + 1])
      const entryCommand = command.unpack(raw[at + 2])
      if (entryTerm === undefined || entryIndex === undefined || entryCommand === undefined) return undefined
      unpacked.push({ term: entryTerm, index: entryIndex, command: entryCommand })
    }
    return unpacked
  },
}

const SHAPES: { readonly [Type in RaftMessageType]: Shape<Extract<RaftMessage, { type: Type }>> } = {
  'pre-vote-request': { code: 1, fields: { term, lastIndex: index, lastTerm: term } },
  'pre-vote-reply': { code: 2, fields: { term, forTerm: term, granted: flag } },
  'vote-request': { code: 3, fields: { term, lastIndex: index, lastTerm: term, transfer: flag } },
  'vote-reply': { code: 4, fields: { term, granted: flag } },
  'append-entries': {
    code: 5,
    fields: { term, round: count, prevIndex: index, prevTerm: term, commit: index, entries },
    valid: continuesLog,
  },
  'append-reply': { code: 6, fields: { term, round: count, outcome } },
  'snapshot-chunk': {
    code: 7,
    fields: { term, round: count, serial: count, meta, membership, offset: count, bytes, done: flag },
    valid: (message) => message.meta.lastIndex > 0 && message.meta.lastTerm <= message.term,
  },
  'snapshot-reply': {
    code: 8,
    fields: { term, round: count, serial: count, lastIndex: index, installed: flag, nextOffset: count },
  },
  'read-index-request': { code: 9, fields: { term, life: count, batch: count } },
  'read-index-reply': { code: 10, fields: { term, life: count, batch: count, index: nullableIndex } },
  'timeout-now': { code: 11, fields: { term } },
}

/**
 * Entries must follow `prevIndex` without a gap, in terms that never decrease and never pass the leader's.
 */
function continuesLog(message: AppendEntries): boolean {
  let previous: { readonly term: Term; readonly index: LogIndex } = {
    term: message.prevTerm,
    index: message.prevIndex,
  }
  for (const entry of message.entries) {
    if (entry.index !== previous.index + 1 || entry.term < previous.term) return false
    previous = entry
  }
  return previous.term <= message.term
}

/**
 * A shape whose message type is known only at run time. The casts to it are safe: `SHAPES` was checked per
 * type.
 */
interface AnyShape {
  readonly type: RaftMessageType
  readonly code: number
  readonly fields: readonly (readonly [name: string, field: Field<unknown>])[]
  readonly valid: ((message: RaftMessage) => boolean) | undefined
}

const BY_TYPE = new Map<string, AnyShape>()
const BY_CODE = new Map<unknown, AnyShape>()
for (const [type, shape] of Object.entries(SHAPES)) {
  const any: AnyShape = {
    type: type as RaftMessageType,
    code: shape.code,
    fields: Object.entries(shape.fields) as [string, Field<unknown>][],
    valid: shape.valid as AnyShape['valid'],
  }
  BY_TYPE.set(type, any)
  BY_CODE.set(any.code, any)
}

/**
 * The message as `[code, ...fields]`: numbers, booleans, nulls, bytes and arrays of them. Shares the bytes,
 * copies none.
 */
export function toWire(message: RaftMessage): unknown[] {
  const shape = BY_TYPE.get(message.type)
  if (shape === undefined) throw new RangeError(`unknown message ${message.type}`)
  const named = message as unknown as Record<string, unknown>
  return [shape.code, ...shape.fields.map(([name, field]) => field.pack(named[name]))]
}

/**
 * The message that `toWire` made into this array, or `null` for anything else. Shares the bytes, copies none.
 */
export function fromWire(array: unknown): RaftMessage | null {
  if (!Array.isArray(array)) return null
  const shape = BY_CODE.get(array[0])
  if (shape === undefined || array.length !== shape.fields.length + 1) return null
  const named: Record<string, unknown> = { type: shape.type }
  for (const [position, [name, field]] of shape.fields.entries()) {
    const value = field.unpack(array[position + 1])
    if (value === undefined) return null
    named[name] = value
  }
  const message = named as unknown as RaftMessage
  return shape.valid === undefined || shape.valid(message) ? message : null
}
