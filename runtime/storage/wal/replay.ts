import fs from 'node:fs'
import { WalCorruptError } from './errors.ts'
import { decodeSegmentHeader, nextValidRecord, RECORD_HEADER_BYTES, recordEnd } from './format.ts'
import { listSegments, type Segment } from './segments.ts'

/** One record as the replay finds it. The payload is the receiver's own copy. */
export interface WalRecord {
  /** Chosen by the user of the log, 0 to 255. */
  readonly type: number
  readonly payload: Uint8Array
  /** 1 for the first record ever appended, then consecutive. */
  readonly position: number
}

/** What a replay cut from the log's end: a record that a crash had left half-written, hence never reported durable. */
export interface TornTail {
  readonly file: string
  readonly offset: number
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
 * Torn or corrupt: bytes that are no record, at the very end of the last segment, are what a crash during a write
 * leaves, and are cut. If a valid record follows them, or another segment, then something has damaged what had been
 * written before, which may have been acknowledged: that is corruption, and the process must not go on.
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
    segments.push({ number, file, firstPosition: header.firstPosition, salt: header.salt })
    let offset = headerBytes
    for (;;) {
      const end = recordEnd(bytes, offset, header.salt)
      if (end === -1) break
      position++
      const payload = new Uint8Array(bytes.subarray(offset + RECORD_HEADER_BYTES, end))
      yield { type: bytes[offset + 12] ?? 0, payload, position }
      offset = end
    }
    if (offset < bytes.length) {
      const damage = { file, offset, bytes: bytes.length - offset }
      refuseCorruption(bytes, damage, { salt: header.salt, isLast: index === files.length - 1 })
      tornTail = damage
    }
    lastBytes = offset
  }
  return { segments, lastPosition: position, lastBytes, tornTail }
}

function refuseCorruption(bytes: Buffer, damage: TornTail, options: { salt: number; isLast: boolean }): void {
  if (!options.isLast)
    throw new WalCorruptError(damage.file, damage.offset, 'a record is invalid, and another segment follows')
  const next = nextValidRecord(bytes, damage.offset + 1, options.salt)
  if (next !== -1)
    throw new WalCorruptError(
      damage.file,
      damage.offset,
      `a record is invalid, and a valid one follows at ${next}`,
    )
}
