/** What a coordinator tells Prometheus. docs/OPERATIONS.md says of each number what to do when it is bad. */
import type { CoordinatorStatus } from '../coordinator/status.ts'
import type { LatencyHistogram } from '../latency.ts'
import { MANAGER_FAMILIES, type ManagerSight } from './manager-metrics.ts'
import { type Family, MetricPage, one, type Row } from './metric-page.ts'

export interface CoordinatorSight extends ManagerSight {
  readonly status: CoordinatorStatus
  /** By operation, from its packet's arrival to the reply. */
  readonly operationTimes: ReadonlyMap<string, LatencyHistogram>
  readonly syncTimes: LatencyHistogram
  readonly unready: string | null
}

export const coordinatorMetrics = (look: () => CoordinatorSight): MetricPage<CoordinatorSight> =>
  new MetricPage([...MEMBER, ...RAFT, ...MANAGER_FAMILIES], look)

const number = (
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: (status: CoordinatorStatus) => number,
): Family<CoordinatorSight> => ({ type, name, help, rows: ({ status }) => one(value(status)) })

const MEMBER: readonly Family<CoordinatorSight>[] = [
  {
    type: 'gauge',
    name: 'catenary_ready',
    help: '1 where /readyz answers 200',
    rows: ({ unready }) => one(unready === null ? 1 : 0),
  },
  number('gauge', 'catenary_storage_ok', '0 from the moment at which the disk failed', (status) =>
    status.failure === null ? 1 : 0,
  ),
  {
    type: 'histogram',
    name: 'catenary_coordinator_request_seconds',
    help: 'From the arrival of a client’s packet to the reply, by operation',
    times: ({ operationTimes }) =>
      [...operationTimes].map(([operation, times]) => [{ operation }, times] as const),
  },
  {
    type: 'histogram',
    name: 'catenary_fsync_seconds',
    help: 'How long each fdatasync of the log took',
    times: ({ syncTimes }) => [[{}, syncTimes]],
  },
  number(
    'gauge',
    'catenary_coordinator_outstanding',
    'Requests without an answer yet',
    (of) => of.outstanding,
  ),
  number('gauge', 'catenary_coordinator_connections', 'Clients connected here', (of) => of.connections),
  number('gauge', 'catenary_coordinator_sessions', 'Sessions of the ensemble', (of) => of.sessions),
  number('gauge', 'catenary_coordinator_watches', 'Watches set here', (of) => of.watches),
  number('gauge', 'catenary_coordinator_znodes', 'Nodes of the tree', (of) => of.znodes),
  number('gauge', 'catenary_coordinator_ephemerals', 'Those that go with a session', (of) => of.ephemerals),
  number('gauge', 'catenary_coordinator_data_bytes', 'Bytes of all paths and data', (of) => of.dataBytes),
]

const RAFT: readonly Family<CoordinatorSight>[] = [
  number('gauge', 'catenary_raft_term', 'Raft’s term', (of) => of.term),
  {
    type: 'gauge',
    name: 'catenary_raft_role',
    help: '1 for the role that this member has: leader, follower, candidate, pre-candidate, learner',
    rows: ({ status }): Row[] => [[{ role: status.role }, 1]],
  },
  number('gauge', 'catenary_raft_has_leader', '1 where a leader is known', (of) =>
    of.leader === null ? 0 : 1,
  ),
  number(
    'counter',
    'catenary_raft_elections_total',
    'Leaders followed, or been, since the start',
    (of) => of.elections,
  ),
  number('counter', 'catenary_raft_commit_index', 'Newest entry known to be committed', (of) => of.commit),
  number('counter', 'catenary_raft_applied_index', 'Newest entry in the tree here', (of) => of.applied),
  number('counter', 'catenary_raft_last_index', 'Newest entry in the log here', (of) => of.lastIndex),
  number('counter', 'catenary_raft_snapshot_index', 'Where the last snapshot ends', (of) => of.snapshotIndex),
  number(
    'gauge',
    'catenary_raft_log_bytes',
    'Commands that a restart would apply again',
    (of) => of.logBytes,
  ),
  {
    type: 'gauge',
    name: 'catenary_raft_peer_lag_entries',
    help: 'At the leader: entries that a member is not known to have',
    rows: ({ status }) => status.peers.map(({ member, lag }): Row => [{ member }, lag]),
  },
]
