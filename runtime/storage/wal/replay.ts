import fs from 'node:fs'
import { WalCorruptError } from './errors.ts'
import {
  decodeSegmentHeader,
  FORMAT_VERSION_OLD,
  nextValidRecord,
  RECORD_HEADER_BYTES,
  recordEnd,
  vouches,
} from './format.ts'
import { listSegments, type Segment } from './segments.ts'

/** One record as the replay finds it. The payload is the receiver's own copy. */
export interface WalRecord {
  /** Chosen by the user of the log, 0 to 255. */
  readonly type: number
  readonly payload: Uint8Array
  /** 1 for the first record ever appended, then consecutive. */
  readonly position: number
}

/** A disk writes so many bytes whole or not at all. */
const SECTOR_BYTES = 512

/** What a replay cut from the log's end: records that a crash had left half-written, hence never reported durable. */
export interface TornTail {
  readonly file: string
  readonly offset: number
  /** To the end of the file. */
  readonly bytes: number
}

/** What the writer needs to go on where the log ends. */
export interface LogEnd {
  readonly segments: readonly Segment[]
  readonly lastPosition: number
  /** Valid length of the last segment; 0 if there is none. */
  readonly lastBytes: number
  readonly tornTail: TornTail | null
}

/**
 * Yields every record in order and returns where the log ends.
 *
 * Behind the records of the last segment there may be zeros, which are its room to grow. Torn or corrupt: other bytes that are no record, with no record
 * behind them, are what a crash during a write leaves, and are cut. If another segment follows, or a valid record does that vouches for what is before it,
 * then something has damaged what had been on the disk, which may have been acknowledged: that is corruption, and the process must not go on.
 *
 * Between the two: the records of the last write, of which only the first one vouches. A power cut may leave any of its sectors unwritten, that is, zero, and
 * later ones written: that is a torn tail, and all of that write goes. Where a record is broken but no sector of it is missing, it is damage after all;
 * likewise where the log was closed, so that there are no zeros behind it.
 *
 * @throws {WalCorruptError} naming file and offset. {@link WalForeignError} for another owner's segments.
 */
export function* replaySegments(directory: string, owner: string): Generator<WalRecord, LogEnd> {
  const files = listSegments(directory)
  const segments: Segment[] = []
  let position = 0
  let lastBytes = 0
  let tornTail: TornTail | null = null
  for (const [index, { number, file }] of files.entries()) {
    const bytes = fs.readFileSync(file)
    const { header, headerBytes } = decodeSegmentHeader(file, bytes, owner)
    if (index === 0) position = header.firstPosition - 1
    if (header.firstPosition !== position + 1) {
      throw new WalCorruptError(
        file,
        0,
        `it begins at record ${header.firstPosition}, but record ${position + 1} is next`,
      )
    }
    const { format, firstPosition, salt } = header
    segments.push({ format, number, file, firstPosition, salt })
    let offset = headerBytes
    for (;;) {
      const end = recordEnd(bytes, offset, salt)
      if (end === -1) break
      position++
      const payload = new Uint8Array(bytes.subarray(offset + RECORD_HEADER_BYTES, end))
      yield { type: bytes[offset + 12] ?? 0, payload, position }
      offset = end
    }
    if (offset < bytes.length) {
      if (index < files.length - 1)
        throw new WalCorruptError(file, offset, 'a record is invalid, and another segment follows')
      tornTail = judgeEnd(bytes, { file, offset }, header)
    }
    lastBytes = offset
  }
  return { segments, lastPosition: position, lastBytes, tornTail }
}

/** Null where nothing but zeros follows the last record. */
function judgeEnd(
  bytes: Buffer,
  { file, offset }: { readonly file: string; readonly offset: number },
  { format, salt }: { readonly format: number; readonly salt: number },
): TornTail | null {
  const to = writtenEnd(bytes)
  if (to <= offset) return null
  const next = nextValidRecord(bytes, { from: offset + 1, to }, salt)
  if (next !== -1) {
    let isDamage = format === FORMAT_VERSION_OLD || !hasUnwrittenSector(bytes, offset, next)
    let end = next
    for (let at = next; at !== -1 && !isDamage; at = nextValidRecord(bytes, { from: end, to }, salt)) {
      isDamage = vouches(bytes, at)
      end = recordEnd(bytes, at, salt)
    }
    if (isDamage || end === bytes.length)
      throw new WalCorruptError(file, offset, `a record is invalid, and a valid one follows at ${next}`)
  }
  return { file, offset, bytes: bytes.length - offset }
}

/** Where the zeros at the end begin. */
function writtenEnd(bytes: Buffer): number {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  return end
}

/** Whether what is broken from `from` on, up to a valid record at `to`, can be because some of it never reached the disk. */
function hasUnwrittenSector(bytes: Buffer, from: number, to: number): boolean {
  for (let start = from; start < to; ) {
    const end = (Math.floor(start / SECTOR_BYTES) + 1) * SECTOR_BYTES
    if (end > to) return false // the valid record begins in this one, so it was written
    if (bytes.subarray(start, end).every((byte) => byte === 0)) return true
    start = end
  }
  return false
}
