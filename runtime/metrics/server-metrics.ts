/** What a data server tells Prometheus. docs/OPERATIONS.md says of each number what to do when it is bad. */
import type { LatencyHistogram } from '../latency.ts'
import type { DataServerStatus } from '../server/data-server.ts'
import type { DoorTimes } from '../server/door-times.ts'
import { type Family, MetricPage, one, type Row } from './metric-page.ts'

type ReplicaNumbers = DataServerStatus['replicas'][number]

export interface ServerSight {
  readonly status: DataServerStatus
  readonly doors: ReadonlyMap<string, DoorTimes>
  readonly syncTimes: LatencyHistogram
  /** Of a chain: how many configurations this life has adopted. */
  readonly configurationsOf: (chain: ReplicaNumbers['chain']) => number
  /** Why `/readyz` refuses; null: it does not. */
  readonly unready: string | null
}

export const serverMetrics = (look: () => ServerSight): MetricPage<ServerSight> =>
  new MetricPage([...REQUESTS, ...SERVER, ...REPLICAS], look)

const REQUESTS: readonly Family<ServerSight>[] = [
  {
    type: 'histogram',
    name: 'catenary_request_seconds',
    help: 'From the arrival of a request to its answer, by operation and, for reads, consistency; failures apart',
    times: ({ doors }) =>
      [...doors].flatMap(([door, { byKind }]) =>
        byKind.map(({ operation, consistency, times }) => [{ door, operation, consistency }, times] as const),
      ),
  },
  {
    type: 'counter',
    name: 'catenary_requests_failed_total',
    help: 'Requests that were refused, by the code of the error; redirects of clients with an old map among them',
    rows: ({ doors }) =>
      [...doors].flatMap(([door, { failures }]) =>
        [...failures].map(([code, count]): Row => [{ door, code }, count]),
      ),
  },
  {
    type: 'gauge',
    name: 'catenary_requests_pending',
    help: 'Requests without an answer yet',
    rows: ({ status }) => one(status.pendingRequests),
  },
]

const SERVER: readonly Family<ServerSight>[] = [
  {
    type: 'gauge',
    name: 'catenary_ready',
    help: '1 where /readyz answers 200',
    rows: ({ unready }) => one(unready === null ? 1 : 0),
  },
  {
    type: 'gauge',
    name: 'catenary_storage_ok',
    help: '0 from the moment at which the disk failed',
    rows: ({ status }) => one(status.storage === 'ok' ? 1 : 0),
  },
  {
    type: 'gauge',
    name: 'catenary_lease_seconds',
    help: 'How long strong reads may still be answered here without the chain; 0 without a lease',
    rows: ({ status }) => one(status.leaseMs / 1000),
  },
  {
    type: 'gauge',
    name: 'catenary_lease_margin_seconds',
    help: 'What was left of the lease when it was last renewed; below 0 where it had run out',
    rows: ({ status }) => one(status.leaseMarginMs / 1000),
  },
  {
    type: 'counter',
    name: 'catenary_lease_lapses_total',
    help: 'How often the lease had run out before it was renewed',
    rows: ({ status }) => one(status.leaseLapses),
  },
  {
    type: 'histogram',
    name: 'catenary_fsync_seconds',
    help: 'How long each fdatasync of the log took',
    times: ({ syncTimes }) => [[{}, syncTimes]],
  },
  {
    type: 'gauge',
    name: 'catenary_log_unsynced_records',
    help: 'Records of the log that would not survive a power cut yet',
    rows: ({ status }) => one(status.unsyncedRecords),
  },
  ...(['messages', 'bodies', 'bytes'] as const).map(
    (what): Family<ServerSight> => ({
      type: 'counter',
      name: `catenary_link_${what}_total`,
      help: `To other servers: ${what}. Several messages share a body`,
      rows: ({ status }) => one(status.traffic?.[what] ?? 0),
    }),
  ),
]

/** A number of each replica. */
function replica(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: (replica: ReplicaNumbers) => number | null,
): Family<ServerSight> {
  const rows = ({ status }: ServerSight) =>
    status.replicas.flatMap((of): Row[] => {
      const number = value(of)
      return number === null ? [] : [[{ chain: of.chain }, number]]
    })
  return { type, name, help, rows }
}

const REPLICAS: readonly Family<ServerSight>[] = [
  {
    type: 'gauge',
    name: 'catenary_replica_role',
    help: '1 for the role that the replica has: head, middle, tail, head and tail, joining, none',
    rows: ({ status }) => status.replicas.map(({ chain, role }): Row => [{ chain, role }, 1]),
  },
  replica('gauge', 'catenary_replica_serving', '1 where it serves', (of) => (of.serving ? 1 : 0)),
  replica('gauge', 'catenary_chain_epoch', 'Number of the configuration', (of) => of.epoch),
  replica(
    'gauge',
    'catenary_chain_serving_members',
    'Serving members of that configuration',
    (of) => of.members.filter(({ serving }) => serving).length,
  ),
  {
    type: 'counter',
    name: 'catenary_configurations_total',
    help: 'Configurations adopted since the start',
    rows: ({ status, configurationsOf }) =>
      status.replicas.map(({ chain }): Row => [{ chain }, configurationsOf(chain)]),
  },
  replica('counter', 'catenary_commit_seq', 'Newest entry known to be committed', (of) => of.commit),
  replica('gauge', 'catenary_dirty_entries', 'Entries that wait for their commit', (of) => of.dirty),
  replica('gauge', 'catenary_keys', 'Keys in the store', (of) => of.keys),
  replica('gauge', 'catenary_client_sessions', 'Clients whose results are kept', (of) => of.sessions),
  replica('counter', 'catenary_writes_total', 'Writes that the head has taken', (of) => of.counters.writes),
  replica(
    'counter',
    'catenary_local_reads_total',
    'Strong reads answered alone',
    (of) => of.counters.localReads,
  ),
  replica(
    'counter',
    'catenary_version_queries_total',
    'Questions to the tail; reads that wait share one',
    (of) => of.counters.versionQueries,
  ),
  replica(
    'counter',
    'catenary_version_query_reads_total',
    'Strong reads of dirty keys, which needed the tail',
    (of) => of.counters.versionQueryReads,
  ),
  replica(
    'counter',
    'catenary_barriers_total',
    'Barriers, for reads without a lease',
    (of) => of.counters.barriers,
  ),
  replica(
    'counter',
    'catenary_barrier_reads_total',
    'Strong reads that travelled the chain',
    (of) => of.counters.barrierReads,
  ),
  replica(
    'gauge',
    'catenary_reads_waiting',
    'Reads that wait for the tail or a barrier',
    (of) => of.waitingReads,
  ),
  replica(
    'gauge',
    'catenary_store_backlog_bytes',
    'Changes that wait for the store’s disk',
    (of) => of.storeBacklogBytes,
  ),
  replica('gauge', 'catenary_receiving_snapshot', '1 while everything is being copied to it', (of) =>
    of.receivingSnapshot ? 1 : 0,
  ),
  replica('gauge', 'catenary_suspects', '1 while it suspects a neighbour', (of) =>
    of.suspects === null ? 0 : 1,
  ),
  {
    type: 'gauge',
    name: 'catenary_link_lag_entries',
    help: 'Entries that the successor is not known to have',
    rows: ({ status }) => successors(status, (successor) => successor.lag),
  },
  {
    type: 'gauge',
    name: 'catenary_link_hop_seconds',
    help: 'Smoothed time from sending to the successor until it says that it has it',
    rows: ({ status }) => successors(status, (successor) => successor.hopMs / 1000),
  },
]

function successors(
  status: DataServerStatus,
  value: (successor: NonNullable<ReplicaNumbers['successor']>) => number,
): Row[] {
  return status.replicas.flatMap(({ chain, successor }): Row[] =>
    successor === null ? [] : [[{ chain, successor: successor.server }, value(successor)]],
  )
}
