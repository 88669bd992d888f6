import type { ChainLimits } from '../../../chain/limits.ts'
import { isHead, type Replica } from '../../../chain/state.ts'
import type { ClientMessage, ServerMessage } from '../../../protocol/client-messages.ts'
import type { Durability, Replication } from '../../../protocol/cluster.ts'
import { type Batch, decodeBatch } from '../../../protocol/codec/batch.ts'
import { type ChainItem, encodeChainBatch } from '../../../protocol/codec/chain-codec.ts'
import { encodeServerBatch } from '../../../protocol/codec/client-codec.ts'
import type { WriteCommand } from '../../../protocol/commands.ts'
import type { Entry, Position } from '../../../protocol/entry.ts'
import {
  asIncarnation,
  asSeq,
  asServerId,
  type ChainId,
  type Incarnation,
  type Seq,
  type ServerId,
} from '../../../protocol/ids.ts'
import { DataServer } from '../../../runtime/server/data-server.ts'
import type { MembershipOptions } from '../../../runtime/server/membership.ts'
import type { Carrier, DataServerPorts, StoredRecord } from '../../../runtime/server/ports.ts'
import type { HostedReplica, MakeHost } from '../../../runtime/server/replica-host.ts'
import type { FsyncPolicy } from '../../../runtime/storage/wal/wal.ts'
import { traceLog } from '../control/control-ports.ts'
import { LifeWorld } from '../control/session-platform.ts'
import { SimMembership } from '../control/sim-membership.ts'
import { RottenLogError, type SimDisk, SimLog } from '../kernel/disk.ts'
import type { Network } from '../kernel/network.ts'
import type { SimProcess } from '../kernel/process.ts'
import { SimTransport } from '../kernel/transport.ts'
import type { Asked, ServerHooks } from './observed.ts'
import { SimStore } from './sim-store.ts'
import { DurableIndex, SimWal } from './sim-wal.ts'

/** The door of data servers, for each other and for native clients. */
export const STORE_DOOR = 'store'

/** A server's part in the control plane during one life: `SimMembership`, or a test's stand-in. */
export type ServerMembership = Pick<SimMembership, 'start' | 'report' | 'stop' | 'abandon'>

export interface SimDataServerOptions {
  readonly network: Network
  /** Its name is the server's id. */
  readonly process: SimProcess
  readonly disk: SimDisk
  /** Joins the cluster, once for each life of the process. */
  readonly membership: (options: Omit<MembershipOptions, 'ports' | 'coordinators'>) => ServerMembership
  readonly sessionTimeoutMs: number
  /** Default: `sync`. With the others a crash may take what was committed, unless the disk keeps its cache. */
  readonly durability?: Durability
  /** Default: craq. */
  readonly replication?: Replication
  /** What keeps the copies alike, where that is no chain; made anew for each life. */
  readonly makeHost?: (process: SimProcess) => MakeHost
  readonly zone?: string
  readonly limits?: Partial<ChainLimits>
  readonly fanOutBytes?: number | null
  /** Whether the network brings one message to all who host a chain. Default: false. */
  readonly multiplies?: boolean
  readonly tickMs?: number
  /** How old a store's batch gets before it goes to the disk. Default: as in production. */
  readonly batchDelayMs?: number
  /** Messages and log records pass through their bytes. Default: false. */
  readonly codec?: boolean
  readonly hooks?: ServerHooks
}

const FSYNC = { sync: 'sync', interval: 'interval', memory: 'never' } as const satisfies Record<
  Durability,
  FsyncPolicy
>

/** The membership of a server whose coordinators run in these processes. */
export const joinsBy =
  (
    place: { readonly network: Network; readonly process: SimProcess },
    coordinators: readonly string[],
  ): SimDataServerOptions['membership'] =>
  (options) =>
    new SimMembership(place, { ...options, coordinators })

/** The real data server on a simulated machine. What it holds on its disk outlives the lives of its process. */
export class SimDataServer {
  readonly process: SimProcess
  readonly id: ServerId
  readonly disk: SimDisk
  readonly stores = new Map<ChainId, SimStore>()
  readonly #options: SimDataServerOptions
  readonly #hooks: ServerHooks
  readonly #fsync: FsyncPolicy
  readonly #log: SimLog<StoredRecord>
  readonly #index: DurableIndex
  #incarnation = 0
  #directories = 1
  #server: DataServer | null = null
  #membership: ServerMembership | null = null
  #replicas: Map<ChainId, Replica> = new Map()
  /** Requests that wait for an answer, by client and its own number for them. */
  #asked = new Map<string, Map<number, Asked>>()
  /** Askers, by chain, whose last question could not be answered with a commit. */
  readonly #wrongVersions = new Map<string, unknown>()
  /** What the head was asked for when it made an entry. */
  #commands = new WeakMap<Entry, WriteCommand>()

  constructor(options: SimDataServerOptions) {
    this.process = options.process
    this.id = asServerId(options.process.name)
    this.disk = options.disk
    this.#options = options
    this.#hooks = options.hooks ?? {}
    this.#fsync = FSYNC[options.durability ?? 'sync']
    this.#log = new SimLog(options.disk)
    this.#index = new DurableIndex(this.#log)
  }

  // What operators and faults do. Crashes, pauses and slowness are the process's, a full disk is the disk's.

  /** Begins a life with what the disk holds. A rotten log: it does not start, and says so to the hooks. */
  boot(): void {
    this.process.start(() => {
      this.process.onCrash(() => this.#ended())
      try {
        this.#begin()
      } catch (error) {
        if (!(error instanceof RottenLogError)) throw error
        this.process.crash('refuses to start')
        this.#hooks.onRefusedToStart?.(this, error)
      }
    })
  }

  /** The orderly end of a life: it stops serving, leaves the cluster, and its process ends a little later. */
  stop(): void {
    const server = this.#server
    if (server === null) return
    server.loseSession()
    this.#membership?.stop()
    this.process.timers.after(STOP_MS, () => this.process.crash('stop'))
  }

  /** Empties the disk of a process that is down: the server comes back as one that never held anything. */
  wipe(): void {
    if (this.process.alive) throw new Error(`${this.id} runs: only the disk of one that is down is emptied`)
    this.process.note('wipe')
    this.#log.wipe()
    this.#index.reset()
    for (const store of this.stores.values()) store.wipe()
    this.stores.clear()
    this.#incarnation = 0
    this.#directories++
  }

  /** A bit flips in the log. It is found when the process starts again. */
  rot(): void {
    this.process.note('rot')
    this.#log.rot()
  }

  // What observers see.

  get name(): string {
    return this.id
  }

  /** Of the running life; null while the process is down. */
  get replicas(): ReadonlyMap<ChainId, Replica> | null {
    const server = this.#server
    if (server === null) return null
    if (this.#replicas.size < this.stores.size) {
      for (const chain of this.stores.keys()) {
        const replica = server.replica(chain)
        if (replica !== null) this.#replicas.set(chain, replica)
      }
    }
    return this.#replicas
  }

  /** Whatever keeps it like the others; null while the process is down, or where this server has no part in the chain. */
  hosted(chain: ChainId): HostedReplica | null {
    return this.#server?.hosted(chain) ?? null
  }

  /** The running life; null while the process is down. */
  get server(): DataServer | null {
    return this.#server
  }

  nowMs(): number {
    return this.process.nowMs()
  }

  /** Whether this very entry would survive a power cut now, or a state of the store that includes it. */
  durablyHolds(chain: ChainId, position: Position): 'entry' | 'state' | null {
    const held = this.#index.holds(chain, position)
    if (held !== null) return held
    const { applied, receivingSnapshot } = this.stores.get(chain)?.flushedMeta ?? NOTHING
    return !receivingSnapshot && applied.seq >= position.seq ? 'state' : null
  }

  /** Newest position of a chain that would survive a power cut now. */
  durableOnDisk(chain: ChainId): Seq {
    const { applied, receivingSnapshot } = this.stores.get(chain)?.flushedMeta ?? NOTHING
    return asSeq(Math.max(this.#index.last(chain), receivingSnapshot ? 0 : applied.seq))
  }

  // A life.

  #begin(): void {
    const { network, process, sessionTimeoutMs, zone, limits, tickMs, replication, makeHost, fanOutBytes } =
      this.#options
    const world = new LifeWorld({ network, process })
    const incarnation = this.#nextIncarnation()
    const server = new DataServer(
      {
        id: this.id,
        incarnation,
        clusterId: 'simulated',
        fsync: this.#fsync,
        ...(replication === undefined ? {} : { replication }),
        ...(makeHost === undefined ? {} : { makeHost: makeHost(process) }),
        ...(limits === undefined ? {} : { limits }),
        ...(fanOutBytes === undefined ? {} : { fanOutBytes }),
        ...(tickMs === undefined ? {} : { tickMs }),
        onReport: (chain, report) => {
          this.#hooks.onReport?.(this, chain, report)
          this.#membership?.report(chain, report)
        },
        onStorageFailed: (error) => {
          this.#hooks.onStorageFailed?.(this, error)
          this.#membership?.abandon()
        },
      },
      this.#ports(world),
    )
    const transport = new SimTransport({
      network,
      process,
      door: STORE_DOOR,
      listens: true,
      events: {
        onBody: (from, body) => this.#onBody(server, from, body),
        onDown: (peer) => {
          this.#asked.delete(peer)
          server.onDown(peer)
        },
      },
    })
    this.#server = server
    server.listen(this.#carrier(transport), null)
    this.#membership = this.#options.membership({
      server,
      sessionTimeoutMs,
      touchLagMs: 0,
      registration: {
        server: this.id,
        host: this.id,
        port: 1,
        httpPort: 1,
        zone: zone ?? 'zone',
        dataId: `${this.id}-${this.#directories}`,
      },
      nextIncarnation: () => this.#nextIncarnation(),
    })
    this.#membership.start(incarnation)
    this.#hooks.onLife?.(this)
  }

  #ended(): void {
    this.#wrongVersions.clear()
    this.#server = null
    this.#membership = null
    this.#replicas = new Map()
    this.#asked = new Map()
    this.#index.reset()
    this.#hooks.onLife?.(this)
  }

  #nextIncarnation(): Incarnation {
    this.#incarnation = Math.max(this.process.wallMs(), this.#incarnation + 1)
    return asIncarnation(this.#incarnation)
  }

  #ports(world: LifeWorld): DataServerPorts {
    const { process, disk } = this
    const { onTurn } = this.#hooks
    return {
      clock: {
        nowMs: () => process.nowMs(),
        get wallMs() {
          return process.wallMs()
        },
      },
      timers: process.timers,
      log: traceLog(process),
      atTurnEnd: (run) => {
        process.atTurnEnd(run)
        if (onTurn !== undefined) process.atTurnEnd(() => onTurn(this))
      },
      onBug: world.onBug,
      openWal: (events) => {
        const wal = new SimWal({
          disk,
          log: this.#log,
          fsync: this.#fsync,
          codec: this.#options.codec ?? false,
          events,
          onAppend: (chain, record) => {
            this.#hooks.onAppended?.(this, chain, record)
            if (record.type === 'entry') this.#onAppend(chain, record.entry)
          },
        })
        return { wal, records: wal.records }
      },
      storedChains: () => this.stores.keys(),
      openStore: (chain, events) => {
        let store = this.stores.get(chain)
        if (store === undefined) {
          store = new SimStore(disk, this.#options.batchDelayMs)
          this.stores.set(chain, store)
        }
        const onApply = (entry: Entry) => this.#hooks.onCommitted?.(this, chain, entry)
        return store.begin({ ...events, onApply })
      },
      resources: () => ({ residentBytes: 0, uptimeMs: Math.round(process.nowMs()) }),
    }
  }

  #onAppend(chain: ChainId, entry: Entry): void {
    if (this.#hooks.onEntry === undefined) return
    const replica = this.#server?.replica(chain) ?? null
    // What a new head had received before, and writes only now, is of an older epoch.
    if (replica !== null && isHead(replica) && entry.epoch === replica.config?.epoch)
      this.#hooks.onEntry(this, chain, entry, this.#commands.get(entry) ?? null)
  }

  // Messages.

  #onBody(server: DataServer, from: string, body: unknown): void {
    const batch = body instanceof Uint8Array ? decodeBatch(body) : (body as Batch)
    this.process.note(batch.type, () => `${from}: ${wordsOf(batch)}`)
    if (batch.type === 'client') for (const message of batch.messages) this.#onRequest(server, from, message)
    else if (batch.type !== 'chain' || this.#hooks.onMessage === undefined) server.onBatch(from, batch)
    else
      batch.items.forEach((item, i) => {
        if (i > 0) this.#hooks.onMessage?.(this)
        this.#onItem(server, from, item)
      })
  }

  /** One by one, so that it can be seen what each of them causes. */
  #onItem(server: DataServer, from: string, item: ChainItem): void {
    const replica = server.replica(item.chain)
    const handled = replica === null ? null : (this.#hooks.fence?.(replica, item.message) ?? null)
    server.onBatch(from, { type: 'chain', items: [item] })
    handled?.()
    if (replica !== null && item.message.type === 'version-query') this.#judgeVersion(replica, from, item)
  }

  /** What may be said of the commit is decided now. It leaves when the turn ends, which may be long after the lease of a slow process. */
  #judgeVersion(replica: Replica, from: string, { chain, message }: ChainItem): void {
    if (this.#hooks.onVersionAnswered === undefined) return
    const asked = `${chain} ${from}`
    this.#wrongVersions.delete(asked)
    try {
      this.#hooks.onVersionAnswered(this, replica, message.epoch)
    } catch (violation) {
      this.#wrongVersions.set(asked, violation)
    }
  }

  /** As above. */
  #onRequest(server: DataServer, client: string, message: ClientMessage): void {
    const asks = 'chain' in message
    const replica = asks ? server.replica(message.chain) : null
    const localReads = replica?.counters.localReads ?? 0
    const last = replica?.log.last ?? 0
    server.onBatch(client, { type: 'client', messages: [message] })
    if (!asks) return
    if (message.type === 'write' && replica !== null)
      for (let seq = last + 1; seq <= replica.log.last; seq++) {
        const entry = replica.log.entryAt(asSeq(seq))
        if (entry !== null) this.#commands.set(entry, message.command)
      }
    if (this.#hooks.onReply === undefined) return
    let asked = this.#asked.get(client)
    if (asked === undefined) {
      asked = new Map()
      this.#asked.set(client, asked)
    }
    const answeredHere = (replica?.counters.localReads ?? 0) > localReads
    asked.set(message.call, { client, message, atUs: this.process.kernel.scheduler.nowUs, answeredHere })
  }

  #carrier(transport: SimTransport): Carrier {
    const codec = this.#options.codec ?? false
    return {
      toServer: (to, items) => {
        this.#watchVersions(to, items)
        transport.send(to, codec ? encodeChainBatch(items) : { type: 'chain', items })
      },
      toClient: (to, messages) => {
        for (const message of messages) this.#onAnswer(to, message)
        transport.send(to, codec ? encodeServerBatch(messages) : { type: 'server', messages }, true)
        return true
      },
      ...(this.#options.multiplies === true && {
        toAll: (chain, message) => {
          const members = this.#server?.view.config(chain)?.members ?? []
          const items = [{ chain, message }]
          for (const { server } of members)
            if (server !== this.id)
              transport.send(server, codec ? encodeChainBatch(items) : { type: 'chain', items })
          return true
        },
      }),
      flush: () => {},
      setAddress: () => {},
      close: () => Promise.resolve(),
    }
  }

  #watchVersions(to: string, items: readonly ChainItem[]): void {
    for (const { chain, message } of items) {
      if (message.type !== 'version-reply' || message.commit === null) continue
      const wrong = this.#wrongVersions.get(`${chain} ${to}`)
      if (wrong === undefined) continue
      if (this.#hooks.onWrongVersion === undefined) throw wrong
      this.#hooks.onWrongVersion(this, wrong)
    }
  }

  #onAnswer(client: string, reply: ServerMessage): void {
    const waiting = this.#asked.get(client)
    const asked = waiting?.get(reply.call)
    if (asked === undefined) return
    waiting?.delete(reply.call)
    this.#hooks.onReply?.(this, asked, reply)
  }
}

/** Long enough to close the session where somebody listens. */
const STOP_MS = 200
const NOTHING = { applied: { epoch: 0, seq: 0 }, receivingSnapshot: false } as const

function wordsOf(batch: Batch): string {
  if (batch.type === 'chain')
    return batch.items.map(({ chain, message }) => `${chain} ${message.type}/${message.epoch}`).join(', ')
  return batch.messages.map((message) => `${message.type} ${message.call}`).join(', ')
}
