import type {
  CleanStore,
  SessionRecord,
  SessionResults,
  StoredItem,
  StoreMeta,
} from '../../../chain/clean-store.ts'
import type { LogRecord, ReplicaEvent } from '../../../chain/events.ts'
import { MemoryStore } from '../../../chain/memory-store.ts'
import type { Versioned } from '../../../protocol/commands.ts'
import type { Entry, Position } from '../../../protocol/entry.ts'
import type { Key, Millis, SessionId } from '../../../protocol/ids.ts'

type Durable = Extract<ReplicaEvent, { type: 'durable' }>

/** A write-ahead log whose end is not synced yet. A crash may keep any part of that end. */
export class LogOnDisk {
  records: LogRecord[] = []
  /** So many of `records` survive any crash. */
  durable = 0
  /** Where this life began: `rewrites` counts from here. */
  lifeStart = 0

  /** The next record that names a position is not synced yet. */
  get canSync(): boolean {
    return this.records.slice(this.durable).some((record) => positionOf(record) !== null)
  }

  /** Syncs up to the next position, and the hints right behind it: a group commit of more is several of these. */
  sync(): void {
    while (this.durable < this.records.length && this.#nextPosition() === null) this.durable++
    if (this.durable < this.records.length) this.durable++
    while (this.durable < this.records.length && this.#nextPosition() === null) this.durable++
  }

  #nextPosition(): Position | null {
    const record = this.records[this.durable]
    return record === undefined ? null : positionOf(record)
  }

  /** What the core hears of the records up to `count`. Null where they name no position. */
  report(count: number): Durable | null {
    let position: Position | null = null
    let rewrites = 0
    for (const record of this.records.slice(this.lifeStart, count)) {
      if (record.type === 'truncate' || record.type === 'reset') rewrites++
      position = positionOf(record) ?? position
    }
    return position === null
      ? null
      : { type: 'durable', position: { epoch: position.epoch, seq: position.seq }, rewrites }
  }

  crash(kept: number): void {
    this.records.length = kept
    this.durable = kept
    this.lifeStart = kept
  }

  /** `epoch/seq` of every entry that would survive a power cut, and the seq of the state that a snapshot stands for. */
  get surviving(): { readonly entries: ReadonlySet<string>; readonly base: number } {
    let entries: Entry[] = []
    let base = 0
    for (const record of this.records.slice(0, this.durable)) {
      if (record.type === 'entry') entries.push(record.entry)
      else if (record.type === 'truncate') entries = entries.filter(({ seq }) => seq <= record.to.seq)
      else if (record.type === 'reset') {
        entries = []
        base = record.to.seq
      }
    }
    return { entries: new Set(entries.map(({ epoch, seq }) => `${epoch}/${seq}`)), base }
  }
}

export function positionOf(record: LogRecord): Position | null {
  switch (record.type) {
    case 'entry':
      return record.entry
    case 'truncate':
    case 'reset':
      return record.to
    default:
      return null
  }
}

/** A store that reaches its disk only by `flush`; a crash finds it as it was then, or as it is. */
export class StoreOnDisk implements CleanStore {
  #live = new MemoryStore()
  #flushed = new MemoryStore()
  #since: ((store: MemoryStore) => void)[] = []
  readonly #onApply: (entry: Entry) => void

  constructor(onApply: (entry: Entry) => void) {
    this.#onApply = onApply
  }

  get unflushed(): boolean {
    return this.#since.length > 0
  }

  flush(): void {
    for (const write of this.#since) write(this.#flushed)
    this.#since = []
  }

  crash(kept: 'flushed' | 'all'): void {
    if (kept === 'all') return this.flush()
    // The flushed store becomes the live one; a copy of it is the new flushed one.
    this.#since = []
    this.#live = copyOf(this.#flushed)
  }

  /** All that it holds, live and on the disk. */
  get content(): unknown {
    return [contentOf(this.#live), this.#since.length === 0 ? 'same' : contentOf(this.#flushed)]
  }

  #write(write: (store: MemoryStore) => void): void {
    this.#since.push(write)
    write(this.#live)
  }

  apply(entry: Entry): void {
    this.#onApply(entry)
    this.#write((store) => store.apply(entry))
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

const EVERYTHING = { prefix: '' as Key, after: null, limit: 1000 }

const contentOf = (store: MemoryStore) => ({
  items: store.scan(EVERYTHING),
  sessions: store.sessionsAfter(0 as SessionId, 1000),
  meta: store.meta,
})

function copyOf(store: MemoryStore): MemoryStore {
  const copy = new MemoryStore()
  for (const item of store.scan(EVERYTHING)) copy.putSnapshotItem(item)
  for (const session of store.sessionsAfter(0 as SessionId, 1000)) copy.putSnapshotSession(session)
  copy.setMeta(store.meta)
  return copy
}
