import {
  type Entry,
  entryBytes,
  type Position,
  resultBytes,
  samePosition,
  type Write,
} from '../protocol/entry.ts'
import {
  asSeq,
  type Key,
  type Millis,
  NO_EPOCH,
  NO_SEQ,
  type RequestNumber,
  type Seq,
  type SessionId,
} from '../protocol/ids.ts'
import { KEPT_TOGETHER, KeptEntries } from './kept-entries.ts'

/** A version above the commit watermark. */
export interface DirtyVersion {
  readonly seq: Seq
  readonly write: Write
  /** When it reached this replica, on its own clock (bounded-age reads, CRAQ §2.4). */
  readonly receivedAt: Millis
}

const EMPTY: Position = { epoch: NO_EPOCH, seq: NO_SEQ }

/**
 * The part of a chain's log that a replica keeps in memory: everything above `commit` (dirty), and below it as much as is
 * worth keeping for a successor or joiner that lacks it. Indexes what is dirty by key and by request.
 */
export class Log {
  /** The oldest ones, all clean: `KEPT_TOGETHER` in each. */
  #kept: KeptEntries[] = []
  /** `#entries[#skip + i]` has seq `#front.seq + 1 + i`. The array's front is cut lazily: the first `#skip` entries are gone. */
  #entries: Entry[] = []
  #skip = 0
  /** Position of the entry before the first one of `#entries`. */
  #front: Position = EMPTY
  /** Position of the entry before the first one held. */
  #base: Position = EMPTY
  #commit: Position = EMPTY
  #bytes = 0
  #dirtyBytes = 0
  /** Nearly every dirty key has one dirty version: an array for each would be most of what this index takes. */
  readonly #dirtyKeys = new Map<Key, DirtyVersion | DirtyVersion[]>()
  readonly #dirtyRequests = new Map<SessionId, Map<RequestNumber, Seq>>()
  readonly #dirtyResultBytes = new Map<SessionId, number>()
  readonly #dirtyOpens = new Set<SessionId>()
  readonly #dirtyLapses = new Set<SessionId>()

  get base(): Position {
    return this.#base
  }
  get commit(): Position {
    return this.#commit
  }
  get last(): Seq {
    return asSeq(this.#front.seq + this.#entries.length - this.#skip)
  }
  get lastPosition(): Position {
    const entry = this.#entries.at(-1)
    return entry === undefined || this.#entries.length === this.#skip
      ? this.#front
      : { epoch: entry.epoch, seq: entry.seq }
  }
  get dirtyCount(): number {
    return this.last - this.#commit.seq
  }
  get dirtyBytes(): number {
    return this.#dirtyBytes
  }
  get retainedBytes(): number {
    return this.#bytes
  }

  entryAt(seq: Seq): Entry | null {
    if (seq > this.#front.seq) return this.#entries[this.#skip + seq - this.#front.seq - 1] ?? null
    if (seq <= this.#base.seq) return null
    return this.#kept[Math.floor((seq - this.#base.seq - 1) / KEPT_TOGETHER)]?.at(seq) ?? null
  }

  /** Identity of the entry at `seq`, or null where it is not held (any more, or yet). */
  positionAt(seq: Seq): Position | null {
    if (seq === this.#base.seq) return this.#base
    const entry = this.entryAt(seq)
    return entry === null ? null : { epoch: entry.epoch, seq: entry.seq }
  }

  /** Whether this log has that very entry. Equal identity implies an equal prefix, since every append names its predecessor. */
  has(position: Position): boolean {
    const mine = this.positionAt(position.seq)
    return mine !== null && samePosition(mine, position)
  }

  push(entry: Entry, receivedAt: Millis): void {
    if (entry.seq !== this.last + 1) throw new RangeError(`log: entry ${entry.seq} behind ${this.last}`)
    this.#entries.push(entry)
    const bytes = entryBytes(entry)
    this.#bytes += bytes
    this.#dirtyBytes += bytes
    for (const write of entry.writes) this.#indexWrite({ seq: entry.seq, write, receivedAt })
    this.#indexRequest(entry)
  }

  #indexWrite(version: DirtyVersion): void {
    const { key } = version.write
    const versions = this.#dirtyKeys.get(key)
    if (versions === undefined) this.#dirtyKeys.set(key, version)
    else if (Array.isArray(versions)) versions.push(version)
    else this.#dirtyKeys.set(key, [versions, version])
  }

  #indexRequest(entry: Entry): void {
    if (entry.sessions?.opens) this.#dirtyOpens.add(entry.seq as number as SessionId)
    for (const session of entry.sessions?.lapses ?? []) this.#dirtyLapses.add(session)
    if (entry.origin === null) return
    const { session, requestNumber } = entry.origin
    const requests = this.#dirtyRequests.get(session)
    if (requests === undefined) this.#dirtyRequests.set(session, new Map([[requestNumber, entry.seq]]))
    else requests.set(requestNumber, entry.seq)
    this.#countResult(session, resultBytes(entry.origin.result))
  }

  #countResult(session: SessionId, bytes: number): void {
    if (bytes === 0) return
    const sum = (this.#dirtyResultBytes.get(session) ?? 0) + bytes
    if (sum === 0) this.#dirtyResultBytes.delete(session)
    else this.#dirtyResultBytes.set(session, sum)
  }

  /** Marks the entry after `commit` clean and returns it. */
  commitNext(): Entry {
    const entry = this.entryAt(asSeq(this.#commit.seq + 1))
    if (entry === null) throw new RangeError(`log: nothing above commit ${this.#commit.seq}`)
    this.#commit = { epoch: entry.epoch, seq: entry.seq }
    this.#dirtyBytes -= entryBytes(entry)
    for (const write of entry.writes) {
      const versions = this.#dirtyKeys.get(write.key)
      if (Array.isArray(versions) && versions.length > 1) versions.shift()
      else this.#dirtyKeys.delete(write.key)
    }
    if (entry.sessions?.opens) this.#dirtyOpens.delete(entry.seq as number as SessionId)
    for (const session of entry.sessions?.lapses ?? []) this.#dirtyLapses.delete(session)
    if (entry.origin !== null) {
      const requests = this.#dirtyRequests.get(entry.origin.session)
      requests?.delete(entry.origin.requestNumber)
      this.#countResult(entry.origin.session, -resultBytes(entry.origin.result))
      if (requests?.size === 0) this.#dirtyRequests.delete(entry.origin.session)
    }
    return entry
  }

  /** Drops every entry above `to`, which must not be committed. */
  truncate(to: Seq): void {
    if (to < this.#commit.seq) throw new RangeError(`log: truncate to ${to} below commit ${this.#commit.seq}`)
    const dirty = this.#entries.splice(this.#skip + to - this.#front.seq)
    for (const entry of dirty) this.#bytes -= entryBytes(entry)
    const kept: Entry[] = []
    for (let seq = this.#commit.seq + 1; seq <= to; seq++) {
      const entry = this.entryAt(asSeq(seq))
      if (entry !== null) kept.push(entry)
    }
    const receivedAt = new Map(
      [...this.#dirtyKeys.values()].flat().map((version) => [version.seq, version.receivedAt]),
    )
    this.#clearDirty()
    for (const entry of kept) {
      const at = receivedAt.get(entry.seq) ?? (0 as Millis)
      this.#dirtyBytes += entryBytes(entry)
      for (const write of entry.writes) this.#indexWrite({ seq: entry.seq, write, receivedAt: at })
      this.#indexRequest(entry)
    }
  }

  /** Forgets everything: the log goes on after `base`, which counts as committed. */
  reset(base: Position): void {
    this.#kept = []
    this.#entries = []
    this.#skip = 0
    this.#bytes = 0
    this.#front = base
    this.#base = base
    this.#commit = base
    this.#clearDirty()
  }

  #clearDirty(): void {
    this.#dirtyBytes = 0
    this.#dirtyKeys.clear()
    this.#dirtyRequests.clear()
    this.#dirtyResultBytes.clear()
    this.#dirtyOpens.clear()
    this.#dirtyLapses.clear()
  }

  /** Forgets the oldest committed entries while more than `bytesMax` are kept. Of those that are kept together, all. */
  trim(bytesMax: number): void {
    while (this.#commit.seq - this.#front.seq >= 2 * KEPT_TOGETHER) this.#keepTogether()
    while (this.#bytes > bytesMax && this.#base.seq < this.#commit.seq) {
      const kept = this.#kept.shift()
      if (kept !== undefined) {
        this.#bytes -= kept.bytes
        this.#base = kept.last
        continue
      }
      const entry = this.#entries[this.#skip]
      if (entry === undefined) break
      this.#bytes -= entryBytes(entry)
      this.#base = this.#front = { epoch: entry.epoch, seq: entry.seq }
      this.#skip++
    }
    this.#cut()
  }

  #keepTogether(): void {
    const kept = new KeptEntries(this.#entries.slice(this.#skip, this.#skip + KEPT_TOGETHER))
    this.#kept.push(kept)
    this.#front = kept.last
    this.#skip += KEPT_TOGETHER
  }

  /** Cutting the array's front for each entry would cost a move of all the others; what is not cut yet still fills memory. */
  #cut(): void {
    if (this.#skip <= 1024 || this.#skip <= this.#entries.length / 8) return
    this.#entries = this.#entries.slice(this.#skip)
    this.#skip = 0
  }

  /** Dirty versions of a key, oldest first; null where it is clean. */
  dirtyVersions(key: Key): readonly DirtyVersion[] | null {
    const versions = this.#dirtyKeys.get(key)
    return versions === undefined ? null : Array.isArray(versions) ? versions : [versions]
  }
  newestDirtyVersion(key: Key): DirtyVersion | null {
    const versions = this.#dirtyKeys.get(key)
    return (Array.isArray(versions) ? versions.at(-1) : versions) ?? null
  }
  isDirty(key: Key): boolean {
    return this.#dirtyKeys.has(key)
  }
  get hasDirtyKeys(): boolean {
    return this.#dirtyKeys.size > 0
  }
  dirtyKeys(): IterableIterator<Key> {
    return this.#dirtyKeys.keys()
  }
  /** Seq of the dirty entry that answers this request, or null. */
  dirtyRequest(session: SessionId, requestNumber: RequestNumber): Seq | null {
    return this.#dirtyRequests.get(session)?.get(requestNumber) ?? null
  }
  /** Results of a session's dirty entries: how many, and the bytes of the values in them. */
  dirtyResults(session: SessionId): { readonly count: number; readonly bytes: number } {
    const count = this.#dirtyRequests.get(session)?.size ?? 0
    return { count, bytes: this.#dirtyResultBytes.get(session) ?? 0 }
  }
  lapsesSession(session: SessionId): boolean {
    return this.#dirtyLapses.has(session)
  }
  opensSession(session: SessionId): boolean {
    return this.#dirtyOpens.has(session)
  }
}
