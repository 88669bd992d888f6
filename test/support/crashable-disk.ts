import type {
  CleanStore,
  SessionRecord,
  SessionResults,
  StoredItem,
  StoreMeta,
} from '../../chain/clean-store.ts'
import type { LogRecord } from '../../chain/events.ts'
import { MemoryStore } from '../../chain/memory-store.ts'
import type { Rng } from '../../lab/simulator/kernel/rng.ts'
import type { Versioned } from '../../protocol/commands.ts'
import type { Entry, Position } from '../../protocol/entry.ts'
import type { Key, Millis, SessionId } from '../../protocol/ids.ts'

/** What a finished sync says: the core's `durable` event. */
export interface Synced {
  readonly position: Position
  readonly rewrites: number
}

/** A write-ahead log that forgets, at a crash, a random part of what was not synced. */
export class CrashableLog {
  records: LogRecord[] = []
  /** So many of `records` survive any crash. */
  #durable = 0
  /** Where this life began: `rewrites` counts from here. */
  #lifeStart = 0
  #rewritesBefore = 0

  append(record: LogRecord): void {
    this.records.push(record)
  }

  get unsynced(): number {
    return this.records.length - this.#durable
  }

  /** Syncs some or all of what is not synced yet. Null where that holds no position. */
  sync(count: number): Synced | null {
    this.#durable = Math.min(this.records.length, this.#durable + count)
    let position: Position | null = null
    let rewrites = this.#rewritesBefore
    for (let i = this.#lifeStart; i < this.#durable; i++) {
      const record = this.records[i]
      if (record?.type === 'truncate' || record?.type === 'reset') rewrites++
      if (record !== undefined) position = positionOf(record) ?? position
    }
    return position === null ? null : { position, rewrites }
  }

  crash(rng: Rng): void {
    const kept = this.#durable + rng.below(this.unsynced + 1)
    this.records.length = kept
    this.#durable = kept
    this.#lifeStart = kept
    this.#rewritesBefore = 0
  }

  /** Whether this very entry would survive a power cut, or else a state of the store that includes it. */
  durablyHolds({ epoch, seq }: Position): 'entry' | 'state' | null {
    let held: 'entry' | 'state' | null = this.trimmed >= seq ? 'state' : null
    for (let i = 0; i < this.#durable; i++) {
      const record = this.records[i]
      if (record?.type === 'entry' && record.entry.seq === seq)
        held = record.entry.epoch === epoch ? 'entry' : null
      else if (record?.type === 'truncate' && record.to.seq < seq) held = null
      else if (record?.type === 'reset') held = record.to.seq >= seq ? 'state' : null
    }
    return held
  }

  trimmed = 0

  /** Forgets the front up to what the flushed store holds, as the runtime does: never an entry above `applied`. */
  trim(options: { readonly applied: number; readonly recordsMax: number }): void {
    let cut = 0
    while (cut < Math.min(options.recordsMax, this.#durable, this.#lifeStart)) {
      const record = this.records[cut]
      if (record === undefined || (record.type === 'entry' && record.entry.seq > options.applied)) break
      cut++
    }
    this.records.splice(0, cut)
    this.#durable -= cut
    this.#lifeStart -= cut
    if (cut > 0) this.trimmed = options.applied
  }
}

function positionOf(record: LogRecord): Position | null {
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

/** A store on a disk: whole turns reach it in order, and a crash forgets a random part of those not flushed. */
export class CrashableStore implements CleanStore {
  #live = new MemoryStore()
  #writes: ((store: MemoryStore) => void)[] = []
  /** Lengths of `#writes` at the end of each turn that is not flushed yet: a crash falls on one of them. */
  #turns: number[] = []
  #flushed = 0
  /** The same of all turns, flushed or not. */
  #states: number[] = [0]

  endTurn(): void {
    if (this.#writes.length === this.#states.at(-1)) return
    this.#turns.push(this.#writes.length)
    this.#states.push(this.#writes.length)
  }

  /** How many states this store has been in, each at the end of a turn. */
  get stateCount(): number {
    return this.#states.length
  }

  /** A store as this one was after some turn. */
  copyOf(state: number): MemoryStore {
    const copy = new MemoryStore()
    for (const write of this.#writes.slice(0, this.#states[state])) write(copy)
    return copy
  }

  /** What would survive a power cut now is a state of the chain, not a torso of a snapshot. */
  flushedWhole = true

  /** Everything written so far survives any crash from now on. */
  flush(): void {
    this.endTurn()
    this.flushedWhole = !this.#live.meta.receivingSnapshot
    this.#flushed = this.#writes.length
    this.#turns = []
  }

  crash(rng: Rng): void {
    const survivors = [this.#flushed, ...this.#turns]
    this.#writes.length = rng.chance(0.3) ? (survivors.at(-1) ?? 0) : rng.pick(survivors)
    this.#live = new MemoryStore()
    for (const write of this.#writes) write(this.#live)
    this.#states = this.#states.filter((length) => length <= this.#writes.length)
    this.flush()
  }

  #write(write: (store: MemoryStore) => void): void {
    this.#writes.push(write)
    write(this.#live)
  }

  apply(entry: Entry): void {
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
  scan(options: { prefix: Key; after: Key | null; limit: number }): StoredItem[] {
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
