import type { Replica } from '../../../chain/state.ts'
import type { Raft } from '../../../coordinator/raft/state.ts'
import type { ZnodeTree } from '../../../coordinator/znodes/tree.ts'
import type { Position } from '../../../protocol/entry.ts'
import type { ChainId } from '../../../protocol/ids.ts'

/** One coordinator, as the observer sees it. */
export interface CoordinatorSight {
  readonly name: string
  /** Null while the process is down; another object in each life. */
  readonly raft: Raft | null
  /** The tree of its state machine; null while the process is down. */
  readonly tree: ZnodeTree | null
}

/** One data server, as the observer sees it. */
export interface ServerSight {
  readonly name: string
  /** Of the running life, other objects in each; null while the process is down. */
  readonly replicas: ReadonlyMap<ChainId, Replica> | null
  /** By the process's own clock, the one that leases are counted on. It runs on during a pause. */
  nowMs(): number
  /**
   * Whether its disk, in the disk's own words, would surely keep this very entry, or a state that includes it, in a power cut now; also while the process is down. Where
   * nobody can tell, what the replica believes must do (`walDurable`).
   */
  durablyHolds?(chain: ChainId, position: Position): 'entry' | 'state' | null
}

/** All nodes, those that are down included. The lists may grow (an operator adds a server). */
export interface ClusterSight {
  readonly coordinators: readonly CoordinatorSight[]
  readonly servers: readonly ServerSight[]
}

/** What is promised depends on how the cluster is set up, and on what the run does to it. */
export interface ObserverOptions {
  /** With `interval` or `memory` a power cut may take what was committed; then only what survives is held to be the history. Default: sync. */
  readonly durability?: 'sync' | 'interval' | 'memory'
  /** False where clocks drift apart by more than driftBound: nothing is promised of leases then. Default: true. */
  readonly leasesHold?: boolean
}
