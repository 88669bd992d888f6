import { type Raft, type RaftStatus, statusOf } from '../../coordinator/raft/state.ts'
import type { WatchTable } from '../../coordinator/znodes/watches.ts'
import type { DoorServices, ZookeeperDoor } from '../doors/zookeeper/door.ts'
import type { StateMachine } from './state-machine.ts'

/** What the http door and the demo show of a member. */
export interface CoordinatorStatus {
  readonly member: string
  readonly role: RaftStatus['role']
  readonly term: number
  readonly leader: string | null
  readonly commit: number
  readonly applied: number
  readonly lastIndex: number
  readonly snapshotIndex: number
  readonly sessions: number
  readonly connections: number
  readonly znodes: number
  readonly watches: number
  /** At the leader only: how far each other member's log is known to reach, and how many entries it lacks. */
  readonly peers: readonly { readonly member: string; readonly match: number; readonly lag: number }[]
  /** Why this member takes no part any more; `null` while it does. */
  readonly failure: string | null
}

/** The parts of a member that its status is read from. */
export interface Sight {
  readonly raft: Raft
  readonly machine: StateMachine
  readonly watches: WatchTable
  readonly door: ZookeeperDoor
  readonly outstanding: number
  readonly serving: boolean
  readonly failure: Error | null
}

export function statusIn({ raft, machine, watches, door, failure }: Sight): CoordinatorStatus {
  const { self, role, term, leader, commit, last, snapshot, peers } = statusOf(raft)
  return {
    member: self,
    role,
    term,
    leader,
    commit,
    applied: machine.applied.lastIndex,
    lastIndex: last,
    snapshotIndex: snapshot.lastIndex,
    sessions: machine.tree.sessions.size,
    connections: door.connectionCount,
    znodes: machine.tree.nodes.size,
    watches: watchCount(watches, door),
    peers: peers.map(({ member, match }) => ({ member, match, lag: last - match })),
    failure: failure?.message ?? null,
  }
}

/** For the four-letter words. */
export function factsIn({
  raft,
  machine,
  watches,
  door,
  outstanding,
  serving,
}: Sight): ReturnType<DoorServices['facts']> {
  const { tree } = machine
  let ephemeralsCount = 0
  for (const session of tree.sessions.values()) ephemeralsCount += session.ephemerals.size
  return {
    serving,
    mode: modeOf(raft),
    zxid: tree.zxid,
    nodeCount: tree.nodes.size,
    watchCount: watchCount(watches, door),
    ephemeralsCount,
    sessionCount: tree.sessions.size,
    outstanding,
  }
}

function modeOf(raft: Raft): 'leader' | 'follower' | 'standalone' {
  if (raft.voters.length === 1) return 'standalone'
  return raft.role.type === 'leader' ? 'leader' : 'follower'
}

function watchCount(watches: WatchTable, door: ZookeeperDoor): number {
  let count = 0
  for (const connection of door.numbers()) count += watches.countOf(connection)
  return count
}
