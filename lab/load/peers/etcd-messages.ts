/** The few protobuf messages of etcd's KV service that a load needs: what is constant is written as bytes, the rest by hand. */
import type { OutBuffer } from './out-buffer.ts'

/** Field numbers of `RangeRequest`, `PutRequest` and `RangeResponse`, as tags: (number << 3) | wire type. */
const BYTES_1 = 0x0a
const BYTES_2 = 0x12
const VARINT_3 = 0x18
const VARINT_7 = 0x38
const VALUE_OF_KEY_VALUE = 0x2a

/** A gRPC message: its five bytes of prefix, and the message. */
export interface RangeShape {
  readonly key: string
  readonly serializable: boolean
  /** Null: the key alone. Else so many keys from it on. */
  readonly limit: number | null
}

export function rangeLength({ key, serializable, limit }: RangeShape): number {
  // A range end of one zero byte means "to the last key".
  const span = limit === null ? 0 : 3 + 1 + varintLength(limit)
  return 5 + fieldLength(key.length) + span + (serializable ? 2 : 0)
}

export function putRange(out: OutBuffer, shape: RangeShape, length: number): void {
  const { key, serializable, limit } = shape
  putPrefix(out, length)
  out.byte(BYTES_1)
  putVarint(out, key.length)
  out.text(key)
  if (limit !== null) {
    out.byte(BYTES_2)
    out.byte(1)
    out.byte(0)
    out.byte(VARINT_3)
    putVarint(out, limit)
  }
  if (serializable) {
    out.byte(VARINT_7)
    out.byte(1)
  }
}

export function putLength(key: string, value: Uint8Array): number {
  return 5 + fieldLength(key.length) + fieldLength(value.length)
}

export function putPut(out: OutBuffer, key: string, value: Uint8Array, length: number): void {
  putPrefix(out, length)
  out.byte(BYTES_1)
  putVarint(out, key.length)
  out.text(key)
  out.byte(BYTES_2)
  putVarint(out, value.length)
  out.put(value)
}

/** The value of the first key in a `RangeResponse` with its gRPC prefix; null where it holds none. */
export function firstValue(answer: Uint8Array): Uint8Array | null {
  const keyValue = field(answer, 5, BYTES_2)
  if (keyValue === null) return null
  return field(keyValue, 0, VALUE_OF_KEY_VALUE) ?? new Uint8Array(0)
}

/** The first field with this tag, which is of type bytes. Other wire types than varint and bytes do not occur in these messages. */
function field(message: Uint8Array, from: number, tag: number): Uint8Array | null {
  let at = from
  const varint = () => {
    let value = 0
    for (let scale = 1; at < message.length; scale *= 128) {
      const byte = message[at++] ?? 0
      value += (byte & 0x7f) * scale
      if (byte < 0x80) break
    }
    return value
  }
  while (at < message.length) {
    const found = varint()
    if ((found & 7) === 0) varint()
    else {
      const length = varint()
      if (found === tag) return message.subarray(at, at + length)
      at += length
    }
  }
  return null
}

const fieldLength = (bytes: number): number => 1 + varintLength(bytes) + bytes

function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++
  return length
}

function putVarint(out: OutBuffer, value: number): void {
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.byte((rest % 128) | 0x80)
  out.byte(rest)
}

/** Not compressed, and so many bytes. */
function putPrefix(out: OutBuffer, length: number): void {
  out.byte(0)
  out.int32(length - 5)
}
