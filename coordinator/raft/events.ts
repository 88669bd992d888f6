import type { LogIndex, MemberId, ProposalId, ReadId, Term, WriteId } from './ids.ts'
import type { LogEntry, SnapshotMeta } from './log.ts'
import type { MemberRow } from './membership.ts'
import type { RaftMessage } from './messages.ts'

/** Dice. The runtime seeds it from the system; the simulator forks one per member. */
export interface Rng {
  /** In [0, 1). */
  next(): number
}

/** What a restart must find again (Raft §5.1). */
export interface HardState {
  readonly term: Term
  readonly votedFor: MemberId | null
}

export interface Proposal {
  readonly id: ProposalId
  readonly command: Uint8Array
}

/** What happened, as one member sees it. */
export type RaftEvent =
  /** One tick of time has passed; 10 to 100 ms, as the runtime decides. */
  | { readonly type: 'tick' }
  | { readonly type: 'message'; readonly from: MemberId; readonly message: RaftMessage }
  /** Each is answered by `proposed` or `rejectProposal` in the same step. */
  | { readonly type: 'propose'; readonly commands: readonly Proposal[] }
  /** Every persist, and every installed snapshot, up to this write id would survive a power cut. */
  | { readonly type: 'durable'; readonly write: WriteId }
  /** Answered once by `readReady` or `readRefused`, perhaps in a later step. */
  | { readonly type: 'read-index'; readonly id: ReadId }
  /**
   * The state machine durably holds a snapshot at this index: the log prefix may go. Stale ones are ignored.
   * The runtime drops its stored prefix in order with the writes: never while an earlier truncation is still
   * on its way, or the entries that were to be truncated would follow the snapshot after a restart.
   */
  | { readonly type: 'compacted'; readonly meta: SnapshotMeta }
  /**
   * Answers `readSnapshot`. If the snapshot asked for is gone, answer with the first chunk (offset 0) of a
   * newer one. Not answering is allowed: the leader asks again after `snapshotRetryTicks`.
   */
  | ({ readonly type: 'snapshot-chunk-read'; readonly to: MemberId } & SnapshotPart)
  /** Useful at the leader only. Given up by itself after `electionTicksMax`. */
  | { readonly type: 'transfer-leadership'; readonly to: MemberId }
  /** All members as they should be; one voter more or less than now, at most. Answered as a proposal is, by `proposed` or `rejectProposal`. */
  | { readonly type: 'change-membership'; readonly id: ProposalId; readonly members: readonly MemberRow[] }

export interface SnapshotPart {
  readonly meta: SnapshotMeta
  readonly offset: number
  readonly bytes: Uint8Array
  /** These are the last bytes. */
  readonly done: boolean
}

/** One append to the local log, in this order: the hard state, the truncation, the entries. */
export interface PersistRecord {
  readonly write: WriteId
  readonly hardState?: HardState
  /** Drop this index and all after it, before `entries` are appended. */
  readonly truncateFrom?: LogIndex
  readonly entries?: readonly LogEntry[]
}

export type RoleName = 'follower' | 'pre-candidate' | 'candidate' | 'leader'
export type RejectReason =
  | 'not-leader'
  | 'transferring'
  | 'overloaded'
  | 'too-large'
  /** The change of membership before this one, or this leader's first entry, is not committed yet. */
  | 'change-pending'
  /** More than one voter would come or go, or none would be left. */
  | 'not-one-change'

/** What the runtime must do, in order. Data only: the core holds no socket, file or timer. */
export interface RaftOutbox {
  /**
   * Append to the local log; answered by `durable` with this write id, or a later one. Ids are consecutive
   * from 1.
   */
  persist(record: PersistRecord): void
  /** Must leave only once that write, and all before it, are durable. 0: at once. */
  send(to: MemberId, message: RaftMessage, afterWrite: WriteId): void
  /**
   * Newly committed, consecutive from the snapshot's `lastIndex + 1`, each index once per process life. No-ops
   * are among them. They may not be durable here yet, only on a majority.
   */
  commit(entries: readonly LogEntry[]): void
  /**
   * The command has this place in the leader's log. It takes effect if and only if an entry of this index
   * *and term* is committed; if another term's entry is committed there, it never will.
   */
  proposed(id: ProposalId, at: { readonly index: LogIndex; readonly term: Term }): void
  /** Nothing happened. `leader` is whom to ask, if known. */
  rejectProposal(id: ProposalId, leader: MemberId | null, reason: RejectReason): void
  /**
   * The read may be served: every entry up to `index` has been given to `commit`, and no later one is needed.
   */
  readReady(id: ReadId, index: LogIndex): void
  /** No leader confirmed it in time. Reads have no effect: ask again. */
  readRefused(id: ReadId): void
  /**
   * Give the bytes of the newest snapshot (of `meta`, where not null) from this offset on; at most
   * `bytesMax`.
   */
  readSnapshot(
    to: MemberId,
    part: { readonly meta: SnapshotMeta | null; readonly offset: number; readonly bytesMax: number },
  ): void
  /**
   * Bytes of the leader's snapshot. Offset 0 begins a new one: throw away what was staged. Only where `done`,
   * the state machine must take over the whole, then the entire stored log is dropped and `write` is durable
   * when both are. The runtime must make the snapshot durable before it drops the log; a restart between the
   * two is harmless.
   */
  installSnapshot(part: SnapshotPart, write: WriteId): void
  /** At the end of a step in which any of the three changed. */
  roleChanged(role: RoleName, term: Term, leader: MemberId | null): void
}
