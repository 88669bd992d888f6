import {
  type ChainConfig,
  type Joiner,
  type Member,
  memberOf,
  predecessorOf,
  successorOf,
  tailOf,
} from '../protocol/chain-config.ts'
import type { ChainMessage } from '../protocol/chain-messages.ts'
import type { ReplicaReport } from '../protocol/cluster.ts'
import type { ChangesCommand, Failure, ReadCommand, ReadOptions, WriteResult } from '../protocol/commands.ts'
import type { Position } from '../protocol/entry.ts'
import {
  asMillis,
  asSeq,
  type ChainId,
  type Incarnation,
  type Key,
  type Millis,
  NO_SEQ,
  type RequestId,
  type Seq,
  type ServerId,
  type SessionId,
} from '../protocol/ids.ts'
import type { CleanStore } from './clean-store.ts'
import { CHAIN_LIMITS, type ChainLimits, checkLimits } from './limits.ts'
import { Log } from './log.ts'

/** The link to the predecessor (or, while joining, to the tail). */
export interface UpstreamLink {
  readonly server: ServerId
  readonly incarnation: Incarnation
  /** Numbers the handshakes of this life; what comes under an older number is void. */
  attempt: number
  linked: boolean
  requestedAt: Millis
  heardAt: Millis
  /** What must be durable here before this replica has caught up, or may serve after a handoff. Null until `link-accept`. */
  target: Seq | null
  /** The source serves, so that reaching `target` as a member is a handoff. */
  handsOff: boolean
  /** An append has come: this replica knows what was durable above when it was linked. */
  told: boolean
  /** `sentAt` of the newest append not yet echoed; -1 = none. */
  echo: Millis
  ackedCommit: Seq
  ackedReceived: Seq
  ackWanted: boolean
  /** When the last ack was sent. */
  ackedAt: Millis
}

type LinkAccept = Extract<ChainMessage, { type: 'link-accept' }>

/** A snapshot on its way to the successor. */
export interface OutgoingSnapshot {
  readonly transfer: number
  /** Cursor of what was sent; the state before each unconfirmed page is in `unconfirmed`. */
  sentKey: Key | null
  sentSession: SessionId
  keysDone: boolean
  sentLast: boolean
  nextPage: number
  unconfirmed: {
    readonly page: number
    readonly key: Key | null
    readonly session: SessionId
    readonly keysDone: boolean
    readonly bytes: number
  }[]
  sentAt: Millis
}

/** The link to the successor (or, at the tail, to the joiner). */
export interface DownstreamLink {
  readonly server: ServerId
  readonly incarnation: Incarnation
  readonly attempt: number
  /** The answer to the successor's request: a repeated request gets the same again. */
  readonly accept: LinkAccept
  sent: Seq
  received: Seq
  /** Appends with entries that the successor has not confirmed, oldest first. */
  unconfirmed: { readonly last: Seq; readonly bytes: number }[]
  unconfirmedBytes: number
  commit: Seq
  /** `upstreamDurable` and `commit` as last told. */
  toldDurable: Seq
  toldCommit: Seq
  sentAt: Millis
  heardAt: Millis
  hopMs: number
  snapshot: OutgoingSnapshot | null
}

/** A snapshot being received: until it is whole and on the disk, nothing here is durable, clean or servable. */
export interface IncomingSnapshot {
  readonly transfer: number
  readonly from: ServerId
  readonly incarnation: Incarnation
  nextPage: number
  /** Entries up to here must be applied over the pages; null until the last page. */
  upTo: Seq | null
  flushing: boolean
  progressAt: Millis
}

/** A write whose answer leaves when its entry commits. */
export interface Waiter {
  readonly request: RequestId
  readonly result: WriteResult | Failure
}

export interface WaitingRead {
  readonly request: RequestId
  readonly command: ReadCommand
  readonly options: ReadOptions
  readonly since: Millis
}

/** Somebody who watches, and has seen everything up to `after`. */
export interface WaitingChanges {
  readonly request: RequestId
  readonly command: ChangesCommand
  after: Seq
  readonly since: Millis
}

/** At most one question is in flight; reads that arrive meanwhile share the next (DESIGN 3.3). */
export interface Question {
  readonly id: number
  readonly kind: 'version' | 'barrier'
  readonly askedAt: Millis
  readonly reads: readonly WaitingRead[]
}

export interface ReplicaCounters {
  writes: number
  localReads: number
  versionQueries: number
  versionQueryReads: number
  barriers: number
  barrierReads: number
}

/** Everything that one replica of one chain knows. Changed only by `step`. */
export interface Replica {
  readonly chain: ChainId
  readonly self: ServerId
  readonly limits: ChainLimits
  /** Chain replication as first described, without apportioned queries: only the tail answers strong reads. */
  readonly tailReadsOnly: boolean
  readonly store: CleanStore
  readonly log: Log
  incarnation: Incarnation
  config: ChainConfig | null
  /** What `selfMember` has found last: it is asked for several times for each request. */
  place: {
    readonly config: ChainConfig | null
    readonly incarnation: Incarnation
    readonly member: Member | null
  }
  nowMs: Millis
  wallMs: Millis
  leaseUntil: Millis
  /** This replica answers for its part of the chain: the paper's replica in service. */
  serving: boolean
  /** False once the session was lost or the disk failed, until the next incarnation. */
  alive: boolean
  storageFailed: boolean
  /** Newest position that the write-ahead log would bring back after a power cut. */
  walDurable: Seq
  /** Truncations and resets persisted in this life (see the `durable` event). */
  rewrites: number
  /** `flushStore` calls not yet answered. */
  flushesPending: number
  /** The least `durable` of all above, as far as heard. Knowledge: it survives a new link. */
  upstreamDurable: Seq
  upstream: UpstreamLink | null
  downstream: DownstreamLink | null
  incoming: IncomingSnapshot | null
  attempts: number
  transfers: number
  /** At the head: who is to be answered when an entry commits. */
  readonly waiters: Map<Seq, Waiter[]>
  /** Of the values in their results. */
  waiterBytes: number
  waitingReads: WaitingRead[]
  /** Weak reads with a session token ahead of this replica. */
  behindReads: WaitingRead[]
  waitingChanges: WaitingChanges[]
  /** Everybody who waits has been shown what is committed up to here. */
  changesShown: Seq
  question: Question | null
  questions: number
  /** The next question must be a barrier: the tail said that it may not answer. */
  barrierNext: boolean
  /** Barriers that wait at the head, or on their way down, for the next flush: the newest question of each replica. */
  readonly barriers: Map<ServerId, number>
  /** At the head: when each client session was last heard. */
  readonly sessionHeard: Map<SessionId, Millis>
  sessionsScannedAt: Millis
  lastReport: ReplicaReport | null
  reportState: ReplicaReport['state']
  suspects: ServerId | null
  readonly counters: ReplicaCounters
}

export interface ReplicaOptions {
  readonly chain: ChainId
  readonly self: ServerId
  readonly incarnation: Incarnation
  readonly store: CleanStore
  readonly limits?: Partial<ChainLimits>
  /** Default: false. */
  readonly tailReadsOnly?: boolean
}

/** A replica that belongs to no chain yet. Restore what its disk holds with `restore` before the first step. */
export function createReplica(options: ReplicaOptions): Replica {
  return {
    chain: options.chain,
    self: options.self,
    limits: checkLimits({ ...CHAIN_LIMITS, ...options.limits }),
    tailReadsOnly: options.tailReadsOnly ?? false,
    store: options.store,
    log: new Log(),
    incarnation: options.incarnation,
    config: null,
    place: { config: null, incarnation: options.incarnation, member: null },
    nowMs: asMillis(0),
    wallMs: asMillis(0),
    leaseUntil: asMillis(0),
    serving: false,
    alive: true,
    storageFailed: false,
    walDurable: NO_SEQ,
    rewrites: 0,
    flushesPending: 0,
    upstreamDurable: NO_SEQ,
    upstream: null,
    downstream: null,
    incoming: null,
    attempts: 0,
    transfers: 0,
    waiters: new Map(),
    waiterBytes: 0,
    waitingReads: [],
    behindReads: [],
    waitingChanges: [],
    changesShown: NO_SEQ,
    question: null,
    questions: 0,
    barrierNext: false,
    barriers: new Map(),
    sessionHeard: new Map(),
    sessionsScannedAt: asMillis(0),
    lastReport: null,
    reportState: 'member',
    suspects: null,
    counters: {
      writes: 0,
      localReads: 0,
      versionQueries: 0,
      versionQueryReads: 0,
      barriers: 0,
      barrierReads: 0,
    },
  }
}

/** This replica's member record, if the configuration admits this very life of it. */
export function selfMember(replica: Replica): Member | null {
  const { config, incarnation, place } = replica
  if (config === null || !replica.alive) return null
  if (place.config === config && place.incarnation === incarnation) return place.member
  const named = memberOf(config, replica.self)
  const member = named?.incarnation === incarnation ? named : null
  replica.place = { config, incarnation, member }
  return member
}

export const isJoiner = (replica: Replica): boolean =>
  replica.alive &&
  replica.config?.joining?.server === replica.self &&
  replica.config.joining.incarnation === replica.incarnation

export const isHead = (replica: Replica): boolean =>
  selfMember(replica) !== null && replica.config?.members[0]?.server === replica.self

/** Last of the members: it decides what is committed, once it serves. */
export const isTail = (replica: Replica): boolean =>
  selfMember(replica) !== null && replica.config?.members.at(-1)?.server === replica.self

/** Whom this replica hears its log from: the predecessor, or the tail while joining. Null for the head and for strangers. */
export function sourceOf(replica: Replica): Joiner | null {
  if (replica.config === null) return null
  if (selfMember(replica) !== null) return predecessorOf(replica.config, replica.self)
  return isJoiner(replica) ? tailOf(replica.config) : null
}

/** Whom this replica feeds: the successor, or the joiner while it is the tail. */
export function targetOf(replica: Replica): Joiner | null {
  if (replica.config === null || selfMember(replica) === null) return null
  return successorOf(replica.config, replica.self) ?? replica.config.joining
}

/** Newest entry that would survive a power cut here. */
export const durableOf = (replica: Replica): Seq => (replica.incoming === null ? replica.walDurable : NO_SEQ)

/** Newest entry that would survive a power cut here and at every member above. */
export const chainDurableOf = (replica: Replica): Seq =>
  isHead(replica) ? durableOf(replica) : asSeq(Math.min(durableOf(replica), replica.upstreamDurable))

export const leaseLives = (replica: Replica): boolean => replica.nowMs < replica.leaseUntil

/** Position that a rejoining replica offers, and that recovery starts from. */
export const commitPosition = (replica: Replica): Position => replica.log.commit
