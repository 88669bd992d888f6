import { asLogIndex } from '../../coordinator/raft/ids.ts'
import { type Raft, type RaftStatus, statusOf } from '../../coordinator/raft/state.ts'
import type { WatchTable } from '../../coordinator/znodes/watches.ts'
import type { ZookeeperDoor } from '../doors/zookeeper/door.ts'
import type { ServerFacts } from '../doors/zookeeper/server-sight.ts'
import type { StateMachine } from './state-machine.ts'

/** What the http door and the demo show of a member. */
export interface CoordinatorStatus {
  readonly member: string
  readonly role: RaftStatus['role']
  readonly term: number
  readonly leader: string | null
  /** In this term. */
  readonly votedFor: string | null
  /** Terms of the newest slots of the log, oldest first: at most `TERMS_MAX`. */
  readonly recentTerms: readonly { readonly index: number; readonly term: number }[]
  readonly commit: number
  readonly applied: number
  readonly lastIndex: number
  readonly snapshotIndex: number
  readonly sessions: number
  readonly connections: number
  readonly znodes: number
  readonly watches: number
  readonly ephemerals: number
  /** Bytes of all paths and data, perhaps some seconds old. */
  readonly dataBytes: number
  /** What a restart would apply again: entries since the last snapshot, and the bytes of their commands. */
  readonly logEntries: number
  readonly logBytes: number
  /** Leaders that this member has followed or been since it started. */
  readonly elections: number
  /** Requests of clients that are not answered yet. */
  readonly outstanding: number
  /** Of clients' packets, since the start or `srst`. */
  readonly packetsReceived: number
  readonly packetsSent: number
  /** By operation, from its packet's arrival to the reply. */
  readonly latency: Readonly<Record<string, OperationLatency>>
  /** At the leader only: how far each other member's log is known to reach, and how many entries it lacks. */
  readonly peers: readonly { readonly member: string; readonly match: number; readonly lag: number }[]
  /** Why this member takes no part any more; `null` while it does. */
  readonly failure: string | null
}

export interface OperationLatency {
  readonly count: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** The parts of a member that its status is read from. */
export interface Sight {
  readonly raft: Raft
  readonly machine: StateMachine
  readonly watches: WatchTable
  readonly door: ZookeeperDoor
  readonly dataBytes: number
  readonly elections: number
  readonly upMs: number
  readonly serving: boolean
  readonly failure: Error | null
}

export function statusIn(sight: Sight): CoordinatorStatus {
  const { raft, machine, watches, door, failure } = sight
  const { self, role, term, leader, commit, last, snapshot, peers } = statusOf(raft)
  const { entries, bytes } = machine.sinceSnapshot
  return {
    member: self,
    role,
    term,
    leader,
    votedFor: raft.votedFor,
    recentTerms: recentTerms(raft),
    commit,
    applied: machine.applied.lastIndex,
    lastIndex: last,
    snapshotIndex: snapshot.lastIndex,
    sessions: machine.tree.sessions.size,
    connections: door.connectionCount,
    znodes: machine.tree.nodes.size,
    watches: watches.count,
    ephemerals: ephemeralCount(machine),
    dataBytes: sight.dataBytes,
    logEntries: entries,
    logBytes: bytes,
    elections: sight.elections,
    outstanding: door.outstanding,
    packetsReceived: door.traffic.received,
    packetsSent: door.traffic.sent,
    latency: latencyByOperation(door),
    peers: peers.map(({ member, match }) => ({ member, match, lag: last - match })),
    failure: failure?.message ?? null,
  }
}

const TERMS_MAX = 9

function recentTerms({ log }: Raft): CoordinatorStatus['recentTerms'] {
  const from = Math.max(log.base.lastIndex + 1, log.last - TERMS_MAX + 1)
  if (from > log.last) return []
  return log.slice(asLogIndex(from), log.last).map(({ index, term }) => ({ index, term }))
}

function latencyByOperation({ traffic }: ZookeeperDoor): Record<string, OperationLatency> {
  const rows = [...traffic.byOperation].map(([op, histogram]) => [
    op,
    {
      count: histogram.count,
      meanMs: rounded(histogram.meanMs),
      p50Ms: rounded(histogram.percentileMs(0.5)),
      p99Ms: rounded(histogram.percentileMs(0.99)),
      maxMs: rounded(histogram.maxMs),
    },
  ])
  return Object.fromEntries(rows)
}

const rounded = (ms: number) => Math.round(ms * 1000) / 1000

function ephemeralCount({ tree }: StateMachine): number {
  let count = 0
  for (const session of tree.sessions.values()) count += session.ephemerals.size
  return count
}

/** For the four-letter words. */
export function factsIn({ raft, machine, dataBytes, elections, upMs, serving }: Sight): ServerFacts {
  const { tree } = machine
  const { peers, commit, snapshot } = statusOf(raft)
  return {
    serving,
    mode: modeOf(raft),
    zxid: tree.zxid,
    nodeCount: tree.nodes.size,
    ephemeralsCount: ephemeralCount(machine),
    sessionCount: tree.sessions.size,
    dataBytes,
    elections,
    logEntries: machine.sinceSnapshot.entries,
    snapshotZxid: snapshot.lastIndex,
    upMs,
    followers:
      raft.role.type === 'leader'
        ? { count: peers.length, synced: peers.filter(({ match }) => match >= commit).length }
        : null,
  }
}

function modeOf(raft: Raft): 'leader' | 'follower' | 'standalone' {
  if (raft.voters.length === 1) return 'standalone'
  return raft.role.type === 'leader' ? 'leader' : 'follower'
}
