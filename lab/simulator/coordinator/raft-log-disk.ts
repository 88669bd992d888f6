/** A member's write-ahead log on a simulated disk, under the real `RaftStorage`. */
import type { WriteId } from '../../../coordinator/raft/ids.ts'
import type { SnapshotMeta } from '../../../coordinator/raft/log.ts'
import { RaftStorage, type RecordLog, type StoredRaft } from '../../../runtime/coordinator/raft-storage.ts'
import type { WalRecord } from '../../../runtime/storage/wal/replay.ts'
import { type SimDisk, SimLog } from '../kernel/disk.ts'

export interface RaftLogEvents {
  onDurable(write: WriteId): void
  /** Once; nothing is reported durable after it. */
  onFailure(error: Error): void
}

/** Outlives the lives of its process. What is appended in one turn is synced together. */
export class RaftLogDisk {
  readonly #disk: SimDisk
  readonly #log: SimLog<Omit<WalRecord, 'position'>>

  constructor(disk: SimDisk) {
    this.#disk = disk
    this.#log = new SimLog(disk)
  }

  /** All that was appended would survive. */
  get isSynced(): boolean {
    return this.#log.durablePosition === this.#log.lastPosition
  }

  /**
   * Begins a life: recovers as in production.
   *
   * @throws {RottenLogError} damage that the operator must repair by `wipe`.
   * @throws {WalCorruptError} a log that does not go on where the snapshot ends: a bug.
   */
  open(snapshot: SnapshotMeta, events: RaftLogEvents): { storage: RaftStorage; stored: StoredRaft } {
    const log = this.#log
    const { process } = this.#disk
    let failed = false
    let storage: RaftStorage | null = null
    const held = log.open({
      onDurable: (position) => {
        if (!failed) storage?.onDurable(position, events.onDurable)
      },
      onFailure: (error) => {
        if (failed) return
        failed = true
        events.onFailure(error)
      },
    })
    const first = log.firstPosition
    const records = held.map((record, n) => ({ ...record, position: first + n }))
    const recovered = RaftStorage.recover({
      log: this.#recordLog(() => failed),
      place: process.name,
      records,
      snapshot,
    })
    storage = recovered.storage
    return recovered
  }

  #recordLog(hasFailed: () => boolean): RecordLog {
    const log = this.#log
    const { process } = this.#disk
    const sync = () => {
      if (!hasFailed()) log.sync()
    }
    return {
      get lastPosition() {
        return log.lastPosition
      },
      append: (type, payload) => {
        process.atTurnEnd(sync)
        return log.append({ type, payload })
      },
      // In production whole segments go: often that is nothing yet.
      dropBefore: (position) => {
        if (process.rng.chance(0.5)) log.dropBefore(position)
      },
    }
  }

  /** A bit flips in a segment. Found when the next life begins. */
  rot(): void {
    this.#log.rot()
  }

  wipe(): void {
    this.#log.wipe()
  }
}
