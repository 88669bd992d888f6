/** What a member of the ensemble needs of the process around it. */
import type { Rng } from '../../coordinator/raft/events.ts'
import type { MemberId } from '../../coordinator/raft/ids.ts'
import type { SnapshotMeta } from '../../coordinator/raft/log.ts'
import type { MemberRow } from '../../coordinator/raft/membership.ts'
import type { Timers } from '../../protocol/timers.ts'
import type { HostFacts } from '../doors/zookeeper/server-sight.ts'
import type { Log } from '../log.ts'
import type { DataDirectory } from '../storage/data-directory.ts'
import type { Secrets } from './ensemble.ts'
import type { PeerMessage } from './peer-messages.ts'
import type { SnapshotStore } from './raft-host.ts'
import type { RaftStorage, StoredRaft } from './raft-storage.ts'

/** None of these calls the member from inside. */
export interface MemberPorts {
  readonly timers: Timers
  /** For the times of znodes. */
  wallMs(): number
  /** Runs it, once, when all that has arrived by now has been taken. */
  atTurnEnd(run: () => void): void
  readonly rng: Rng
  readonly secrets: Secrets
  readonly identity: Pick<DataDirectory, 'clusterId' | 'adoptCluster' | 'nextIncarnation'>
  readonly peers: PeerPort
  readonly snapshots: SnapshotStore
  /** `done` once the snapshot would survive a power cut. The parts belong to the port until then. One at a time. */
  writeSnapshot(meta: SnapshotMeta, parts: readonly Uint8Array[], done: (error: Error | null) => void): void
  readonly logger: Log
  /** For the four-letter words. Default: nothing is known. */
  readonly host?: HostFacts
  /** This member takes no part any more, and says nothing. Called once. */
  onFailure(error: Error): void
}

export interface PeerPort {
  /** Where the members of the ensemble are to be found from now on. Absent: names are enough. */
  learn?(members: readonly MemberRow[]): void
  /** May get lost. */
  send(to: MemberId, message: PeerMessage): void
  /** The turn ends. @returns the peers for whom what was sent since the last flush is lost. */
  flush(): readonly MemberId[]
}

/** What the disk held. */
export interface Recovered {
  readonly storage: RaftStorage
  readonly stored: StoredRaft
  /** The newest one; null if there is none. */
  readonly snapshot: { readonly meta: SnapshotMeta; readonly body: Uint8Array } | null
}
