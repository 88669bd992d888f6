/** One coordinator as the exploration sees it: a real Raft core, its disk, and what waits for that disk. */
import type { HardState, PersistRecord, RaftEvent, RaftOutbox } from '../../../coordinator/raft/events.ts'
import { asProposalId, type MemberId, type WriteId } from '../../../coordinator/raft/ids.ts'
import { DEFAULT_RAFT_LIMITS, type RaftLimits } from '../../../coordinator/raft/limits.ts'
import { type LogEntry, RaftLog } from '../../../coordinator/raft/log.ts'
import type { RaftMessage } from '../../../coordinator/raft/messages.ts'
import { createRaft, EMPTY_HARD_STATE, EMPTY_SNAPSHOT, type Raft } from '../../../coordinator/raft/state.ts'
import { step } from '../../../coordinator/raft/step.ts'
import { WriteLedger } from '../../../coordinator/raft/write-ledger.ts'
import { type CanonicalRules, canonicalText, deepFreeze, plainText } from '../canonical.ts'
import type { Interner } from '../interner.ts'
import type { LocalMachine } from '../local-states.ts'

export type MemberEvent =
  | { readonly type: 'step'; readonly event: RaftEvent }
  /** The oldest write that is on its way reaches the disk. */
  | { readonly type: 'sync' }
  /** No leader is heard for so long that this member would vote for another. */
  | { readonly type: 'quiet' }
  /** And longer: it asks for votes itself. */
  | { readonly type: 'campaign' }
  | { readonly type: 'heartbeat' }
  | { readonly type: 'propose'; readonly command: number }
  | { readonly type: 'crash' }
  /** So many of the writes that were on their way have reached the disk all the same. */
  | { readonly type: 'start'; readonly kept: number }

export interface MemberEffects {
  readonly sends: { readonly to: number; readonly packet: number }[]
  readonly applied: LogEntry[]
  readonly proposed: number[]
}

export interface MemberSummary {
  readonly up: boolean
  readonly role: Raft['role']['type']
  readonly term: number
  readonly commit: number
  readonly canSync: boolean
  readonly canQuiet: boolean
  /** Writes on their way. */
  readonly pending: number
  /** `index/term/command` of the log. */
  readonly log: readonly string[]
  /** `index/term` of what is on the disk. */
  readonly disk: ReadonlySet<string>
}

/** Where a test may make a member wrong, without touching the core. Absent: the design. */
export interface MemberFaults {
  readonly before?: (raft: Raft, event: RaftEvent) => RaftEvent
  /** Messages leave before what they promise is on the disk. */
  readonly impatient?: boolean
  /** The disk says that a write is durable at once, and is no faster than any other. */
  readonly diskLies?: boolean
  /** The disk forgets term and vote at a crash. */
  readonly forgetsVote?: boolean
}

export interface MemberOptions {
  readonly ids: readonly MemberId[]
  readonly faults: MemberFaults
  readonly packets: Interner<RaftMessage>
}

interface Held {
  readonly to: number
  readonly packet: number
  readonly after: WriteId
}

export interface MemberNode {
  readonly id: MemberId
  raft: Raft | null
  hardState: HardState
  entries: LogEntry[]
  /** Oldest first. */
  pending: PersistRecord[]
  durable: number
  held: Held[]
  effects: MemberEffects
}

/** The shortest times that the limits allow; `quiet` and `campaign` fall on different ticks. */
const LIMITS: RaftLimits = {
  ...DEFAULT_RAFT_LIMITS,
  heartbeatTicks: 1,
  electionTicksMin: 3,
  electionTicksMax: 4,
}
/** Always the longest wait: which member is first is for the exploration to say, not for dice. */
const RNG = { next: () => 0.999 }

/** Numbers of writes count from the last that is durable: how many there were before makes no difference. */
function rulesOf({ durable }: MemberNode): CanonicalRules {
  const ahead = (write: unknown) => Math.max(0, Number(write) - durable)
  return {
    properties: {
      rng: 'skip',
      limits: 'skip',
      life: 'skip', // of reads, of which there are none
      write: ahead,
      after: ahead,
      voteWrite: ahead,
      grants: (grants) => (grants instanceof Set ? [...grants].sort() : grants), // only their number counts
    },
    open: (value) => {
      if (value instanceof RaftLog)
        return { snapshot: value.snapshot, base: value.base, entries: logOf(value), bytes: null }
      // What it knows besides are the pending writes, which are written down with the disk.
      return value instanceof WriteLedger
        ? { last: value.durableLast, all: value.lastPending === null }
        : undefined
    },
  }
}

const logOf = (log: RaftLog): LogEntry[] => {
  const first = (log.base.lastIndex + 1) as typeof log.last
  return log.slice(first, log.last)
}

export function memberMachine(
  options: MemberOptions,
): LocalMachine<MemberNode, MemberEvent, MemberEffects, MemberSummary> {
  return {
    create: (root) => createMember(options, root),
    apply: (node, event) => {
      node.effects = { sends: [], applied: [], proposed: [] }
      applyEvent(options, node, event)
      checkPersisted(node)
      return node.effects
    },
    canonical: (node) => {
      const { raft, hardState, entries, pending, held } = node
      return canonicalText({ raft, hardState, entries, pending, held }, rulesOf(node))
    },
    summarize,
  }
}

function createMember(options: MemberOptions, root: number): MemberNode {
  const id = options.ids[root]
  if (id === undefined) throw new RangeError(`there is no member ${root}`)
  const node: MemberNode = {
    id,
    raft: null,
    hardState: EMPTY_HARD_STATE,
    entries: [],
    pending: [],
    durable: 0,
    held: [],
    effects: { sends: [], applied: [], proposed: [] },
  }
  start(options, node)
  return node
}

function start({ ids }: MemberOptions, node: MemberNode): void {
  const { id: self, hardState, entries } = node
  node.durable = 0
  node.raft = createRaft({
    self,
    voters: ids,
    hardState,
    entries,
    snapshot: EMPTY_SNAPSHOT,
    rng: RNG,
    limits: LIMITS,
  })
}

function applyEvent(options: MemberOptions, node: MemberNode, event: MemberEvent): void {
  switch (event.type) {
    case 'step':
      return feed(options, node, event.event)
    case 'sync':
      return sync(options, node)
    case 'quiet':
      while ((node.raft?.electionElapsed ?? LIMITS.electionTicksMin) < LIMITS.electionTicksMin)
        feed(options, node, { type: 'tick' })
      return
    case 'campaign':
      for (let tick = 0; tick < LIMITS.electionTicksMax; tick++) {
        feed(options, node, { type: 'tick' })
        if (node.raft?.electionElapsed === 0) return
      }
      return
    case 'heartbeat':
      return feed(options, node, { type: 'tick' })
    case 'propose':
      return feed(options, node, {
        type: 'propose',
        commands: [{ id: asProposalId(event.command), command: Uint8Array.of(event.command) }],
      })
    case 'crash':
      node.raft = null
      node.held = []
      return
    case 'start':
      for (const record of node.pending.slice(0, event.kept)) write(options, node, record)
      node.pending = []
      return start(options, node)
    default:
      return event satisfies never
  }
}

function sync(options: MemberOptions, node: MemberNode): void {
  const record = node.pending.shift()
  if (record === undefined) return
  write(options, node, record)
  node.durable = record.write
  release(node)
  if (!options.faults.diskLies) feed(options, node, { type: 'durable', write: record.write })
}

function release(node: MemberNode): void {
  for (const { to, packet, after } of node.held)
    if (after <= node.durable) node.effects.sends.push({ to, packet })
  node.held = node.held.filter(({ after }) => after > node.durable)
}

function write({ faults }: MemberOptions, node: MemberNode, record: PersistRecord): void {
  const { hardState, truncateFrom, entries } = record
  if (hardState !== undefined) {
    node.hardState = faults.forgetsVote ? { ...hardState, votedFor: null } : hardState
  }
  if (truncateFrom !== undefined) node.entries = node.entries.filter(({ index }) => index < truncateFrom)
  if (entries !== undefined) node.entries = [...node.entries, ...entries]
}

function feed(options: MemberOptions, node: MemberNode, event: RaftEvent): void {
  const { raft, effects } = node
  if (raft === null) return
  const { faults, packets, ids } = options
  const claimed: WriteId[] = []
  const out: RaftOutbox = {
    persist: (record) => {
      node.pending.push(deepFreeze(record))
      if (faults.diskLies) claimed.push(record.write)
    },
    send: (to, message, after) => {
      const packet = packets.id(plainText(message), deepFreeze(message))
      const sent = { to: ids.indexOf(to), packet }
      if (after <= node.durable || faults.impatient || faults.diskLies) effects.sends.push(sent)
      else node.held.push({ ...sent, after })
    },
    commit: (entries) => effects.applied.push(...entries),
    proposed: (id) => effects.proposed.push(id),
    rejectProposal: () => {},
    readReady: () => {},
    readRefused: () => {},
    readSnapshot: () => {},
    installSnapshot: () => {},
    roleChanged: () => {},
  }
  step(raft, deepFreeze(faults.before?.(raft, event) ?? event), out)
  for (const claim of claimed) feed(options, node, { type: 'durable', write: claim })
}

/** Term, vote and log never change unless something was persisted (Raft §5.1). */
function checkPersisted({ raft, hardState, entries, pending }: MemberNode): void {
  if (raft === null) return
  let state = hardState
  let log = entries
  for (const record of pending) {
    const from = record.truncateFrom
    state = record.hardState ?? state
    if (from !== undefined) log = log.filter(({ index }) => index < from)
    log = [...log, ...(record.entries ?? [])]
  }
  const held = logOf(raft.log)
  const same = held.length === log.length && held.every((entry, i) => entry === log[i])
  if (raft.term !== state.term || !same)
    throw new Error('AckAfterDurable: term or log changed, and it was not persisted')
}

function summarize({ raft, pending, entries }: MemberNode): MemberSummary {
  const disk = new Set(entries.map(({ index, term }) => `${index}/${term}`))
  if (raft === null) {
    return {
      up: false,
      role: 'follower',
      term: 0,
      commit: 0,
      canSync: false,
      canQuiet: false,
      pending: pending.length,
      log: [],
      disk,
    }
  }
  return {
    up: true,
    role: raft.role.type,
    term: raft.term,
    commit: raft.commit,
    canSync: pending.length > 0,
    canQuiet:
      raft.role.type === 'follower' && raft.leader !== null && raft.electionElapsed < LIMITS.electionTicksMin,
    pending: pending.length,
    log: logOf(raft.log).map(nameOf),
    disk,
  }
}

export const nameOf = ({ index, term, command }: LogEntry): string =>
  `${index}/${term}/${command?.join() ?? '-'}`
