/** The Raft core at work: feeds it events, and does what its outbox says in the order in which it must be done. */
import type {
  HardState,
  Proposal,
  RaftEvent,
  RaftOutbox,
  RejectReason,
  Rng,
  RoleName,
  SnapshotPart,
} from '../../coordinator/raft/events.ts'
import type { LogIndex, MemberId, ProposalId, ReadId, Term, WriteId } from '../../coordinator/raft/ids.ts'
import { asProposalId, asReadId } from '../../coordinator/raft/ids.ts'
import { DEFAULT_RAFT_LIMITS, type RaftLimits } from '../../coordinator/raft/limits.ts'
import type { LogEntry, SnapshotMeta } from '../../coordinator/raft/log.ts'
import type { MemberRow, Membership } from '../../coordinator/raft/membership.ts'
import type { RaftMessage } from '../../coordinator/raft/messages.ts'
import { createRaft, type Raft } from '../../coordinator/raft/state.ts'
import { step } from '../../coordinator/raft/step.ts'
import type { RaftStorage } from './raft-storage.ts'
import { WaitingMessages } from './waiting-messages.ts'

/** Snapshots on the disk. What throws here means that the disk is not to be trusted. */
export interface SnapshotStore {
  /** Of the newest one; zeros if there is none. */
  readonly newest: SnapshotMeta
  /** Bytes of the snapshot of `meta`, if that is still there, else of the newest one from its start. */
  read(wanted: {
    readonly meta: SnapshotMeta | null
    readonly offset: number
    readonly bytesMax: number
  }): SnapshotPart | null
  /** Keeps a part of a leader's snapshot; offset 0 begins a new one. */
  stage(part: SnapshotPart): void
  /** All parts are there, and durable when this returns. @returns the state machine's bytes. */
  finishStaged(meta: SnapshotMeta): Uint8Array
}

/** Whom the host works for. May call nothing of the host from inside these, except where it says so. */
export interface RaftUser {
  /** It goes out at the end of a turn, to which the user sees. */
  send(to: MemberId, message: RaftMessage): void
  commit(entries: readonly LogEntry[]): void
  /** A leader's snapshot replaces the state. */
  restore(snapshot: { readonly meta: SnapshotMeta; readonly body: Uint8Array }): void
  rejected(id: ProposalId, reason: RejectReason): void
  /** All that was committed when the read with this token was asked for has been given to `commit`. */
  readReady(token: number): void
  roleChanged(role: RoleName, term: Term, leader: MemberId | null): void
  /** The host has something to do when the turn ends. */
  touched(): void
  /** What is on the disk is not to be trusted. The host does nothing any more. */
  failed(error: Error): void
}

export interface RaftHostOptions {
  readonly self: MemberId
  readonly voters: readonly MemberId[]
  /** What the snapshot says. */
  readonly membership: Membership | null
  readonly limits: Partial<RaftLimits>
  readonly hardState: HardState
  readonly entries: readonly LogEntry[]
  readonly storage: RaftStorage
  readonly snapshots: SnapshotStore
  readonly rng: Rng
  readonly user: RaftUser
}

/** No proposal of a client has this id. */
const NOBODYS_PROPOSAL = asProposalId(-1)

export class RaftHost implements RaftOutbox {
  readonly raft: Raft
  readonly #storage: RaftStorage
  readonly #snapshots: SnapshotStore
  readonly #user: RaftUser
  readonly #messages: WaitingMessages
  /** Chunks that followers need: read when the turn ends. */
  #snapshotReads: {
    readonly to: MemberId
    readonly part: { readonly meta: SnapshotMeta | null; readonly offset: number; readonly bytesMax: number }
  }[] = []
  /** Reads to ask for when the turn ends, and those that were refused: they are asked for again at the next tick. */
  #reads: ReadId[] = []
  #refusedReads: ReadId[] = []
  #stopped = false

  constructor(options: RaftHostOptions) {
    this.#storage = options.storage
    this.#snapshots = options.snapshots
    this.#user = options.user
    this.#messages = new WaitingMessages((to, message) => this.#user.send(to, message))
    this.raft = createRaft({
      self: options.self,
      voters: options.voters,
      membership: options.membership,
      hardState: options.hardState,
      entries: options.entries,
      snapshot: options.snapshots.newest,
      rng: options.rng,
      limits: { ...DEFAULT_RAFT_LIMITS, ...options.limits },
    })
  }

  stop(): void {
    this.#stopped = true
  }

  step(event: RaftEvent): void {
    if (!this.#stopped) step(this.raft, event, this)
  }

  tick(): void {
    this.step({ type: 'tick' })
    if (this.#refusedReads.length === 0) return
    this.#reads.push(...this.#refusedReads)
    this.#refusedReads = []
    this.#user.touched()
  }

  propose(commands: readonly Proposal[]): void {
    if (commands.length > 0) this.step({ type: 'propose', commands })
  }

  /** Leader: who should belong to the ensemble from now on. Whether that comes about, `raft.memberships` tells. */
  changeMembership(members: readonly MemberRow[]): void {
    this.step({ type: 'change-membership', id: NOBODYS_PROPOSAL, members })
  }

  /** A linearizable read, answered by `readReady` with this token. Reads of one turn share one question. */
  askRead(token: number): void {
    this.#reads.push(asReadId(token))
    this.#user.touched()
  }

  onDurable(write: WriteId): void {
    if (this.#stopped) return
    this.#messages.onDurable(write)
    this.step({ type: 'durable', write })
    this.#user.touched()
  }

  /** What the turn has left for its end. */
  endTurn(): void {
    for (const id of this.#reads.splice(0)) this.step({ type: 'read-index', id })
    for (const { to, part } of this.#snapshotReads.splice(0)) {
      const read = this.#trying(() => this.#snapshots.read(part))
      if (read !== null) this.step({ type: 'snapshot-chunk-read', to, ...read })
    }
  }

  persist(record: Parameters<RaftOutbox['persist']>[0]): void {
    this.#storage.persist(record)
  }

  send(to: MemberId, message: RaftMessage, after: WriteId): void {
    this.#messages.send(to, message, after)
  }

  commit(entries: readonly LogEntry[]): void {
    this.#user.commit(entries)
  }

  /** Whether it takes effect, the log will tell. */
  proposed(_id: ProposalId, _at: { readonly index: LogIndex; readonly term: Term }): void {}

  rejectProposal(id: ProposalId, _leader: MemberId | null, reason: RejectReason): void {
    this.#user.rejected(id, reason)
  }

  readReady(id: ReadId): void {
    this.#user.readReady(id)
  }

  readRefused(id: ReadId): void {
    this.#refusedReads.push(id)
  }

  readSnapshot(to: MemberId, part: Parameters<RaftOutbox['readSnapshot']>[1]): void {
    this.#snapshotReads.push({ to, part })
    this.#user.touched()
  }

  /** The file is on the disk before the log is dropped; a crash between the two is harmless. */
  installSnapshot(part: SnapshotPart, write: WriteId): void {
    const body = this.#stage(part)
    if (body === null) return
    this.#user.restore({ meta: part.meta, body })
    this.#storage.installed(write, part.meta)
  }

  /** @returns the whole, where this part was the last one. */
  #stage(part: SnapshotPart): Uint8Array | null {
    return this.#trying(() => {
      this.#snapshots.stage(part)
      return part.done ? this.#snapshots.finishStaged(part.meta) : null
    })
  }

  /** After a failure the core may count on what is not there, but nothing that it promises will ever be called durable. */
  #trying<Result>(access: () => Result | null): Result | null {
    if (this.#stopped) return null
    try {
      return access()
    } catch (error) {
      this.#stopped = true
      this.#user.failed(error instanceof Error ? error : new Error(String(error)))
      return null
    }
  }

  /** The state machine's own snapshot is on the disk. */
  onCompacted(meta: SnapshotMeta): void {
    if (this.#stopped) return
    this.#storage.compacted(meta)
    this.step({ type: 'compacted', meta })
  }

  roleChanged(role: RoleName, term: Term, leader: MemberId | null): void {
    this.#user.roleChanged(role, term, leader)
  }
}
