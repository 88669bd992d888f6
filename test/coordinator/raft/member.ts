import type {
  PersistRecord,
  RaftEvent,
  RaftOutbox,
  RejectReason,
  Rng,
  RoleName,
  SnapshotPart,
} from '../../../coordinator/raft/events.ts'
import type { LogIndex, MemberId, ProposalId, ReadId, Term, WriteId } from '../../../coordinator/raft/ids.ts'
import { asLogIndex, asMemberId, asProposalId, asTerm, asWriteId } from '../../../coordinator/raft/ids.ts'
import type { RaftLimits } from '../../../coordinator/raft/limits.ts'
import { DEFAULT_RAFT_LIMITS } from '../../../coordinator/raft/limits.ts'
import type { LogEntry, SnapshotMeta } from '../../../coordinator/raft/log.ts'
import type { Membership } from '../../../coordinator/raft/membership.ts'
import type { RaftMessage, RaftMessageType } from '../../../coordinator/raft/messages.ts'
import type { Leader, Raft } from '../../../coordinator/raft/state.ts'
import { createRaft } from '../../../coordinator/raft/state.ts'
import { step } from '../../../coordinator/raft/step.ts'
import type { DiskWrite } from './disk.ts'
import { DiskImage, Staging } from './disk.ts'

export type Effect =
  | { readonly type: 'persist'; readonly record: PersistRecord }
  | { readonly type: 'send'; readonly to: MemberId; readonly message: RaftMessage; readonly after: WriteId }
  | { readonly type: 'commit'; readonly entries: readonly LogEntry[] }
  | { readonly type: 'proposed'; readonly id: ProposalId; readonly index: LogIndex; readonly term: Term }
  | {
      readonly type: 'rejected'
      readonly id: ProposalId
      readonly leader: MemberId | null
      readonly reason: RejectReason
    }
  | { readonly type: 'read-ready'; readonly id: ReadId; readonly index: LogIndex }
  | { readonly type: 'read-refused'; readonly id: ReadId }
  | {
      readonly type: 'read-snapshot'
      readonly to: MemberId
      readonly meta: SnapshotMeta | null
      readonly offset: number
      readonly bytesMax: number
    }
  | { readonly type: 'install'; readonly part: SnapshotPart; readonly write: WriteId }
  | { readonly type: 'role'; readonly role: RoleName; readonly term: Term; readonly leader: MemberId | null }
type EffectOf<Type extends Effect['type']> = Extract<Effect, { type: Type }>

class Recorder implements RaftOutbox {
  effects: Effect[] = []
  #add(effect: Effect): void {
    this.effects.push(deepFreeze(effect))
  }
  persist(record: PersistRecord): void {
    this.#add({ type: 'persist', record })
  }
  send(to: MemberId, message: RaftMessage, after: WriteId): void {
    this.#add({ type: 'send', to, message, after })
  }
  commit(entries: readonly LogEntry[]): void {
    this.#add({ type: 'commit', entries })
  }
  proposed(id: ProposalId, at: { readonly index: LogIndex; readonly term: Term }): void {
    this.#add({ type: 'proposed', id, ...at })
  }
  rejectProposal(id: ProposalId, leader: MemberId | null, reason: RejectReason): void {
    this.#add({ type: 'rejected', id, leader, reason })
  }
  readReady(id: ReadId, index: LogIndex): void {
    this.#add({ type: 'read-ready', id, index })
  }
  readRefused(id: ReadId): void {
    this.#add({ type: 'read-refused', id })
  }
  readSnapshot(
    to: MemberId,
    part: { readonly meta: SnapshotMeta | null; readonly offset: number; readonly bytesMax: number },
  ): void {
    this.#add({ type: 'read-snapshot', to, ...part })
  }
  installSnapshot(part: SnapshotPart, write: WriteId): void {
    this.#add({ type: 'install', part, write })
  }
  roleChanged(role: RoleName, term: Term, leader: MemberId | null): void {
    this.#add({ type: 'role', role, term, leader })
  }
}

/** Messages, events and entries are read-only: whoever writes to one fails here. Bytes cannot be frozen. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value))
    return value
  for (const part of Object.values(value)) deepFreeze(part)
  return Object.freeze(value)
}

/** Mulberry32: small, seeded, good enough for dice. */
export function seededRng(seed: number): Rng & { below(n: number): number; chance(p: number): boolean } {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  return { next, below: (n) => Math.floor(next() * n), chance: (p) => next() < p }
}

export interface MemberOptions {
  readonly self?: string
  readonly voters?: readonly string[]
  readonly membership?: Membership | null
  readonly limits?: Partial<RaftLimits>
  readonly rng?: Rng
  readonly image?: DiskImage
}

export const A = asMemberId('a')
export const B = asMemberId('b')
export const C = asMemberId('c')

/**
 * One member, with its effects recorded. After every step its persistent state must be what its `persist`
 * calls made: term, vote and log never change unless something was persisted (AckAfterDurable).
 */
export class Member {
  readonly raft: Raft
  /** As if all that was persisted were durable. */
  readonly image: DiskImage
  readonly staging = new Staging()
  /** Of all steps so far. */
  readonly writes: DiskWrite[] = []

  constructor(options: MemberOptions = {}) {
    this.image = (options.image ?? new DiskImage()).clone()
    this.raft = createRaft({
      self: asMemberId(options.self ?? 'a'),
      voters: (options.voters ?? ['a', 'b', 'c']).map(asMemberId),
      membership: options.membership ?? null,
      hardState: this.image.hardState,
      entries: this.image.entries,
      snapshot: this.image.snapshot.meta,
      rng: options.rng ?? { next: () => 0 },
      limits: { ...DEFAULT_RAFT_LIMITS, ...options.limits },
    })
  }

  step(event: RaftEvent): Effects {
    const recorder = new Recorder()
    step(this.raft, deepFreeze(event), recorder)
    for (const effect of recorder.effects) this.#store(effect)
    this.checkPersisted()
    return new Effects(recorder.effects)
  }

  tick(count = 1): Effects {
    const effects: Effect[] = []
    for (let n = 0; n < count; n += 1) effects.push(...this.step({ type: 'tick' }).all)
    return new Effects(effects)
  }

  receive(from: MemberId, message: RaftMessage): Effects {
    return this.step({ type: 'message', from, message })
  }

  /** Everything persisted so far has reached the disk. */
  durable(): Effects {
    return this.step({ type: 'durable', write: asWriteId(this.writes.at(-1)?.write ?? 0) })
  }

  propose(...commands: string[]): Effects {
    return this.step({
      type: 'propose',
      commands: commands.map((command, n) => ({ id: asProposalId(n + 1), command: bytesOf(command) })),
    })
  }

  get leader(): Leader {
    if (this.raft.role.type !== 'leader') throw new Error(`${this.raft.self} is ${this.raft.role.type}`)
    return this.raft.role
  }

  get terms(): number[] {
    return this.image.entries.map((entry) => entry.term)
  }

  #store(effect: Effect): void {
    let write: DiskWrite
    if (effect.type === 'persist')
      write = { type: 'record', write: effect.record.write, record: effect.record }
    else if (effect.type === 'install') {
      const bytes = this.staging.take(effect.part)
      if (!effect.part.done) return
      write = { type: 'install', write: effect.write, meta: effect.part.meta, bytes }
    } else return
    if (write.write !== (this.writes.at(-1)?.write ?? 0) + 1)
      throw new Error(`write ${write.write} out of turn`)
    this.writes.push(write)
    this.image.apply(write)
  }

  checkPersisted(): void {
    const { term, votedFor, log } = this.raft
    const { hardState, entries } = this.image
    if (term !== hardState.term || votedFor !== hardState.votedFor) {
      throw new Error(`term ${term}, vote ${votedFor}: not persisted; on disk ${JSON.stringify(hardState)}`)
    }
    const from = asLogIndex(log.snapshot.lastIndex + 1)
    const stored = this.raft.staleLogFrom === null ? entries.filter((entry) => entry.index >= from) : []
    const held = log.slice(from, log.last)
    if (held.length !== stored.length || held.some((entry, n) => !isSameEntry(entry, stored[n]))) {
      throw new Error(`log ${printEntries(held)}: not persisted; on disk ${printEntries(stored)}`)
    }
  }
}

export function isSameEntry(one: LogEntry, other: LogEntry | undefined): boolean {
  if (one === other) return true
  if (one.term !== other?.term || one.index !== other.index) return false
  if (one.command === null || other.command === null) return one.command === other.command
  return Buffer.compare(one.command, other.command) === 0
}

export class Effects {
  readonly all: readonly Effect[]
  constructor(all: readonly Effect[]) {
    this.all = all
  }
  of<Type extends Effect['type']>(type: Type): EffectOf<Type>[] {
    return this.all.filter((effect): effect is EffectOf<Type> => effect.type === type)
  }
  /** Messages of one type, with receiver and the write that they wait for. */
  sent<Type extends RaftMessageType>(type: Type, to?: MemberId) {
    return this.of('send').flatMap((effect) =>
      isOfType(effect.message, type) && (to === undefined || effect.to === to)
        ? [{ to: effect.to, after: effect.after, message: effect.message }]
        : [],
    )
  }
  get committed(): number[] {
    return this.of('commit').flatMap((effect) => effect.entries.map((entry) => entry.index))
  }
}

function isOfType<Type extends RaftMessageType>(
  message: RaftMessage,
  type: Type,
): message is Extract<RaftMessage, { type: Type }> {
  return message.type === type
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
export const printEntries = (entries: readonly LogEntry[]): string =>
  `[${entries.map((entry) => `${entry.index}t${entry.term}`).join(' ')}]`

/** A log whose entries have these terms, from index 1. */
export const logOf = (...terms: number[]): LogEntry[] =>
  terms.map((term, n) => ({
    term: asTerm(term),
    index: asLogIndex(n + 1),
    command: bytesOf(`t${term}i${n + 1}`),
  }))

/** A disk with a log of these terms, in this term. */
export function diskOf(term: number, terms: readonly number[]): DiskImage {
  const image = new DiskImage()
  image.hardState = { term: asTerm(term), votedFor: null }
  image.entries = logOf(...terms)
  return image
}

/** Makes `a` the leader of the next term, with the votes of the others. Its no-op is durable. */
export function elect(member: Member): Effects {
  const { raft } = member
  for (let n = 0; n < 100 && raft.role.type !== 'pre-candidate'; n += 1) {
    member.tick()
    if (raft.role.type === 'candidate') break // alone it needs no pre-votes
  }
  const others = raft.voters.filter((voter) => voter !== raft.self)
  for (const from of others) {
    member.receive(from, { type: 'pre-vote-reply', term: raft.term, forTerm: raft.term, granted: true })
  }
  const effects = [...member.durable().all]
  for (const from of others) {
    effects.push(...member.receive(from, { type: 'vote-reply', term: raft.term, granted: true }).all)
  }
  effects.push(...member.durable().all)
  return new Effects(effects)
}
