// Snapshots on disk, one file each: header, then the state machine's bytes. A file gets its name only once it is whole and on
// the disk. The same bytes travel to a follower that needs them, header included, and are verified there like a file of its own.
import { createHash, type Hash } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import type { SnapshotPart } from '../../coordinator/raft/events.ts'
import { asLogIndex, asTerm } from '../../coordinator/raft/ids.ts'
import type { SnapshotMeta } from '../../coordinator/raft/log.ts'
import { EMPTY_SNAPSHOT } from '../../coordinator/raft/state.ts'
import { syncDirectory } from '../storage/wal/segments.ts'

const MAGIC = Buffer.from('CATENSNP', 'latin1')
const FORMAT = 1
const SUM_BYTES = 32
const HEADER_BYTES = 36 + SUM_BYTES
/** The newest, and the one before it, which may be on its way to a follower. */
const KEPT = 2
const NAME = /^(\d{16})-(\d+)\.snapshot$/
const STAGED = 'incoming.tmp'

/** A snapshot file is not what was written. */
export class SnapshotCorruptError extends Error {
  constructor(file: string, what: string) {
    super(
      `snapshot ${file} ${what}. What it stood for is not in the log any more, so this member refuses to go on with it. Repair: ` +
        'check the disk; while a majority of the other members is up and has a leader, move the whole data directory away ' +
        'and start this member with an empty one.',
    )
    this.name = 'SnapshotCorruptError'
  }
}

export interface StoredSnapshot {
  readonly meta: SnapshotMeta
  readonly body: Uint8Array
}

export class SnapshotFiles {
  readonly #directory: string
  #newest: SnapshotMeta = EMPTY_SNAPSHOT
  /** The snapshot that a leader is sending. */
  #staged: { readonly fd: number; bytes: number } | null = null

  constructor(directory: string) {
    this.#directory = directory
    fs.mkdirSync(directory, { recursive: true })
  }

  /** Of the newest snapshot; zeros if there is none. */
  get newest(): SnapshotMeta {
    return this.#newest
  }

  /** The newest snapshot. What a crash left half-written is removed. @throws {SnapshotCorruptError} */
  load(): StoredSnapshot | null {
    for (const name of fs.readdirSync(this.#directory)) {
      if (name.endsWith('.tmp')) fs.unlinkSync(join(this.#directory, name))
    }
    const newest = this.#list()[0]
    if (newest === undefined) return null
    const body = verify(this.#file(newest), fs.readFileSync(this.#file(newest)), newest)
    this.#newest = newest
    return { meta: newest, body }
  }

  /** Writes a snapshot; resolves once it would survive a power cut. The parts belong to it until then. */
  async write(meta: SnapshotMeta, parts: readonly Uint8Array[]): Promise<void> {
    const temporary = `${this.#file(meta)}.tmp`
    const file = await fs.promises.open(temporary, 'w')
    try {
      const header = headerOf(meta, bytesIn(parts))
      const hash = beginSum(header)
      let position = HEADER_BYTES
      // Part by part, so that nobody waits while all is hashed.
      for (const part of parts) {
        hash.update(part)
        await file.write(part, 0, part.length, position)
        position += part.length
      }
      hash.digest().copy(header, HEADER_BYTES - SUM_BYTES)
      await file.write(header, 0, header.length, 0)
      await file.sync()
    } finally {
      await file.close()
    }
    this.#publish(temporary, meta)
  }

  #publish(temporary: string, meta: SnapshotMeta): void {
    fs.renameSync(temporary, this.#file(meta))
    syncDirectory(this.#directory)
    if (meta.lastIndex > this.#newest.lastIndex) this.#newest = meta
    for (const old of this.#list().slice(KEPT)) fs.unlinkSync(this.#file(old))
  }

  /** Bytes for a follower: of the snapshot that it gets already, if that is still there, else of the newest one from its start. */
  read(wanted: {
    readonly meta: SnapshotMeta | null
    readonly offset: number
    readonly bytesMax: number
  }): SnapshotPart | null {
    const goesOn = wanted.meta !== null && fs.existsSync(this.#file(wanted.meta))
    const meta = goesOn && wanted.meta !== null ? wanted.meta : this.#newest
    if (meta.lastIndex === 0) return null
    const offset = goesOn ? wanted.offset : 0
    const fd = fs.openSync(this.#file(meta), 'r')
    try {
      const size = fs.fstatSync(fd).size
      const bytes = new Uint8Array(Math.max(0, Math.min(wanted.bytesMax, size - offset)))
      fs.readSync(fd, bytes, 0, bytes.length, offset)
      return { meta, offset, bytes, done: offset + bytes.length >= size }
    } finally {
      fs.closeSync(fd)
    }
  }

  /** Takes bytes of a leader's snapshot. Each part is synced, so that the last one leaves little to do. */
  stage({ offset, bytes }: SnapshotPart): void {
    if (offset === 0) {
      this.#dropStaged()
      this.#staged = { fd: fs.openSync(join(this.#directory, STAGED), 'w'), bytes: 0 }
    }
    const staged = this.#staged
    if (staged === null || staged.bytes !== offset)
      throw new RangeError(`part of a snapshot at ${offset}, staged ${staged?.bytes ?? 'nothing'}`)
    fs.writeSync(staged.fd, bytes)
    fs.fdatasyncSync(staged.fd)
    staged.bytes += bytes.length
  }

  /** All parts are there: makes them a snapshot like any other. @throws {SnapshotCorruptError} */
  finishStaged(meta: SnapshotMeta): Uint8Array {
    const file = join(this.#directory, STAGED)
    const body = verify(file, fs.readFileSync(file), meta)
    this.#dropStaged()
    this.#publish(file, meta)
    return body
  }

  #dropStaged(): void {
    if (this.#staged !== null) fs.closeSync(this.#staged.fd)
    this.#staged = null
  }

  close(): void {
    this.#dropStaged()
  }

  #file({ lastIndex, lastTerm }: SnapshotMeta): string {
    return join(this.#directory, `${String(lastIndex).padStart(16, '0')}-${lastTerm}.snapshot`)
  }

  /** Newest first. */
  #list(): SnapshotMeta[] {
    const found: SnapshotMeta[] = []
    for (const name of fs.readdirSync(this.#directory)) {
      const match = NAME.exec(name)
      if (match !== null)
        found.push({ lastIndex: asLogIndex(Number(match[1])), lastTerm: asTerm(Number(match[2])) })
    }
    return found.sort((a, b) => b.lastIndex - a.lastIndex || b.lastTerm - a.lastTerm)
  }
}

/** header  magic(8) version(u32) lastIndex(f64) lastTerm(f64) bodyBytes(f64) sha256 of the header so far and the body(32) */
function headerOf({ lastIndex, lastTerm }: SnapshotMeta, bodyBytes: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  MAGIC.copy(header, 0)
  header.writeUInt32BE(FORMAT, 8)
  header.writeDoubleBE(lastIndex, 12)
  header.writeDoubleBE(lastTerm, 20)
  header.writeDoubleBE(bodyBytes, 28)
  return header
}

const bytesIn = (parts: readonly Uint8Array[]): number =>
  parts.reduce((bytes, part) => bytes + part.length, 0)

/** The body follows. */
const beginSum = (header: Uint8Array): Hash =>
  createHash('sha256').update(header.subarray(0, HEADER_BYTES - SUM_BYTES))

function verify(file: string, bytes: Buffer, meta: SnapshotMeta): Uint8Array {
  if (bytes.length < HEADER_BYTES || !bytes.subarray(0, 8).equals(MAGIC))
    throw new SnapshotCorruptError(file, 'is no snapshot')
  const version = bytes.readUInt32BE(8)
  if (version !== FORMAT) throw new SnapshotCorruptError(file, `has format ${version}, not ${FORMAT}`)
  const body = bytes.subarray(HEADER_BYTES)
  if (body.length !== bytes.readDoubleBE(28)) throw new SnapshotCorruptError(file, 'has the wrong length')
  const sum = beginSum(bytes).update(body).digest()
  if (!sum.equals(bytes.subarray(HEADER_BYTES - SUM_BYTES, HEADER_BYTES)))
    throw new SnapshotCorruptError(file, 'has a wrong checksum')
  if (bytes.readDoubleBE(12) !== meta.lastIndex || bytes.readDoubleBE(20) !== meta.lastTerm)
    throw new SnapshotCorruptError(file, `is not of entry ${meta.lastIndex}`)
  return body
}
