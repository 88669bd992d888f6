/** The coordinators' Raft core at work for a group of replicas: does what its outbox says in the order in which it must be done. */
import type {
  PersistRecord,
  Proposal,
  RaftEvent,
  RaftOutbox,
  RejectReason,
  Rng,
  RoleName,
  SnapshotPart,
} from '../../coordinator/raft/events.ts'
import type { LogIndex, MemberId, ProposalId, ReadId, Term, WriteId } from '../../coordinator/raft/ids.ts'
import type { RaftLimits } from '../../coordinator/raft/limits.ts'
import type { LogEntry, SnapshotMeta } from '../../coordinator/raft/log.ts'
import type { RaftMessage } from '../../coordinator/raft/messages.ts'
import { createRaft, type Raft } from '../../coordinator/raft/state.ts'
import { step } from '../../coordinator/raft/step.ts'
import type { RaftStorage, StoredRaft } from '../../runtime/coordinator/raft-storage.ts'
import { WaitingMessages } from '../../runtime/coordinator/waiting-messages.ts'

/** Whom it works for. May call nothing of it from inside these. */
export interface RaftUser {
  send(to: MemberId, message: RaftMessage): void
  commit(entries: readonly LogEntry[]): void
  proposed(id: ProposalId, at: { readonly index: LogIndex; readonly term: Term }): void
  rejected(id: ProposalId, reason: RejectReason): void
  readReady(id: ReadId): void
  readRefused(id: ReadId): void
  roleChanged(role: RoleName, term: Term, leader: MemberId | null): void
  /** A part of the state, for a follower. */
  readState(part: Parameters<RaftOutbox['readSnapshot']>[1]): SnapshotPart
  /** A leader's state replaces what is here, and the store is flushed; `stateFlushed` says when it is on the disk. Calls may follow before that. */
  replaceState(meta: SnapshotMeta, bytes: Uint8Array): void
}

export interface RaftAtWorkOptions {
  readonly self: MemberId
  readonly voters: readonly MemberId[]
  readonly limits: RaftLimits
  readonly stored: StoredRaft
  readonly storage: RaftStorage
  /** Where the state stands that is on the disk. */
  readonly state: SnapshotMeta
  readonly rng: Rng
  readonly user: RaftUser
}

export class RaftAtWork implements RaftOutbox {
  readonly raft: Raft
  readonly #storage: RaftStorage
  readonly #user: RaftUser
  readonly #messages: WaitingMessages
  #stateReads: { readonly to: MemberId; readonly part: Parameters<RaftOutbox['readSnapshot']>[1] }[] = []
  #staged: Uint8Array[] = []
  /**
   * States of leaders that are on their way to the disk, and what must follow each into the log. The record that says that one has replaced the log must not be there before
   * it is, and the entries behind it not before that record.
   */
  #replacing: (() => void)[][] = []

  constructor(options: RaftAtWorkOptions) {
    const { self, voters, limits, stored, state, rng } = options
    this.#storage = options.storage
    this.#user = options.user
    this.#messages = new WaitingMessages((to, message) => this.#user.send(to, message))
    const { hardState, entries } = stored
    this.raft = createRaft({ self, voters, hardState, entries, snapshot: state, rng, limits })
  }

  step(event: RaftEvent): void {
    step(this.raft, event, this)
  }

  propose(commands: readonly Proposal[]): void {
    if (commands.length > 0) this.step({ type: 'propose', commands })
  }

  /** What the turn has left for its end. */
  endTurn(): void {
    for (const { to, part } of this.#stateReads.splice(0))
      this.step({ type: 'snapshot-chunk-read', to, ...this.#user.readState(part) })
  }

  /** Every record of the log up to this position would survive a power cut. */
  onDurable(position: number): void {
    this.#storage.onDurable(position, (write) => this.#onDurable(write))
  }

  #onDurable(write: WriteId): void {
    this.#messages.onDurable(write)
    this.step({ type: 'durable', write })
  }

  /** The store is on the disk up to here: it stands for the log. */
  onStored(meta: SnapshotMeta): void {
    const { log } = this.raft
    // Not what came from a leader, whose record says it; nor what was before.
    if (meta.lastIndex <= log.snapshot.lastIndex || log.termAt(meta.lastIndex) !== meta.lastTerm) return
    this.#write(() => this.#storage.compacted(meta))
    this.step({ type: 'compacted', meta })
  }

  /** The oldest state that was replaced is on the disk. */
  stateFlushed(): void {
    for (const write of this.#replacing.shift() ?? []) write()
  }

  get isReplacing(): boolean {
    return this.#replacing.length > 0
  }

  #write(write: () => void): void {
    const last = this.#replacing.at(-1)
    if (last === undefined) write()
    else last.push(write)
  }

  persist(record: PersistRecord): void {
    this.#write(() => this.#storage.persist(record))
  }

  send(to: MemberId, message: RaftMessage, after: WriteId): void {
    this.#messages.send(to, message, after)
  }

  commit(entries: readonly LogEntry[]): void {
    this.#user.commit(entries)
  }

  proposed(id: ProposalId, at: { readonly index: LogIndex; readonly term: Term }): void {
    this.#user.proposed(id, at)
  }

  rejectProposal(id: ProposalId, _leader: MemberId | null, reason: RejectReason): void {
    this.#user.rejected(id, reason)
  }

  readReady(id: ReadId): void {
    this.#user.readReady(id)
  }

  readRefused(id: ReadId): void {
    this.#user.readRefused(id)
  }

  readSnapshot(to: MemberId, part: Parameters<RaftOutbox['readSnapshot']>[1]): void {
    this.#stateReads.push({ to, part })
  }

  installSnapshot({ meta, offset, bytes, done }: SnapshotPart, write: WriteId): void {
    if (offset === 0) this.#staged = []
    this.#staged.push(bytes)
    if (!done) return
    const whole = joined(this.#staged)
    this.#staged = []
    this.#replacing.push([() => this.#storage.installed(write, meta)])
    this.#user.replaceState(meta, whole)
  }

  roleChanged(role: RoleName, term: Term, leader: MemberId | null): void {
    this.#user.roleChanged(role, term, leader)
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
