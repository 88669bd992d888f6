/** Which function handles which message, where it is, and what the papers say of it. A test looks whether they are there. */
import type { Plane } from './view.ts'

export interface Handler {
  readonly handler: string
  readonly file: string
  readonly paper: string | null
}

const of = (handler: string, file: string, paper: string | null = null): Handler => ({ handler, file, paper })

const DOWN = 'chain/link-downstream.ts'
const UP = 'chain/link-upstream.ts'
const READS = 'chain/read-path.ts'
const ELECTION = 'coordinator/raft/election.ts'

export const HANDLERS: Readonly<Record<Plane, Readonly<Record<string, Handler>>>> = {
  chain: {
    'link-request': of('onLinkRequest', DOWN, 'CRAQ §2.2, Chain Replication §3.3'),
    'link-accept': of('onLinkAccept', UP, 'Chain Replication §3.3'),
    append: of('onAppend', UP, 'CRAQ §2.3'),
    ack: of('onAck', DOWN, 'CRAQ §2.3'),
    'snapshot-page': of('onSnapshotPage', 'chain/snapshot-incoming.ts', 'CRAQ §5.2'),
    'snapshot-ack': of('onSnapshotAck', 'chain/snapshot-outgoing.ts', 'CRAQ §5.2'),
    'version-query': of('onVersionQuery', READS, 'CRAQ §2.3'),
    'version-reply': of('onVersionReply', READS, 'CRAQ §2.3'),
    barrier: of('onBarrier', READS, 'DESIGN §6'),
    'barrier-reply': of('onBarrierReply', READS, 'DESIGN §6'),
    config: of('onConfig', 'chain/configuration.ts', 'Chain Replication §3'),
    'config-request': of('passesFence', 'chain/step.ts', 'DESIGN §4'),
  },
  client: {
    write: of('onWrite', 'chain/write-path.ts', 'CRAQ §2.3'),
    read: of('onRead', READS, 'CRAQ §2.3'),
    'map-request': of('onMessage', 'runtime/server/client-door.ts'),
    'status-request': of('onMessage', 'runtime/server/client-door.ts'),
    'write-reply': of('complete', 'client/core/tries.ts'),
    'read-reply': of('complete', 'client/core/tries.ts'),
    failed: of('wait', 'client/core/tries.ts'),
    'map-reply': of('adoptMap', 'client/core/map-refresh.ts'),
    'status-reply': of('complete', 'client/core/tries.ts'),
  },
  raft: {
    'pre-vote-request': of('onPreVoteRequest', ELECTION, 'Raft thesis §9.6'),
    'pre-vote-reply': of('onPreVoteReply', ELECTION, 'Raft thesis §9.6'),
    'vote-request': of('onVoteRequest', ELECTION, 'Raft §5.2, §5.4.1'),
    'vote-reply': of('onVoteReply', ELECTION, 'Raft §5.2'),
    'append-entries': of('onAppendEntries', 'coordinator/raft/acceptance.ts', 'Raft §5.3'),
    'append-reply': of('onAppendReply', 'coordinator/raft/replication.ts', 'Raft §5.3'),
    'snapshot-chunk': of('onSnapshotChunk', 'coordinator/raft/snapshot.ts', 'Raft §7'),
    'snapshot-reply': of('onSnapshotReply', 'coordinator/raft/snapshot.ts', 'Raft §7'),
    'read-index-request': of('onReadIndexRequest', 'coordinator/raft/read-index.ts', 'Raft §8'),
    'read-index-reply': of('onReadIndexReply', 'coordinator/raft/read-index.ts', 'Raft §8'),
    'timeout-now': of('onTimeoutNow', ELECTION, 'Raft thesis §3.10'),
    forward: of('onPropose', 'coordinator/raft/replication.ts', 'Raft §5.3'),
    rejected: of('onBody', 'runtime/coordinator/member.ts'),
    heard: of('onBody', 'runtime/coordinator/member.ts', 'ZooKeeper §2.3'),
  },
  zookeeper: {
    request: of('onData', 'runtime/doors/zookeeper/client-connection.ts', 'ZooKeeper §4'),
    reply: of('#onPacket', 'client/coordinator/session.ts', 'ZooKeeper §2.3'),
  },
}

const REPLIES = ['connected', 'reply', 'pong', 'watch-event']

/** Timers and disks have no message: the core's own step. */
export const TIMERS = {
  disk: of('onDurable', 'chain/step.ts', 'CRAQ §2.3, DESIGN §3.1'),
  server: of('onTick', 'chain/housekeeping.ts', 'DESIGN §3'),
  coordinator: of('onElectionTick', ELECTION, 'Raft §5.2'),
} as const

export function handlerOf(plane: Plane, kind: string): Handler | null {
  if (plane === 'zookeeper') return HANDLERS.zookeeper[REPLIES.includes(kind) ? 'reply' : 'request'] ?? null
  return HANDLERS[plane][kind] ?? null
}
