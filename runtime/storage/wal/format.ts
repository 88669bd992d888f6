// Bytes of a log segment: one header, then records, then zeros that are written beforehand until the end of the file.
//
// header  magic(8) version(u32) salt(u32) firstPosition(f64) ownerBytes(u16) owner crc(u32)
// record  vouches(1 bit) length(31 bits) the same four bytes ^ salt(u32) crc(u32) type(u8) payload(length)
//
// A record that *vouches* says that all before it was on the disk when it was written, so that whatever is broken before it is damage. The records of
// one write that was not synced may reach the disk in any order: of those only the first one vouches (see replay.ts).
//
// Little-endian. The salt is random per log and seeds every checksum, so that a payload that contains log bytes (a
// client may store anything) is never taken for a record. The length is guarded by itself,
// so that a scan for the next valid record costs one comparison per byte, not one checksum.
import { crc32 } from 'node:zlib'
import { WalCorruptError, WalForeignError } from './errors.ts'

const MAGIC = Buffer.from('CATENWAL', 'latin1')
/** Raised whenever a record of the new version would be misread by the old, also where only its payload has changed. */
export const FORMAT_VERSION = 3
/** Read, but not written any more: no record says whether it vouches, and all do. */
export const FORMAT_VERSION_OLD = 2
const FIXED_HEADER_BYTES = 26
const OWNER_BYTES_MAX = 512

export const RECORD_HEADER_BYTES = 13
/** A record's payload may not be larger: longer lengths are damage. */
export const PAYLOAD_BYTES_MAX = 512 * 1024 * 1024

const VOUCHES = 0x8000_0000
const LENGTH = 0x7fff_ffff

export interface SegmentHeader {
  readonly format: number
  readonly owner: string
  readonly salt: number
  /** Position of the segment's first record. */
  readonly firstPosition: number
}

export function encodeSegmentHeader(header: Omit<SegmentHeader, 'format'>): Buffer {
  const owner = Buffer.from(header.owner, 'utf8')
  if (owner.length > OWNER_BYTES_MAX)
    throw new RangeError(`the owner of a log has at most ${OWNER_BYTES_MAX} bytes`)
  const bytes = Buffer.alloc(FIXED_HEADER_BYTES + owner.length + 4)
  MAGIC.copy(bytes, 0)
  bytes.writeUInt32LE(FORMAT_VERSION, 8)
  bytes.writeUInt32LE(header.salt, 12)
  bytes.writeDoubleLE(header.firstPosition, 16)
  bytes.writeUInt16LE(owner.length, 24)
  owner.copy(bytes, FIXED_HEADER_BYTES)
  const end = FIXED_HEADER_BYTES + owner.length
  bytes.writeUInt32LE(crc32(bytes.subarray(0, end)), end)
  return bytes
}

/** Reads and checks a segment's header. A segment is renamed into place only once its header is durable, so it is never torn. */
export function decodeSegmentHeader(
  file: string,
  bytes: Buffer,
  owner: string,
): { header: SegmentHeader; headerBytes: number } {
  if (bytes.length < FIXED_HEADER_BYTES + 4) throw new WalCorruptError(file, 0, 'the header is incomplete')
  if (!bytes.subarray(0, 8).equals(MAGIC)) throw new WalForeignError(file, 'it is not a log segment')
  const version = bytes.readUInt32LE(8)
  const end = FIXED_HEADER_BYTES + bytes.readUInt16LE(24)
  if (bytes.length < end + 4) throw new WalCorruptError(file, 0, 'the header is incomplete')
  const sound = crc32(bytes.subarray(0, end)) === bytes.readUInt32LE(end)
  if (version !== FORMAT_VERSION && version !== FORMAT_VERSION_OLD && (sound || version < 1000)) {
    throw new WalForeignError(
      file,
      `it has format ${version} and this program reads formats ${FORMAT_VERSION_OLD} and ${FORMAT_VERSION}`,
    )
  }
  if (!sound) throw new WalCorruptError(file, 0, 'the checksum of the header does not match')
  const header = {
    format: version,
    owner: bytes.toString('utf8', FIXED_HEADER_BYTES, end),
    salt: bytes.readUInt32LE(12),
    firstPosition: bytes.readDoubleLE(16),
  }
  if (header.owner !== owner)
    throw new WalForeignError(file, `it belongs to "${header.owner}", not to "${owner}"`)
  return { header, headerBytes: end + 4 }
}

/** Writes one record at `offset` and returns the offset after it. The caller has made room. */
export function encodeRecord(
  target: Buffer,
  offset: number,
  record: { type: number; prefix: Uint8Array; payload: Uint8Array; vouches: boolean },
  salt: number,
): number {
  const { type, prefix, payload, vouches } = record
  const length = prefix.length + payload.length
  const end = offset + RECORD_HEADER_BYTES + length
  encodeLength(target, offset, vouches ? (length | VOUCHES) >>> 0 : length, salt)
  target[offset + 12] = type
  target.set(prefix, offset + RECORD_HEADER_BYTES)
  target.set(payload, offset + RECORD_HEADER_BYTES + prefix.length)
  target.writeUInt32LE(crc32(target.subarray(offset + 12, end), salt), offset + 8)
  return end
}

function encodeLength(target: Buffer, offset: number, length: number, salt: number): void {
  target.writeUInt32LE(length, offset)
  target.writeUInt32LE((length ^ salt) >>> 0, offset + 4)
}

/** Makes the record at `offset` vouch for all before it: known only when it is written, not yet when it is encoded. */
export function makeVouch(target: Buffer, offset: number, salt: number): void {
  encodeLength(target, offset, (target.readUInt32LE(offset) | VOUCHES) >>> 0, salt)
}

export const vouches = (bytes: Buffer, offset: number): boolean =>
  (bytes.readUInt32LE(offset) & VOUCHES) !== 0

/** The offset after the record at `offset`, or -1 if no valid record begins there. */
export function recordEnd(bytes: Buffer, offset: number, salt: number): number {
  if (offset + RECORD_HEADER_BYTES > bytes.length) return -1
  const guarded = bytes.readUInt32LE(offset)
  if ((guarded ^ salt) >>> 0 !== bytes.readUInt32LE(offset + 4)) return -1
  const length = guarded & LENGTH
  const end = offset + RECORD_HEADER_BYTES + length
  if (length > PAYLOAD_BYTES_MAX || end > bytes.length) return -1
  return crc32(bytes.subarray(offset + 12, end), salt) === bytes.readUInt32LE(offset + 8) ? end : -1
}

/** Where the first valid record at or behind `from` begins, and before `to`; -1 if none does. */
export function nextValidRecord(
  bytes: Buffer,
  { from, to }: { readonly from: number; readonly to: number },
  salt: number,
): number {
  for (let offset = from; offset < to; offset++) {
    if (recordEnd(bytes, offset, salt) !== -1) return offset
  }
  return -1
}
