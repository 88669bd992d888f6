/** Raft's messages as bytes of an `other` message. The core's arrays hold numbers, flags, nulls, bytes and arrays of them: a byte that says which, and then the value. */
import { fromWire, type RaftMessage, toWire } from '../../coordinator/raft/messages.ts'
import { beginBody, type FieldWriter } from '../../protocol/codec/field-writer.ts'
import { CodecError, FieldReader, unknownKind } from '../../protocol/codec/fields.ts'

const TAG = { null: 0, false: 1, true: 2, count: 3, bytes: 4, list: 5 } as const

export function encodeRaftMessage(message: RaftMessage): Uint8Array {
  const to = beginBody()
  writeValue(to, toWire(message))
  return to.end()
}

/** @throws {CodecError} anything else than what `encodeRaftMessage` makes. */
export function decodeRaftMessage(body: Uint8Array): RaftMessage {
  const reader = new FieldReader(body)
  const message = fromWire(readValue(reader))
  reader.end()
  if (message === null) throw new CodecError('not a message of Raft')
  return message
}

function writeValue(to: FieldWriter, value: unknown): void {
  if (typeof value === 'number') {
    to.byte(TAG.count)
    to.count(value)
  } else if (value instanceof Uint8Array) {
    to.byte(TAG.bytes)
    to.bytes(value)
  } else if (Array.isArray(value)) {
    to.byte(TAG.list)
    to.list(value, writeValue)
  } else if (value === null) to.byte(TAG.null)
  else if (typeof value === 'boolean') to.byte(value ? TAG.true : TAG.false)
  else throw new RangeError(`${typeof value} is not of the wire`)
}

function readValue(reader: FieldReader): unknown {
  const tag = reader.byte()
  switch (tag) {
    case TAG.null:
      return null
    case TAG.false:
      return false
    case TAG.true:
      return true
    case TAG.count:
      return reader.count()
    case TAG.bytes:
      return reader.bytes()
    case TAG.list:
      return reader.list(readValue)
    default:
      return unknownKind('value', tag)
  }
}
