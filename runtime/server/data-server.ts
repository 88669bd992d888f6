/**
 * A data server: replicas of one or more chains in one process (DESIGN section 8). Everything that arrives in one turn of the event loop is fed to the cores;
 * when the turn ends, each peer gets one body and the log one append. It runs in any world that gives it the ports: `openDataServer` is the real one.
 */
import type { ReplicaEvent } from '../../chain/events.ts'
import type { ChainLimits } from '../../chain/limits.ts'
import type { Replica } from '../../chain/state.ts'
import { ANYBODY, type Principal, refusalOf } from '../../protocol/access.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import {
  hasFixedMembers,
  READERS,
  type ReplicaReport,
  type Replication,
  type ServerRegistration,
} from '../../protocol/cluster.ts'
import type { Batch } from '../../protocol/codec/batch.ts'
import { FrameError } from '../../protocol/frame.ts'
import {
  asChainId,
  asMillis,
  asServerId,
  type ChainId,
  type Incarnation,
  type Millis,
  NO_EPOCH,
  type ServerId,
} from '../../protocol/ids.ts'
import type { Timer } from '../../protocol/timers.ts'
import type { Address } from '../../protocol/transport.ts'
import { DeferredStore } from '../storage/deferred-store.ts'
import type { FsyncPolicy } from '../storage/wal/wal.ts'
import { ChainLog } from './chain-log.ts'
import { ClientDoor } from './client-door.ts'
import { ClusterView } from './cluster-view.ts'
import type { DoorTimes } from './door-times.ts'
import { LocalCalls } from './local-calls.ts'
import { Outgoing } from './outgoing.ts'
import type { Carrier, DataServerPorts, ServerWal } from './ports.ts'
import { Reconfigurations } from './reconfigurations.ts'
import { type HostedReplica, type HostServices, type MakeHost, ReplicaHost } from './replica-host.ts'
import { ValueFanOut } from './value-fan-out.ts'

export interface DataServerOptions {
  readonly id: ServerId
  readonly incarnation: Incarnation
  readonly clusterId: string
  readonly fsync: FsyncPolicy
  /** Default: craq. */
  readonly replication?: Replication
  /** What keeps the copies alike. Needed for those protocols that are not the chain's. */
  readonly makeHost?: MakeHost
  readonly limits?: Partial<ChainLimits>
  /** Entries of so many bytes go from the head to every member at once (CRAQ §4.2). Default: null, none do. */
  readonly fanOutBytes?: number | null
  /** Housekeeping: retries, heartbeats, expiry. Default: 105; 25 where Raft or a star keeps the copies alike. */
  readonly tickMs?: number
  /** A replica has something to tell the manager. */
  readonly onReport: (chain: ChainId, report: ReplicaReport) => void
  /** The disk failed: every chain has been left. */
  readonly onStorageFailed: (error: Error) => void
}

/**
 * A little more than a heartbeat, so that each tick of an idle chain sends one. Every tick wakes the process, which costs it about 0.2 ms: everything that clients wait for is
 * caused by messages, not by ticks.
 */
const TICK_MS = 105
/** Raft counts its time in ticks, so where it keeps the copies alike they are finer. */
const QUORUM_TICK_MS = 25
/** Per chain: changes that wait for the store's disk. */
const OVERLAY_BYTES_MAX = 192 * 1024 * 1024
/** No chain: what the doors of servers tell each other. */
const DOORS = asChainId('doors')
const DONE = Promise.resolve()

export class DataServer {
  readonly id: ServerId
  readonly view: ClusterView
  readonly clock: DataServerPorts['clock']
  /** Who hears what the doors of other servers tell. */
  onDoorsTold: (body: Uint8Array) => void = () => {}
  /** For this process's other doors. */
  readonly local: LocalCalls
  /** How long requests take: at the native door once it is open, and at the Redis door. */
  readonly doorTimes = new Map<'native' | 'redis', DoorTimes>()
  readonly #options: DataServerOptions
  readonly #ports: DataServerPorts
  readonly #makeHost: MakeHost
  readonly #hosts = new Map<ChainId, HostedReplica>()
  /** Those with events of this turn, each once. */
  #touched: HostedReplica[] = []
  readonly #wal: ServerWal
  readonly #fanOut: ValueFanOut
  readonly #chainLog: ChainLog
  #carrier: Carrier | null = null
  #address: Address | null = null
  #outgoing: Outgoing | null = null
  #door: ClientDoor | null = null
  #turnEnds = false
  #ticker: Timer | null = null
  #storageError: Error | null = null
  #incarnation: Incarnation
  #lease = asMillis(0)
  /** What was left of the lease when it was last renewed; below 0 where it had run out. */
  #leaseMarginMs = 0
  #leaseLapses = 0
  readonly #reconfigurations: Reconfigurations
  /** False from the loss of the session until the next life begins. */
  #alive = true
  #closed = false

  /**
   * Recovers what the disk holds. Nothing is served before the coordinator has admitted this life.
   *
   * @throws where the log cannot be read, or a store not be opened.
   */
  constructor(options: DataServerOptions, ports: DataServerPorts) {
    this.id = options.id
    this.clock = ports.clock
    this.#options = options
    this.#ports = ports
    this.#reconfigurations = new Reconfigurations(options.id, ports.log)
    this.#incarnation = options.incarnation
    const { replication = 'craq' } = options
    this.#makeHost = options.makeHost ?? chainHosts(replication)
    this.#fanOut = new ValueFanOut({
      self: options.id,
      minBytes: options.fanOutBytes ?? null,
      timers: ports.timers,
      replica: (chain) => this.replica(chain),
      send: (to, chain, message) => this.#outgoing?.toServer(to, chain, message),
      sendToAll: (chain, message) => this.#carrier?.toAll?.(chain, message) ?? false,
      deliver: (from, chain, message) => this.#hosts.get(chain)?.step({ type: 'message', from, message }),
      deliverLate: (from, chain, message) => this.#late(chain, { type: 'message', from, message }),
      broke: (server, chain) => this.#late(chain, { type: 'peer-down', server }),
    })
    this.view = new ClusterView(READERS[replication])
    this.view.clusterId = options.clusterId
    this.local = new LocalCalls(this.#hosts, this.view)
    this.doorTimes.set('redis', this.local.times)
    const { wal, records } = ports.openWal({
      onDurable: () => this.#onDurable(),
      onFailure: (error) => this.failStorage(error),
    })
    this.#wal = wal
    this.#chainLog = new ChainLog(wal)
    const byChain = this.#chainLog.collect(records)
    const chains = new Set([...byChain.keys(), ...ports.storedChains()])
    for (const chain of chains) this.#openHost(chain).restore(byChain.get(chain) ?? [])
  }

  /** Takes part from here on. `address`: where peers and clients dial; null where names are enough. */
  listen(carrier: Carrier, address: Address | null): void {
    this.#carrier = carrier
    for (const chain of this.#hosts.keys()) carrier.hearAll?.(chain)
    this.#address = address
    this.#outgoing = new Outgoing(carrier)
    this.#door = new ClientDoor({
      view: this.view,
      hosts: this.#hosts,
      outgoing: this.#outgoing,
      status: () => this.status(),
    })
    this.doorTimes.set('native', this.#door.times)
    const { replication = 'craq', tickMs = hasFixedMembers(replication) ? QUORUM_TICK_MS : TICK_MS } =
      this.#options
    this.#ticker = this.#ports.timers.every(tickMs, () => this.#onTick())
  }

  get address(): Address | null {
    return this.#address
  }

  get storageError(): Error | null {
    return this.#storageError
  }

  replica(chain: ChainId): Replica | null {
    const host = this.#hosts.get(chain)
    return host instanceof ReplicaHost ? host.replica : null
  }

  /** Whatever keeps it like the others. */
  hosted(chain: ChainId): HostedReplica | null {
    return this.#hosts.get(chain) ?? null
  }

  #openHost(chain: ChainId): HostedReplica {
    const opened = this.#ports.openStore(chain, {
      onFlushed: (applied, memberEpoch) => this.#hosts.get(chain)?.onStoreFlushed(applied, memberEpoch),
      onFailure: (error) => this.failStorage(error),
    })
    const host = this.#makeHost({
      chain,
      self: this.id,
      incarnation: this.#incarnation,
      store: new DeferredStore(opened),
      limits: this.#options.limits ?? {},
      services: this.#services,
    })
    this.#hosts.set(chain, host)
    this.#carrier?.hearAll?.(chain)
    this.#stepNow(host, { type: 'lease', untilMs: this.#lease })
    if (!this.#alive) this.#stepNow(host, { type: 'session-lost' })
    return host
  }

  readonly #services: HostServices = {
    persist: (chain, record) => this.#chainLog.append(chain, record),
    send: (to, chain, message) => this.#fanOut.send(to, chain, message),
    reply: (request, result) =>
      LocalCalls.isLocal(request) ? this.local.reply(request, result) : this.#door?.reply(request, result),
    isWanted: (request) => LocalCalls.isLocal(request) || (this.#door?.isWanted(request) ?? false),
    report: (chain, report) => this.#options.onReport(chain, report),
    note: (chain, text) => this.#ports.log.info({ chain }, text),
    storageFailed: (error) => this.failStorage(error),
    bug: (error) => this.#ports.onBug(error),
    release: (chain, seq, memberEpoch) => this.#chainLog.onStoreFlushed(chain, seq, memberEpoch),
    touched: (host) => {
      this.#touched.push(host)
      this.#scheduleTurnEnd()
    },
  }

  #scheduleTurnEnd(): void {
    if (this.#turnEnds) return
    this.#turnEnds = true
    this.#ports.atTurnEnd(this.#onTurnEnd)
  }

  readonly #onTurnEnd = (): void => this.#endTurn()

  /**
   * Without fdatasync (`never`) the log is written first, so that what leaves says that it is durable. Otherwise the successor hears of the entries
   * before the disk does: its fdatasync runs while ours does (DESIGN 3.1).
   */
  #endTurn(): void {
    if (this.#closed) return
    if (this.#options.fsync === 'never') this.#chainLog.write()
    this.#turnEnds = false
    const touched = this.#touched
    this.#touched = []
    for (const host of touched) {
      host.flush()
      if (host.config === null) continue
      // A peer may have brought it, while the coordinator is away.
      this.view.learnConfig(host.config)
      if (host instanceof ReplicaHost) this.#reconfigurations.look(host.replica)
    }
    this.#outgoing?.flush()
    this.#door?.endTurn()
    for (const times of this.doorTimes.values()) if (times.hasAnswers) times.endTurn(this.clock.nowMs())
    this.#chainLog.write()
    for (const host of touched) host.store.settle()
  }

  #stepNow(host: HostedReplica, event: ReplicaEvent): void {
    const nowMs = asMillis(this.clock.nowMs())
    host.setClock(nowMs, asMillis(this.clock.wallMs))
    host.step(event)
  }

  /** Tells every replica what time it is: after something has arrived, and before any of it is handled. @returns the time. */
  tellTime(): Millis {
    const nowMs = asMillis(this.clock.nowMs())
    const wallMs = asMillis(this.clock.wallMs)
    for (const host of this.#hosts.values()) host.setClock(nowMs, wallMs)
    this.local.times.arrived(nowMs)
    return nowMs
  }

  /**
   * What a peer or a client says. The clock is read after it has arrived and before any of it is handled (see `clock` in chain/events.ts).
   *
   * @param principal - who says it. Members may say everything: nothing of theirs is looked at.
   * @throws {FrameError} he speaks as a server does, and is none.
   */
  onBatch(from: string, batch: Batch, principal: Principal = ANYBODY): void {
    this.#door?.times.arrived(this.tellTime())
    // Some answers need no replica, and this server may have none.
    this.#scheduleTurnEnd()
    if (!principal.member) this.#onUsersBatch(from, batch, principal)
    else if (batch.type === 'client')
      for (const message of batch.messages) this.#door?.onMessage(from, message)
    else if (batch.type === 'chain') {
      // Nobody could be answered of whom the coordinator has not told yet; and a stranger's configuration must not reach a replica.
      if (!this.view.knows(asServerId(from))) return
      for (const { chain, message } of batch.items) this.#onChainMessage(asServerId(from), chain, message)
    }
  }

  #onUsersBatch(from: string, batch: Batch, principal: Principal): void {
    if (batch.type === 'chain')
      throw new FrameError(`user "${principal.name}" speaks as only servers of the cluster may`)
    if (batch.type !== 'client') return
    for (const message of batch.messages) {
      const refusal = refusalOf(principal, message)
      if (refusal === null) this.#door?.onMessage(from, message)
      else this.#door?.forbid(from, message.call, refusal)
    }
  }

  /** Tells the doors of all other servers, at most once; in order, as long as the link stands. */
  tellDoors(body: Uint8Array): void {
    for (const server of Object.keys(this.view.map.addresses)) {
      if (server !== this.id)
        this.#outgoing?.toServer(asServerId(server), DOORS, { type: 'other', epoch: NO_EPOCH, body })
    }
    this.#scheduleTurnEnd()
  }

  #onChainMessage(from: ServerId, chain: ChainId, message: ChainMessage): void {
    if (chain === DOORS) {
      if (message.type === 'other') this.onDoorsTold(message.body)
      return
    }
    const host = this.#hosts.get(chain)
    if (host instanceof ReplicaHost) this.#fanOut.receive(from, chain, message)
    else host?.step({ type: 'message', from, message })
  }

  /** What the fan-out held back, from a timer as well as from a batch. */
  #late(chain: ChainId, event: ReplicaEvent): void {
    const host = this.#hosts.get(chain)
    if (host !== undefined && !this.#closed) this.#stepNow(host, event)
  }

  /** What was on the way to or from it may be lost. */
  onDown(peer: string): void {
    const server = asServerId(peer)
    this.#door?.onClientDown(peer)
    this.#fanOut.onDown(server)
    for (const host of this.#hosts.values()) this.#stepNow(host, { type: 'peer-down', server })
  }

  /**
   * A store whose disk does not keep up would fill the memory: until it has caught up, this replica confirms nothing more, so that nothing more commits, and the
   * head soon answers OVERLOADED.
   */
  readonly #keepsUp = (chain: ChainId): boolean =>
    (this.#hosts.get(chain)?.store.overlayBytes ?? 0) < OVERLAY_BYTES_MAX

  #onDurable(): void {
    for (const [chain, { position, rewrites }] of this.#chainLog.takeDurable(this.#keepsUp)) {
      const host = this.#hosts.get(chain)
      if (host !== undefined) this.#stepNow(host, { type: 'durable', position, rewrites })
    }
  }

  #onTick(): void {
    this.#chainLog.writeHints()
    this.#fanOut.tick()
    this.#onDurable() // what a store that did not keep up has held back
    for (const host of this.#hosts.values()) this.#stepNow(host, { type: 'tick' })
    this.#reconfigurations.tick(this.clock.nowMs())
  }

  /**
   * A configuration from the coordinator. Opens the replica where this server has a part in the chain; a store that cannot be opened has failed.
   * All of it is done on return. Only the disk's errors end here: an invariant that does not hold is thrown, and must end the process.
   *
   * @param reason - why the manager wrote it, for the log.
   */
  learnConfig(config: ChainConfig, reason: string | null = null): Promise<void> {
    if (this.#storageError !== null) return DONE
    this.#reconfigurations.heardWhy(config, reason)
    this.view.learnConfig(config)
    const part = config.members.some((m) => m.server === this.id) || config.joining?.server === this.id
    const host = this.#hosts.get(config.chain) ?? (part ? this.#tryOpenHost(config.chain) : null)
    if (host !== null) this.#stepNow(host, { type: 'config', config })
    return DONE
  }

  #tryOpenHost(chain: ChainId): HostedReplica | null {
    try {
      return this.#openHost(chain)
    } catch (error) {
      this.failStorage(error instanceof Error ? error : new Error(String(error)))
      return null
    }
  }

  learnServer(registration: ServerRegistration): void {
    if (!this.view.learnServer(registration) || registration.server === this.id) return
    this.#carrier?.setAddress(registration.server, { host: registration.host, port: registration.port })
  }

  /** The lease of the present session: until when, on this process's `clock`. */
  renewLease(untilMs: number): void {
    if (this.#lease > 0) {
      this.#leaseMarginMs = this.#lease - this.clock.nowMs()
      if (this.#leaseMarginMs < 0) this.#leaseLapses++
    }
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
    this.#ports.log.error({ err: error }, 'the disk failed: leaving every chain')
    for (const host of this.#hosts.values())
      this.#stepNow(host, { type: 'storage-failed', reason: error.message })
    this.#options.onStorageFailed(error)
  }

  /** What this directory holds of each chain in whose service it has been. */
  get holds(): ServerRegistration['holds'] {
    const holds: Record<ChainId, NonNullable<HostedReplica['held']>> = {}
    for (const [chain, { held }] of this.#hosts) if (held !== null) holds[chain] = held
    return holds
  }

  /** Of one chain: how many configurations this life has adopted. */
  configurationsOf(chain: ChainId): number {
    return this.#reconfigurations.countOf(chain)
  }

  status() {
    return {
      server: this.id,
      incarnation: this.#incarnation,
      clusterId: this.#options.clusterId,
      address: this.#address,
      leaseMs: Math.max(0, Math.round(this.#lease - this.clock.nowMs())),
      leaseMarginMs: Math.round(this.#leaseMarginMs),
      leaseLapses: this.#leaseLapses,
      admitted: this.#alive && this.#lease > 0,
      pendingRequests: (this.#door?.pendingCount ?? 0) + this.local.count,
      unsyncedRecords: this.#wal.lastPosition - this.#wal.durablePosition,
      storage: this.#storageError === null ? 'ok' : this.#storageError.message,
      ...this.#ports.resources(),
      replicas: [...this.#hosts.values()].map((host) => ({
        ...host.status,
        holdsData: host.held !== null,
        storeBacklogBytes: host.store.overlayBytes,
      })),
    }
  }

  /** Stops serving at once, then puts everything on the disk. */
  async stop(): Promise<void> {
    if (this.#closed) return
    this.loseSession()
    this.#endTurn()
    this.#closed = true
    this.#fanOut.close()
    this.#ticker?.cancel()
    await this.#carrier?.close()
    if (this.#storageError === null) for (const { store } of this.#hosts.values()) await store.close()
    await this.#wal.close()
  }
}

/** @throws {Error} a protocol that is not the chain's: `makeHost` must bring it. */
function chainHosts(replication: Replication): MakeHost {
  if (replication === 'craq') return (options) => new ReplicaHost(options)
  if (replication === 'chain') return (options) => new ReplicaHost({ ...options, tailReadsOnly: true })
  throw new Error(`a cluster with --replication ${replication}: this server was started without it`)
}

export type DataServerStatus = ReturnType<DataServer['status']>
