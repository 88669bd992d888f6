/** A real cluster as the board shows a run: what its processes tell of themselves, in the board's own terms. Pure. */
import type {
  BoardView,
  ChainEntryView,
  ConfigView,
  CoordinatorView,
  ProcessView,
  RaftRole,
  ReplicaRole,
  ReplicaView,
  ServerView,
} from '../../board/view.ts'
import type { LiveCoordinator, LiveReplica, LiveServer, LiveSnapshot } from '../../serve/snapshot.ts'

export type LiveBoard = Pick<BoardView, 'servers' | 'coordinators' | 'clients' | 'configs' | 'links'>

/** As many as a card has room for. */
const SLOTS_MAX = 9
const NOT_ASKED = 'not among the addresses that are asked'

/** By what `/status` calls them. */
const ROLES: Readonly<Record<string, ReplicaRole>> = {
  head: 'head',
  middle: 'middle',
  tail: 'tail',
  'head and tail': 'only',
  joining: 'joining',
  'tail, not serving yet': 'tail',
  'member, not serving yet': 'middle',
  none: 'outside',
}
const RAFT_ROLES: readonly RaftRole[] = ['leader', 'follower', 'candidate', 'pre-candidate']

export interface LiveMoment {
  /** When the snapshot came, by the clock that the rings are drawn with. */
  readonly atMs: number
  /** Of a fresh lease: the longest that was seen. */
  readonly leaseLengthMs: number
}

/** @param chain - the one that is drawn; servers that are only in others are left out. */
export function liveBoard(snapshot: LiveSnapshot, chain: string | null, moment: LiveMoment): LiveBoard {
  const configs = snapshot.chains.map((each): ConfigView => each)
  const drawn = configs.find((each) => each.chain === chain) ?? configs[0] ?? null
  const here = new Set(
    drawn === null ? [] : [...drawn.members.map(({ server }) => server), drawn.joining ?? ''],
  )
  const elsewhere = new Set(
    configs
      .flatMap(({ members }) => members.map(({ server }) => server))
      .filter((server) => !here.has(server)),
  )
  const asked = new Set(snapshot.servers.map(({ name }) => name))
  return {
    servers: [
      ...snapshot.servers.filter(({ name }) => !elsewhere.has(name)).map((each) => serverView(each, moment)),
      ...[...here].filter((name) => name !== '' && !asked.has(name)).map(unknownServer),
    ],
    coordinators: snapshot.coordinators.map(coordinatorView),
    clients: [],
    configs,
    links: [],
  }
}

const processView = (name: string, answers: boolean, life: number): ProcessView => ({
  name,
  state: answers ? 'up' : 'silent',
  life,
  clockRate: 1,
  slowMs: 0,
})

const unknownServer = (name: string): ServerView => ({
  ...processView(name, false, 0),
  replicas: [],
  lease: null,
})

function serverView(server: LiveServer, { atMs, leaseLengthMs }: LiveMoment): ServerView {
  const { name, answers, incarnation, leaseMs, replicas } = server
  return {
    ...processView(name, answers, incarnation),
    replicas: replicas.map(replicaView),
    lease: leaseMs > 0 ? { untilMs: atMs + leaseMs, lengthMs: leaseLengthMs } : null,
  }
}

function replicaView(replica: LiveReplica): ReplicaView {
  const { chain, role, epoch, serving, last, durable, commit, waitingReads } = replica
  return {
    ...{ chain, epoch, serving, last, durable, commit, waitingReads },
    role: ROLES[role] ?? raftRole(role) ?? 'outside',
    leaving: replica.leaving,
    chainDurable: durable,
    log: slotsOf(replica),
    keys: [],
    question: null,
  }
}

/** Their numbers are all that is known of them. */
function slotsOf({ last, commit, epoch }: LiveReplica): ChainEntryView[] {
  const count = Math.min(SLOTS_MAX, last)
  return Array.from({ length: count }, (_, i) => {
    const seq = last - count + 1 + i
    return { seq, epoch, text: 'an entry', state: seq > commit ? 'dirty' : 'clean' }
  })
}

const raftRole = (role: string): RaftRole | null => RAFT_ROLES.find((each) => each === role) ?? null

function coordinatorView(coordinator: LiveCoordinator): CoordinatorView {
  const { name, answers, role, term, leader, commit, lastIndex, votedFor, recentTerms, manager } = coordinator
  const raft = answers ? raftRole(role) : null
  return {
    ...processView(name, answers, 0),
    manages: answers && manager?.leads === true,
    raft:
      raft === null
        ? null
        : {
            ...{ role: raft, term, leader, votedFor, commit },
            votes: [],
            last: lastIndex,
            durable: lastIndex,
            snapshot: { index: 0, term: 0 },
            log: recentTerms.map((each) => ({ ...each, text: 'an entry', committed: each.index <= commit })),
            peers: [],
          },
  }
}

/** What is known of a process beyond the drawing: null of a server that nobody asks. */
export function whyIsSilent(snapshot: LiveSnapshot, name: string): string | null {
  const process = [...snapshot.servers, ...snapshot.coordinators].find((each) => each.name === name)
  if (process === undefined) return NOT_ASKED
  return process.answers ? null : (process.error ?? 'no answer')
}
