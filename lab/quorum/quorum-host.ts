/**
 * A member of a quorum in a data server (`--replication raft`, `raft-lease`): writes are commands in a log that Raft replicates, each replica applies what is committed to
 * the same store that a chain would have. Everything else of the server is as it is for a chain.
 */
import { noChangefeed } from '../../chain/changes.ts'
import type { ReplicaStatus } from '../../chain/configuration.ts'
import type { LogRecord, ReplicaEvent } from '../../chain/events.ts'
import { CHAIN_LIMITS, type ChainLimits, checkLimits } from '../../chain/limits.ts'
import { failure, refuseSizes } from '../../chain/write-path.ts'
import type { RejectReason, Rng } from '../../coordinator/raft/events.ts'
import {
  asMemberId,
  asProposalId,
  asTerm,
  type MemberId,
  type ProposalId,
} from '../../coordinator/raft/ids.ts'
import type { LogEntry, SnapshotMeta } from '../../coordinator/raft/log.ts'
import type { RaftMessage } from '../../coordinator/raft/messages.ts'
import type { Raft } from '../../coordinator/raft/state.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import { CodecError } from '../../protocol/codec/fields.ts'
import type { Failure } from '../../protocol/commands.ts'
import type { Position } from '../../protocol/entry.ts'
import {
  asEpoch,
  asMillis,
  asSeq,
  asServerId,
  type Epoch,
  type Millis,
  NO_EPOCH,
  type RequestId,
  type ServerId,
  type SessionId,
} from '../../protocol/ids.ts'
import { unreachable } from '../../protocol/invariants.ts'
import { RaftStorage, type StoredRaft } from '../../runtime/coordinator/raft-storage.ts'
import { type HostedReplica, type HostOptions, OutboxHost } from '../../runtime/server/replica-host.ts'
import { decodeCommand, encodeCommand, type QuorumCommand } from './commands.ts'
import { Housekeeping } from './housekeeping.ts'
import { LeaderLease, Loyalty } from './leader-lease.ts'
import { QUORUM_RAFT_LIMITS, QUORUM_TICK_MS } from './limits.ts'
import { QuorumLog } from './quorum-log.ts'
import { RaftAtWork, type RaftUser } from './raft-at-work.ts'
import { QuorumReads } from './reads.ts'
import { applied } from './state-machine.ts'
import { metaOf, OutgoingSnapshot, replaceStore } from './store-snapshot.ts'
import { decodeRaftMessage, encodeRaftMessage } from './wire.ts'

export interface QuorumOptions extends HostOptions {
  /** Strong reads at the leader under a lease, instead of a round of messages. */
  readonly lease: boolean
  readonly rng: Rng
}

interface Recovered {
  readonly storage: RaftStorage
  readonly stored: StoredRaft
}

/** After a pause no more ticks are made up for: what has arrived meanwhile comes first. */
const TICKS_AT_ONCE_MAX = 4

type WriteEvent = Extract<ReplicaEvent, { type: 'write' }>

export class QuorumHost extends OutboxHost {
  readonly limits: ChainLimits
  readonly #self: MemberId
  readonly #rng: Rng
  readonly #withLease: boolean
  readonly #log: QuorumLog
  readonly #lease = new LeaderLease()
  readonly #reads: QuorumReads
  readonly #housekeeping = new Housekeeping()
  readonly #outgoing = new OutgoingSnapshot()
  #loyalty: Loyalty | null = null
  #recovered: Recovered | null = null
  #group: ChainConfig | null = null
  #config: ChainConfig | null = null
  #work: RaftAtWork | null = null
  #failed = false
  #nowMs = asMillis(0)
  #wallMs = asMillis(0)
  #ticks = 0
  #proposals: { readonly id: ProposalId; readonly command: Uint8Array }[] = []
  #proposalCount = 0
  /** Who asked for a proposal; null: the leader itself. */
  readonly #askers = new Map<ProposalId, RequestId | null>()
  /** Who waits for an entry of this leader, by index. */
  readonly #waiters = new Map<number, RequestId>()
  #writes = 0

  constructor(options: QuorumOptions) {
    super(options)
    this.#self = asMemberId(options.self)
    this.#rng = options.rng
    this.#withLease = options.lease
    this.limits = checkLimits({ ...CHAIN_LIMITS, ...options.limits })
    this.#reads = new QuorumReads({ host: this, limits: this.limits })
    this.#log = new QuorumLog({
      persist: (record) => this.persist(record),
      release: (position) => super.onStoreFlushed({ epoch: asEpoch(1), seq: asSeq(position) }, NO_EPOCH),
    })
  }

  // What others see.

  /** Null until the group was formed, or after the disk has failed. */
  get raft(): Raft | null {
    return this.#failed ? null : (this.#work?.raft ?? null)
  }

  /** Leader first, so that clients find it; as configurations of a chain, each is newer than the one before. */
  get config(): ChainConfig | null {
    return this.#config ?? this.#group
  }

  get held(): HostedReplica['held'] {
    const { raft } = this
    const term = raft?.term ?? this.#recovered?.stored.hardState.term ?? 0
    if (term === 0) return null
    const { applied: at } = this.store.meta
    return { epoch: this.config?.epoch ?? epochOf(term), last: raft?.log.last ?? at.seq, commit: at.seq }
  }

  get nowMs(): Millis {
    return this.#nowMs
  }

  /** Until when strong reads may be answered here without a word; 0 where leases are off. */
  get leaseUntilMs(): number {
    return this.#withLease && this.raft !== null ? this.#lease.endsAtMs(this.raft) : 0
  }

  /** When the leader was surely in office of late: what bounds the age of a read. Null: unknown. */
  get heardAtMs(): number | null {
    const { raft } = this
    if (raft === null) return null
    return raft.role.type === 'leader'
      ? this.#lease.confirmedAtMs(raft)
      : (this.#loyalty?.leaderHeardAtMs ?? null)
  }

  get status(): ReplicaStatus {
    const { raft, store, config } = this
    const last = asSeq(raft?.log.last ?? 0)
    const durable = asSeq(raft?.writes.durableLast ?? 0)
    const commit = store.meta.applied.seq
    const leaseMs = Math.max(0, Math.round(this.leaseUntilMs - this.#nowMs))
    return {
      chain: this.chain,
      role: raft?.role.type ?? 'none',
      epoch: config?.epoch ?? 0,
      members: config?.members ?? [],
      joining: null,
      serving: raft !== null && raft.leader !== null,
      leaving: false,
      last,
      durable,
      upstreamDurable: durable,
      commit,
      dirty: Math.max(0, last - commit),
      keys: store.keyCount,
      sessions: store.sessionCount,
      leaseLives: leaseMs > 0,
      leaseMs,
      successor: null,
      predecessor: null,
      receivingSnapshot: this.#work?.isReplacing === true || raft?.incoming != null,
      waitingReads: this.#reads.waiting,
      suspects: null,
      counters: { writes: this.#writes, ...this.#reads.counters },
    }
  }

  // A life.

  restore(records: readonly LogRecord[]): void {
    this.#recovered = this.#recover(records)
  }

  #recover(records: readonly LogRecord[]): Recovered {
    const found = this.#log.read(records)
    const { store } = this
    const torso = store.meta.receivingSnapshot
    if (torso) {
      // What its log held behind the old state was not enough for the leader's, which a quorum without this member has.
      store.clear()
      store.setMeta({ receivingSnapshot: false })
    }
    const state = metaOf(store)
    const recovered = RaftStorage.recover({
      log: this.#log,
      place: `the log of ${this.chain}`,
      records: torso ? found.filter(({ type }) => type === HARD_STATE) : found,
      snapshot: state,
    })
    if (torso) this.#log.forget()
    return recovered
  }

  /** The group is formed by the first configuration, once and for all. */
  #onConfig(config: ChainConfig): void {
    const isMember = config.members.some(({ server }) => asMemberId(server) === this.#self)
    if (this.#work !== null || !isMember || this.#failed) return
    // A chain that is new here has no log to be restored from.
    this.#recovered ??= this.#recover([])
    const { storage, stored } = this.#recovered
    const state = metaOf(this.store)
    const { retainedBytesMax } = this.limits
    this.#group = config
    this.#loyalty = new Loyalty(this.#nowMs)
    this.#ticks = this.#ticksDue
    this.#work = new RaftAtWork({
      self: this.#self,
      voters: config.members.map(({ server }) => asMemberId(server)),
      limits: { ...QUORUM_RAFT_LIMITS, retainedBytesMax },
      stored: { ...stored, hardState: atLeast(stored.hardState, state) },
      storage,
      state,
      rng: this.#rng,
      user: this.#user,
    })
  }

  protected run(event: ReplicaEvent): void {
    switch (event.type) {
      case 'clock':
        this.#nowMs = event.nowMs
        this.#wallMs = event.wallMs
        return
      case 'tick':
        return this.#onTick()
      case 'message':
        return this.#onMessage(event.from, event.message)
      case 'write':
        return this.#onWrite(event)
      case 'read':
        return this.#reads.onRead(event)
      case 'changes':
        return this.reply(event.request, noChangefeed(this.#self))
      case 'durable':
        return this.#stepped((work) => work.onDurable(event.position.seq))
      case 'store-flushed':
        return this.#stepped((work) => work.stateFlushed())
      case 'config':
        return this.#onConfig(event.config)
      case 'storage-failed':
        return this.#onStorageFailed(event.reason)
      case 'flush':
        return this.#onFlush()
      case 'lease':
      case 'session-lost':
      case 'incarnation':
      case 'peer-down':
        return // Raft knows by itself who is there
      default:
        return unreachable(event)
    }
  }

  #stepped(run: (work: RaftAtWork) => void): void {
    const work = this.#work
    if (work === null || this.#failed) return
    run(work)
    this.#lease.observe(work.raft, this.#nowMs)
  }

  /** The core's ticks are counted by the clock: timers may fire early, and the server's may be slower. */
  get #ticksDue(): number {
    return Math.floor(this.#nowMs / QUORUM_TICK_MS)
  }

  #onTick(): void {
    const due = Math.min(this.#ticksDue - this.#ticks, TICKS_AT_ONCE_MAX)
    this.#ticks = this.#ticksDue
    for (let i = 0; i < due; i++) this.#stepped((work) => work.step({ type: 'tick' }))
    this.#reads.retry()
    const { raft } = this
    if (raft?.role.type !== 'leader') return
    const sending = [...raft.role.progress.values()].some(({ mode }) => mode.type === 'snapshot')
    if (!sending) this.#outgoing.drop()
    if (raft.commit < raft.role.noopIndex) return
    for (const command of this.#housekeeping.due(this.store, this.limits, this.#nowMs, this.#wallMs))
      this.#propose(command, null)
  }

  #onMessage(from: ServerId, message: ChainMessage): void {
    if (message.type !== 'other' || this.#work === null) return
    const decoded = this.#decoded(from, message.body)
    if (decoded === null || !this.#work.raft.voters.includes(asMemberId(from))) return
    if (!this.mayHeed(decoded)) return
    this.#stepped((work) => {
      work.step({ type: 'message', from: asMemberId(from), message: decoded })
      this.#loyalty?.took(work.raft, asMemberId(from), decoded, this.#nowMs)
    })
  }

  /** A leader's lease rests on this. */
  protected mayHeed(message: RaftMessage): boolean {
    return !this.#withLease || this.#loyalty?.forbids(message, this.#nowMs) === false
  }

  #decoded(from: ServerId, body: Uint8Array): RaftMessage | null {
    try {
      return decodeRaftMessage(body)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.note(`${from} sends what is no message of Raft: ${error.message}`)
      return null
    }
  }

  #onFlush(): void {
    const commands = this.#proposals
    this.#proposals = []
    this.#stepped((work) => {
      work.propose(commands)
      this.#reads.ask((id) => work.step({ type: 'read-index', id }))
      work.endTurn()
    })
  }

  override onStoreFlushed(at: Position): void {
    const meta = { lastIndex: at.seq as number, lastTerm: at.epoch as number } as SnapshotMeta
    this.#stepped((work) => work.onStored(meta))
  }

  #onStorageFailed(reason: string): void {
    this.#failed = true
    this.#abandonWrites(`has left the quorum: ${reason}`)
    for (const { id } of this.#proposals.splice(0)) this.#reject(id, this.#notServing())
    this.#reads.failAll(this.#notServing())
  }

  // Writes.

  #onWrite({ request, identity, command }: WriteEvent): void {
    const { raft } = this
    if (raft === null) return this.reply(request, this.#notServing())
    if (raft.role.type !== 'leader') return this.reply(request, this.#notLeader())
    const refusal = refuseSizes(command, this)
    if (refusal !== null) return this.reply(request, refusal)
    if (identity !== null) this.#housekeeping.heard(identity.session, this.#nowMs)
    this.#propose({ type: 'write', wallMs: this.#wallMs, identity, command }, request)
  }

  #propose(command: QuorumCommand, asker: RequestId | null): void {
    const id = asProposalId(++this.#proposalCount)
    this.#askers.set(id, asker)
    this.#proposals.push({ id, command: encodeCommand(command) })
  }

  #reject(id: ProposalId, answer: Failure): void {
    const asker = this.#askers.get(id) ?? null
    this.#askers.delete(id)
    if (asker === null) this.#housekeeping.done()
    else this.reply(asker, answer)
  }

  #onRejected(id: ProposalId, reason: RejectReason): void {
    switch (reason) {
      case 'not-leader':
      case 'transferring':
      case 'change-pending': // a group's members never change
      case 'not-one-change':
        return this.#reject(id, this.#notLeader())
      case 'overloaded': {
        const message = `${this.chain}: too many writes wait for their commit; try again later`
        return this.#reject(id, failure('OVERLOADED', message))
      }
      case 'too-large':
        return this.#reject(id, failure('TOO_LARGE', `${this.chain}: the command is too large for one entry`))
      default:
        return unreachable(reason)
    }
  }

  #notServing(): Failure {
    return failure('NOT_SERVING', `${this.#self} takes no part in ${this.chain}`)
  }

  #notLeader(): Failure {
    return failure('NOT_HEAD', `${this.#self} is not the leader of ${this.chain}`)
  }

  /** Others may commit what this leader has proposed. */
  #abandonWrites(reason: string): void {
    const waiters = [...this.#waiters.values()]
    this.#waiters.clear()
    const message = `${this.#self} ${reason}; the write may have happened`
    for (const request of waiters) this.reply(request, failure('CONNECTION_LOST', message))
  }

  #onCommit(entries: readonly LogEntry[]): void {
    for (const { term, index, command } of entries) {
      const at = { epoch: asEpoch(term), seq: asSeq(index) }
      const decoded = command === null ? null : decodeCommand(command)
      const { entry, answer } = applied(this.store, at, decoded, this.limits)
      this.store.apply(entry)
      if (decoded !== null && decoded.type !== 'write') this.#housekeeping.done()
      if (entry.sessions?.opens) this.#housekeeping.heard(index as number as SessionId, this.#nowMs)
      const waiter = this.#waiters.get(index)
      if (waiter === undefined) continue
      // Whoever waits asked in this term: all were told off when it ended.
      this.#waiters.delete(index)
      this.#writes++
      if (answer !== null) this.reply(waiter, answer)
    }
  }

  // What the core wants.

  readonly #user: RaftUser = {
    send: (to, message) =>
      this.send(asServerId(to), {
        type: 'other',
        epoch: epochOf(message.term),
        body: encodeRaftMessage(message),
      }),
    commit: (entries) => this.#onCommit(entries),
    proposed: (id, { index }) => {
      const asker = this.#askers.get(id) ?? null
      this.#askers.delete(id)
      if (asker !== null) this.#waiters.set(index, asker)
    },
    rejected: (id, reason) => this.#onRejected(id, reason),
    readReady: (id) => this.#reads.onReady(id),
    readRefused: (id) => this.#reads.onRefused(id),
    roleChanged: (role, term, leader) => this.#onRole(role, term, leader),
    readState: (part) => this.#outgoing.read(this.store, part, this.raft?.log.base.lastIndex ?? 0),
    replaceState: (meta, bytes) => {
      this.note(`takes over the leader's state at ${meta.lastIndex}`)
      replaceStore(this.store, bytes, meta)
      this.flushStore()
    },
  }

  #onRole(role: string, term: number, leader: MemberId | null): void {
    this.note(`${role} of term ${term}${leader === null ? '' : `, led by ${leader}`}`)
    if (role !== 'leader') {
      this.#abandonWrites('leads no more')
      this.#housekeeping.forget()
      this.#outgoing.drop()
    }
    if (leader !== null && this.#group !== null) this.#config = ledBy(this.#group, leader, epochOf(term))
  }
}

/** Of a group: above the one that the manager wrote, and growing with the term. */
const epochOf = (term: number): Epoch => asEpoch(1 + term)

function ledBy(group: ChainConfig, leader: MemberId, epoch: Epoch): ChainConfig {
  const isLeader = ({ server }: { readonly server: ServerId }) => (server as string) === leader
  const members = [...group.members.filter(isLeader), ...group.members.filter((one) => !isLeader(one))]
  return { ...group, epoch, members: members.map((member) => ({ ...member, serving: true, leaving: false })) }
}

/** A store may be on the disk before the term of what it holds is: no vote was given in that term then. */
const atLeast = (hardState: StoredRaft['hardState'], { lastTerm }: SnapshotMeta): StoredRaft['hardState'] =>
  hardState.term >= lastTerm ? hardState : { term: asTerm(lastTerm), votedFor: null }

/** See `RECORD_TYPES`. */
const HARD_STATE = 1
