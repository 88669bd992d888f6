/**
 * A data server: replicas of one or more chains in one process (DESIGN section 8). Everything that arrives in one turn of the event loop is fed to the cores;
 * when the turn ends, each peer gets one body and the log one append.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { replicaStatus } from '../../chain/configuration.ts'
import type { ChainLimits } from '../../chain/limits.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { ReplicaReport, ServerRegistration } from '../../protocol/cluster.ts'
import { decodeBatch } from '../../protocol/codec/batch.ts'
import { CodecError } from '../../protocol/codec/fields.ts'
import { FrameError } from '../../protocol/frame.ts'
import {
  asChainId,
  asEpoch,
  asMillis,
  asServerId,
  type ChainId,
  type Epoch,
  type Incarnation,
  type ServerId,
} from '../../protocol/ids.ts'
import type { Address, Transport } from '../../protocol/transport.ts'
import { LeaseClock } from '../clock.ts'
import type { DataDirectory } from '../storage/data-directory.ts'
import { DeferredStore } from '../storage/deferred-store.ts'
import { openLmdbStore } from '../storage/lmdb-store.ts'
import { type FsyncPolicy, openWal, type Wal } from '../storage/wal/wal.ts'
import { openServerTransport } from '../transport/open.ts'
import { ChainLog } from './chain-log.ts'
import { ClientDoor } from './client-door.ts'
import { ClusterView } from './cluster-view.ts'
import { Outgoing } from './outgoing.ts'
import { type HostServices, ReplicaHost } from './replica-host.ts'

export interface DataServerOptions {
  readonly id: ServerId
  readonly data: DataDirectory
  readonly incarnation: Incarnation
  readonly clusterName: string
  readonly clusterId: string
  readonly fsync: FsyncPolicy
  readonly transport: string
  readonly listen: Address
  readonly limits?: Partial<ChainLimits>
  readonly logger: Logger
  /** A replica has something to tell the manager. */
  readonly onReport: (chain: ChainId, report: ReplicaReport) => void
  /** The disk failed: every chain has been left. */
  readonly onStorageFailed: (error: Error) => void
}

const TICK_MS = 25
/** Per chain: changes that wait for the store's disk. */
const OVERLAY_BYTES_MAX = 192 * 1024 * 1024

export class DataServer {
  readonly id: ServerId
  readonly view = new ClusterView()
  readonly clock = new LeaseClock()
  readonly #options: DataServerOptions
  readonly #log: Logger
  readonly #hosts = new Map<ChainId, ReplicaHost>()
  readonly #opening = new Map<ChainId, Promise<ReplicaHost>>()
  readonly #touched = new Set<ReplicaHost>()
  #wal: Wal | null = null
  #chainLog: ChainLog | null = null
  #transport: Transport | null = null
  #address: Address | null = null
  #outgoing: Outgoing | null = null
  #door: ClientDoor | null = null
  #turnEnds = false
  #ticker: NodeJS.Timeout | null = null
  #storageError: Error | null = null
  #incarnation: Incarnation
  #lease = asMillis(0)
  /** False from the loss of the session until the next life begins. */
  #alive = true
  #closed = false

  constructor(options: DataServerOptions) {
    this.id = options.id
    this.#options = options
    this.#log = options.logger
    this.#incarnation = options.incarnation
    this.view.clusterId = options.clusterId
  }

  /** Recovers what the disk holds, then listens. Nothing is served before the coordinator has admitted this life. */
  async start(): Promise<void> {
    const { data, fsync, id } = this.#options
    const { wal, replay } = openWal({
      directory: join(data.path, 'wal'),
      owner: `server ${id} ${data.dataId}`,
      fsync,
      onDurable: () => this.#onDurable(),
      onFailure: (error) => this.failStorage(error),
    })
    this.#wal = wal
    this.#chainLog = new ChainLog(wal)
    const records = this.#chainLog.collect(replay())
    if (wal.tornTail !== null)
      this.#log.warn(wal.tornTail, 'the log ended in an incomplete record, which was cut')
    const chains = new Set([...records.keys(), ...this.#chainsOnDisk()])
    for (const chain of chains) (await this.#open(chain)).restore(records.get(chain) ?? [])
    await this.#listen()
    this.#ticker = setInterval(() => this.#onTick(), TICK_MS)
  }

  #chainsOnDisk(): ChainId[] {
    const directory = join(this.#options.data.path, 'chains')
    return existsSync(directory) ? readdirSync(directory).map(asChainId) : []
  }

  async #listen(): Promise<void> {
    const { transport, id, clusterName, listen } = this.#options
    const opened = await openServerTransport({
      transport,
      self: id,
      cluster: clusterName,
      listen,
      events: {
        onBody: (from, body) => this.#onBody(from, body),
        onDown: (peer) => this.#onDown(peer),
        onProtocolError: (remote, reason) =>
          this.#log.warn({ remote, reason }, 'connection closed: not our protocol'),
      },
    })
    this.#transport = opened.transport
    this.#address = opened.address
    this.#outgoing = new Outgoing(opened.transport)
    this.#door = new ClientDoor({
      view: this.view,
      hosts: this.#hosts,
      outgoing: this.#outgoing,
      status: () => this.status(),
    })
  }

  /** Where peers and clients dial; over nats, nowhere. */
  get address(): Address | null {
    return this.#address
  }

  get storageError(): Error | null {
    return this.#storageError
  }

  /** The replica of a chain: two configurations that arrive together must not open its store twice. */
  #open(chain: ChainId): Promise<ReplicaHost> {
    let opening = this.#opening.get(chain)
    if (opening === undefined) {
      opening = this.#openHost(chain)
      this.#opening.set(chain, opening)
    }
    return opening
  }

  async #openHost(chain: ChainId): Promise<ReplicaHost> {
    const store = new DeferredStore(
      openLmdbStore({
        path: join(this.#options.data.path, 'chains', chain),
        onFlushed: (applied) => this.#chainLog?.onStoreFlushed(chain, applied.seq),
        onFailure: (error: Error) => this.failStorage(error),
      }),
    )
    const host = new ReplicaHost({
      chain,
      self: this.id,
      incarnation: this.#incarnation,
      store,
      limits: this.#options.limits ?? {},
      services: this.#services,
    })
    this.#hosts.set(chain, host)
    this.#stepNow(host, { type: 'lease', untilMs: this.#lease })
    if (!this.#alive) this.#stepNow(host, { type: 'session-lost' })
    return host
  }

  readonly #services: HostServices = {
    persist: (chain, record) => this.#chainLog?.append(chain, record),
    send: (to, chain, message) => this.#outgoing?.toServer(to, chain, message),
    reply: (request, result) => this.#door?.reply(request, result),
    isWanted: (request) => this.#door?.isWanted(request) ?? false,
    report: (chain, report) => this.#options.onReport(chain, report),
    note: (chain, text) => this.#log.info({ chain }, text),
    failed: (_chain, error) => this.failStorage(error),
    touched: (host) => {
      this.#touched.add(host)
      this.#scheduleTurnEnd()
    },
  }

  #scheduleTurnEnd(): void {
    if (this.#turnEnds) return
    this.#turnEnds = true
    setImmediate(() => this.#endTurn())
  }

  /**
   * Without fdatasync (`never`) the log is written first, so that what leaves says that it is durable. Otherwise the successor hears of the entries
   * before the disk does: its fdatasync runs while ours does (DESIGN 3.1).
   */
  #endTurn(): void {
    if (this.#closed) return
    if (this.#options.fsync === 'never') this.#chainLog?.write()
    this.#turnEnds = false
    for (const host of this.#touched) {
      host.flush()
      // A peer may have brought it, while the coordinator is away.
      if (host.replica.config !== null) this.view.learnConfig(host.replica.config)
    }
    this.#touched.clear()
    this.#outgoing?.flush()
    this.#door?.endTurn()
    this.#chainLog?.write()
  }

  #stepNow(host: ReplicaHost, event: Parameters<ReplicaHost['step']>[0]): void {
    this.#scheduleTurnEnd()
    const nowMs = asMillis(this.clock.nowMs())
    host.setClock(nowMs, asMillis(this.clock.wallMs))
    host.step(event)
  }

  /** The clock is read after the body has arrived and before any of it is handled (see `clock` in chain/events.ts). */
  #onBody(from: string, body: Uint8Array): void {
    this.#scheduleTurnEnd() // first: what the batch leaves for later comes after it (see `DeferredStore`)
    const nowMs = asMillis(this.clock.nowMs())
    const wallMs = asMillis(this.clock.wallMs)
    for (const host of this.#hosts.values()) host.setClock(nowMs, wallMs)
    try {
      const batch = decodeBatch(body)
      if (batch.type === 'client') for (const message of batch.messages) this.#door?.onMessage(from, message)
      else if (batch.type === 'chain') {
        for (const { chain, message } of batch.items)
          this.#hosts.get(chain)?.step({ type: 'message', from: asServerId(from), message })
      }
    } catch (error) {
      // The transport closes that connection, reports it once, and goes on.
      throw error instanceof CodecError ? new FrameError(error.message) : error
    }
  }

  #onDown(peer: string): void {
    const server = asServerId(peer)
    this.#door?.onClientDown(peer)
    for (const host of this.#hosts.values()) this.#stepNow(host, { type: 'peer-down', server })
  }

  /**
   * A store whose disk does not keep up would fill the memory: until it has caught up, this replica confirms nothing more, so that nothing more commits, and the
   * head soon answers OVERLOADED.
   */
  readonly #keepsUp = (chain: ChainId): boolean =>
    (this.#hosts.get(chain)?.store.overlayBytes ?? 0) < OVERLAY_BYTES_MAX

  #onDurable(): void {
    for (const [chain, { position, rewrites }] of this.#chainLog?.takeDurable(this.#keepsUp) ?? []) {
      const host = this.#hosts.get(chain)
      if (host !== undefined) this.#stepNow(host, { type: 'durable', position, rewrites })
    }
  }

  #onTick(): void {
    this.#chainLog?.writeHints()
    this.#onDurable() // what a store that did not keep up has held back
    for (const host of this.#hosts.values()) this.#stepNow(host, { type: 'tick' })
  }

  /** A configuration from the coordinator. Opens the replica where this server has a part in the chain. */
  async learnConfig(config: ChainConfig): Promise<void> {
    if (this.#storageError !== null) return
    this.view.learnConfig(config)
    const part = config.members.some((m) => m.server === this.id) || config.joining?.server === this.id
    const host = part ? await this.#open(config.chain) : this.#hosts.get(config.chain)
    if (host !== undefined) this.#stepNow(host, { type: 'config', config })
  }

  learnServer(registration: ServerRegistration): void {
    if (!this.view.learnServer(registration) || registration.server === this.id) return
    this.#transport?.setAddress(registration.server, { host: registration.host, port: registration.port })
  }

  /** The lease of the present session: until when, on this process's `clock`. */
  renewLease(untilMs: number): void {
    this.#lease = asMillis(untilMs)
    for (const host of this.#hosts.values()) this.#stepNow(host, { type: 'lease', untilMs: this.#lease })
  }

  loseSession(): void {
    this.#lease = asMillis(0)
    this.#alive = false
    for (const host of this.#hosts.values()) this.#stepNow(host, { type: 'session-lost' })
  }

  beginLife(incarnation: Incarnation): void {
    this.#incarnation = incarnation
    this.#alive = true
    for (const host of this.#hosts.values()) this.#stepNow(host, { type: 'incarnation', incarnation })
  }

  /** Nothing can be promised any more: every chain is left, and the process stays up to say why. */
  failStorage(error: Error): void {
    if (this.#storageError !== null || this.#closed) return
    this.#storageError = error
    this.#log.error({ err: error }, 'the disk failed: leaving every chain')
    for (const host of this.#hosts.values())
      this.#stepNow(host, { type: 'storage-failed', reason: error.message })
    this.#options.onStorageFailed(error)
  }

  /** What this directory holds of each chain in whose service it has been. */
  get holds(): ServerRegistration['holds'] {
    const holds: Record<ChainId, { epoch: Epoch; last: number; commit: number }> = {}
    for (const [chain, { replica, store }] of this.#hosts) {
      if (store.meta.memberEpoch === 0 || replica.incoming !== null) continue
      // A chain that nobody has written to yet has been served all the same, and must come back after a power cut.
      const epoch = Math.max(store.meta.memberEpoch, replica.log.lastPosition.epoch)
      holds[chain] = { epoch: asEpoch(epoch), last: replica.log.last, commit: replica.log.commit.seq }
    }
    return holds
  }

  status() {
    return {
      server: this.id,
      incarnation: this.#incarnation,
      clusterId: this.#options.clusterId,
      address: this.#address,
      leaseMs: Math.max(0, Math.round(this.#lease - this.clock.nowMs())),
      storage: this.#storageError === null ? 'ok' : this.#storageError.message,
      residentBytes: process.memoryUsage.rss(),
      uptimeMs: Math.round(performance.now()),
      replicas: [...this.#hosts.values()].map(({ replica }) => replicaStatus(replica)),
    }
  }

  /** Stops serving at once, then puts everything on the disk. */
  async stop(): Promise<void> {
    if (this.#closed) return
    this.loseSession()
    this.#endTurn()
    this.#closed = true
    if (this.#ticker !== null) clearInterval(this.#ticker)
    await this.#transport?.close()
    if (this.#storageError === null) for (const { store } of this.#hosts.values()) await store.close()
    await this.#wal?.close()
  }
}

export type DataServerStatus = ReturnType<DataServer['status']>
