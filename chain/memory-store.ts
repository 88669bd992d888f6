// The clean store as plain data: for the simulator, the teaching page and clusters that want no disk. Its parts (ordered
// keys, expiry heap, session table) also serve the overlay of the store that is on disk.
import type { Versioned } from '../protocol/commands.ts'
import type { Entry, Position } from '../protocol/entry.ts'
import type { Key, Millis, SessionId } from '../protocol/ids.ts'
import { asMillis, asSessionId, NO_EPOCH, NO_SEQ } from '../protocol/ids.ts'
import type { CleanStore, SessionRecord, SessionResults, StoredItem, StoreMeta } from './clean-store.ts'
import { LiveSession } from './live-session.ts'

/** The position before the first entry. */
export const EMPTY_POSITION: Position = { epoch: NO_EPOCH, seq: NO_SEQ }

/** What a store that has never been used says of itself. */
export const EMPTY_META: StoreMeta = {
  applied: EMPTY_POSITION,
  memberEpoch: NO_EPOCH,
  receivingSnapshot: false,
}

const NEVER = asMillis(0)

/** See {@link CleanStore}. Nothing survives the process. */
export class MemoryStore implements CleanStore {
  readonly #items = new Map<Key, Versioned>()
  readonly #keys = new OrderedKeys()
  readonly #expiries = new ExpiryHeap()
  readonly #sessions = new SessionTable()
  #meta = EMPTY_META

  get(key: Key): Versioned | null {
    return this.#items.get(key) ?? null
  }

  scan(options: { prefix: Key; after: Key | null; limit: number; bytesMax?: number }): StoredItem[] {
    const found: StoredItem[] = []
    let bytes = 0
    if (options.limit <= 0) return found
    for (const key of this.#keys.from(scanStart(options), (k) => this.#items.has(k))) {
      if (!key.startsWith(options.prefix)) break
      if (key === options.after) continue
      const item = this.#items.get(key)
      if (item === undefined) continue
      found.push({ key, ...item })
      bytes += key.length + item.value.length
      if (found.length >= options.limit || bytes >= (options.bytesMax ?? Infinity)) break
    }
    return found
  }

  apply(entry: Entry): void {
    for (const { key, value, expiresAtWallMs } of entry.writes) {
      const stored = this.#items.get(key)
      if (stored !== undefined && stored.version > entry.seq) continue
      if (value === null) this.#delete(key)
      else this.#put(key, { value, version: entry.seq, expiresAtWallMs })
    }
    this.#sessions.apply(entry)
    this.#meta = { ...this.#meta, applied: { epoch: entry.epoch, seq: entry.seq } }
  }

  putSnapshotItem(item: StoredItem): void {
    const stored = this.#items.get(item.key)
    if (stored !== undefined && stored.version > item.version) return
    const { value, version, expiresAtWallMs } = item
    this.#put(item.key, { value, version, expiresAtWallMs })
  }

  putSnapshotSession(record: SessionRecord): void {
    this.#sessions.put(record)
  }

  clear(): void {
    this.#items.clear()
    this.#keys.clear()
    this.#expiries.clear()
    this.#sessions.clear()
    this.#meta = { ...EMPTY_META, memberEpoch: this.#meta.memberEpoch }
  }

  setMeta(meta: Partial<StoreMeta>): void {
    this.#meta = { ...this.#meta, ...meta }
  }

  get meta(): StoreMeta {
    return this.#meta
  }

  expired(wallMs: Millis, limit: number): Key[] {
    return this.#expiries.until(wallMs, limit).map((due) => due.key)
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
    return this.#items.size
  }

  get sessionCount(): number {
    return this.#sessions.count
  }

  #put(key: Key, item: Versioned): void {
    if (!this.#items.has(key)) this.#keys.add(key)
    this.#items.set(key, item)
    this.#expiries.set(key, item.expiresAtWallMs)
  }

  #delete(key: Key): void {
    this.#items.delete(key)
    this.#keys.delete(key)
    this.#expiries.set(key, NEVER)
  }
}

/** The least key at which a scan may find something; `after` itself is still to be skipped. */
export function scanStart(options: { prefix: Key; after: Key | null }): Key {
  return options.after !== null && options.after > options.prefix ? options.after : options.prefix
}

/**
 * Keys in byte order, sorted only when somebody scans. A key that is deleted may stay among the sorted ones until the
 * next merge: the reader says which are still live.
 */
export class OrderedKeys {
  #sorted: Key[] = []
  readonly #added = new Set<Key>()

  add(key: Key): void {
    this.#added.add(key)
  }

  delete(key: Key): void {
    this.#added.delete(key)
  }

  clear(): void {
    this.#sorted = []
    this.#added.clear()
  }

  /** Live keys that are `start` or greater, ascending. No key may be added before the iteration ends. */
  *from(start: Key, isLive: (key: Key) => boolean): Generator<Key, void> {
    this.#merge(isLive)
    for (let index = firstNotBelow(this.#sorted, start); index < this.#sorted.length; index++) {
      const key = at(this.#sorted, index)
      if (isLive(key)) yield key
    }
  }

  #merge(isLive: (key: Key) => boolean): void {
    if (this.#added.size === 0) return
    const added = [...this.#added].sort()
    const sorted = this.#sorted
    const merged: Key[] = []
    for (let s = 0, a = 0; s < sorted.length || a < added.length; ) {
      const takeSorted = a >= added.length || (s < sorted.length && at(sorted, s) <= at(added, a))
      const key = takeSorted ? at(sorted, s++) : at(added, a++)
      if (key !== merged.at(-1) && isLive(key)) merged.push(key)
    }
    this.#sorted = merged
    this.#added.clear()
  }
}

/** A key and when it expires. */
export interface Due {
  readonly key: Key
  readonly at: Millis
}

/** Keys by time of expiry: a binary heap, from which outdated pairs go when they come up or outnumber the others. */
export class ExpiryHeap {
  readonly #current = new Map<Key, Millis>()
  #heap: Due[] = []

  /** From now on `key` expires then; 0 = never. */
  set(key: Key, at: Millis): void {
    if (at === 0) {
      this.#current.delete(key)
    } else if (this.#current.get(key) !== at) {
      this.#current.set(key, at)
      this.#push({ key, at })
      if (this.#heap.length > 2 * this.#current.size + 64) this.#rebuild()
    }
  }

  clear(): void {
    this.#current.clear()
    this.#heap = []
  }

  /** What is due at `wallMs` and not hidden, soonest first, then in byte order. Nothing is removed by asking. */
  until(wallMs: Millis, limit: number, isHidden: (key: Key) => boolean = () => false): Due[] {
    const due: Due[] = []
    const popped = new Set<Key>()
    const keep: Due[] = []
    while (due.length < limit && this.#heap[0] !== undefined && this.#heap[0].at <= wallMs) {
      const next = this.#pop()
      if (popped.has(next.key) || this.#current.get(next.key) !== next.at) continue
      popped.add(next.key)
      keep.push(next)
      if (!isHidden(next.key)) due.push(next)
    }
    for (const pair of keep) this.#push(pair)
    return due
  }

  #rebuild(): void {
    this.#heap = Array.from(this.#current, ([key, at]) => ({ key, at })).sort((a, b) =>
      isSooner(a, b) ? -1 : 1,
    )
  }

  #push(due: Due): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(due)
    while (index > 0) {
      const parent = (index - 1) >>> 1
      const above = at(heap, parent)
      if (!isSooner(due, above)) break
      heap[index] = above
      index = parent
    }
    heap[index] = due
  }

  #pop(): Due {
    const heap = this.#heap
    const top = at(heap, 0)
    const last = heap.pop() ?? top
    if (heap.length === 0) return top
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isSooner(at(heap, child + 1), at(heap, child))) child++
      if (!isSooner(at(heap, child), last)) break
      heap[index] = at(heap, child)
      index = child
    }
    heap[index] = last
    return top
  }
}

export const isSooner = (a: Due, b: Due) => a.at < b.at || (a.at === b.at && a.key < b.key)

/** The client sessions of one chain: what makes a retry return the first result. */
export class SessionTable {
  readonly #sessions = new Map<SessionId, LiveSession>()
  #ids: SessionId[] | null = []

  get count(): number {
    return this.#sessions.size
  }

  /** Changes with later entries. */
  results(session: SessionId): SessionResults | null {
    return this.#sessions.get(session) ?? null
  }

  /** Does not change with later entries. */
  copy(session: SessionId): SessionRecord | null {
    return this.#sessions.get(session)?.record ?? null
  }

  after(after: SessionId, limit: number): SessionRecord[] {
    this.#ids ??= [...this.#sessions.keys()].sort((a, b) => a - b)
    const found: SessionRecord[] = []
    for (let index = firstNotBelow(this.#ids, asSessionId(after + 1)); found.length < limit; index++) {
      const id = this.#ids[index]
      const record = id === undefined ? null : this.copy(id)
      if (record === null) break
      found.push(record)
    }
    return found
  }

  /** Takes the record unless the stored one is newer. */
  put(record: SessionRecord): void {
    const live = this.#sessions.get(record.session)
    if (live !== undefined && live.lastSeq > record.lastSeq) return
    this.#set(LiveSession.of(record))
  }

  /** Applies what an entry does to sessions, skipping those that have already seen it. Calls `onTouched` for every one that changed. */
  apply(entry: Entry, onTouched?: (session: SessionId) => void): void {
    const { seq, origin, sessions } = entry
    const opened = sessions?.opens === true ? asSessionId(seq) : null
    const isNew = opened !== null && !this.#sessions.has(opened)
    if (isNew) this.#open(opened).lastSeq = seq
    if (opened !== null) onTouched?.(opened)
    if (origin !== null) {
      const { session } = origin
      const live = this.#sessions.get(session) ?? this.#open(session)
      if (live.lastSeq < seq || (isNew && session === opened)) {
        live.apply(seq, origin)
        onTouched?.(session)
      }
    }
    for (const lapsed of sessions?.lapses ?? []) {
      if (this.#sessions.delete(lapsed)) this.#ids = null
      onTouched?.(lapsed)
    }
  }

  clear(): void {
    this.#sessions.clear()
    this.#ids = []
  }

  #open(session: SessionId): LiveSession {
    const live = new LiveSession(session)
    this.#set(live)
    return live
  }

  #set(live: LiveSession): void {
    if (!this.#sessions.has(live.session)) this.#ids = null
    this.#sessions.set(live.session, live)
  }
}

/** Index of the first element that is `least` or greater. */
function firstNotBelow<T extends string | number>(sorted: readonly T[], least: T): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (at(sorted, middle) < least) low = middle + 1
    else high = middle
  }
  return low
}

/** An element that is known to be there. */
function at<T>(array: readonly T[], index: number): T {
  return array[index] as T
}
