/**
 * The bytes of a backup: blocks one after another, each with its own checksum, so that what is damaged is found where it is.
 *
 *     file  = MAGIC head (chain items* chain-end)* end
 *     block = u32 length of the payload | u8 type | payload | u32 CRC-32 of all that; little-endian
 *     item  = u16 length of the key | u32 length of the value | f64 version | f64 expiry, wall-clock ms, 0: never | key | value
 *
 * `head`, `chain`, `chain-end` and `end` are JSON. A server streams one chain, from `chain` to `chain-end`; who makes the file puts the rest around.
 */
import { crc32 } from 'node:zlib'
import type { StoredItem } from '../../chain/clean-store.ts'
import { asKey, asMillis, asSeq } from '../../protocol/ids.ts'
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../../protocol/limits.ts'

export const MAGIC = Buffer.from('CTNRYBK1', 'latin1')

export const BLOCK_TYPES = ['head', 'chain', 'items', 'chain-end', 'end'] as const
export type BlockType = (typeof BLOCK_TYPES)[number]

export interface BackupHead {
  readonly format: 1
  readonly clusterId: string
  /** ISO 8601. */
  readonly begunAt: string
  readonly chains: readonly string[]
}

/** Where in its history a chain was copied. */
export interface ChainHead {
  readonly chain: string
  readonly clusterId: string
  readonly server: string
  readonly epoch: number
  readonly seq: number
  readonly keys: number
}

export interface ChainEnd {
  readonly chain: string
  readonly items: number
}

export interface BackupEnd {
  readonly items: number
  /** Hexadecimal, of every byte before this block. */
  readonly sha256: string
}

export interface Block {
  readonly type: BlockType
  readonly payload: Buffer
  /** As it stands in the file. */
  readonly bytes: Buffer
}

const HEAD_BYTES = 5
const CHECKSUM_BYTES = 4
const ITEM_BYTES = 22
/** About so many bytes of items share a block. */
export const ITEMS_BYTES = 64 * 1024
/** Of a payload: a block is closed by the item with which it reaches `ITEMS_BYTES`. */
const PAYLOAD_BYTES_MAX = 2 * ITEMS_BYTES + ITEM_BYTES + KEY_BYTES_MAX + VALUE_BYTES_MAX + 65_536 * ITEM_BYTES

/** What was read is no backup, or not the one that was written. */
export class BackupDamagedError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'BackupDamagedError'
  }
}

export function encodeBlock(type: BlockType, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + payload.length + CHECKSUM_BYTES)
  bytes.writeUInt32LE(payload.length, 0)
  bytes.writeUInt8(BLOCK_TYPES.indexOf(type), 4)
  bytes.set(payload, HEAD_BYTES)
  const end = HEAD_BYTES + payload.length
  bytes.writeUInt32LE(crc32(bytes.subarray(0, end)), end)
  return bytes
}

export const encodeJson = (type: BlockType, data: BackupHead | ChainHead | ChainEnd | BackupEnd): Buffer =>
  encodeBlock(type, Buffer.from(JSON.stringify(data)))

export function encodeItems(items: readonly StoredItem[]): Buffer {
  let length = 0
  for (const { key, value } of items) length += ITEM_BYTES + key.length + value.length
  const payload = Buffer.allocUnsafe(length)
  let at = 0
  for (const { key, value, version, expiresAtWallMs } of items) {
    payload.writeUInt16LE(key.length, at)
    payload.writeUInt32LE(value.length, at + 2)
    payload.writeDoubleLE(version, at + 6)
    payload.writeDoubleLE(expiresAtWallMs, at + 14)
    at += ITEM_BYTES
    at += payload.write(key, at, 'latin1')
    payload.set(value, at)
    at += value.length
  }
  return encodeBlock('items', payload)
}

/** @throws {BackupDamagedError} lengths that do not fit. */
export function* decodeItems(payload: Buffer): Generator<StoredItem, void> {
  for (let at = 0; at < payload.length; ) {
    if (at + ITEM_BYTES > payload.length) throw new BackupDamagedError('an item is cut off')
    const keyFrom = at + ITEM_BYTES
    const valueFrom = keyFrom + payload.readUInt16LE(at)
    const end = valueFrom + payload.readUInt32LE(at + 2)
    if (end > payload.length) throw new BackupDamagedError('an item is cut off')
    yield {
      key: asKey(payload.toString('latin1', keyFrom, valueFrom)),
      value: payload.subarray(valueFrom, end),
      version: asSeq(payload.readDoubleLE(at + 6)),
      expiresAtWallMs: asMillis(payload.readDoubleLE(at + 14)),
    }
    at = end
  }
}

/** What a block of JSON says. Only its form is checked: its checksum says that it is what was written. */
export function jsonOf<Data>(block: Block): Data {
  try {
    return JSON.parse(block.payload.toString('utf8')) as Data
  } catch (error) {
    throw new BackupDamagedError(`a block "${block.type}" holds no JSON: ${(error as Error).message}`)
  }
}

/**
 * Cuts a stream into blocks. Memory is bounded by one block.
 *
 * @param offset - where in the file the stream begins, for messages.
 * @throws {BackupDamagedError} a checksum is wrong, or the stream ends inside of a block.
 */
export async function* readBlocks(stream: AsyncIterable<Buffer>, offset = 0): AsyncGenerator<Block, void> {
  let parts: Buffer[] = []
  let held = 0
  let at = offset
  let wanted = HEAD_BYTES
  for await (const chunk of stream) {
    parts.push(chunk)
    held += chunk.length
    while (held >= wanted) {
      const [first] = parts
      const whole: Buffer = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts)
      parts = [whole]
      const length = whole.readUInt32LE(0)
      if (length > PAYLOAD_BYTES_MAX)
        throw new BackupDamagedError(`the block at byte ${at} says to have ${length} bytes: it is damaged`)
      wanted = HEAD_BYTES + length + CHECKSUM_BYTES
      if (held < wanted) break
      const block = decodeBlock(whole.subarray(0, wanted), at)
      at += wanted
      held -= wanted
      parts = held > 0 ? [whole.subarray(wanted)] : []
      wanted = HEAD_BYTES
      yield block
    }
  }
  if (held > 0) throw new BackupDamagedError(`it ends inside of the block at byte ${at}: it is incomplete`)
}

function decodeBlock(bytes: Buffer, at: number): Block {
  const end = bytes.length - CHECKSUM_BYTES
  const type = BLOCK_TYPES[bytes.readUInt8(4)]
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end) || type === undefined)
    throw new BackupDamagedError(`the checksum of the block at byte ${at} is wrong: it is damaged`)
  return { type, payload: bytes.subarray(HEAD_BYTES, end), bytes }
}
