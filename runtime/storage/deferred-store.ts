import type { SessionRecord, SessionResults, StoredItem, StoreMeta } from '../../chain/clean-store.ts'
import type { Versioned } from '../../protocol/commands.ts'
import type { Entry, Position } from '../../protocol/entry.ts'
import type { Key, Millis, SessionId } from '../../protocol/ids.ts'
import type { DurableStore, StoreSnapshot } from './durable-store.ts'

/**
 * A store that applies entries when somebody looks, or at `settle`, once the turn's messages have left: nobody can tell the difference, but the ack that says that they
 * are committed leaves first, and the predecessor works while this replica applies. Otherwise a write waits for each replica's store in turn on its way back to the head.
 */
export class DeferredStore implements DurableStore {
  readonly #store: DurableStore
  #entries: Entry[] = []

  constructor(store: DurableStore) {
    this.#store = store
  }

  apply(entry: Entry): void {
    this.#entries.push(entry)
  }

  settle(): void {
    this.#settled()
  }

  #settled(): DurableStore {
    const entries = this.#entries
    if (entries.length === 0) return this.#store
    this.#entries = []
    for (const entry of entries) this.#store.apply(entry)
    return this.#store
  }

  get(key: Key): Versioned | null {
    return this.#settled().get(key)
  }

  scan(options: { prefix: Key; after: Key | null; limit: number; bytesMax?: number }): StoredItem[] {
    return this.#settled().scan(options)
  }

  putSnapshotItem(item: StoredItem): void {
    this.#settled().putSnapshotItem(item)
  }

  putSnapshotSession(record: SessionRecord): void {
    this.#settled().putSnapshotSession(record)
  }

  clear(): void {
    this.#settled().clear()
  }

  setMeta(meta: Partial<StoreMeta>): void {
    this.#settled().setMeta(meta)
  }

  get meta(): StoreMeta {
    return this.#settled().meta
  }

  expired(wallMs: Millis, limit: number): Key[] {
    return this.#settled().expired(wallMs, limit)
  }

  session(session: SessionId): SessionRecord | null {
    return this.#settled().session(session)
  }

  results(session: SessionId): SessionResults | null {
    return this.#settled().results(session)
  }

  sessionsAfter(after: SessionId, limit: number): SessionRecord[] {
    return this.#settled().sessionsAfter(after, limit)
  }

  get keyCount(): number {
    return this.#settled().keyCount
  }

  get sessionCount(): number {
    return this.#settled().sessionCount
  }

  get overlayBytes(): number {
    return this.#store.overlayBytes
  }

  /** Null where the store beneath cannot do that. */
  openSnapshot(): StoreSnapshot | null {
    return this.#settled().snapshot?.() ?? null
  }

  flush(): Promise<Position> {
    return this.#settled().flush()
  }

  close(): Promise<void> {
    return this.#settled().close()
  }
}
