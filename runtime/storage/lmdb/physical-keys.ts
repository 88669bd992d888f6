import { createHash } from 'node:crypto'
import type { Key } from '../../../protocol/ids.ts'

/**
 * Keys as they lie in LMDB, which takes 1 to 1,978 bytes at its best page size for small values (4 KiB) and never more
 * than 4,026, while ours have 0 to 4,096. A first byte makes the empty key legal. A long key is cut, and a hash of its
 * rest appended: it keeps its place among all keys except those with the same 1,940 first bytes; those lie side by side,
 * and a reader sorts such a group by the whole key, which is stored with the value.
 */
export const SHORT_KEY_BYTES_MAX = 1940
const HASH_BYTES = 16
const FIRST_BYTE = 1

/** A byte string that LMDB accepts as a key once {@link PHYSICAL_KEY_ENCODER} has put the first byte before it. */
export type PhysicalKey = string

export const isLong = (key: Key) => key.length > SHORT_KEY_BYTES_MAX

export function physicalKey(key: Key): PhysicalKey {
  if (!isLong(key)) return key
  const rest = createHash('sha256').update(key.slice(SHORT_KEY_BYTES_MAX), 'latin1').digest()
  return groupOf(key) + rest.toString('latin1', 0, HASH_BYTES)
}

export const isLongPhysical = (key: PhysicalKey) => key.length === SHORT_KEY_BYTES_MAX + HASH_BYTES

/** What all the long keys have in common that lie side by side; sorts before them, and is itself a short key. */
export const groupOf = (key: string) => key.slice(0, SHORT_KEY_BYTES_MAX)

/** A number from 0 to 2^53 as eight bytes whose byte order is the order of numbers. */
export function orderedNumber(value: number): string {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeDoubleBE(value)
  return bytes.toString('latin1')
}

export const ORDERED_NUMBER_BYTES = 8

export const readOrderedNumber = (key: PhysicalKey) =>
  Buffer.from(key.slice(0, ORDERED_NUMBER_BYTES), 'latin1').readDoubleBE(0)

/** Writes byte strings straight into LMDB's own buffer: no allocation on a read. */
export const PHYSICAL_KEY_ENCODER = {
  writeKey(key: PhysicalKey | Uint8Array, target: Buffer, position: number): number {
    if (typeof key !== 'string') {
      target.set(key, position) // the library's own, for example the empty key with which it clears a database
      return position + key.length
    }
    target[position] = FIRST_BYTE
    target.write(key, position + 1, 'latin1')
    return position + 1 + key.length
  },
  readKey: (source: Buffer, start: number, end: number): PhysicalKey =>
    source.toString('latin1', start + 1, end),
}
