/** Records of chains as bytes of the one log: a type, the name of the chain, and what the record says. */
import type { LogRecord } from '../../chain/events.ts'
import { decodeEntries, encodeEntries } from '../../protocol/codec/chain-codec.ts'
import type { Position } from '../../protocol/entry.ts'
import { asChainId, asEpoch, asSeq, type ChainId } from '../../protocol/ids.ts'
import { unreachable } from '../../protocol/invariants.ts'
import { WalCorruptError } from '../storage/wal/errors.ts'
import type { WalRecord } from '../storage/wal/replay.ts'
import type { StoredRecord } from './ports.ts'

/** A record of type `entry` holds one or more, which one chain appended in one turn. */
export const RECORD_TYPE = {
  entry: 1,
  truncate: 2,
  reset: 3,
  commit: 4,
  member: 5,
  other: 6,
} as const satisfies Record<LogRecord['type'], number>

/** What stands before each record of a chain: its name, and before that the name's length. */
export function recordHeader(chain: ChainId): Uint8Array {
  const header = new Uint8Array(1 + chain.length)
  header[0] = chain.length
  for (let i = 0; i < chain.length; i++) header[1 + i] = chain.charCodeAt(i)
  return header
}

/** The log copies it at once: the next call may write over it. */
export function recordBody(record: LogRecord): Uint8Array {
  switch (record.type) {
    case 'entry':
      return encodeEntries([record.entry])
    case 'truncate':
    case 'reset':
      return encodePosition(record.to)
    case 'commit':
      return encodePosition(record.position)
    case 'member':
      return encodePosition({ epoch: record.epoch, seq: asSeq(0) })
    case 'other': {
      const bytes = new Uint8Array(POSITION_BYTES + record.body.length)
      bytes.set(encodePosition(record.to))
      bytes.set(record.body, POSITION_BYTES)
      return bytes
    }
    default:
      return unreachable(record)
  }
}

/** @throws {WalCorruptError} a type that no version has written. */
export function* storedRecords({ type, payload, position }: WalRecord): Generator<StoredRecord, void> {
  const nameEnd = 1 + (payload[0] ?? 0)
  const chain = asChainId(String.fromCharCode(...payload.subarray(1, nameEnd)))
  const body = payload.subarray(nameEnd)
  if (type === RECORD_TYPE.entry) {
    for (const entry of decodeEntries(body))
      yield { chain, record: { type: 'entry', entry }, walPosition: position }
    return
  }
  const record = decodeRecord(type, body)
  if (record === null)
    throw new WalCorruptError('the log', position, `record ${position} has unknown type ${type}`)
  yield { chain, record, walPosition: position }
}

function decodeRecord(type: number, body: Uint8Array): LogRecord | null {
  switch (type) {
    case RECORD_TYPE.truncate:
      return { type: 'truncate', to: decodePosition(body) }
    case RECORD_TYPE.reset:
      return { type: 'reset', to: decodePosition(body) }
    case RECORD_TYPE.commit:
      return { type: 'commit', position: decodePosition(body) }
    case RECORD_TYPE.member:
      return { type: 'member', epoch: decodePosition(body).epoch }
    case RECORD_TYPE.other:
      return { type: 'other', to: decodePosition(body), body: body.slice(POSITION_BYTES) }
    default:
      return null
  }
}

const POSITION_BYTES = 16
const positionBytes = new Uint8Array(POSITION_BYTES)
const positionView = new DataView(positionBytes.buffer)

function encodePosition({ epoch, seq }: Position): Uint8Array {
  positionView.setFloat64(0, epoch)
  positionView.setFloat64(8, seq)
  return positionBytes
}

function decodePosition(bytes: Uint8Array): Position {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { epoch: asEpoch(view.getFloat64(0)), seq: asSeq(view.getFloat64(8)) }
}
