/** A member's snapshots on a simulated disk: as runtime/coordinator/snapshot-files.ts has them, without files. */
import type { SnapshotPart } from '../../../coordinator/raft/events.ts'
import type { SnapshotMeta } from '../../../coordinator/raft/log.ts'
import { EMPTY_SNAPSHOT } from '../../../coordinator/raft/state.ts'
import type { Recovered } from '../../../runtime/coordinator/member-ports.ts'
import type { SnapshotStore } from '../../../runtime/coordinator/raft-host.ts'
import type { SimDisk } from '../kernel/disk.ts'

/** The newest, and the one before it, which may be on its way to a follower. */
const KEPT = 2
const SUM_BYTES = 4
/** What a disk writes in a microsecond. */
const BYTES_PER_US = 200

/** A snapshot is not what was written. */
export class RottenSnapshotError extends Error {}

interface StoredSnapshot {
  readonly meta: SnapshotMeta
  /** Checksum and body: so they also travel to a follower, and are verified there. */
  readonly bytes: Uint8Array
}

/** Outlives the lives of its process. A crash loses the snapshot that is being written, or received, and no other. */
export class SnapshotDisk implements SnapshotStore {
  readonly #disk: SimDisk
  /** Newest first. */
  #stored: StoredSnapshot[] = []
  #staged: Uint8Array[] | null = null

  constructor(disk: SimDisk) {
    this.#disk = disk
  }

  get newest(): SnapshotMeta {
    return this.#stored[0]?.meta ?? EMPTY_SNAPSHOT
  }

  /** Begins a life. @throws {RottenSnapshotError} */
  load(): Recovered['snapshot'] {
    this.#staged = null
    const [newest] = this.#stored
    return newest === undefined ? null : { meta: newest.meta, body: verified(newest.bytes) }
  }

  /** `done` once it would survive a crash, or with what the disk says against it. */
  write(meta: SnapshotMeta, parts: readonly Uint8Array[], done: (error: Error | null) => void): void {
    const { process } = this.#disk
    const bytes = withSum(parts)
    const us = this.#disk.fsyncUs() + (bytes.length / BYTES_PER_US) * this.#disk.slowness
    process.timers.after(us / 1000, () => {
      try {
        this.#publish({ meta, bytes })
        done(null)
      } catch (error) {
        if (!(error instanceof DiskFullError)) throw error
        done(error)
      }
    })
  }

  #publish(snapshot: StoredSnapshot): void {
    this.#needRoom()
    const others = this.#stored.filter(({ meta }) => !isSame(meta, snapshot.meta))
    this.#stored = [snapshot, ...others]
      .sort((a, b) => b.meta.lastIndex - a.meta.lastIndex || b.meta.lastTerm - a.meta.lastTerm)
      .slice(0, KEPT)
  }

  read({
    meta: wanted,
    offset: wantedOffset,
    bytesMax,
  }: Parameters<SnapshotStore['read']>[0]): SnapshotPart | null {
    const same = wanted === null ? undefined : this.#stored.find(({ meta }) => isSame(meta, wanted))
    const found = same ?? this.#stored[0]
    if (found === undefined) return null
    const offset = same === undefined ? 0 : wantedOffset
    const bytes = found.bytes.slice(offset, offset + bytesMax)
    return { meta: found.meta, offset, bytes, done: offset + bytes.length >= found.bytes.length }
  }

  stage({ offset, bytes }: SnapshotPart): void {
    this.#needRoom()
    if (offset === 0) this.#staged = []
    const staged = this.#staged?.reduce((sum, part) => sum + part.length, 0)
    if (this.#staged === null || staged !== offset)
      throw new RangeError(`part of a snapshot at ${offset}, staged ${staged ?? 'nothing'}`)
    this.#staged.push(bytes)
  }

  finishStaged(meta: SnapshotMeta): Uint8Array {
    const bytes = joined(this.#staged ?? [])
    this.#staged = null
    const body = verified(bytes)
    this.#publish({ meta, bytes })
    return body
  }

  #needRoom(): void {
    if (this.#disk.full) throw new DiskFullError('no space left on device')
  }

  /** A bit flips in the newest. Found when the next life begins, or where it is sent to. @returns false: there is none. */
  rot(): boolean {
    const [newest] = this.#stored
    if (newest === undefined) return false
    const at = this.#disk.process.rng.below(newest.bytes.length)
    newest.bytes[at] = (newest.bytes[at] ?? 0) ^ 1
    return true
  }

  wipe(): void {
    this.#stored = []
  }
}

class DiskFullError extends Error {}

const isSame = (a: SnapshotMeta, b: SnapshotMeta) => a.lastIndex === b.lastIndex && a.lastTerm === b.lastTerm

function withSum(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = joined([new Uint8Array(SUM_BYTES), ...parts])
  new DataView(bytes.buffer).setUint32(0, sumOf(bytes.subarray(SUM_BYTES)))
  return bytes
}

function verified(bytes: Uint8Array): Uint8Array {
  const body = bytes.slice(SUM_BYTES)
  const holds =
    bytes.length >= SUM_BYTES && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === sumOf(body)
  if (!holds) throw new RottenSnapshotError('a snapshot does not match its checksum')
  return body
}

/** FNV-1a: enough to notice a flipped bit. */
function sumOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
