import type { HardState, RaftOutbox, Rng, RoleName } from './events.ts'
import type { LogIndex, MemberId, ReadId, Term, WriteId } from './ids.ts'
import { asLogIndex, asTerm, asWriteId, NO_INDEX } from './ids.ts'
import type { RaftLimits } from './limits.ts'
import { checkRaftLimits } from './limits.ts'
import type { LogEntry, SnapshotMeta } from './log.ts'
import { isReplaced, RaftLog } from './log.ts'
import type { Membership } from './membership.ts'
import { extended, foundingMembership, newestOf, truncatedFrom, votersIn } from './membership.ts'
import type { Progress } from './progress.ts'
import { newProgress } from './progress.ts'
import { WriteLedger } from './write-ledger.ts'

/** One member of the ensemble. Only `step` changes it. */
export interface Raft {
  readonly self: MemberId
  readonly limits: RaftLimits
  readonly rng: Rng
  /** Sorted. Of the newest configuration in the log. */
  voters: readonly MemberId[]
  /** The configurations that the log and what is before it have brought, oldest first. */
  memberships: readonly Membership[]

  // Persistent (Raft §5.1). Changed only together with a `persist`.
  term: Term
  votedFor: MemberId | null
  readonly log: RaftLog

  // Volatile.
  readonly writes: WriteLedger
  /**
   * First index of a stored log that the snapshot replaced before a crash: the next entry written drops all
   * of it.
   */
  staleLogFrom: LogIndex | null
  /** Known to be committed, and given to the state machine. */
  commit: LogIndex
  role: Role
  /** Of this term, once heard. */
  leader: MemberId | null
  /** Ticks since the leader was heard, a vote was given or an election began. */
  electionElapsed: number
  /** Drawn anew for each wait, so that split votes are rare (Raft §5.2). */
  electionTimeout: number
  incoming: IncomingSnapshot | null
  readonly reads: ForwardedReads
}

export type Role =
  | { readonly type: 'follower' }
  | { readonly type: 'pre-candidate'; readonly grants: Set<MemberId> }
  | { readonly type: 'candidate'; readonly grants: Set<MemberId>; readonly voteWrite: WriteId }
  | Leader

export interface Leader {
  readonly type: 'leader'
  /** Of every other member, learners too, and of those who leave, until that is committed. */
  readonly progress: Map<MemberId, Progress>
  /** The no-op of this term: once committed, all that earlier leaders committed is known to be (Raft §8). */
  readonly noopIndex: LogIndex
  round: number
  snapshotSerial: number
  heartbeatElapsed: number
  quorumElapsed: number
  transfer: { readonly to: MemberId; ticks: number } | null
  readonly reads: LeaderReads
}

/**
 * Who asked for a read index: this member's own client, or a follower on behalf of a batch of its clients.
 */
export type ReadRequest =
  | { readonly type: 'local'; readonly id: ReadId }
  | { readonly type: 'forwarded'; readonly from: MemberId; readonly life: number; readonly batch: number }

export interface LeaderReads {
  /**
   * These share the next round. Joining the one in flight would not be linearizable: it may have been
   * answered already.
   */
  waiting: ReadRequest[]
  confirming: {
    readonly round: number
    readonly index: LogIndex
    readonly requests: readonly ReadRequest[]
  } | null
}

/** Reads that a follower's clients asked for. */
export interface ForwardedReads {
  readonly life: number
  batch: number
  waiting: ReadId[]
  asked: { readonly leader: MemberId; readonly ids: readonly ReadId[]; ticks: number } | null
  /** Answered; to be served once `index` is committed here. */
  answered: { readonly index: LogIndex; readonly ids: readonly ReadId[]; ticks: number }[]
}

export interface IncomingSnapshot {
  /** Of the leader that sends it. */
  readonly term: Term
  readonly meta: SnapshotMeta
  nextOffset: number
}

export interface RaftOptions {
  readonly self: MemberId
  /** Of a new ensemble; none: this member joins one. Counts until an entry, or the snapshot, says otherwise. */
  readonly voters: readonly MemberId[]
  /** What the snapshot says. */
  readonly membership?: Membership | null
  readonly hardState: HardState
  /** As read from disk; those that the snapshot covers are skipped. */
  readonly entries: readonly LogEntry[]
  /** Both 0 if there is none. */
  readonly snapshot: SnapshotMeta
  readonly rng: Rng
  readonly limits: RaftLimits
}

/** A member that starts from scratch. */
export const EMPTY_HARD_STATE: HardState = { term: asTerm(0), votedFor: null }
export const EMPTY_SNAPSHOT: SnapshotMeta = { lastIndex: NO_INDEX, lastTerm: asTerm(0) }

/**
 * A member as it starts, or restarts: a follower that knows only what its disk held. The state machine must
 * be at `snapshot.lastIndex`; later entries reach it again by `commit`. What is on disk may be older or
 * longer than the snapshot in every way that a crash leaves it.
 *
 * @throws {RangeError} limits that contradict each other, or a member named twice.
 */
export function createRaft(options: RaftOptions): Raft {
  const { self, voters, hardState, snapshot, rng, limits } = options
  checkRaftLimits(limits)
  if (new Set(voters).size !== voters.length)
    throw new RangeError(`voters: ${voters.join(', ')}: one is named twice`)
  const log = new RaftLog(snapshot, options.entries)
  const held = log.slice(asLogIndex(log.base.lastIndex + 1), log.last)
  const memberships = extended([options.membership ?? foundingMembership(voters)], held)
  return {
    self,
    limits,
    rng,
    voters: votersIn(newestOf(memberships)),
    memberships,
    term: hardState.term,
    votedFor: hardState.votedFor,
    log,
    writes: new WriteLedger(log.last),
    staleLogFrom: isReplaced(snapshot, options.entries) ? (options.entries[0]?.index ?? null) : null,
    commit: snapshot.lastIndex,
    role: { type: 'follower' },
    leader: null,
    electionElapsed: 0,
    electionTimeout: drawElectionTimeout(rng, limits),
    incoming: null,
    reads: { life: Math.floor(rng.next() * 2 ** 48), batch: 0, waiting: [], asked: null, answered: [] },
  }
}

export function drawElectionTimeout(rng: Rng, limits: RaftLimits): number {
  const { electionTicksMin, electionTicksMax } = limits
  return electionTicksMin + Math.floor(rng.next() * (electionTicksMax - electionTicksMin + 1))
}

export const quorumOf = (raft: Raft): number => Math.floor(raft.voters.length / 2) + 1
export const peersOf = (raft: Raft): readonly MemberId[] => raft.voters.filter((voter) => voter !== raft.self)
/** Whom a leader sends the log to: everybody else, learners too. */
export const followersOf = (raft: Raft): readonly MemberId[] =>
  newestOf(raft.memberships)
    .members.map(({ id }) => id)
    .filter((id) => id !== raft.self)
export const isVoter = (raft: Raft): boolean => raft.voters.includes(raft.self)

/** The highest value that a quorum of voters has reached. */
export function reachedByQuorum(raft: Raft, reached: (voter: MemberId) => number): number {
  const values = raft.voters.map(reached).sort((a, b) => b - a)
  return values[quorumOf(raft) - 1] ?? 0
}

/** Term and vote on disk before any message that promises them (Raft §5.1). */
export function setHardState(raft: Raft, hardState: HardState, out: RaftOutbox): WriteId {
  raft.term = hardState.term
  raft.votedFor = hardState.votedFor
  const write = raft.writes.issue()
  out.persist({ write, hardState })
  return write
}

/**
 * Entries at the end of the log, in memory and on the way to the disk; where some had to go before them, from
 * `truncateFrom`.
 */
export function appendToLog(
  raft: Raft,
  entries: readonly LogEntry[],
  out: RaftOutbox,
  truncateFrom: LogIndex | null = null,
): void {
  raft.log.append(entries)
  adoptMemberships(raft, extended(raft.memberships, entries))
  const write = raft.writes.issueLog(raft.log.last)
  const drop = raft.staleLogFrom ?? truncateFrom
  raft.staleLogFrom = null
  out.persist(drop === null ? { write, entries } : { write, truncateFrom: drop, entries })
}

/** Drops this entry and all after it from the log in memory, with the configurations among them (thesis §4.1). */
export function truncateLog(raft: Raft, from: LogIndex): void {
  raft.log.truncateFrom(from)
  raft.writes.truncated(asLogIndex(from - 1))
  adoptMemberships(raft, truncatedFrom(raft.memberships, from))
}

/** A configuration counts from the moment when it is in the log. */
export function adoptMemberships(raft: Raft, memberships: readonly Membership[]): void {
  if (memberships === raft.memberships) return
  raft.memberships = memberships
  raft.voters = votersIn(newestOf(memberships))
  if (raft.role.type !== 'leader') return
  for (const id of followersOf(raft)) {
    if (!raft.role.progress.has(id)) raft.role.progress.set(id, newProgress(raft.log.last))
  }
}

/** Gives the state machine all that is newly committed. */
export function commitUpTo(raft: Raft, index: LogIndex, out: RaftOutbox): void {
  if (index <= raft.commit) return
  const entries = raft.log.slice(asLogIndex(raft.commit + 1), index)
  raft.commit = index
  out.commit(entries)
}

/** What a message that promises our state must wait for: everything not yet known to be durable. */
export const afterAllWrites = (raft: Raft): WriteId => raft.writes.lastPending ?? asWriteId(0)

/** For status pages and metrics. */
export interface RaftStatus {
  readonly self: MemberId
  readonly role: RoleName
  readonly term: Term
  readonly leader: MemberId | null
  readonly voters: readonly MemberId[]
  readonly membership: Membership
  readonly last: LogIndex
  readonly durable: LogIndex
  readonly commit: LogIndex
  /** Given to the state machine; in this core that happens in the step that commits. */
  readonly applied: LogIndex
  readonly snapshot: SnapshotMeta
  /** Empty unless leader. */
  readonly peers: readonly {
    readonly member: MemberId
    readonly match: LogIndex
    readonly next: LogIndex
    readonly mode: string
  }[]
}

export function statusOf(raft: Raft): RaftStatus {
  const progress = raft.role.type === 'leader' ? [...raft.role.progress] : []
  return {
    self: raft.self,
    role: raft.role.type,
    term: raft.term,
    leader: raft.leader,
    voters: raft.voters,
    membership: newestOf(raft.memberships),
    last: raft.log.last,
    durable: raft.writes.durableLast,
    commit: raft.commit,
    applied: raft.commit,
    snapshot: raft.log.snapshot,
    peers: progress.map(([member, { match, next, mode }]) => ({ member, match, next, mode: mode.type })),
  }
}
