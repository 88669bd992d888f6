/** One data server as the exploration sees it: a real replica, its disk, and what an event makes both do. */
import type { LogRecord, Outbox, ReplicaEvent } from '../../../chain/events.ts'
import { CHAIN_LIMITS, type ChainLimits } from '../../../chain/limits.ts'
import { Log } from '../../../chain/log.ts'
import { restoreReplica } from '../../../chain/restore.ts'
import { createReplica, isHead, isTail, leaseLives, type Replica, selfMember } from '../../../chain/state.ts'
import { step } from '../../../chain/step.ts'
import { type ChainConfig, memberOf } from '../../../protocol/chain-config.ts'
import type { ChainMessage } from '../../../protocol/chain-messages.ts'
import type { ReplicaReport } from '../../../protocol/cluster.ts'
import type { Failure, ReadResult, WriteResult } from '../../../protocol/commands.ts'
import type { Entry } from '../../../protocol/entry.ts'
import {
  asChainId,
  asIncarnation,
  asKey,
  asMillis,
  asSeq,
  type RequestId,
  type ServerId,
} from '../../../protocol/ids.ts'
import { type CanonicalRules, canonicalText, deepFreeze, plainText } from '../canonical.ts'
import type { Interner } from '../interner.ts'
import type { LocalMachine } from '../local-states.ts'
import { LogOnDisk, StoreOnDisk } from './disk.ts'

export const CHAIN = asChainId('c0')
export const KEY = asKey('k')
export const FOREVER = asMillis(1e15)

/** What may happen to one server. */
export type ServerEvent =
  /** One turn: the event, and the end of the turn. */
  | { readonly type: 'step'; readonly event: ReplicaEvent }
  | { readonly type: 'sync' }
  | { readonly type: 'flush-store' }
  | { readonly type: 'crash' }
  /** `choice` numbers what the crash has left on the disk. */
  | { readonly type: 'start'; readonly choice: number }
  /** The coordinator has ended its session, and it has opened the next. */
  | { readonly type: 'new-session' }
  | { readonly type: 'time'; readonly ms: number }

/** What a server did. */
export type ServerEffect =
  | {
      readonly type: 'reply'
      readonly request: RequestId
      readonly result: WriteResult | ReadResult | Failure
    }
  | { readonly type: 'report'; readonly report: ReplicaReport }
  /** The replica calls this entry committed. */
  | { readonly type: 'committed'; readonly entry: Entry }

export interface ServerEffects {
  /** `to` is the number of a server, `packet` that of a message. */
  readonly sends: { readonly to: number; readonly packet: number }[]
  readonly others: ServerEffect[]
  readonly notes: string[]
}

/** What can be read from one server's state. */
export interface ServerSummary {
  readonly up: boolean
  readonly incarnation: number
  readonly config: ChainConfig | null
  readonly epoch: number
  /** The configuration that it knows names it. */
  readonly named: boolean
  readonly serving: boolean
  readonly leased: boolean
  /** It would give a write a place in the log. */
  readonly takesWrites: boolean
  /** It would not refuse a strong read. */
  readonly takesReads: boolean
  /** Commit point of a strong read that would be answered here and now; -1: it would have to ask. */
  readonly answersAt: number
  readonly canSync: boolean
  readonly flushes: boolean
  /** What a crash may leave on the disk: so many outcomes. */
  readonly crashChoices: number
  readonly base: number
  /** `epoch/seq` of the entries above `base`. */
  readonly entries: readonly string[]
  readonly commit: number
  /** Requests of clients that wait here. */
  readonly waiting: readonly number[]
  readonly surviving: { readonly entries: ReadonlySet<string>; readonly base: number }
  /** As a registration says it; null: never was a member. */
  readonly holds: { readonly epoch: number; readonly last: number; readonly commit: number } | null
}

/** Where a test may make a server wrong, without touching the core. Absent: the design. */
export interface ServerFaults {
  /** Before the core sees an event: may change the event or, where the fault is in the core, the replica. Null: it is lost. */
  readonly before?: (replica: Replica, event: ReplicaEvent) => ReplicaEvent | null
  readonly after?: (replica: Replica, event: ReplicaEvent) => void
  readonly sends?: (replica: Replica, message: ChainMessage) => ChainMessage
  /** False: the record never reaches the disk, and the core does not hear of it. */
  readonly keeps?: (record: LogRecord) => boolean
  /** The disk reports a record as durable at once, and is no faster than any other. */
  readonly diskLies?: boolean
}

export interface ServerOptions {
  readonly ids: readonly ServerId[]
  readonly limits: Partial<ChainLimits>
  /** No server ever starts again: of the disk of a dead one only what has surely survived matters, to the judge. */
  readonly restarts: boolean
  readonly faults: ServerFaults
  readonly packets: Interner<ChainMessage | null>
}

export interface ServerNode {
  readonly id: ServerId
  readonly log: LogOnDisk
  readonly store: StoreOnDisk
  replica: Replica | null
  incarnation: number
  nowMs: number
  flushes: number
  effects: ServerEffects
}

/** Time passes in steps of this, each followed by a tick. */
export const RETRY_MS = 250
/** Late enough for every time that was never set to be long ago. */
const BEGINNING_MS = 10_000

/**
 * What of a replica does not count: counters, the memory of a look-up (`place`), the measured hop of bounded-age reads
 * (there are none here) and limits, which are constant. Points in time count as how long ago they were, up to where that
 * makes no difference any more: an age only grows until its point in time is set anew, so that once it has reached the
 * limit it is held against, how far beyond it is cannot be told. What is compared at ticks alone is compared one step of time
 * later at the earliest: it makes no difference one step sooner. `test/explore/chain.test.ts` walks both.
 */
function rulesAt(nowMs: number): CanonicalRules {
  const { retryMs, heartbeatMs, stallMs } = CHAIN_LIMITS
  const age = (limitMs: number) => (at: unknown) => Math.min(limitMs, nowMs - Number(at))
  const ageAtTick = (limitMs: number) => age(Math.max(0, limitMs - RETRY_MS))
  return {
    properties: {
      counters: 'skip',
      place: 'skip',
      hopMs: 'skip',
      limits: 'skip',
      store: 'skip', // written down with the disk
      nowMs: 'skip',
      wallMs: 'skip',
      leaseUntil: (until) => nowMs < Number(until),
      requestedAt: ageAtTick(retryMs),
      askedAt: ageAtTick(retryMs),
      heardAt: ageAtTick(stallMs), // and of silence, which is shorter
      progressAt: ageAtTick(retryMs * 8),
      sentAt: age(heartbeatMs),
      since: age(stallMs),
      sessionsScannedAt: 'skip', // nothing lapses so soon
    },
    open: (value) => (value instanceof Log ? openLog(value) : undefined),
  }
}

/** What a log shows; its indexes of what is dirty follow from it, and are asked all the same. */
const openLog = (log: Log) => ({
  base: log.base,
  commit: log.commit,
  entries: entriesOf(log),
  bytes: [log.retainedBytes, log.dirtyBytes],
  dirty: [...log.dirtyKeys()].map((key) => [key, log.dirtyVersions(key)?.map(({ seq }) => seq) ?? null]),
})

function entriesOf(log: Log): Entry[] {
  const entries: Entry[] = []
  for (let seq = log.base.seq + 1; seq <= log.last; seq++) {
    const entry = log.entryAt(asSeq(seq))
    if (entry !== null) entries.push(entry)
  }
  return entries
}

/** Clocks in messages serve to measure hops only. */
const withoutTime = (message: ChainMessage): ChainMessage => {
  if (message.type === 'append') return { ...message, sentAt: asMillis(0) }
  return message.type === 'ack' ? { ...message, echo: asMillis(-1) } : message
}

export function serverMachine(
  options: ServerOptions,
): LocalMachine<ServerNode, ServerEvent, ServerEffects, ServerSummary> {
  return {
    create: (root) => createServer(options, root),
    apply: (node, event) => {
      node.effects = { sends: [], others: [], notes: [] }
      applyEvent(options, node, event)
      return node.effects
    },
    canonical: (node) => {
      const { replica, log, store, incarnation, flushes } = node
      // Dead for ever: nothing reads its state again except the judge, which asks what a power cut would leave of it
      // (`surviving`; `incarnation` says which life is meant). All that lies under it is forgotten.
      if (replica === null && !options.restarts) {
        const { entries, base } = log.surviving
        return plainText({ dead: [...entries].sort(), base, incarnation })
      }
      const disk = {
        records: log.records,
        durable: log.durable,
        lifeStart: log.lifeStart,
        stored: store.content,
      }
      return canonicalText({ replica, disk, incarnation, flushes }, rulesAt(node.nowMs))
    },
    summarize,
  }
}

function createServer(options: ServerOptions, root: number): ServerNode {
  const id = options.ids[root]
  if (id === undefined) throw new RangeError(`there is no server ${root}`)
  const node: ServerNode = {
    id,
    log: new LogOnDisk(),
    store: new StoreOnDisk((entry) => node.effects.others.push({ type: 'committed', entry })),
    replica: null,
    incarnation: 0,
    nowMs: BEGINNING_MS,
    flushes: 0,
    effects: { sends: [], others: [], notes: [] },
  }
  start(options, node)
  return node
}

function start(options: ServerOptions, node: ServerNode): void {
  node.incarnation++
  const { id: self, store } = node
  const incarnation = asIncarnation(node.incarnation)
  const replica = createReplica({ chain: CHAIN, self, incarnation, store, limits: options.limits })
  node.replica = replica
  restoreReplica(replica, node.log.records, outboxOf(options, node, replica))
  turn(options, node, { type: 'lease', untilMs: FOREVER })
}

function applyEvent(options: ServerOptions, node: ServerNode, event: ServerEvent): void {
  switch (event.type) {
    case 'step':
      return turn(options, node, event.event)
    case 'sync': {
      node.log.sync()
      const durable = node.log.report(node.log.durable)
      return durable === null ? undefined : turn(options, node, durable)
    }
    case 'flush-store':
      node.store.flush()
      for (; node.flushes > 0; node.flushes--) turn(options, node, { type: 'store-flushed' })
      return
    case 'crash':
      node.replica = null
      node.flushes = 0
      if (!options.restarts) node.log.crash(node.log.durable)
      return
    case 'start': {
      const { kept, store } = crashChoices(node)[event.choice] ?? { kept: node.log.durable, store: 'all' }
      node.log.crash(kept)
      node.store.crash(store)
      return start(options, node)
    }
    case 'new-session':
      node.incarnation++
      turn(options, node, { type: 'session-lost' })
      turn(options, node, { type: 'incarnation', incarnation: asIncarnation(node.incarnation) })
      return turn(options, node, { type: 'lease', untilMs: FOREVER })
    case 'time':
      node.nowMs += event.ms
      return turn(options, node, { type: 'tick' })
    default:
      return event satisfies never
  }
}

/** Any part of the unsynced log, with the store as it was flushed or as it was. */
function crashChoices({ log, store }: ServerNode): { kept: number; store: 'flushed' | 'all' }[] {
  const choices: { kept: number; store: 'flushed' | 'all' }[] = []
  for (let kept = log.durable; kept <= log.records.length; kept++) {
    choices.push({ kept, store: 'all' })
    if (store.unflushed) choices.push({ kept, store: 'flushed' })
  }
  return choices
}

/** One turn of the server's loop, with one event in it. */
function turn(options: ServerOptions, node: ServerNode, event: ReplicaEvent): void {
  const { replica } = node
  if (replica === null) return
  const { faults } = options
  const seen = faults.before === undefined ? event : faults.before(replica, event)
  if (seen === null) return
  const out = outboxOf(options, node, replica)
  step(replica, { type: 'clock', nowMs: asMillis(node.nowMs), wallMs: asMillis(node.nowMs) }, out)
  step(replica, deepFreeze(seen), out)
  faults.after?.(replica, seen)
  step(replica, { type: 'flush' }, out)
  if (!faults.diskLies || event.type === 'durable') return
  const claimed = node.log.report(node.log.records.length)
  if (claimed !== null && claimed.position.seq > replica.walDurable) turn(options, node, claimed)
}

function outboxOf({ faults, ids, packets }: ServerOptions, node: ServerNode, replica: Replica): Outbox {
  return {
    persist: (record) => {
      if (faults.keeps?.(record) !== false) node.log.records.push(deepFreeze(record))
    },
    send: (to, message) => {
      const sent = faults.sends === undefined ? message : faults.sends(replica, message)
      const plain = deepFreeze(withoutTime(sent))
      node.effects.sends.push({ to: ids.indexOf(to), packet: packets.id(plainText(plain), plain) })
    },
    reply: (request, result) => {
      if (result.type === 'changes') throw new Error('nobody watches here')
      node.effects.others.push({ type: 'reply', request, result })
    },
    report: (report) => node.effects.others.push({ type: 'report', report }),
    flushStore: () => {
      node.flushes++
    },
    note: (text) => node.effects.notes.push(text),
  }
}

function summarize(node: ServerNode): ServerSummary {
  const { replica, log, incarnation } = node
  const surviving = log.surviving
  const down = {
    up: false,
    incarnation,
    config: null,
    epoch: 0,
    named: false,
    serving: false,
    leased: false,
    takesWrites: false,
    takesReads: false,
    answersAt: -1,
    canSync: false,
    flushes: false,
    crashChoices: crashChoices(node).length,
    base: 0,
    entries: [],
    commit: 0,
    waiting: [],
    surviving,
    holds: null,
  }
  if (replica === null) return down
  const member = selfMember(replica)
  const takesReads = replica.serving && member !== null && !member.leaving
  const clean = isTail(replica) || !replica.log.isDirty(KEY)
  const { memberEpoch } = replica.store.meta
  return {
    ...down,
    up: true,
    config: replica.config,
    epoch: replica.config?.epoch ?? 0,
    named: replica.config !== null && namesServer(replica.config, node.id),
    serving: replica.serving,
    leased: leaseLives(replica),
    takesWrites: isHead(replica) && replica.serving,
    takesReads,
    answersAt: takesReads && leaseLives(replica) && clean ? replica.log.commit.seq : -1,
    canSync: log.canSync,
    flushes: node.flushes > 0,
    base: replica.log.base.seq,
    entries: entriesOf(replica.log).map(({ epoch, seq }) => `${epoch}/${seq}`),
    commit: replica.log.commit.seq,
    waiting: waitingOf(replica),
    holds:
      memberEpoch > 0 ? { epoch: memberEpoch, last: replica.log.last, commit: replica.log.commit.seq } : null,
  }
}

export const namesServer = (config: ChainConfig, server: ServerId): boolean =>
  memberOf(config, server) !== null || config.joining?.server === server

function waitingOf(replica: Replica): number[] {
  const reads = [...replica.waitingReads, ...replica.behindReads, ...(replica.question?.reads ?? [])]
  return [...reads, ...[...replica.waiters.values()].flat()].map(({ request }) => request)
}
