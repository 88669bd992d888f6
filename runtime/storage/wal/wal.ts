// One append-only log for everything that must survive a power cut: a chain's entries and Raft's. It stores opaque
// records; a user that drops its dirty suffix appends a record that says so. What it promises is `onDurable`, and
// nothing else: a record that was appended but not reported may vanish.
import fs from 'node:fs'
import { promisify } from 'node:util'
import { WalFailedError } from './errors.ts'
import { encodeRecord, FORMAT_VERSION, makeVouch, PAYLOAD_BYTES_MAX, RECORD_HEADER_BYTES } from './format.ts'
import { type LogEnd, replaySegments, type TornTail, type WalRecord } from './replay.ts'
import {
  createSegment,
  cutReserve,
  needsReserve,
  newSalt,
  type OpenSegment,
  reopenSegment,
  reserve,
  type Segment,
  syncDirectory,
  writeFully,
} from './segments.ts'

const fdatasync = promisify((fd: number, done: (error: Error | null) => void) => fs.fdatasync(fd, done))
const CHUNK_BYTES = 1024 * 1024
const NOTHING = new Uint8Array(0)

/**
 * What a record needs to be reported durable. `sync`: an fdatasync, one for all that arrived meanwhile. `interval`: the page cache, which is synced every
 * `intervalMs`. `never`: the page cache.
 */
export type FsyncPolicy = 'sync' | 'interval' | 'never'

export interface WalOptions {
  /** Created if absent. No other process may use it (see `openDataDirectory`). */
  readonly directory: string
  /** Whose log this is; another owner's segments are refused. */
  readonly owner: string
  /** A new segment begins once the current one is as long as this. Default: 64 MiB. */
  readonly segmentBytesMax?: number
  /** Default: `sync`. */
  readonly fsync?: FsyncPolicy
  /** Only for `interval`. Default: 100. */
  readonly intervalMs?: number
  /** Every record up to this position would survive, as the fsync policy means it. Only grows. Never called from inside `append`. */
  readonly onDurable?: (position: number) => void
  /** Told how long each fdatasync took. */
  readonly syncTimes?: { add(ms: number): void }
  /** The disk refuses; called once, and nothing is reported durable after it. */
  readonly onFailure?: (error: WalFailedError) => void
}

/** Encoded records that await their write. */
interface Chunk {
  readonly bytes: Buffer
  used: number
  lastPosition: number
}

interface Waiter {
  readonly position: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Opens a log. `replay` must be exhausted before the first `append`: it finds the end of the log and cuts a torn tail.
 *
 * @throws {WalCorruptError} (from `replay`) damage where data may have been acknowledged.
 * @throws {WalForeignError} (from `replay`) another owner's log, or another format.
 *
 * @example
 * const { wal, replay } = openWal({ directory: 'data/wal', owner: 'n1/c0', onDurable: (p) => confirm(p) })
 * for (const { type, payload } of replay()) restore(type, payload)
 * wal.append(1, bytes)
 */
export function openWal(options: WalOptions): { wal: Wal; replay: () => Generator<WalRecord, void> } {
  fs.mkdirSync(options.directory, { recursive: true })
  const wal = new Wal(options)
  return { wal, replay: () => wal.replay() }
}

export class Wal {
  readonly #options: WalOptions
  readonly #directory: string
  readonly #policy: FsyncPolicy
  readonly #segmentBytesMax: number
  #closedSegments: Segment[] = []
  #segment: OpenSegment | null = null
  #chunks: Chunk[] = []
  #spare: Buffer | null = null
  #appended = 0
  /** Newest record that wants to be written: behind it stand only hints. */
  #wanted = 0
  #written = 0
  #synced = 0
  /** What was reported. */
  #durable = 0
  #tornTail: TornTail | null = null
  #running = false
  #run: Promise<void> = Promise.resolve()
  #scheduled = false
  #syncAsked = false
  /** The fdatasync of `interval`, for which no write waits. */
  #aside: Promise<void> | null = null
  /** Zeros are being written behind the segment's `reservedBytes`. */
  #reserving: Promise<void> | null = null
  #timer: NodeJS.Timeout | null = null
  #waiters: Waiter[] = []
  #failure: WalFailedError | null = null
  #closed = false
  #syncs = 0

  constructor(options: WalOptions) {
    this.#options = options
    this.#directory = options.directory
    this.#policy = options.fsync ?? 'sync'
    this.#segmentBytesMax = options.segmentBytesMax ?? 64 * 1024 * 1024
  }

  /** Every record up to here would survive, as the fsync policy means it. 0 before the first. */
  get durablePosition(): number {
    return this.#durable
  }

  /** Position of the newest record appended. */
  get lastPosition(): number {
    return this.#appended
  }

  /** How often this life has waited for the disk. */
  get syncs(): number {
    return this.#syncs
  }

  /** What the replay cut from the end, for the log line that says so. */
  get tornTail(): TornTail | null {
    return this.#tornTail
  }

  get failure(): WalFailedError | null {
    return this.#failure
  }

  /** See {@link openWal}. */
  *replay(): Generator<WalRecord, void> {
    const end: LogEnd = yield* replaySegments(this.#directory, this.#options.owner)
    const last = end.segments.at(-1)
    this.#closedSegments = end.segments.slice(0, -1)
    this.#tornTail = end.tornTail
    this.#segment =
      last === undefined
        ? createSegment(this.#directory, { ...this.#options, number: 1, firstPosition: 1, salt: newSalt() })
        : reopenSegment(last, end.lastBytes)
    syncDirectory(this.#directory)
    this.#appended = this.#wanted = this.#written = this.#synced = this.#durable = end.lastPosition
    if (this.#segment.format !== FORMAT_VERSION) this.#segment = this.#segmentAfter(this.#segment)
    if (this.#policy === 'interval')
      this.#timer = setInterval(() => this.#askSync(), this.#options.intervalMs ?? 100)
  }

  /**
   * Adds a record to the log. Everything that is appended in one turn of the event loop is one write, and for `sync`
   * one fdatasync; what is appended while that runs goes together with the next.
   *
   * @param type - 0 to 255, opaque.
   * @param payload - copied at once.
   * @param prefix - stands before the payload: a user with several streams names the stream here without a copy of its own.
   * @returns its position, to compare with what `onDurable` reports.
   */
  append(type: number, payload: Uint8Array, prefix: Uint8Array = NOTHING): number {
    this.#encode(type, payload, prefix)
    this.#wanted = this.#appended
    this.#schedule()
    return this.#appended
  }

  /** Adds a record that is written together with the next one, at the next `writeHints`, or at the end: worth no write and no fdatasync of its own. */
  appendHint(type: number, payload: Uint8Array, prefix: Uint8Array = NOTHING): number {
    this.#encode(type, payload, prefix)
    return this.#appended
  }

  #encode(type: number, payload: Uint8Array, prefix: Uint8Array): void {
    if (this.#segment === null || this.#closed) throw new Error(`the log in ${this.#directory} is not open`)
    const payloadBytes = prefix.length + payload.length
    if (payloadBytes > PAYLOAD_BYTES_MAX)
      throw new RangeError(`a log record has at most ${PAYLOAD_BYTES_MAX} bytes`)
    this.#appended++
    if (this.#failure !== null) return
    const bytes = RECORD_HEADER_BYTES + payloadBytes
    let chunk = this.#chunks.at(-1)
    if (chunk === undefined || chunk.bytes.length - chunk.used < bytes) {
      chunk = { bytes: this.#buffer(bytes), used: 0, lastPosition: 0 }
      this.#chunks.push(chunk)
    }
    // Nothing is synced for each record but with `sync`: a file that only grows shows its pages in the order in which they were written.
    const vouches = this.#policy !== 'sync'
    chunk.used = encodeRecord(chunk.bytes, chunk.used, { type, prefix, payload, vouches }, this.#segment.salt)
    chunk.lastPosition = this.#appended
  }

  /**
   * Writes at once what would be written when the turn ends; `sync` begins its fdatasync, the others report it durable before this returns. Does nothing where only
   * hints wait, and while `sync` has an fdatasync running: what is waiting then goes together with the next.
   */
  write(): void {
    if (!this.#running && this.#wanted > this.#written) this.#run = this.#writePending()
  }

  /** Writes also the hints, so that the end of this process does not lose them. */
  writeHints(): void {
    if (!this.#running && this.#chunks.length > 0) this.#run = this.#writePending()
  }

  /** Resolves once all that has been appended so far is synced (`never`: written). Rejects if the disk fails. */
  flush(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    if (this.#kept === this.#appended) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiters.push({ position: this.#appended, resolve, reject })
      this.#askSync()
    })
  }

  get #kept(): number {
    return this.#policy === 'never' ? this.#written : this.#synced
  }

  /** Deletes the segments whose records all lie below `position`: they are no longer needed. */
  dropBefore(position: number): void {
    try {
      let dropped = false
      for (;;) {
        const next = this.#closedSegments[1] ?? this.#segment
        const oldest = this.#closedSegments[0]
        // Oldest first, so that whatever survives a crash here is still without a gap.
        if (oldest === undefined || next === null || next.firstPosition > position) break
        fs.unlinkSync(oldest.file)
        this.#closedSegments.shift()
        dropped = true
      }
      if (dropped) syncDirectory(this.#directory)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Makes everything durable and closes the file. */
  async close(): Promise<void> {
    if (this.#closed) return
    try {
      if (this.#segment !== null && this.#failure === null) await this.flush()
    } finally {
      this.#closed = true
      await this.#run // a descriptor must not be closed under a running fdatasync
      await this.#aside
      await this.#reserving
      if (this.#timer !== null) clearInterval(this.#timer)
      if (this.#segment !== null) {
        if (this.#failure === null) cutReserve(this.#segment)
        fs.closeSync(this.#segment.fd)
      }
      this.#segment = null
    }
  }

  #schedule(): void {
    if (this.#running || this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (!this.#running && (this.#wanted > this.#written || this.#syncAsked))
        this.#run = this.#writePending()
    })
  }

  #askSync(): void {
    if (this.#kept === this.#appended) return
    this.#syncAsked = true
    this.#schedule()
  }

  /** Writes and syncs until nothing but hints is pending. Never runs twice at a time. */
  async #writePending(): Promise<void> {
    if (this.#running || this.#failure !== null || this.#segment === null) return
    this.#running = true
    try {
      do {
        if (this.#segment.bytes >= this.#segmentBytesMax && this.#chunks.length > 0)
          this.#segment = await this.#nextSegment(this.#segment)
        const asked = this.#syncAsked || this.#waiters.length > 0
        this.#syncAsked = false
        if (this.#reserving !== null && !this.#fits(this.#segment)) await this.#reserving
        this.#writeChunks(this.#segment)
        if (this.#policy === 'sync') {
          if (asked || this.#wanted > this.#synced) await this.#sync(this.#segment)
        } else {
          if (asked && this.#policy === 'interval') this.#syncAside(this.#segment)
          this.#reportDurable(this.#written)
          this.#answerWaiters()
        }
      } while (this.#wanted > this.#written || this.#syncAsked)
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#running = false
    }
  }

  /** Whether what is pending goes where zeros have been written. */
  #fits(segment: OpenSegment): boolean {
    let end = segment.bytes
    for (const chunk of this.#chunks) end += chunk.used
    return end <= segment.reservedBytes
  }

  /** The write is synchronous: it only fills the page cache, faster than a hop to a thread and back would take. */
  #writeChunks(segment: OpenSegment): void {
    const buffers: Buffer[] = []
    const position = segment.bytes
    let count = 0
    for (const chunk of this.#chunks) {
      if (count > 0 && segment.bytes >= this.#segmentBytesMax) break
      if (count === 0 && this.#synced === this.#written) makeVouch(chunk.bytes, 0, segment.salt)
      buffers.push(chunk.bytes.subarray(0, chunk.used))
      segment.bytes += chunk.used
      count++
    }
    if (count === 0) return
    writeFully(segment.fd, buffers, position)
    const written = this.#chunks.splice(0, count)
    this.#written = written.at(-1)?.lastPosition ?? this.#written
    this.#spare = written.find((chunk) => chunk.bytes.length === CHUNK_BYTES)?.bytes ?? null
  }

  async #sync(segment: OpenSegment): Promise<void> {
    const written = this.#written
    this.#syncs++
    const begunMs = performance.now()
    const done = fdatasync(segment.fd)
    this.#reserveAhead(segment)
    await done
    this.#options.syncTimes?.add(performance.now() - begunMs)
    this.#synced = Math.max(this.#synced, written)
    this.#reportDurable(written)
    this.#answerWaiters()
  }

  /** A file that is synced for each write gets its length beforehand. */
  #reserveAhead(segment: OpenSegment): void {
    if (this.#policy !== 'sync' || segment.bytes >= this.#segmentBytesMax || !needsReserve(segment)) return
    this.#reserving ??= reserve(segment).finally(() => {
      this.#reserving = null
    })
  }

  #syncAside(segment: OpenSegment): void {
    this.#aside ??= this.#sync(segment)
      .catch((error) => this.#fail(error))
      .finally(() => {
        this.#aside = null
        if (this.#waiters.length > 0) this.#askSync() // they came while it ran
      })
  }

  /** The segment after a full one. All of the old one is durable before the new one exists. */
  async #nextSegment(segment: OpenSegment): Promise<OpenSegment> {
    await this.#aside
    await this.#reserving
    cutReserve(segment)
    await this.#sync(segment)
    return this.#segmentAfter(segment)
  }

  #segmentAfter(segment: OpenSegment): OpenSegment {
    const next = createSegment(this.#directory, {
      owner: this.#options.owner,
      number: segment.number + 1,
      firstPosition: this.#written + 1,
      salt: segment.salt,
    })
    fs.closeSync(segment.fd)
    this.#closedSegments.push(segment)
    return next
  }

  #reportDurable(position: number): void {
    if (this.#failure !== null || position <= this.#durable) return
    this.#durable = position
    this.#options.onDurable?.(position)
  }

  #answerWaiters(): void {
    if (this.#failure !== null) return
    while (this.#waiters[0] !== undefined && this.#waiters[0].position <= this.#kept)
      this.#waiters.shift()?.resolve()
  }

  #fail(cause: unknown): void {
    if (this.#failure !== null) return
    const failure = new WalFailedError(this.#directory, cause)
    this.#failure = failure
    this.#chunks = []
    for (const waiter of this.#waiters.splice(0)) waiter.reject(failure)
    this.#options.onFailure?.(failure)
  }

  #buffer(bytes: number): Buffer {
    if (bytes > CHUNK_BYTES) return Buffer.allocUnsafeSlow(bytes)
    const spare = this.#spare ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)
    this.#spare = null
    return spare
  }
}
