import type { LogRecord, Outbox, ReplicaEvent } from '../../chain/events.ts'
import type { ChainLimits } from '../../chain/limits.ts'
import { restoreReplica } from '../../chain/restore.ts'
import { createReplica, type Replica, type ReplicaOptions } from '../../chain/state.ts'
import { step } from '../../chain/step.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { type ChainConfig, predecessorOf } from '../../protocol/chain-config.ts'
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import type { ReplicaReport } from '../../protocol/cluster.ts'
import type { Failure, ReadResult, WriteCommand, WriteResult } from '../../protocol/commands.ts'
import type { Entry } from '../../protocol/entry.ts'
import {
  asChainId,
  asEpoch,
  asIncarnation,
  asMillis,
  asServerId,
  type Incarnation,
  type RequestId,
  type ServerId,
} from '../../protocol/ids.ts'
import { CrashableLog, CrashableStore, type Synced } from './crashable-disk.ts'

export const CHAIN = asChainId('c0')
const FOREVER = asMillis(1e15)

/** A protocol at one server: its copy, and what one event does to it. */
export interface Core {
  readonly replica: Replica
  step(event: ReplicaEvent, out: Outbox): void
  /** Copies are fed side by side: between two of them nothing is promised that has not committed. */
  readonly siblings?: boolean
}

const chainCore = (options: ReplicaOptions): Core => {
  const replica = createReplica(options)
  return { replica, step: (event, out) => step(replica, event, out) }
}

/** A promise that was broken, in the words of who saw it. */
export class Violation extends Error {}

export interface WorldOptions {
  readonly seed: number
  readonly servers: number
  /** So many of them form the first configuration, each serving. */
  readonly members: number
  readonly limits?: Partial<ChainLimits>
  readonly trace?: boolean
  /** Dice other than those of the seed. */
  readonly rng?: Rng
  /** Default: the chain's. */
  readonly core?: (options: ReplicaOptions) => Core
}

/** What a replica made its server do. */
export type Effect =
  | { readonly type: 'persist'; readonly record: LogRecord }
  | { readonly type: 'send'; readonly to: ServerId; readonly message: ChainMessage }
  | {
      readonly type: 'reply'
      readonly request: RequestId
      readonly result: WriteResult | ReadResult | Failure
    }
  | { readonly type: 'report'; readonly report: ReplicaReport }
  | { readonly type: 'flush-store' }

/** What is on the way from one server to another, in order. */
export interface Link {
  readonly from: ChainServer
  readonly to: ChainServer
  readonly messages: ChainMessage[]
}

/** Who watches what comes out of the replicas. */
export interface Watcher {
  /** The head took a write and gave it this entry. */
  onAppended(entry: Entry, command: WriteCommand, wallMs: number): void
  /** A replica calls this entry committed. */
  onCommitted(server: ChainServer, entry: Entry): void
  onReply(server: ChainServer, request: RequestId, result: WriteResult | ReadResult | Failure): void
  /** Requests that a server took with it when it crashed. */
  onLost(requests: readonly RequestId[]): void
}

/** One server: a real replica, its disk, and what the coordinator thinks of it. */
export class ChainServer {
  readonly id: ServerId
  readonly log = new CrashableLog()
  readonly store: CrashableStore
  /** Null while the process is down. */
  core: Core | null = null
  incarnation: Incarnation = asIncarnation(0)
  leased = false
  /** The coordinator has declared this life over, whether or not the server knows. */
  expired = false
  clockOffset = 0
  /** Finished syncs that the core has not heard of yet. */
  readonly synced: Synced[] = []
  /** Flushes that the core waits for. */
  flushes = 0
  readonly reports: ReplicaReport[] = []
  readonly requests = new Set<RequestId>()

  constructor(id: ServerId, onApply: (entry: Entry) => void) {
    this.id = id
    this.store = new ObservedStore(onApply)
  }

  get up(): boolean {
    return this.core !== null
  }

  /** Null while the process is down. */
  get replica(): Replica | null {
    return this.core?.replica ?? null
  }
}

class ObservedStore extends CrashableStore {
  readonly #onApply: (entry: Entry) => void

  constructor(onApply: (entry: Entry) => void) {
    super()
    this.#onApply = onApply
  }

  override apply(entry: Entry): void {
    this.#onApply(entry)
    super.apply(entry)
  }
}

/**
 * Several replicas of one chain with real cores, and everything around them that can go wrong. A message is lost only with the link of its pair of servers;
 * a crash forgets part of what was not synced. The same seed and the same calls give the same run.
 */
export class ChainWorld {
  readonly rng: Rng
  readonly servers: readonly ChainServer[]
  readonly configs: ChainConfig[] = []
  /** Newest report of each server that has reached the coordinator. */
  readonly reported = new Map<ServerId, ReplicaReport>()
  readonly trace: string[] | null
  watcher: Watcher | null = null
  onEffect: ((server: ChainServer, effect: Effect) => void) | null = null
  /** Called at the end of each turn of a server. */
  onTurn: ((server: ChainServer) => void) | null = null
  nowMs = 1000
  /** Snapshots that replicas have begun to receive. */
  snapshots = 0
  readonly #queues = new Map<string, Link>()
  readonly #limits: Partial<ChainLimits>
  readonly #makeCore: (options: ReplicaOptions) => Core
  #requests = 0

  constructor(options: WorldOptions) {
    this.rng = options.rng ?? new Rng(options.seed)
    this.trace = options.trace ? [] : null
    this.#limits = options.limits ?? {}
    this.#makeCore = options.core ?? chainCore
    this.servers = Array.from({ length: options.servers }, (_, i) => {
      const server: ChainServer = new ChainServer(asServerId(`n${i + 1}`), (entry) =>
        this.watcher?.onCommitted(server, entry),
      )
      return server
    })
    for (const from of this.servers) {
      for (const to of this.servers) {
        if (from !== to) this.#queues.set(`${from.id} ${to.id}`, { from, to, messages: [] })
      }
    }
    this.configs.push({
      chain: CHAIN,
      epoch: asEpoch(1),
      members: this.servers
        .slice(0, options.members)
        .map(({ id }) => ({ server: id, incarnation: asIncarnation(1), serving: true, leaving: false })),
      joining: null,
      slots: [[0, 16_383]],
    })
    for (const server of this.servers) this.start(server)
  }

  get config(): ChainConfig {
    const config = this.configs.at(-1)
    if (config === undefined) throw new Violation('there is no configuration')
    return config
  }

  server(id: ServerId): ChainServer {
    const server = this.servers.find((candidate) => candidate.id === id)
    if (server === undefined) throw new Violation(`there is no server ${id}`)
    return server
  }

  note(text: () => string): void {
    this.trace?.push(text())
  }

  nextRequest(): RequestId {
    return ++this.#requests as RequestId
  }

  // One turn of one server.

  turn(server: ChainServer, events: readonly ReplicaEvent[]): void {
    const { core } = server
    if (core === null) return
    const { replica } = core
    const wallMs = asMillis(1_000_000 + this.nowMs)
    const clock = { type: 'clock', nowMs: asMillis(this.nowMs + server.clockOffset), wallMs } as const
    core.step(clock, this.#outboxOf(server))
    for (const event of events) {
      this.note(() => `${server.id} <= ${describeEvent(event)}`)
      if ('request' in event) server.requests.add(event.request)
      const before = replica.log.last
      core.step(freeze(event), this.#outboxOf(server))
      if (event.type !== 'write' || replica.log.last === before) continue
      const entry = replica.log.entryAt(replica.log.last)
      if (entry !== null) this.watcher?.onAppended(entry, event.command, wallMs)
    }
    core.step({ type: 'flush' }, this.#outboxOf(server))
    server.store.endTurn()
    if (core.siblings !== true) this.#checkLog(server, replica)
    this.onTurn?.(server)
  }

  #outboxOf(server: ChainServer) {
    return {
      persist: (record: LogRecord) => {
        if (record.type === 'reset' && record.to.seq > 0) this.snapshots++
        server.log.append(freeze(record))
        this.onEffect?.(server, { type: 'persist', record })
      },
      send: (to: ServerId, message: ChainMessage) => {
        this.note(() => `    ${server.id} -> ${to} ${describeMessage(message)}`)
        this.#queues.get(`${server.id} ${to}`)?.messages.push(freeze(message))
        this.onEffect?.(server, { type: 'send', to, message })
      },
      reply: (request: RequestId, result: WriteResult | ReadResult | Failure) => {
        this.note(() => `    ${server.id} answers ${request}: ${JSON.stringify(result)}`)
        if (!server.requests.delete(request))
          throw new Violation(`${server.id} answers request ${request} twice`)
        this.watcher?.onReply(server, request, freeze(result))
        this.onEffect?.(server, { type: 'reply', request, result })
      },
      report: (report: ReplicaReport) => {
        this.note(() => `    ${server.id} reports ${report.state} in epoch ${report.epoch}`)
        server.reports.push(freeze(report))
        this.onEffect?.(server, { type: 'report', report })
      },
      flushStore: () => {
        server.flushes++
        this.onEffect?.(server, { type: 'flush-store' })
      },
      note: (text: string) => this.note(() => `    ${server.id}: ${text}`),
    }
  }

  // The network.

  get links(): readonly Link[] {
    return [...this.#queues.values()]
  }

  /** Pairs with something on the way to a server that is up. */
  busyLinks(): Link[] {
    return this.links.filter(({ to, messages }) => to.up && messages.length > 0)
  }

  link(from: ChainServer, to: ChainServer): ChainMessage[] {
    return this.#queues.get(`${from.id} ${to.id}`)?.messages ?? []
  }

  /** The next `count` messages of one link, as events. */
  take(link: Link, count: number): ReplicaEvent[] {
    return link.messages
      .splice(0, count)
      .map((message) => ({ type: 'message', from: link.from.id, message }) as const)
  }

  /** Loses the end of what is on the way between two servers, in each direction. */
  breakLink(a: ChainServer, b: ChainServer): void {
    this.note(() => `link ${a.id} ${b.id} breaks`)
    for (const queue of [this.link(a, b), this.link(b, a)]) queue.length = this.rng.below(queue.length + 1)
    this.turn(a, [{ type: 'peer-down', server: b.id }])
    this.turn(b, [{ type: 'peer-down', server: a.id }])
  }

  // Disks.

  /** Syncs a part or all of the log; the core hears of it by `tellSynced`, perhaps much later. */
  sync(server: ChainServer, count = server.log.unsynced): void {
    const synced = server.log.sync(count)
    if (synced !== null && server.up) server.synced.push(synced)
  }

  tellSynced(server: ChainServer): void {
    const synced = server.synced.shift()
    if (synced !== undefined) this.turn(server, [{ type: 'durable', ...synced }])
  }

  flushStore(server: ChainServer): void {
    if (!server.up) return
    server.store.flush()
    const events: ReplicaEvent[] = []
    for (; server.flushes > 0; server.flushes--) events.push({ type: 'store-flushed' })
    if (events.length > 0) this.turn(server, events)
  }

  trimLog(server: ChainServer): void {
    if (!server.up || server.store.meta.receivingSnapshot) return
    server.store.flush()
    server.log.trim({ applied: server.store.meta.applied.seq, recordsMax: this.rng.below(20) })
  }

  // Lives.

  start(server: ChainServer): void {
    if (server.up) return
    server.incarnation = asIncarnation(server.incarnation + 1)
    server.clockOffset = this.rng.below(1_000_000)
    server.expired = false
    server.leased = true
    const { id: self, incarnation, store } = server
    const core = this.#makeCore({ chain: CHAIN, self, incarnation, store, limits: this.#limits })
    this.note(() => `${self} starts, incarnation ${incarnation}`)
    restoreReplica(core.replica, server.log.records, this.#outboxOf(server))
    server.core = core
    this.turn(server, [{ type: 'lease', untilMs: FOREVER }])
  }

  crash(server: ChainServer): void {
    if (!server.up) return
    server.core = null
    server.log.crash(this.rng)
    server.store.crash(this.rng)
    server.synced.length = 0
    server.flushes = 0
    server.reports.length = 0
    this.reported.delete(server.id)
    this.note(() => `${server.id} crashes; its log keeps ${server.log.records.length} records`)
    const lost = [...server.requests]
    server.requests.clear()
    this.watcher?.onLost(lost)
    for (const other of this.servers) {
      if (other !== server) this.breakLink(server, other)
    }
  }

  lapseLease(server: ChainServer): void {
    if (!server.leased) return
    server.leased = false
    this.turn(server, [{ type: 'lease', untilMs: asMillis(0) }])
  }

  renewLease(server: ChainServer): void {
    if (server.leased || server.expired || !server.up) return
    server.leased = true
    this.turn(server, [{ type: 'lease', untilMs: FOREVER }])
  }

  /** The coordinator ends a session whose lease has run out. The server hears of it with its next session. */
  expireSession(server: ChainServer): void {
    if (server.leased && server.up) throw new Violation(`session of ${server.id} expires under a live lease`)
    server.expired = true
    server.leased = false
    this.reported.delete(server.id)
    server.reports.length = 0
    this.note(() => `the session of ${server.id} has expired`)
  }

  tellSessionLost(server: ChainServer): void {
    if (server.expired) this.turn(server, [{ type: 'session-lost' }])
  }

  openSession(server: ChainServer): void {
    if (!server.expired || !server.up) return
    server.incarnation = asIncarnation(server.incarnation + 1)
    server.expired = false
    server.leased = true
    this.turn(server, [
      { type: 'incarnation', incarnation: server.incarnation },
      { type: 'lease', untilMs: FOREVER },
    ])
  }

  // The coordinator.

  deliverReport(server: ChainServer): void {
    const report = server.reports.shift()
    if (report !== undefined && report.incarnation === server.incarnation)
      this.reported.set(server.id, report)
  }

  publish(config: ChainConfig): void {
    this.configs.push(freeze(config))
    this.note(() => `configuration ${JSON.stringify(config)}`)
  }

  /** A watch fires: it brings the newest configuration, or one that was the newest a moment ago. */
  tellConfig(server: ChainServer, config = this.config): void {
    this.turn(server, [{ type: 'config', config }])
  }

  /** UpdatePropagation, where both ends of a link serve and speak of the same epoch. */
  #checkLog(server: ChainServer, replica: Replica): void {
    if (replica.config === null || replica.config.epoch !== this.config.epoch) return
    const before = predecessorOf(replica.config, server.id)
    if (before === null) return
    const above = this.server(before.server).replica
    if (above?.config?.epoch !== replica.config.epoch || above.incarnation !== before.incarnation) return
    if (!above.serving || !replica.serving) return
    const last = replica.log.lastPosition
    if (above.log.has(last) || last.seq < above.log.base.seq) return
    throw new Violation(
      `UpdatePropagation: ${server.id} holds ${last.epoch}/${last.seq}, ${before.server} ends at ${above.log.last}`,
    )
  }
}

/** Freezes a message and all that is in it, so that nobody can change what others hold. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || Object.isFrozen(value))
    return value
  Object.freeze(value)
  for (const part of Object.values(value)) freeze(part)
  return value
}

export function describeMessage(message: ChainMessage): string {
  const { type, ...rest } = message
  return `${type} ${JSON.stringify(rest)}`
}

function describeEvent(event: ReplicaEvent): string {
  return event.type === 'message'
    ? `${event.from} ${describeMessage(event.message)}`
    : `${event.type} ${JSON.stringify({ ...event, type: undefined })}`
}
