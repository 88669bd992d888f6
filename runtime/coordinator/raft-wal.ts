import type { WriteId } from '../../coordinator/raft/ids.ts'
import type { SnapshotMeta } from '../../coordinator/raft/log.ts'
import { type FsyncPolicy, openWal, type Wal } from '../storage/wal/wal.ts'
import { RaftStorage, type StoredRaft } from './raft-storage.ts'

export interface RaftWalOptions {
  readonly directory: string
  readonly owner: string
  readonly fsync: FsyncPolicy
  readonly segmentBytesMax?: number
  /** Every write up to this one would survive a power cut. Never called from inside a method of the storage. */
  readonly onDurable: (write: WriteId) => void
  readonly onFailure: (error: Error) => void
  /** Told how long each fdatasync took. */
  readonly syncTimes?: { add(ms: number): void }
}

/**
 * Opens a member's Raft storage on files and reads what it holds.
 *
 * @param newestSnapshot - the newest snapshot file that is there, to check the log against.
 * @returns the storage, and the log beneath it, for the caller to close.
 * @throws {WalCorruptError} damage, or a log that does not go on where the snapshot ends.
 * @throws {WalForeignError} another member's log.
 */
export function openRaftWal(
  options: RaftWalOptions,
  newestSnapshot: SnapshotMeta,
): { storage: RaftStorage; stored: StoredRaft; wal: Wal } {
  const { onDurable, ...walOptions } = options
  let storage: RaftStorage | null = null
  const { wal, replay } = openWal({
    ...walOptions,
    onDurable: (position) => storage?.onDurable(position, onDurable),
  })
  const { directory: place } = options
  const recovered = RaftStorage.recover({ log: wal, place, records: replay(), snapshot: newestSnapshot })
  storage = recovered.storage
  return { ...recovered, wal }
}
