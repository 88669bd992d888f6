import type { SessionRecord, SessionResults, StoredItem, StoreMeta } from '../../../chain/clean-store.ts'
import { MemoryStore } from '../../../chain/memory-store.ts'
import type { Versioned } from '../../../protocol/commands.ts'
import type { Entry, Position } from '../../../protocol/entry.ts'
import {
  asKey,
  asSessionId,
  type Epoch,
  type Key,
  type Millis,
  type SessionId,
} from '../../../protocol/ids.ts'
import type { Timer } from '../../../protocol/timers.ts'
import type { StoreEvents } from '../../../runtime/server/ports.ts'
import type { DurableStore } from '../../../runtime/storage/durable-store.ts'
import type { SimDisk } from '../kernel/disk.ts'

type Write = (store: MemoryStore) => void

interface SealedBatch {
  readonly number: number
  readonly writes: readonly Write[]
  readonly applied: Position
  readonly memberEpoch: Epoch
}

/** When a batch is cut because it is old, unless somebody asks before. */
const BATCH_DELAY_MS = 5_000

/**
 * A clean store on a simulated disk, with the crash semantics of LMDB as `LmdbStore` uses it: what was applied is visible at once and lives in memory only; whole batches reach
 * the file in order, each synced after it is visible. A crash keeps some number of batches, at least those that were synced. Outlives the lives of its process.
 */
export class SimStore implements DurableStore {
  readonly #disk: SimDisk
  readonly #batchDelayMs: number
  #live = new MemoryStore()
  /** What survives every crash. */
  #flushed = new MemoryStore()
  #open: Write[] = []
  #sealed: SealedBatch[] = []
  #sealCount = 0
  #writing = false
  #timer: Timer | null = null
  #failed = false
  #waiters: { readonly number: number; readonly resolve: () => void }[] = []
  #events: (StoreEvents & { onApply(entry: Entry): void }) | null = null

  constructor(disk: SimDisk, batchDelayMs = BATCH_DELAY_MS) {
    this.#disk = disk
    this.#batchDelayMs = batchDelayMs
  }

  /** Begins a life. */
  begin(events: StoreEvents & { onApply(entry: Entry): void }): this {
    this.#events = events
    this.#writing = false
    this.#failed = false
    this.#disk.process.onCrash(() => this.#crash())
    return this
  }

  /** Everything that would survive a power cut now. */
  get flushedPosition(): Position {
    return this.#flushed.meta.applied
  }

  get flushedMeta(): StoreMeta {
    return this.#flushed.meta
  }

  /** The operator empties it. */
  wipe(): void {
    this.#live = new MemoryStore()
    this.#flushed = new MemoryStore()
    this.#open = []
    this.#sealed = []
  }

  #crash(): void {
    const { rng } = this.#disk.process
    const kept = this.#disk.keepsCache ? this.#sealed.length : rng.below(this.#sealed.length + 1)
    for (const { writes } of this.#sealed.slice(0, kept)) for (const write of writes) write(this.#flushed)
    this.#live = copyOf(this.#flushed)
    this.#open = []
    this.#sealed = []
    this.#waiters = []
    this.#timer = null
    this.#events = null
  }

  #write(write: Write): void {
    this.#open.push(write)
    write(this.#live)
    this.#timer ??= this.#disk.process.timers.after(this.#batchDelayMs, () => this.#seal())
  }

  #seal(): void {
    this.#timer?.cancel()
    this.#timer = null
    if (this.#open.length > 0)
      this.#sealed.push({
        number: ++this.#sealCount,
        writes: this.#open,
        applied: this.#live.meta.applied,
        memberEpoch: this.#live.meta.memberEpoch,
      })
    this.#open = []
    this.#writeOldest()
  }

  #writeOldest(): void {
    const [batch] = this.#sealed
    if (batch === undefined || this.#writing || this.#failed) return
    const { process } = this.#disk
    const { life } = process
    this.#writing = true
    process.kernel.scheduler.after(2 * this.#disk.fsyncUs(), () => {
      if (process.life !== life || !process.alive) return
      this.#writing = false
      if (this.#disk.full) {
        this.#failed = true
        process.run(() => this.#events?.onFailure(new Error('the store: no space left on device')))
        return
      }
      for (const write of batch.writes) write(this.#flushed)
      this.#sealed.shift()
      process.run(() => this.#onFlushed(batch))
      this.#writeOldest()
    })
  }

  #onFlushed(batch: SealedBatch): void {
    this.#events?.onFlushed(batch.applied, batch.memberEpoch)
    const told = this.#waiters.filter(({ number }) => number <= batch.number)
    if (told.length === 0) return
    this.#waiters = this.#waiters.filter(({ number }) => number > batch.number)
    this.#disk.process.kernel.scheduler.promised()
    for (const { resolve } of told) resolve()
  }

  /** After a failure it is never answered: the server has left its chains. */
  async flush(): Promise<Position> {
    this.#disk.process.kernel.scheduler.promised()
    this.#seal()
    const number = this.#sealCount
    if (this.#sealed.length > 0) await new Promise<void>((resolve) => this.#waiters.push({ number, resolve }))
    return this.#flushed.meta.applied
  }

  async close(): Promise<void> {
    if (!this.#failed) await this.flush()
  }

  get overlayBytes(): number {
    return 0
  }

  apply(entry: Entry): void {
    this.#write((store) => store.apply(entry))
    this.#events?.onApply(entry)
  }
  putSnapshotItem(item: StoredItem): void {
    this.#write((store) => store.putSnapshotItem(item))
  }
  putSnapshotSession(record: SessionRecord): void {
    this.#write((store) => store.putSnapshotSession(record))
  }
  clear(): void {
    this.#write((store) => store.clear())
  }
  setMeta(meta: Partial<StoreMeta>): void {
    this.#write((store) => store.setMeta(meta))
  }
  get(key: Key): Versioned | null {
    return this.#live.get(key)
  }
  scan(options: { prefix: Key; after: Key | null; limit: number; bytesMax?: number }): StoredItem[] {
    return this.#live.scan(options)
  }
  get meta(): StoreMeta {
    return this.#live.meta
  }
  expired(wallMs: Millis, limit: number): Key[] {
    return this.#live.expired(wallMs, limit)
  }
  session(session: SessionId): SessionRecord | null {
    return this.#live.session(session)
  }
  results(session: SessionId): SessionResults | null {
    return this.#live.results(session)
  }
  sessionsAfter(after: SessionId, limit: number): SessionRecord[] {
    return this.#live.sessionsAfter(after, limit)
  }
  get keyCount(): number {
    return this.#live.keyCount
  }
  get sessionCount(): number {
    return this.#live.sessionCount
  }
}

function copyOf(store: MemoryStore): MemoryStore {
  const copy = new MemoryStore()
  for (const item of store.scan({ prefix: asKey(''), after: null, limit: Number.POSITIVE_INFINITY }))
    copy.putSnapshotItem(item)
  for (const record of store.sessionsAfter(asSessionId(0), Number.POSITIVE_INFINITY))
    copy.putSnapshotSession(record)
  copy.setMeta(store.meta)
  return copy
}
