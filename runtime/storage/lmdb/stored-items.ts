import type { Database, RootDatabase, RootDatabaseOptions } from 'lmdb'
import type { StoredItem } from '../../../chain/clean-store.ts'
import type { Due } from '../../../chain/memory-store.ts'
import type { Versioned } from '../../../protocol/commands.ts'
import { asKey, asMillis, asSeq, type Key, type Millis, type Seq } from '../../../protocol/ids.ts'
import {
  groupOf,
  isLong,
  isLongPhysical,
  ORDERED_NUMBER_BYTES,
  orderedNumber,
  PHYSICAL_KEY_ENCODER,
  type PhysicalKey,
  physicalKey,
  readOrderedNumber,
} from './physical-keys.ts'

/** Version and expiry, before the value; between them and the value of a long key stands that key with its length. */
const STAMP_BYTES = 16
const EMPTY = Buffer.alloc(0)

/** What the library does not export by name. */
export type Transaction = ReturnType<RootDatabase['useReadTransaction']>

/** A sub-database of byte strings. */
export type BinaryDatabase = Database<Uint8Array, PhysicalKey>

export function openBinary(root: RootDatabase, name: string): BinaryDatabase {
  // The library's type of these options lacks `keyEncoder`, which it documents for every database.
  const options: RootDatabaseOptions & { name: string } = {
    name,
    encoding: 'binary',
    keyEncoder: PHYSICAL_KEY_ENCODER,
  }
  return root.openDB<Uint8Array, PhysicalKey>(options)
}

/**
 * The clean versions that have reached LMDB. Reads are synchronous, and copy: LMDB's own memory is reused by the next
 * one. Writes belong into a `batch` of the root database, and settle with it.
 */
export class StoredItems {
  readonly #db: BinaryDatabase

  constructor(root: RootDatabase) {
    this.#db = openBinary(root, 'items')
  }

  get(key: Key): Versioned | null {
    const bytes = this.#db.getBinaryFast(physicalKey(key))
    return bytes === undefined ? null : readItem(key, bytes)
  }

  /** Version and expiry alone. */
  stamp(key: Key): { version: Seq; expiresAtWallMs: Millis } | null {
    const bytes = this.#db.getBinaryFast(physicalKey(key))
    return bytes === undefined ? null : readStamp(bytes)
  }

  /** Everything from `start` in byte order; as of now, or as a transaction sees it. */
  *from(start: Key, transaction?: Transaction): Generator<StoredItem, void> {
    let group: StoredItem[] = []
    const range = { start: groupOf(start), ...(transaction !== undefined && { transaction }) }
    for (const { key: physical, value } of this.#db.getRange(range)) {
      const bytes = value as Buffer
      const key = isLongPhysical(physical) ? readLongKey(bytes) : asKey(physical)
      if (group[0] !== undefined && groupOf(group[0].key) !== groupOf(key)) {
        yield* inOrder(group, start)
        group = []
      }
      const item = { key, ...readItem(key, bytes) }
      if (isLong(key)) group.push(item)
      else if (key >= start) yield item
    }
    yield* inOrder(group, start)
  }

  put(key: Key, item: Versioned): void {
    const keyBytes = isLong(key) ? 2 + key.length : 0
    const bytes = Buffer.allocUnsafe(STAMP_BYTES + keyBytes + item.value.length)
    bytes.writeDoubleLE(item.version, 0)
    bytes.writeDoubleLE(item.expiresAtWallMs, 8)
    if (keyBytes > 0) {
      bytes.writeUInt16LE(key.length, STAMP_BYTES)
      bytes.write(key, STAMP_BYTES + 2, 'latin1')
    }
    bytes.set(item.value, STAMP_BYTES + keyBytes)
    void this.#db.put(physicalKey(key), bytes)
  }

  remove(key: Key): void {
    void this.#db.remove(physicalKey(key))
  }

  clear(): void {
    void this.#db.clearAsync()
  }
}

/** Which stored keys expire when: eight bytes of time, then the key. */
export class StoredExpiries {
  readonly #db: BinaryDatabase

  constructor(root: RootDatabase) {
    this.#db = openBinary(root, 'expiries')
  }

  put(key: Key, at: Millis): void {
    const long = isLong(key) ? Buffer.from(key, 'latin1') : EMPTY
    void this.#db.put(orderedNumber(at) + physicalKey(key), long)
  }

  remove(key: Key, at: Millis): void {
    void this.#db.remove(orderedNumber(at) + physicalKey(key))
  }

  /** What is due at `wallMs`, soonest first. */
  *until(wallMs: Millis): Generator<Due, void> {
    for (const { key: physical, value } of this.#db.getRange({ start: '' })) {
      const at = asMillis(readOrderedNumber(physical))
      if (at > wallMs) return
      const key =
        value.length > 0 ? (value as Buffer).toString('latin1') : physical.slice(ORDERED_NUMBER_BYTES)
      yield { key: asKey(key), at }
    }
  }

  clear(): void {
    void this.#db.clearAsync()
  }
}

const readStamp = (bytes: Buffer) => ({
  version: asSeq(bytes.readDoubleLE(0)),
  expiresAtWallMs: asMillis(bytes.readDoubleLE(8)),
})

const readLongKey = (bytes: Buffer) =>
  asKey(bytes.toString('latin1', STAMP_BYTES + 2, STAMP_BYTES + 2 + bytes.readUInt16LE(STAMP_BYTES)))

function readItem(key: Key, bytes: Buffer): Versioned {
  const from = isLong(key) ? STAMP_BYTES + 2 + key.length : STAMP_BYTES
  return { value: copyOf(bytes, from), ...readStamp(bytes) }
}

const SLAB_BYTES = 8192
let slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
let slabUsed = 0

/** Small values share a slab, because an ArrayBuffer of its own costs a read more than all the rest of it. */
function copyOf(bytes: Buffer, from: number): Uint8Array {
  const length = bytes.length - from
  if (length > SLAB_BYTES / 8) {
    const copy = new Uint8Array(length)
    bytes.copy(copy, 0, from, bytes.length)
    return copy
  }
  if (slabUsed + length > SLAB_BYTES) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
    slabUsed = 0
  }
  bytes.copy(slab, slabUsed, from, bytes.length)
  slabUsed += length
  return new Uint8Array(slab.buffer, slabUsed - length, length)
}

function* inOrder(group: StoredItem[], start: Key): Generator<StoredItem, void> {
  group.sort((a, b) => (a.key < b.key ? -1 : 1))
  for (const item of group) if (item.key >= start) yield item
}
