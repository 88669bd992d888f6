import type { HardState, PersistRecord, SnapshotPart } from '../../../coordinator/raft/events.ts'
import type { WriteId } from '../../../coordinator/raft/ids.ts'
import type { LogEntry, SnapshotMeta } from '../../../coordinator/raft/log.ts'
import { EMPTY_HARD_STATE, EMPTY_SNAPSHOT } from '../../../coordinator/raft/state.ts'

/** One thing that the core asked to be made durable. */
export type DiskWrite =
  | { readonly type: 'record'; readonly write: WriteId; readonly record: PersistRecord }
  | {
      readonly type: 'install'
      readonly write: WriteId
      readonly meta: SnapshotMeta
      readonly bytes: Uint8Array
    }

export interface StoredSnapshot {
  readonly meta: SnapshotMeta
  readonly bytes: Uint8Array
}

/** What a member would find after a restart. */
export class DiskImage {
  hardState: HardState = EMPTY_HARD_STATE
  entries: LogEntry[] = []
  snapshot: StoredSnapshot = { meta: EMPTY_SNAPSHOT, bytes: new Uint8Array() }

  clone(): DiskImage {
    const image = new DiskImage()
    image.hardState = this.hardState
    image.entries = [...this.entries]
    image.snapshot = this.snapshot
    return image
  }

  apply(write: DiskWrite): void {
    if (write.type === 'install') {
      if (write.meta.lastIndex > this.snapshot.meta.lastIndex) this.snapshot = write
      this.entries = []
      return
    }
    const { hardState, truncateFrom, entries } = write.record
    if (hardState !== undefined) this.hardState = hardState
    if (truncateFrom !== undefined) this.entries = this.entries.filter((entry) => entry.index < truncateFrom)
    if (entries !== undefined) this.entries.push(...entries)
  }

  /** The state machine has a snapshot of its own; the log behind it goes, now or later. */
  compact(snapshot: StoredSnapshot, dropLog: boolean): void {
    if (snapshot.meta.lastIndex <= this.snapshot.meta.lastIndex) return
    this.snapshot = snapshot
    if (dropLog) this.entries = this.entries.filter((entry) => entry.index > snapshot.meta.lastIndex)
  }
}

/** Puts the chunks of a snapshot together, as a runtime does in a staging file. */
export class Staging {
  #bytes: number[] = []

  take(part: SnapshotPart): Uint8Array {
    if (part.offset === 0) this.#bytes = []
    if (part.offset !== this.#bytes.length)
      throw new Error(`chunk at ${part.offset}, staged ${this.#bytes.length}`)
    this.#bytes.push(...part.bytes)
    return Uint8Array.from(this.#bytes)
  }
}
