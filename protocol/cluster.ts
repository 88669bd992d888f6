import type { ChainConfig } from './chain-config.ts'
import type { ChainId, Epoch, Incarnation, ServerId } from './ids.ts'

/** When an entry counts as `durable` at a replica (DESIGN 3.1). */
export const DURABILITIES = ['sync', 'interval', 'memory'] as const
export type Durability = (typeof DURABILITIES)[number]

/**
 * How the copies of a chain are kept alike. `craq` is the store; the others are here to be compared with it, over the same doors, logs and disks:
 * `chain` is chain replication as first described, `raft` and `raft-lease` a quorum (reads at the leader by ReadIndex, or under a leader's lease),
 * `primary-backup` a star.
 */
export const REPLICATIONS = ['craq', 'chain', 'raft', 'raft-lease', 'primary-backup'] as const
export type Replication = (typeof REPLICATIONS)[number]

/** Which members answer strong reads. */
export type Readers = 'any' | 'head' | 'tail'
export const READERS: Readonly<Record<Replication, Readers>> = {
  craq: 'any',
  chain: 'tail',
  raft: 'any',
  'raft-lease': 'any',
  'primary-backup': 'head',
}

/** A quorum goes on without the members that are gone, and changes its membership by its own log alone: the manager forms it once. */
export const hasFixedMembers = (replication: Replication): boolean =>
  replication === 'raft' || replication === 'raft-lease'

/** What `/catenary/cluster` holds: written once, by the manager that found none. */
export interface ClusterOptions {
  /** Random: data directories remember it, so that one cluster's data never enters another. */
  readonly clusterId: string
  readonly chainCount: number
  /** How many members each chain should have. */
  readonly replicationFactor: number
  readonly durability: Durability
  readonly replication: Replication
  /** Length of the data servers' coordinator sessions, and so the longest time to notice a dead one. */
  readonly sessionTimeoutMs: number
}

/** What `/catenary/servers/<id>` (ephemeral) holds: who is alive, in which life, where, and what it has on its disk. */
export interface ServerRegistration {
  readonly server: ServerId
  readonly incarnation: Incarnation
  readonly host: string
  readonly port: number
  readonly httpPort: number
  /** Of its Redis door; absent or 0: it has none. */
  readonly redisPort?: number
  /** Failure domain: members of one chain are spread over zones. */
  readonly zone: string
  /** Identity of the data directory. */
  readonly dataId: string
  /** Chains of which this directory holds the data of a member: lets the last serving member of a chain return, and nobody else. */
  readonly holds: Readonly<
    Record<ChainId, { readonly epoch: Epoch; readonly last: number; readonly commit: number }>
  >
  /** Set by a server that is being stopped or emptied by its operator. */
  readonly draining: boolean
}

/**
 * What `/catenary/chains/<id>/synced/<server>` (ephemeral) holds. It speaks of one epoch only: a report about another epoch than the
 * configuration's is void (trap 14).
 */
export interface ReplicaReport {
  readonly server: ServerId
  readonly incarnation: Incarnation
  readonly epoch: Epoch
  /** synced: the joiner has caught up. serving: it was handed off to. left: it stopped answering reads. failed: it cannot take part. member: nothing to say but `suspects`. */
  readonly state: 'member' | 'synced' | 'serving' | 'left' | 'failed'
  /** A neighbour whose link has stalled although both ends live (traps 15, 16); null = none. */
  readonly suspects: ServerId | null
}

/** What a client needs for routing: sent in reply to `map-request`, and with every redirect. */
export interface ClusterMap {
  readonly clusterId: string
  readonly chains: readonly ChainConfig[]
  /** Absent: any. Weak reads are answered by all. */
  readonly readers?: Readers
  readonly addresses: Readonly<
    Record<ServerId, { readonly host: string; readonly port: number; readonly zone: string }>
  >
}
