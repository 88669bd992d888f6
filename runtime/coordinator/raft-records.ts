/**
 * Records of the coordinator's log on disk. A restart reads them in order: each says what has become of the hard state or of the
 * Raft log since the one before it.
 */
import type { HardState } from '../../coordinator/raft/events.ts'
import type { LogIndex } from '../../coordinator/raft/ids.ts'
import { asLogIndex, asMemberId, asTerm } from '../../coordinator/raft/ids.ts'
import type { LogEntry, SnapshotMeta } from '../../coordinator/raft/log.ts'

export type RaftRecord =
  | { readonly type: 'hard-state'; readonly hardState: HardState }
  | { readonly type: 'entry'; readonly entry: LogEntry }
  /** This index and all after it are gone. */
  | { readonly type: 'truncate'; readonly from: LogIndex }
  /** A snapshot from the leader has replaced the whole log. */
  | { readonly type: 'installed'; readonly meta: SnapshotMeta }
  /** This member's own snapshot stands for everything up to its index. */
  | { readonly type: 'compacted'; readonly meta: SnapshotMeta }

export const RECORD_TYPES = {
  'hard-state': 1,
  entry: 2,
  truncate: 3,
  installed: 4,
  compacted: 5,
} as const satisfies Record<RaftRecord['type'], number>

export function encodeRecordBody(record: RaftRecord): Uint8Array {
  switch (record.type) {
    case 'hard-state':
      return twoNumbers(record.hardState.term, 0, encoder.encode(record.hardState.votedFor ?? ''))
    case 'entry': {
      const { term, index, command } = record.entry
      if (command === null) return twoNumbers(term, index, EMPTY)
      // One byte more than nothing: an empty command is not a no-op.
      const rest = new Uint8Array(1 + command.length)
      rest[0] = MARK
      rest.set(command, 1)
      return twoNumbers(term, index, rest)
    }
    case 'truncate':
      return twoNumbers(record.from, 0, EMPTY)
    case 'installed':
    case 'compacted':
      return twoNumbers(record.meta.lastIndex, record.meta.lastTerm, EMPTY)
  }
}

/** @returns null for what is no such record. */
export function decodeRecord(type: number, body: Uint8Array): RaftRecord | null {
  if (body.length < NUMBERS_BYTES) return null
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const [first, second] = [view.getFloat64(0), view.getFloat64(8)]
  const rest = body.subarray(NUMBERS_BYTES)
  const meta: SnapshotMeta = { lastIndex: asLogIndex(first), lastTerm: asTerm(second) }
  switch (type) {
    case RECORD_TYPES['hard-state']: {
      const vote = decoder.decode(rest)
      return {
        type: 'hard-state',
        hardState: { term: asTerm(first), votedFor: vote === '' ? null : asMemberId(vote) },
      }
    }
    case RECORD_TYPES.entry: {
      const command = rest.length === 0 ? null : rest.subarray(1)
      return { type: 'entry', entry: { term: asTerm(first), index: asLogIndex(second), command } }
    }
    case RECORD_TYPES.truncate:
      return { type: 'truncate', from: asLogIndex(first) }
    case RECORD_TYPES.installed:
      return { type: 'installed', meta }
    case RECORD_TYPES.compacted:
      return { type: 'compacted', meta }
    default:
      return null
  }
}

const NUMBERS_BYTES = 16
const numberBytes = new Uint8Array(NUMBERS_BYTES)
const numbers = new DataView(numberBytes.buffer)
const EMPTY = new Uint8Array(0)
const MARK = 1
const encoder = new TextEncoder()
const decoder = new TextDecoder()

function twoNumbers(first: number, second: number, rest: Uint8Array): Uint8Array {
  numbers.setFloat64(0, first)
  numbers.setFloat64(8, second)
  const bytes = new Uint8Array(NUMBERS_BYTES + rest.length)
  bytes.set(numberBytes)
  bytes.set(rest, NUMBERS_BYTES)
  return bytes
}
