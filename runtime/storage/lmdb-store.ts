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
import type { SessionRecord, StoredItem, StoreMeta } from '../../chain/clean-store.ts'
import {
  type Due,
  EMPTY_META,
  EMPTY_POSITION,
  isSooner,
  SessionTable,
  scanStart,
} from '../../chain/memory-store.ts'
import type { Versioned } from '../../protocol/commands.ts'
import type { Entry, Position } from '../../protocol/entry.ts'
import { asMillis, asSeq, type Key, type Millis, type SessionId } from '../../protocol/ids.ts'
import type { DurableStore } from './durable-store.ts'
import { type OverlaidItem, Overlay, type OverlayMeta } from './lmdb/overlay.ts'
import { orderedNumber, PHYSICAL_KEY_ENCODER } from './lmdb/physical-keys.ts'
import { decodeSession, encodeSession } from './lmdb/session-codec.ts'
import { type BinaryDatabase, openBinary, StoredExpiries, StoredItems } from './lmdb/stored-items.ts'

const FORMAT = 1
const PAGE_BYTES = 4096
const META_KEY = 'meta'
const NEVER = asMillis(0)

export interface LmdbStoreOptions {
  /** A directory of its own; created if absent. One store, one process. */
  readonly path: string
  /** Everything up to here would survive a power cut: the log before it is no longer needed. */
  readonly onFlushed?: (applied: Position) => void
  /** A batch could not be written. Called once; reads go on, but nothing reaches the disk any more. */
  readonly onFailure?: (error: Error) => void
  /** A batch begins when the overlay is this large, has this many keys, or is this old. Defaults: 4 MiB, 8192, 200 ms. */
  readonly batchBytes?: number
  readonly batchKeys?: number
  readonly batchDelayMs?: number
}

/** See `CleanStore`. Open it with {@link openLmdbStore}. */
export class LmdbStore implements DurableStore {
  readonly #options: LmdbStoreOptions
  readonly #root: RootDatabase
  readonly #items: StoredItems
  readonly #expiries: StoredExpiries
  readonly #storedSessions: BinaryDatabase
  readonly #state: BinaryDatabase
  readonly #sessions = new SessionTable()
  #meta: StoreMeta = EMPTY_META
  #keyCount = 0
  #active = new Overlay()
  #frozen: Overlay | null = null
  #writing: Promise<void> | null = null
  #lastFlush: Promise<void> = Promise.resolve()
  #batches = 0
  #flushedBatch = 0
  #flushed = EMPTY_POSITION
  #timer: NodeJS.Timeout | null = null
  #immediate: NodeJS.Immediate | null = null
  #failure: Error | null = null
  #closed = false

  constructor(options: LmdbStoreOptions) {
    this.#options = options
    fs.mkdirSync(options.path, { recursive: true })
    this.#root = open({
      path: options.path,
      noSubdir: false,
      pageSize: PAGE_BYTES,
      maxDbs: 4,
      separateFlushed: true,
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
    if (overlaid === undefined) return this.#items.get(key)
    if (overlaid === null || overlaid.value === null) return null
    return { value: overlaid.value, version: overlaid.version, expiresAtWallMs: overlaid.expiresAtWallMs }
  }

  scan(options: { prefix: Key; after: Key | null; limit: number }): StoredItem[] {
    const found: StoredItem[] = []
    if (options.limit <= 0) return found
    for (const item of this.#from(scanStart(options))) {
      if (!item.key.startsWith(options.prefix)) break
      if (item.key !== options.after) found.push(item)
      if (found.length >= options.limit) break
    }
    return found
  }

  apply(entry: Entry): void {
    for (const { key, value, expiresAtWallMs } of entry.writes) {
      const stored = this.#stamp(key)
      if (stored !== null && stored.version > entry.seq) continue
      if (value !== null) this.#put({ key, value, version: entry.seq, expiresAtWallMs }, stored)
      else if (stored !== null) this.#delete(key, stored)
    }
    this.#sessions.apply(entry, (session) => this.#active.sessions.add(session))
    this.#setMeta({ ...this.#meta, applied: { epoch: entry.epoch, seq: entry.seq } })
  }

  putSnapshotItem(item: StoredItem): void {
    const stored = this.#stamp(item.key)
    if (stored !== null && stored.version > item.version) return
    this.#put(item, stored)
    this.#schedule()
  }

  putSnapshotSession(record: SessionRecord): void {
    this.#sessions.put(record)
    this.#active.sessions.add(record.session)
    this.#setMeta(this.#meta)
  }

  clear(): void {
    this.#active.clear()
    this.#sessions.clear()
    this.#keyCount = 0
    this.#setMeta({ ...EMPTY_META, memberEpoch: this.#meta.memberEpoch })
  }

  setMeta(meta: Partial<StoreMeta>): void {
    this.#setMeta({ ...this.#meta, ...meta })
  }

  get meta(): StoreMeta {
    return this.#meta
  }

  expired(wallMs: Millis, limit: number): Key[] {
    const { active, frozen } = { active: this.#active, frozen: this.#frozen }
    const due: Due[] = active.due(wallMs, limit, () => false)
    if (!active.cleared) {
      if (frozen !== null) due.push(...frozen.due(wallMs, limit, (key) => active.items.has(key)))
      if (frozen?.cleared !== true) {
        let count = 0
        for (const stored of this.#expiries.until(wallMs)) {
          if (active.items.has(stored.key) || frozen?.items.has(stored.key) === true) continue
          due.push(stored)
          if (++count >= limit) break
        }
      }
    }
    due.sort((a, b) => (isSooner(a, b) ? -1 : 1))
    return due.slice(0, limit).map(({ key }) => key)
  }

  session(session: SessionId): SessionRecord | null {
    return this.#sessions.get(session)
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
    return this.#active.bytes + (this.#frozen?.bytes ?? 0)
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
    if (this.#writing !== null) await this.#writing
    if (this.#active.dirty && this.#failure === null) await (this.#writing ?? this.#startBatch())
    await this.#lastFlush
    if (this.#failure !== null) throw this.#failure
    return this.#flushed
  }

  /** Flushes, unless the disk has failed, and closes the file. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      if (this.#failure === null) await this.flush()
    } finally {
      this.#unschedule()
      await this.#root.close()
    }
  }

  /** `undefined`: ask LMDB; `null`: cleared, hence absent. */
  #overlaid(key: Key): OverlaidItem | null | undefined {
    const active = this.#active.items.get(key)
    if (active !== undefined) return active
    if (this.#active.cleared) return null
    if (this.#frozen === null) return undefined
    return this.#frozen.items.get(key) ?? (this.#frozen.cleared ? null : undefined)
  }

  #stamp(key: Key): Pick<Versioned, 'version' | 'expiresAtWallMs'> | null {
    const overlaid = this.#overlaid(key)
    if (overlaid === undefined) return this.#items.stamp(key)
    return overlaid?.value === null ? null : overlaid
  }

  #put(item: StoredItem, stored: Pick<Versioned, 'expiresAtWallMs'> | null): void {
    const { key, value, version, expiresAtWallMs } = item
    if (stored === null) this.#keyCount++
    const beneathExpiresAtWallMs = this.#beneath(key, stored)
    this.#active.put(key, { value, version, expiresAtWallMs, beneathExpiresAtWallMs })
  }

  #delete(key: Key, stored: Pick<Versioned, 'version' | 'expiresAtWallMs'>): void {
    this.#keyCount--
    const beneathExpiresAtWallMs = this.#beneath(key, stored)
    this.#active.put(key, {
      value: null,
      version: stored.version,
      expiresAtWallMs: NEVER,
      beneathExpiresAtWallMs,
    })
  }

  /** The expiry that the layers beneath the active overlay hold for a key of which `stored` is the newest state. */
  #beneath(key: Key, stored: Pick<Versioned, 'expiresAtWallMs'> | null): Millis {
    return this.#active.items.get(key)?.beneathExpiresAtWallMs ?? stored?.expiresAtWallMs ?? NEVER
  }

  #setMeta(meta: StoreMeta): void {
    this.#meta = meta
    this.#active.touch()
    this.#schedule()
  }

  /** Items from `start` in byte order: three sorted sources, of which the newer hides the older. */
  *#from(start: Key): Generator<StoredItem, void> {
    const overlays = [this.#active]
    if (!this.#active.cleared && this.#frozen !== null) overlays.push(this.#frozen)
    const keys = overlays.map((overlay) => ({ overlay, source: overlay.from(start) }))
    const heads = keys.map(({ overlay, source }) => ({ overlay, source, key: nextOf(source) }))
    const items = overlays.some((overlay) => overlay.cleared) ? null : this.#items.from(start)
    try {
      let stored = items === null ? null : nextOf(items)
      for (;;) {
        let least = stored?.key ?? null
        for (const { key } of heads) if (key !== null && (least === null || key < least)) least = key
        if (least === null) return
        let newest: StoredItem | OverlaidItem | null = null
        for (const head of heads) {
          if (head.key !== least) continue
          newest ??= head.overlay.items.get(least) ?? null
          head.key = nextOf(head.source)
        }
        if (stored?.key === least) {
          newest ??= stored
          stored = items === null ? null : nextOf(items)
        }
        if (newest === null || newest.value === null) continue
        yield {
          key: least,
          value: newest.value,
          version: newest.version,
          expiresAtWallMs: newest.expiresAtWallMs,
        }
      }
    } finally {
      items?.return() // closes the cursor
    }
  }

  #schedule(): void {
    if (this.#writing !== null || this.#failure !== null || this.#closed) return
    const { batchBytes = 4 * 1024 * 1024, batchKeys = 8192, batchDelayMs = 200 } = this.#options
    const start = () => {
      this.#unschedule()
      if (this.#writing === null && !this.#closed && this.#active.dirty) void this.#startBatch()
    }
    if (this.#active.bytes >= batchBytes || this.#active.items.size >= batchKeys)
      this.#immediate ??= setImmediate(start)
    else this.#timer ??= setTimeout(start, batchDelayMs)
  }

  #unschedule(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#immediate !== null) clearImmediate(this.#immediate)
    this.#timer = null
    this.#immediate = null
  }

  #startBatch(): Promise<void> {
    this.#writing = this.#writeBatch().finally(() => {
      this.#writing = null
      if (this.#active.dirty) this.#schedule()
    })
    return this.#writing
  }

  /** Moves the active overlay to LMDB in one transaction. Resolves once it is committed; never rejects. */
  async #writeBatch(): Promise<void> {
    const frozen = this.#active
    const batch = ++this.#batches
    const meta: OverlayMeta = { ...this.#meta, keyCount: this.#keyCount }
    this.#frozen = frozen
    this.#active = new Overlay()
    const committed = new Set<Promise<unknown>>()
    const flushed = this.#queue(frozen, meta, committed)
    const settled = Promise.all(committed)
    this.#lastFlush = settled
      .then(() => flushed)
      .then(
        () => this.#onBatchFlushed(batch, meta.applied),
        () => {}, // reported below
      )
    try {
      await settled
      this.#root.resetReadTxn() // or a read could still see the state before the commit, with nothing over it
      this.#frozen = null
    } catch (error) {
      await this.#fail(error)
    }
  }

  /**
   * Hands a whole overlay to LMDB's writing thread. Everything queued in one turn is one transaction (`eventTurnBatching`).
   * The library may answer with several promises, all of which settle with the transaction.
   * @returns what resolves when the transaction has been synced.
   */
  #queue(overlay: Overlay, meta: OverlayMeta, committed: Set<Promise<unknown>>): Promise<unknown> {
    if (overlay.cleared) {
      committed.add(this.#items.clear())
      committed.add(this.#expiries.clear())
      committed.add(this.#storedSessions.clearAsync())
    }
    for (const [key, { value, version, expiresAtWallMs, beneathExpiresAtWallMs: beneath }] of overlay.items) {
      const at = value === null ? NEVER : expiresAtWallMs
      if (value === null) committed.add(this.#items.remove(key))
      else committed.add(this.#items.put(key, { value, version, expiresAtWallMs }))
      if (beneath !== NEVER && beneath !== at) committed.add(this.#expiries.remove(key, beneath))
      if (at !== NEVER && at !== beneath) committed.add(this.#expiries.put(key, at))
    }
    for (const session of overlay.sessions) {
      const record = this.#sessions.get(session)
      const key = orderedNumber(session)
      committed.add(
        record === null
          ? this.#storedSessions.remove(key)
          : this.#storedSessions.put(key, encodeSession(record)),
      )
    }
    const last = this.#state.put(META_KEY, Buffer.from(JSON.stringify({ format: FORMAT, ...meta })))
    committed.add(last)
    return 'flushed' in last && last.flushed instanceof Promise ? last.flushed : last
  }

  #onBatchFlushed(batch: number, applied: Position): void {
    if (batch <= this.#flushedBatch || this.#failure !== null) return
    this.#flushedBatch = batch
    this.#flushed = applied
    this.#options.onFlushed?.(applied)
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
    this.#meta = {
      applied: { epoch: applied.epoch, seq: asSeq(applied.seq) },
      memberEpoch,
      receivingSnapshot,
    }
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

function nextOf<Item>(source: Iterator<Item, void>): Item | null {
  const next = source.next()
  return next.done === true ? null : next.value
}

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
