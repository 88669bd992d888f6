/** What the four-letter words are answered from. */
import type { Session } from '../../../coordinator/znodes/tree.ts'
import type { WatchTable } from '../../../coordinator/znodes/watches.ts'
import type { ConnectionTraffic, DoorTraffic } from './traffic.ts'

/** Names and values, as `conf` and `envi` list them. */
export type Pairs = readonly (readonly [name: string, value: string | number])[]

/** What the coordinator knows of itself. */
export interface ServerFacts {
  readonly serving: boolean
  readonly mode: 'leader' | 'follower' | 'standalone'
  readonly zxid: number
  readonly nodeCount: number
  readonly ephemeralsCount: number
  readonly sessionCount: number
  /** Bytes of all paths and data, as of some seconds ago. */
  readonly dataBytes: number
  /** Leaders that this member has followed or been. */
  readonly elections: number
  /** Log entries that are not in a snapshot yet. */
  readonly logEntries: number
  readonly snapshotZxid: number
  readonly upMs: number
  /** At the leader only. */
  readonly followers: { readonly count: number; readonly synced: number } | null
}

/** What only the process knows. */
export interface HostFacts {
  configuration(): Pairs
  environment(): Pairs
  /** Of snapshots and of the log, on the disk. */
  dataBytes(): number
  logBytes(): number
}

export const NO_HOST: HostFacts = {
  configuration: () => [],
  environment: () => [],
  dataBytes: () => 0,
  logBytes: () => 0,
}

export interface ConnectionSight {
  /** `address:port`. */
  readonly remote: string
  /** On the process's monotonic clock. */
  readonly openedMs: number
  readonly isReading: boolean
  readonly greeting: { readonly number: number } | null
  /** 0n: none yet. */
  readonly session: bigint
  readonly timeoutMs: number
  readonly traffic: ConnectionTraffic
}

export interface ServerSight {
  readonly facts: ServerFacts
  readonly host: HostFacts
  readonly connections: readonly ConnectionSight[]
  readonly sessions: readonly Session[]
  readonly watches: WatchTable
  readonly traffic: DoorTraffic
  /** Add it to a time of the monotonic clock to get one of the wall clock. */
  readonly wallOffsetMs: number
}
