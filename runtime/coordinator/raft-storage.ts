/** What a member must not forget (Raft §5.1): term, vote and log, in one write-ahead log. */
import type { HardState, PersistRecord } from '../../coordinator/raft/events.ts'
import type { LogIndex, WriteId } from '../../coordinator/raft/ids.ts'
import type { LogEntry, SnapshotMeta } from '../../coordinator/raft/log.ts'
import { EMPTY_HARD_STATE, EMPTY_SNAPSHOT } from '../../coordinator/raft/state.ts'
import { WalCorruptError } from '../storage/wal/errors.ts'
import type { WalRecord } from '../storage/wal/replay.ts'
import { decodeRecord, encodeRecordBody, type RaftRecord, RECORD_TYPES } from './raft-records.ts'

/** The write-ahead log, as the storage uses it. Positions are consecutive. */
export interface RecordLog {
  readonly lastPosition: number
  /** @returns the record's position. Never durable before this returns. */
  append(type: number, body: Uint8Array): number
  /** Records below this position are no longer needed. */
  dropBefore(position: number): void
}

/** What a restart finds. */
export interface StoredRaft {
  readonly hardState: HardState
  readonly entries: readonly LogEntry[]
}

/** Where in the write-ahead log a run of entries begins. */
interface Mark {
  readonly position: number
  readonly first: LogIndex
  last: number
}

export class RaftStorage {
  readonly #log: RecordLog
  readonly #place: string
  #hardState: HardState = EMPTY_HARD_STATE
  /** Ascending. What of the write-ahead log is still needed begins at the first one above the snapshot. */
  #marks: Mark[] = []
  /** Written, and not yet reported durable. */
  #writes: { readonly write: WriteId; readonly position: number }[] = []
  /** To be dropped once the records that make it superfluous are durable. */
  #drop: { readonly afterPosition: number; readonly upTo: LogIndex } | null = null

  private constructor(log: RecordLog, place: string) {
    this.#log = log
    this.#place = place
  }

  /**
   * Reads what the log holds, and takes it over for writing.
   *
   * @param options.place - names the log where it is corrupt.
   * @param options.records - all that the log holds, in order.
   * @param options.snapshot - the newest snapshot that is there, to check the log against.
   * @throws {WalCorruptError} a log that does not go on where the snapshot ends; and whatever `records` throws.
   */
  static recover(options: {
    readonly log: RecordLog
    readonly place: string
    readonly records: Iterable<WalRecord>
    readonly snapshot: SnapshotMeta
  }): { storage: RaftStorage; stored: StoredRaft } {
    const storage = new RaftStorage(options.log, options.place)
    return { storage, stored: storage.#recover(options.records, options.snapshot) }
  }

  #recover(records: Iterable<WalRecord>, snapshot: SnapshotMeta): StoredRaft {
    const entries: LogEntry[] = []
    let needed = EMPTY_SNAPSHOT
    for (const { type, payload, position } of records) {
      const record = decodeRecord(type, payload)
      if (record === null) throw this.#corrupt(position, `record ${position} has unknown type ${type}`)
      switch (record.type) {
        case 'hard-state':
          this.#hardState = record.hardState
          break
        case 'entry':
          this.#recoverEntry(entries, record.entry, position)
          break
        case 'truncate':
          truncate(entries, record.from)
          this.#truncateMarks(record.from)
          break
        case 'installed':
          entries.length = 0
          this.#marks = []
          needed = newer(needed, record.meta)
          break
        case 'compacted':
          needed = newer(needed, record.meta)
          break
      }
    }
    if (needed.lastIndex > snapshot.lastIndex)
      throw this.#corrupt(0, `it continues a snapshot at ${needed.lastIndex}, which is not there`)
    const first = entries[0]?.index ?? 0
    if (first > snapshot.lastIndex + 1)
      throw this.#corrupt(0, `it begins at entry ${first}, the snapshot ends at ${snapshot.lastIndex}`)
    return { hardState: this.#hardState, entries }
  }

  #recoverEntry(entries: LogEntry[], entry: LogEntry, position: number): void {
    const last = entries.at(-1)
    if (last !== undefined && entry.index !== last.index + 1)
      throw this.#corrupt(position, `entry ${entry.index} follows ${last.index}`)
    entries.push(entry)
    this.#marks.push({ position, first: entry.index, last: entry.index })
  }

  #corrupt(position: number, what: string): WalCorruptError {
    return new WalCorruptError(this.#place, position, what)
  }

  /** One record of the core: hard state, truncation, entries, in this order. */
  persist({ write, hardState, truncateFrom, entries = [] }: PersistRecord): void {
    if (hardState !== undefined) {
      this.#hardState = hardState
      this.#append({ type: 'hard-state', hardState })
    }
    if (truncateFrom !== undefined) {
      this.#truncateMarks(truncateFrom)
      this.#append({ type: 'truncate', from: truncateFrom })
    }
    const [first] = entries
    if (first !== undefined) {
      const last = first.index + entries.length - 1
      this.#marks.push({ position: this.#log.lastPosition + 1, first: first.index, last })
    }
    for (const entry of entries) this.#append({ type: 'entry', entry })
    this.#writes.push({ write, position: this.#log.lastPosition })
  }

  /** The leader's snapshot, which is on the disk already, has replaced the log. */
  installed(write: WriteId, meta: SnapshotMeta): void {
    this.#marks = []
    this.#append({ type: 'installed', meta })
    this.#writes.push({ write, position: this.#log.lastPosition })
    this.#dropUpTo(meta)
  }

  /** This member's own snapshot, which is on the disk already, stands for the log up to its index. */
  compacted(meta: SnapshotMeta): void {
    this.#append({ type: 'compacted', meta })
    this.#dropUpTo(meta)
  }

  /**
   * The hard state is written again, because the record that it was in may go. Nothing goes before that is durable: then every
   * earlier truncation is, too, or else entries that had been truncated would follow the snapshot after a restart.
   */
  #dropUpTo({ lastIndex }: SnapshotMeta): void {
    const afterPosition = this.#append({ type: 'hard-state', hardState: this.#hardState })
    this.#drop = { afterPosition, upTo: lastIndex }
  }

  #append(record: RaftRecord): number {
    return this.#log.append(RECORD_TYPES[record.type], encodeRecordBody(record))
  }

  #truncateMarks(from: LogIndex): void {
    while ((this.#marks.at(-1)?.first ?? 0) >= from) this.#marks.pop()
    const last = this.#marks.at(-1)
    if (last !== undefined && last.last >= from) last.last = from - 1
  }

  /** Every record up to this position would survive a power cut. `report` is told the newest write that lies there. */
  onDurable(position: number, report: (write: WriteId) => void): void {
    let count = 0
    while ((this.#writes[count]?.position ?? Infinity) <= position) count += 1
    const newest = this.#writes[count - 1]
    this.#writes = this.#writes.slice(count)
    if (newest !== undefined) report(newest.write)
    if (this.#drop !== null && this.#drop.afterPosition <= position) this.#dropNow(this.#drop)
  }

  #dropNow({ afterPosition, upTo }: { readonly afterPosition: number; readonly upTo: LogIndex }): void {
    this.#drop = null
    this.#marks = this.#marks.filter((mark) => mark.last > upTo)
    this.#log.dropBefore(Math.min(this.#marks[0]?.position ?? afterPosition, afterPosition))
  }
}

const newer = (a: SnapshotMeta, b: SnapshotMeta): SnapshotMeta => (b.lastIndex > a.lastIndex ? b : a)

function truncate(entries: LogEntry[], from: LogIndex): void {
  while ((entries.at(-1)?.index ?? 0) >= from) entries.pop()
}
