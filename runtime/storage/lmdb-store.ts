// The clean store on disk. Reads are synchronous: an overlay in memory first, then LMDB's memory map. Writes go to the
// overlay and are visible at once; a batch in the background moves them to LMDB in one transaction, together with the
// position that they lead to, so that the file always holds exactly the state at some position.
//
// What it relies on (lmdb's README, "overlapping sync", on by default): a commit is visible first and synced after; every
// page of a transaction is on the disk before the meta page that makes it the newest *flushed* one; after a crash of the
// process the newest commit is used, after a power cut (another boot id) the newest flushed one. So the file is always
// whole, but may be behind: until `onFlushed` names a position, the write-ahead log must still cover what follows the last.
import fs from 'node:fs'
import { open, type RootDatabase } from 'lmdb'
import type { SessionRecord, SessionResults, StoredItem, StoreMeta } from '../../chain/clean-store.ts'
import {
  type Due,
  EMPTY_META,
  EMPTY_POSITION,
  isSooner,
  SessionTable,
  scanStart,
} from '../../chain/memory-store.ts'
import type { Versioned } from '../../protocol/commands.ts'
import type { Entry, Position, Write } from '../../protocol/entry.ts'
import {
  asKey,
  asMillis,
  asSeq,
  type Epoch,
  type Key,
  type Millis,
  type Seq,
  type SessionId,
} from '../../protocol/ids.ts'
import type { DurableStore, StoreSnapshot } from './durable-store.ts'
import { mergedItems, taken, visibleLayers } from './lmdb/merged-items.ts'
import { OneAtATime } from './lmdb/one-at-a-time.ts'
import { type OverlaidItem, Overlay, type OverlayMeta, type SealedOverlay } from './lmdb/overlay.ts'
import { orderedNumber, PHYSICAL_KEY_ENCODER } from './lmdb/physical-keys.ts'
import { RecentItems } from './lmdb/recent-items.ts'
import { decodeSession, encodeSession } from './lmdb/session-codec.ts'
import { type BinaryDatabase, openBinary, StoredExpiries, StoredItems } from './lmdb/stored-items.ts'

const FORMAT = 2
const PAGE_BYTES = 4096
/**
 * Address space, not memory; the library maps more once the file outgrows it. Without it, each doubling of the file leaves
 * the old map in place, and the resident size counts the same pages again.
 */
const MAP_BYTES = 64 * 1024 ** 3
const META_KEY = 'meta'
const NEVER = asMillis(0)
const disk = new OneAtATime()

type Stamp = Pick<Versioned, 'version' | 'expiresAtWallMs'>

export interface LmdbStoreOptions {
  /** A directory of its own; created if absent. One store, one process. */
  readonly path: string
  /** Everything up to here, and this `memberEpoch`, would survive a power cut: the log before it is no longer needed. */
  readonly onFlushed?: (applied: Position, memberEpoch: Epoch) => void
  /** A batch could not be written. Called once; reads go on, but nothing reaches the disk any more. */
  readonly onFailure?: (error: Error) => void
  /**
   * A batch is cut when it is this large, has this many keys, or is this old. Each costs an fsync that the log's own fdatasync waits behind, and rewrites
   * a page for nearly every key, so batches are rare: a key that changes often is written once. The bound on keys is one on this thread's pause,
   * some 1.5 µs a key. Defaults: 32 MiB, 16,384, 5 s.
   */
  readonly batchBytes?: number
  readonly batchKeys?: number
  readonly batchDelayMs?: number
}

const BATCH = { bytes: 32 * 1024 * 1024, keys: 16_384, delayMs: 5000 }

/** See `CleanStore`. Open it with {@link openLmdbStore}. */
export class LmdbStore implements DurableStore {
  readonly #options: LmdbStoreOptions
  readonly #root: RootDatabase
  readonly #items: StoredItems
  readonly #expiries: StoredExpiries
  readonly #storedSessions: BinaryDatabase
  readonly #state: BinaryDatabase
  readonly #sessions = new SessionTable()
  /** Never of a key that is overlaid: its first write forgets it here. */
  readonly #recent = new RecentItems()
  readonly #batch: typeof BATCH
  /** Without `applied`, which every entry moves. */
  #meta: Omit<StoreMeta, 'applied'> = EMPTY_META
  #applied: Position = EMPTY_POSITION
  #keyCount = 0
  #active = new Overlay()
  /** Newest first. */
  #sealed: SealedOverlay[] = []
  #writing: Promise<void> | null = null
  #lastFlush: Promise<void> = Promise.resolve()
  #sealCount = 0
  #writtenCount = 0
  #flushedCount = 0
  #flushed = EMPTY_POSITION
  #timer: NodeJS.Timeout | null = null
  #immediate: NodeJS.Immediate | null = null
  #failure: Error | null = null
  /** Ends each that is open: the file must not be closed beneath it. */
  readonly #snapshots = new Set<() => void>()
  #closed = false

  constructor(options: LmdbStoreOptions) {
    this.#options = options
    this.#batch = {
      bytes: options.batchBytes ?? BATCH.bytes,
      keys: options.batchKeys ?? BATCH.keys,
      delayMs: options.batchDelayMs ?? BATCH.delayMs,
    }
    fs.mkdirSync(options.path, { recursive: true })
    this.#root = open({
      path: options.path,
      noSubdir: false,
      pageSize: PAGE_BYTES,
      mapSize: MAP_BYTES,
      maxDbs: 4,
      separateFlushed: true,
      eventTurnBatching: false, // it would make a promise of its own, whose rejection nobody can catch
      encoding: 'binary',
      keyEncoder: PHYSICAL_KEY_ENCODER,
    })
    this.#items = new StoredItems(this.#root)
    this.#expiries = new StoredExpiries(this.#root)
    this.#storedSessions = openBinary(this.#root, 'sessions')
    this.#state = openBinary(this.#root, 'state')
    this.#load()
  }

  get(key: Key): Versioned | null {
    const overlaid = this.#overlaid(key)
    if (overlaid === undefined) return this.#recent.get(key) ?? this.#readItem(key)
    if (overlaid === null || overlaid.value === null) return null
    return { value: overlaid.value, version: overlaid.version, expiresAtWallMs: overlaid.expiresAtWallMs }
  }

  #readItem(key: Key): Versioned | null {
    const item = this.#items.get(key)
    if (item !== null) this.#recent.add(key, item)
    return item
  }

  scan(options: { prefix: Key; after: Key | null; limit: number; bytesMax?: number }): StoredItem[] {
    return taken(this.#from(scanStart(options)), { bytesMax: Infinity, ...options })
  }

  apply(entry: Entry): void {
    for (const write of entry.writes) this.#write(write.key, write, entry.seq)
    this.#sessions.apply(entry, this.#onSessionTouched)
    this.#applied = { epoch: entry.epoch, seq: entry.seq }
    this.#active.touch()
    this.#schedule()
  }

  readonly #onSessionTouched = (session: SessionId): void => void this.#active.sessions.add(session)

  putSnapshotItem(item: StoredItem): void {
    this.#write(item.key, item, item.version)
    this.#schedule()
  }

  putSnapshotSession(record: SessionRecord): void {
    this.#sessions.put(record)
    this.#active.sessions.add(record.session)
    this.setMeta({})
  }

  clear(): void {
    this.#active.clear()
    this.#recent.clear()
    this.#sessions.clear()
    this.#keyCount = 0
    this.setMeta({ ...EMPTY_META, memberEpoch: this.#meta.memberEpoch })
  }

  setMeta(meta: Partial<StoreMeta>): void {
    const { applied, ...rest } = { ...this.meta, ...meta }
    this.#meta = rest
    this.#applied = applied
    this.#active.touch()
    this.#schedule()
  }

  get meta(): StoreMeta {
    return { ...this.#meta, applied: this.#applied }
  }

  expired(wallMs: Millis, limit: number): Key[] {
    const due: Due[] = []
    const above: Overlay[] = []
    const isHidden = (key: Key) => above.some((overlay) => overlay.items.has(key))
    for (const overlay of this.#layers()) {
      due.push(...overlay.due(wallMs, limit, isHidden))
      above.push(overlay)
    }
    if (above.at(-1)?.cleared !== true) {
      let count = 0
      for (const stored of this.#expiries.until(wallMs)) {
        if (isHidden(stored.key)) continue
        due.push(stored)
        if (++count >= limit) break
      }
    }
    due.sort((a, b) => (isSooner(a, b) ? -1 : 1))
    return due.slice(0, limit).map(({ key }) => key)
  }

  session(session: SessionId): SessionRecord | null {
    return this.#sessions.copy(session)
  }

  results(session: SessionId): SessionResults | null {
    return this.#sessions.results(session)
  }

  sessionsAfter(after: SessionId, limit: number): SessionRecord[] {
    return this.#sessions.after(after, limit)
  }

  get keyCount(): number {
    return this.#keyCount
  }

  get sessionCount(): number {
    return this.#sessions.count
  }

  /** Memory held by changes that have not reached LMDB yet: where it grows, the disk does not keep up. */
  get overlayBytes(): number {
    return this.#sealed.reduce((bytes, { overlay }) => bytes + overlay.bytes, this.#active.bytes)
  }

  /** The newest position that would survive a power cut. */
  get flushedPosition(): Position {
    return this.#flushed
  }

  get failure(): Error | null {
    return this.#failure
  }

  /**
   * Brings everything applied so far to the disk.
   * @returns the position that would now survive a power cut: that of the call or a later one.
   * @throws if a batch fails or has failed.
   */
  async flush(): Promise<Position> {
    this.#seal()
    const upTo = this.#sealCount
    while (this.#writtenCount < upTo && this.#failure === null) await this.#writeSealed()
    await this.#lastFlush
    if (this.#failure !== null) throw this.#failure
    return this.#flushed
  }

  /** Flushes, unless the disk has failed, and closes the file. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#recent.close()
    for (const end of [...this.#snapshots]) end()
    try {
      if (this.#failure === null) await this.flush()
    } finally {
      if (this.#timer !== null) clearTimeout(this.#timer)
      if (this.#immediate !== null) clearImmediate(this.#immediate)
      // After a failed commit the library waits for ever for its sync: the file then stays open until the process ends.
      if (this.#failure === null) await this.#root.close()
    }
  }

  /** `undefined`: ask LMDB; `null`: cleared, hence absent. */
  #overlaid(key: Key): OverlaidItem | null | undefined {
    return this.#active.items.get(key) ?? this.#overlaidBelow(key)
  }

  /** Beneath the active overlay. */
  #overlaidBelow(key: Key): OverlaidItem | null | undefined {
    if (this.#active.cleared) return null
    for (const { overlay } of this.#sealed) {
      const sealed = overlay.items.get(key)
      if (sealed !== undefined) return sealed
      if (overlay.cleared) return null
    }
    return undefined
  }

  /** The overlays that count, newest first. */
  #layers(): readonly Overlay[] {
    return visibleLayers([this.#active, ...this.#sealed.map(({ overlay }) => overlay)])
  }

  #stampBelow(key: Key): Stamp | null {
    const overlaid = this.#overlaidBelow(key)
    if (overlaid === undefined) return this.#recent.get(key) ?? this.#items.stamp(key)
    return overlaid?.value === null ? null : overlaid
  }

  /** Puts or deletes, unless what is stored is newer. */
  #write(key: Key, change: Pick<Write, 'value' | 'expiresAtWallMs'>, version: Seq): void {
    const own = this.#active.items.get(key)
    if (own !== undefined) return this.#rewrite(key, own, change, version)
    const stored = this.#stampBelow(key)
    const { value } = change
    if (stored !== null ? stored.version > version : value === null) return
    this.#recent.forget(key)
    if (value === null) this.#keyCount--
    else if (stored === null) this.#keyCount++
    this.#active.add(key, {
      value,
      version: value === null && stored !== null ? stored.version : version,
      expiresAtWallMs: value === null ? NEVER : change.expiresAtWallMs,
      beneathExpiresAtWallMs: stored?.expiresAtWallMs ?? NEVER,
    })
  }

  /** The same where the active overlay has this key already. */
  #rewrite(
    key: Key,
    own: OverlaidItem,
    { value, expiresAtWallMs }: Pick<Write, 'value' | 'expiresAtWallMs'>,
    version: Seq,
  ): void {
    const absent = own.value === null
    if (absent ? value === null : own.version > version) return
    if (value === null) this.#keyCount--
    else if (absent) this.#keyCount++
    this.#active.change(key, own, {
      value,
      version: value === null ? own.version : version,
      expiresAtWallMs,
    })
  }

  #from(start: Key): Generator<StoredItem, void> {
    const layers = this.#layers()
    return mergedItems(layers, layers.at(-1)?.cleared === true ? null : this.#items.from(start), start)
  }

  /**
   * What the store holds at this moment, for as long as it is not closed: what is overlaid is sealed, so that it changes no more, and LMDB keeps what lies beneath for
   * a transaction that reads. Meanwhile its file cannot use the pages again that are freed, and grows with what is written.
   */
  snapshot(): StoreSnapshot {
    const applied = this.#applied
    const keyCount = this.#keyCount
    this.#seal()
    void this.#writeSealed()
    const layers = visibleLayers(this.#sealed.map(({ overlay }) => overlay))
    const beneath = layers.at(-1)?.cleared !== true
    const reading = this.#root.useReadTransaction()
    let open = true
    const close = () => {
      if (!open) return
      open = false
      this.#snapshots.delete(close)
      reading.done()
    }
    this.#snapshots.add(close)
    return {
      applied,
      keyCount,
      page: (after, bytesMax) => {
        if (!open) throw new Error(`the store in ${this.#options.path} was closed while it was copied`)
        const prefix = asKey('')
        const start = after ?? prefix
        const stored = beneath ? this.#items.from(start, reading) : null
        return taken(mergedItems(layers, stored, start), { prefix, after, limit: Infinity, bytesMax })
      },
      close,
    }
  }

  #schedule(): void {
    if (this.#failure !== null || this.#closed) return
    const { bytes, keys, delayMs } = this.#batch
    if (this.#active.bytes >= bytes || this.#active.items.size >= keys) {
      this.#seal()
      this.#immediate ??= setImmediate(() => {
        this.#immediate = null
        void this.#writeSealed()
      })
    } else {
      this.#timer ??= setTimeout(() => {
        this.#timer = null
        this.#seal()
        void this.#writeSealed()
      }, delayMs)
    }
  }

  /** Cuts a batch: what has changed so far, with the position that it leads to. */
  #seal(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (!this.#active.dirty) return
    const overlay = this.#active
    const sessions = new Map(Array.from(overlay.sessions, (id) => [id, this.#sessions.copy(id)] as const))
    this.#sealed.unshift({ overlay, sessions, meta: { ...this.meta, keyCount: this.#keyCount } })
    this.#sealCount++
    this.#active = new Overlay()
  }

  /** Writes the sealed batches one after another. Never rejects, and never runs twice at a time. */
  #writeSealed(): Promise<void> {
    this.#writing ??= this.#writeBatches().finally(() => {
      this.#writing = null
    })
    return this.#writing
  }

  async #writeBatches(): Promise<void> {
    try {
      for (;;) {
        const oldest = this.#sealed.at(-1)
        if (oldest === undefined || this.#failure !== null) return
        await disk.run(() => this.#writeBatch(oldest))
      }
    } catch (error) {
      await this.#fail(error)
    }
  }

  async #writeBatch(oldest: SealedOverlay): Promise<void> {
    const batch = this.#writtenCount + 1
    const committed: Promise<unknown> & { flushed?: Promise<unknown> } = this.#root.batch(() =>
      this.#queue(oldest),
    )
    this.#lastFlush = committed
      .then(() => committed.flushed)
      .then(
        () => this.#onBatchFlushed(batch, oldest.meta),
        () => {}, // the failure is reported by who waits for the commit
      )
    await committed
    this.#root.resetReadTxn() // or a read could still see the state before the commit, with nothing over it
    this.#sealed.pop()
    this.#writtenCount = batch
    await this.#lastFlush
  }

  /** Hands a whole overlay to LMDB's writing thread. What is queued inside one `batch` is one transaction, and settles with it. */
  #queue({ overlay, meta, sessions }: SealedOverlay): void {
    const storedSessions = this.#storedSessions
    if (overlay.cleared) {
      this.#items.clear()
      this.#expiries.clear()
      void storedSessions.clearAsync()
    }
    for (const [key, { value, version, expiresAtWallMs, beneathExpiresAtWallMs: beneath }] of overlay.items) {
      const at = value === null ? NEVER : expiresAtWallMs
      if (value === null) this.#items.remove(key)
      else this.#items.put(key, { value, version, expiresAtWallMs })
      if (beneath !== NEVER && beneath !== at) this.#expiries.remove(key, beneath)
      if (at !== NEVER && at !== beneath) this.#expiries.put(key, at)
    }
    for (const [session, record] of sessions) {
      if (record === null) void storedSessions.remove(orderedNumber(session))
      else void storedSessions.put(orderedNumber(session), encodeSession(record))
    }
    void this.#state.put(META_KEY, Buffer.from(JSON.stringify({ format: FORMAT, ...meta })))
  }

  #onBatchFlushed(batch: number, { applied, memberEpoch }: StoreMeta): void {
    if (batch <= this.#flushedCount || this.#failure !== null) return
    this.#flushedCount = batch
    this.#flushed = applied
    this.#options.onFlushed?.(applied, memberEpoch)
  }

  /** The overlays stay, so that reads stay right; the process should leave its chains. */
  async #fail(error: unknown): Promise<void> {
    if (this.#failure !== null) return
    const cause = await causeOf(error)
    this.#failure = new Error(
      `the store in ${this.#options.path} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
    this.#options.onFailure?.(this.#failure)
  }

  #load(): void {
    const bytes = this.#state.get(META_KEY)
    if (bytes === undefined) return
    const { format, keyCount, applied, memberEpoch, receivingSnapshot } = JSON.parse(
      Buffer.from(bytes).toString(),
    ) as OverlayMeta & { format: number }
    if (format !== FORMAT) {
      throw new Error(
        `the store in ${this.#options.path} has format ${format} and this program reads format ${FORMAT}. ` +
          'Start with an empty data directory: the server rejoins and copies everything from the others.',
      )
    }
    this.#keyCount = keyCount
    this.#applied = { epoch: applied.epoch, seq: asSeq(applied.seq) }
    this.#meta = { memberEpoch, receivingSnapshot }
    for (const { value } of this.#storedSessions.getRange({ start: '' }))
      this.#sessions.put(decodeSession(value))
  }
}

/**
 * Opens the store of one chain at one replica.
 *
 * @example
 * const store = openLmdbStore({ path: 'data/n1/c0/store', onFlushed: (applied) => dropLogBefore(applied) })
 * store.apply(entry)
 * await store.flush()
 */
export const openLmdbStore = (options: LmdbStoreOptions): LmdbStore => new LmdbStore(options)

/** The library rejects a commit first, and names the reason by a second promise, which must not stay unhandled. */
async function causeOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error) || !(error.commitError instanceof Promise))
    return error
  const reason = error.commitError.then(
    () => error,
    (cause: unknown) => cause,
  )
  return Promise.race([reason, new Promise((resolve) => setTimeout(resolve, 1000, error))])
}
