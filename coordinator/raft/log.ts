import { invariant } from '../../protocol/invariants.ts'
import { EntryList } from './entry-list.ts'
import type { LogIndex, Term } from './ids.ts'
import { asLogIndex, NO_INDEX } from './ids.ts'

export interface LogEntry {
  readonly term: Term
  readonly index: LogIndex
  /** `null` is a no-op: the entry that each leader begins its term with (Raft §8). */
  readonly command: Uint8Array | null
}

/** What a snapshot stands for: the state after the entry of this index and term. */
export interface SnapshotMeta {
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
}

/** What an entry counts for in every limit on bytes. */
export const entryBytes = (entry: LogEntry): number => (entry.command === null ? 0 : entry.command.length)

/**
 * The replicated log, in memory, without the prefix that a snapshot stands for. It begins after `base`, which
 * may lie before the snapshot: a few entries are retained for followers that lag a little.
 */
export class RaftLog {
  #snapshot: SnapshotMeta
  #base: SnapshotMeta
  #entries = new EntryList()
  /**
   * Bytes of all entries up to and including the one at the same position; only differences mean anything.
   */
  #bytesThrough: number[] = []
  #bytesThroughBase = 0

  /**
   * Entries that the snapshot covers are skipped; entries that do not continue it are dropped (see
   * `isReplaced`).
   */
  constructor(snapshot: SnapshotMeta, entries: readonly LogEntry[]) {
    this.#snapshot = snapshot
    this.#base = snapshot
    if (!isReplaced(snapshot, entries))
      this.append(entries.filter((entry) => entry.index > snapshot.lastIndex))
  }

  get snapshot(): SnapshotMeta {
    return this.#snapshot
  }

  /** The entry just before the first one held: its term is known, its command is gone. */
  get base(): SnapshotMeta {
    return this.#base
  }

  get last(): LogIndex {
    return asLogIndex(this.#base.lastIndex + this.#entries.length)
  }

  get lastTerm(): Term {
    return this.#entries.termAt(this.#entries.length - 1) ?? this.#base.lastTerm
  }

  /** The term at an index, or `null` where the log does not reach or has been compacted away. */
  termAt(index: LogIndex): Term | null {
    if (index === this.#base.lastIndex) return this.#base.lastTerm
    return this.#entries.termAt(index - this.#base.lastIndex - 1)
  }

  /** The entries of an inclusive range, which must be held. */
  slice(from: LogIndex, to: LogIndex): LogEntry[] {
    return this.#entries.slice(from - this.#base.lastIndex - 1, to - this.#base.lastIndex)
  }

  /** From `from`, as many entries as fit; the first one always fits. */
  batch(from: LogIndex, room: { readonly entriesMax: number; readonly bytesMax: number }): LogEntry[] {
    const start = from - this.#base.lastIndex - 1
    const stop = Math.min(this.#entries.length, start + room.entriesMax)
    const bytesBefore = this.#bytesThroughAt(start - 1)
    let end = Math.min(start + 1, stop)
    while (end < stop && this.#bytesThroughAt(end) - bytesBefore <= room.bytesMax) end += 1
    return this.#entries.slice(start, end)
  }

  /** Bytes of the entries in (after, upTo], as far as they are held. */
  bytesBetween(after: LogIndex, upTo: LogIndex): number {
    const base = this.#base.lastIndex
    if (upTo <= after || upTo <= base) return 0
    return this.#bytesThroughAt(upTo - base - 1) - this.#bytesThroughAt(Math.max(after, base) - base - 1)
  }

  /** The first held index whose term equals that of `index`: XIndex of a conflict. */
  firstOfTermAt(index: LogIndex): LogIndex {
    const term = this.termAt(index)
    return term === null ? NO_INDEX : this.#firstWhere((other) => other >= term)
  }

  /** The last index of a term, or `null` if no entry held has it. */
  lastOfTerm(term: Term): LogIndex | null {
    const index = asLogIndex(this.#firstWhere((other) => other > term) - 1)
    return index >= this.#base.lastIndex && this.termAt(index) === term ? index : null
  }

  append(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      invariant(
        'LogMatching',
        entry.index === this.last + 1 && entry.term >= this.lastTerm,
        () => `entry ${entry.index} of term ${entry.term} after ${this.last} of term ${this.lastTerm}`,
      )
      this.#bytesThrough.push(this.#bytesThroughAt(this.#entries.length - 1) + entryBytes(entry))
      this.#entries.push(entry)
    }
  }

  /** Drops this index and all that follow. */
  truncateFrom(index: LogIndex): void {
    const kept = Math.max(0, index - this.#base.lastIndex - 1)
    this.#entries.truncate(kept)
    this.#bytesThrough.length = this.#entries.length
  }

  /** Forgets all up to `upTo`, which the snapshot covers (Raft §7). */
  compact(upTo: LogIndex, snapshot: SnapshotMeta): void {
    this.#snapshot = snapshot
    const term = this.termAt(upTo)
    if (term === null || upTo <= this.#base.lastIndex) return
    const dropped = upTo - this.#base.lastIndex
    this.#bytesThroughBase = this.#bytesThroughAt(dropped - 1)
    this.#entries.dropFirst(dropped)
    this.#bytesThrough = this.#bytesThrough.slice(dropped)
    this.#base = { lastIndex: upTo, lastTerm: term }
  }

  /** How far `compact` may go so that the last entries before `index` stay, within both bounds. */
  retainedFrom(index: LogIndex, room: { readonly entriesMax: number; readonly bytesMax: number }): LogIndex {
    let upTo: number = index
    const least = Math.max(this.#base.lastIndex, index - room.entriesMax)
    while (upTo > least && this.bytesBetween(asLogIndex(upTo - 1), index) <= room.bytesMax) upTo -= 1
    return asLogIndex(upTo)
  }

  /** Replaces everything by a snapshot that came from the leader. */
  reset(snapshot: SnapshotMeta): void {
    this.#snapshot = snapshot
    this.#base = snapshot
    this.#entries = new EntryList()
    this.#bytesThrough = []
    this.#bytesThroughBase = 0
  }

  #bytesThroughAt(position: number): number {
    return this.#bytesThrough[position] ?? this.#bytesThroughBase
  }

  /**
   * Terms never decrease along a log, so a binary search finds the first index (from `base` on) whose term
   * fits.
   */
  #firstWhere(fits: (term: Term) => boolean): LogIndex {
    let low: number = this.#base.lastIndex
    let high = this.last + 1
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const term = this.termAt(asLogIndex(middle))
      if (term !== null && fits(term)) high = middle
      else low = middle + 1
    }
    return asLogIndex(low)
  }
}

/**
 * Whether a log read from disk is the one that this snapshot was to replace: it does not agree with the
 * snapshot at its last index. A crash between "snapshot stored" and "old log dropped" leaves it behind.
 */
export function isReplaced(snapshot: SnapshotMeta, entries: readonly LogEntry[]): boolean {
  const first = entries[0]
  if (first === undefined || first.index > snapshot.lastIndex) return false
  return entries[snapshot.lastIndex - first.index]?.term !== snapshot.lastTerm
}
