import { CHAIN_LIMITS } from '../../chain/limits.ts'
import type { Replica } from '../../chain/state.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import type { Durability, Replication } from '../../protocol/cluster.ts'
import { asChainId, type ChainId } from '../../protocol/ids.ts'
import { InvariantViolation } from '../../protocol/invariants.ts'
import { HistoryRecorder } from './client/history.ts'
import { evenChainOf, KeyGroups } from './client/key-groups.ts'
import { SimClient } from './client/sim-client.ts'
import { CommittedHistory, WeakReadViolation } from './client/weak-reads.ts'
import { Workload } from './client/workload.ts'
import { SimManager } from './control/sim-manager.ts'
import { SimCoordinator } from './coordinator/sim-coordinator.ts'
import { type CopyGroups, copyGroups, type MakeSimHost } from './copy-groups.ts'
import type { Environment } from './faults/plan.ts'
import { HarshSwitch } from './faults/target.ts'
import { type DiskModel, SimDisk } from './kernel/disk.ts'
import { Network } from './kernel/network.ts'
import { type Kernel, SimProcess } from './kernel/process.ts'
import type { Rng } from './kernel/rng.ts'
import { Scheduler } from './kernel/scheduler.ts'
import type { Trace } from './kernel/trace.ts'
import { Observer } from './observer/observer.ts'
import type { ClusterSight } from './observer/sight.ts'
import { SimOperator } from './operator.ts'
import type { SimulationFailure } from './result.ts'
import { joinsBy, SimDataServer } from './server/sim-data-server.ts'
import { ZnodeRun, ZnodeWorkload } from './znode-client/znode-workload.ts'

export interface ClusterShape {
  readonly coordinators: number
  readonly servers: number
  readonly serversMax: number
  readonly chains: number
  readonly replicationFactor: number
  readonly clients: number
  readonly durability: Durability
  /** Default: craq. */
  readonly replication?: Replication
  readonly sessionTimeoutMs: number
  /** Between an answer and the next request of a client: from, to. */
  readonly thinkMs: readonly [number, number]
  /** Share of the clients that have no session: their writes may end with an unknown outcome. */
  readonly plainClients: number
  /** Share of the writes that somebody reads while they are on their way. */
  readonly echoShare?: number
  /** Messages and log records pass through their bytes. */
  readonly codec: boolean
  /** A coordinator takes a snapshot after so many entries. */
  readonly snapshotEntries: number
  /** Committed entries that a replica keeps for those who lack them; more means fewer snapshots. */
  readonly retainedBytesMax: number
  /** How long a turn of a process gathers what arrives together, in microseconds. 0: each event is a turn of its own. */
  readonly turnUs: number
  /** How many times slower than usual whatever comes at intervals does: ticks, heartbeats, retries, and the patience that rests on them. */
  readonly pace: number
  /** As a data server's option. Default: null. */
  readonly fanOutBytes?: number | null
  /** Whether the network brings one message to all who host a chain. Default: false. */
  readonly multiplies?: boolean
  /** Clients of the coordinators' tree, and the time between two things that they do: from, to. */
  readonly znodeClients: number
  readonly znodeThinkMs: readonly [number, number]
}

const TICK_MS = 50
const ZOOKEEPER_TICK_MS = 500
const MANAGER_ROUND_MS = 250
/** A quorum's log is cut where the store is on the disk: often enough for somebody to lack what is gone. */
const QUORUM_BATCH_MS = 500

/**
 * A whole cluster in virtual time: coordinators with their managers, data servers, clients, an operator, the network and the disks between them; the real code on simulated
 * machines. The observer looks on.
 *
 * @example
 * const cluster = new SimCluster({ shape, environment, rng: new Rng(7), trace: new Trace() })
 * cluster.boot()
 * await cluster.scheduler.runUntil(10_000_000, () => cluster.failure !== null)
 */
export class SimCluster {
  readonly shape: ClusterShape
  readonly scheduler = new Scheduler()
  readonly network: Network
  readonly trace: Trace
  readonly observer: Observer
  /** Null where the copies are a chain's. */
  readonly copies: CopyGroups | null
  readonly coordinators: readonly SimCoordinator[]
  readonly managers = new Map<string, SimManager>()
  readonly servers: SimDataServer[] = []
  readonly workloads: readonly Workload[]
  readonly clients: readonly SimClient[]
  readonly znodes: ZnodeRun
  readonly znodeClients: readonly ZnodeWorkload[]
  readonly operator: SimOperator
  readonly history: HistoryRecorder
  readonly groups: KeyGroups
  readonly chains: readonly ChainId[]
  readonly harsh = new HarshSwitch()
  readonly sight: ClusterSight
  failure: SimulationFailure | null = null
  readonly #processes = new Map<string, SimProcess>()
  readonly #rng: Rng
  readonly #kernel: Kernel
  readonly #diskModel: DiskModel
  readonly #makeReplica: MakeSimHost | null
  readonly #onFailure: ((failure: SimulationFailure) => void) | null
  /** What weak reads are judged by. */
  readonly #committed = new CommittedHistory((chain, seq) =>
    (this.copies?.observer ?? this.observer).committed(chain).at(seq),
  )
  /** From when an entry reaches the first server until the last one hears that it is committed, in ms. */
  readonly #dirtyMs: readonly [number, number]

  constructor(options: {
    shape: ClusterShape
    environment: Environment
    rng: Rng
    trace: Trace
    leasesHold?: boolean
    /** Instead of what the shape's `replication` has: for mutants of it. */
    makeHost?: MakeSimHost
    /** A replica that breaks a rule, in each chain. */
    makeReplica?: MakeSimHost
    /** A broken promise that the observer sees is told here, and stops nobody: for runs that are made to show one. */
    onFailure?: (failure: SimulationFailure) => void
  }) {
    const { shape, environment, rng, trace } = options
    this.shape = shape
    this.#makeReplica = options.makeReplica ?? null
    this.#onFailure = options.onFailure ?? null
    this.trace = trace
    this.#rng = rng
    this.network = new Network(this.scheduler, rng.fork('network'), {
      latencyUs: environment.latencyUs,
      slowShare: environment.slowMessageShare,
      breakAfterUs: environment.breakAfterUs,
      dialTimeoutUs: 1_000_000,
    })
    this.#diskModel = { fsyncUs: environment.fsyncUs, slowShare: environment.slowSyncShare }
    const [hopUs] = environment.latencyUs
    this.#dirtyMs = [0, (2 * shape.replicationFactor * hopUs + environment.fsyncUs[0]) / 1000]
    this.#kernel = {
      scheduler: this.scheduler,
      trace,
      turnUs: shape.turnUs,
      onBug: (process, error) => this.#onBug(process, error),
      ran: (process) => this.#onRan(process),
    }
    this.chains = Array.from({ length: shape.chains }, (_, i) => asChainId(`c${i}`))
    this.coordinators = this.#makeCoordinators()
    this.sight = {
      coordinators: this.coordinators.map((one) => ({
        name: one.name,
        get raft() {
          return one.member?.raft ?? null
        },
        get tree() {
          return one.member?.tree ?? null
        },
      })),
      servers: this.servers,
    }
    this.observer = new Observer(this.sight, {
      durability: shape.durability,
      leasesHold: options.leasesHold ?? true,
    })
    this.copies = copyGroups(this.servers, { ...options, chains: this.chains })
    for (let i = 0; i < shape.servers; i++) this.addServer()
    this.copies?.watch()
    this.history = new HistoryRecorder(this.scheduler)
    this.groups = new KeyGroups({ chains: this.chains, chainOf: evenChainOf(this.chains) })
    const clients = Array.from({ length: shape.clients }, (_, i) => this.#makeClient(i))
    this.clients = clients.map(({ client }) => client)
    this.workloads = clients.map(({ workload }) => workload)
    this.znodes = new ZnodeRun(new HistoryRecorder(this.scheduler), rng.fork('znodes'))
    this.znodeClients = Array.from({ length: shape.znodeClients }, (_, i) => this.#makeZnodeClient(i))
    this.operator = new SimOperator(this.#makeProcess('operator'), this.network, this.#coordinatorNames)
  }

  get #coordinatorNames(): string[] {
    return Array.from({ length: this.shape.coordinators }, (_, i) => `coordinator-${i + 1}`)
  }

  #makeProcess(name: string): SimProcess {
    const process = new SimProcess(this.#kernel, name, this.#rng.fork(name))
    this.#processes.set(name, process)
    return process
  }

  #makeCoordinators(): SimCoordinator[] {
    const { snapshotEntries, pace } = this.shape
    return this.#coordinatorNames.map(
      (name) =>
        new SimCoordinator({
          process: this.#makeProcess(name),
          network: this.network,
          members: this.#coordinatorNames,
          diskModel: this.#diskModel,
          harsh: this.harsh,
          settings: { tickMs: TICK_MS * pace, zookeeperTickMs: ZOOKEEPER_TICK_MS * pace, snapshotEntries },
        }),
    )
  }

  /** Another data server, on an empty disk. It does not run yet. */
  addServer(): SimDataServer {
    const {
      durability,
      replication,
      sessionTimeoutMs,
      codec,
      retainedBytesMax,
      pace,
      fanOutBytes,
      multiplies,
    } = this.shape
    const process = this.#makeProcess(`n${this.servers.length + 1}`)
    const server = new SimDataServer({
      network: this.network,
      process,
      disk: new SimDisk(process, this.#diskModel),
      membership: joinsBy({ network: this.network, process }, this.#coordinatorNames),
      sessionTimeoutMs,
      durability,
      ...(replication === undefined ? {} : { replication }),
      ...(this.copies === null ? {} : { makeHost: this.copies.makeHost, batchDelayMs: QUORUM_BATCH_MS }),
      ...(this.#makeReplica === null ? {} : { makeHost: this.#makeReplica }),
      codec,
      ...(fanOutBytes === undefined ? {} : { fanOutBytes }),
      ...(multiplies === undefined ? {} : { multiplies }),
      tickMs: TICK_MS * pace,
      limits: {
        ...CHAIN_LIMITS,
        retainedBytesMax,
        heartbeatMs: CHAIN_LIMITS.heartbeatMs * pace,
        retryMs: CHAIN_LIMITS.retryMs * pace,
        stallMs: CHAIN_LIMITS.stallMs * pace,
      },
      hooks: {
        onAppended: ({ name, process }, chain, record) =>
          this.#see(process, () => this.observer.wrote(name, chain, record)),
        onVersionAnswered: (_, replica, epoch) => this.observer.versionAnswered(replica, epoch),
        ...(this.#onFailure === null
          ? {}
          : { onWrongVersion: ({ process }, wrong) => this.#onBug(process, wrong) }),
        fence: (replica, message) => this.#fence(replica, message),
        onMessage: (server) => this.#see(server.process, () => this.observer.lookAtServer(server)),
        ...(this.copies === null ? {} : { onCommitted: this.copies.onCommitted }),
      },
    })
    this.servers.push(server)
    return server
  }

  #makeClient(index: number): { client: SimClient; workload: Workload } {
    const { codec, thinkMs, plainClients, clients, echoShare = 0 } = this.shape
    const process = this.#makeProcess(`client-${index + 1}`)
    const client = new SimClient({
      network: this.network,
      process,
      servers: this.servers.map(({ name }) => name),
      exactlyOnce: index >= plainClients * clients,
      codec,
      tickMs: TICK_MS,
    })
    const workload = new Workload({
      client,
      rng: process.rng.fork('workload'),
      history: this.history,
      groups: this.groups,
      thinkMs,
      echoes: { share: echoShare, afterMs: this.#dirtyMs },
      committed: this.#committed,
    })
    return { client, workload }
  }

  #makeZnodeClient(index: number): ZnodeWorkload {
    const { sessionTimeoutMs, znodeThinkMs } = this.shape
    return new ZnodeWorkload({
      process: this.#makeProcess(`znode-client-${index + 1}`),
      network: this.network,
      run: this.znodes,
      coordinators: this.#coordinatorNames,
      sessionTimeoutMs,
      thinkMs: znodeThinkMs,
      writesConfiguration: index === 0,
      observe: (name) => this.observer.session(name),
    })
  }

  // Lives.

  /** Starts everything but the clients. */
  boot(): void {
    for (const { name } of this.coordinators) this.start(name)
    for (const { name } of this.servers) this.start(name)
    this.operator.start()
  }

  /** Begins the next life of a process that is down. */
  start(name: string): void {
    const coordinator = this.coordinators.find((one) => one.name === name)
    if (coordinator !== undefined) return this.#startCoordinator(coordinator)
    const server = this.servers.find((one) => one.name === name)
    if (server !== undefined) return server.boot()
    this.znodeClients.find((one) => one.name === name)?.start()
    const index = this.clients.findIndex(({ process }) => process.name === name)
    this.workloads[index]?.start()
  }

  #startCoordinator(coordinator: SimCoordinator): void {
    const process = this.process(coordinator.name)
    process?.start(() => {
      if (coordinator.boot()) this.#startManager(process)
    })
  }

  /** In the coordinator's process, as in production. */
  #startManager(process: SimProcess): void {
    const { chains, replicationFactor, durability, replication = 'craq', sessionTimeoutMs, pace } = this.shape
    this.managers.set(
      process.name,
      new SimManager(
        { process, network: this.network },
        {
          coordinators: this.#coordinatorNames,
          name: process.name,
          // Where there are no servers, one chain waits for them for ever.
          options: {
            chainCount: Math.max(1, chains),
            replicationFactor,
            durability,
            replication,
            sessionTimeoutMs,
          },
          roundEveryMs: MANAGER_ROUND_MS * pace,
        },
      ),
    )
    process.onCrash(() => this.managers.delete(process.name))
  }

  process(name: string): SimProcess | null {
    return this.#processes.get(name) ?? null
  }

  // What is seen.

  /** Of a chain, what the coordinators have committed; of a quorum, what its members say: leader first. */
  config(chain: string): ChainConfig | null {
    return this.copies?.config(asChainId(chain)) ?? this.observer.config(chain)
  }

  /** Inside a turn of this process: what is seen there ends it, unless broken promises are only told. */
  #see(process: SimProcess, look: () => void): void {
    if (this.#onFailure === null) look()
    else if (this.failure === null)
      try {
        look()
      } catch (error) {
        this.#onBug(process, error)
      }
  }

  #fence(replica: Replica, message: ChainMessage): (() => void) | null {
    if (this.#onFailure === null) return this.observer.replicas.fence(replica, message)
    const process = this.process(replica.self)
    if (this.failure !== null || process === null) return null
    const handled = this.observer.replicas.fence(replica, message)
    return handled === null ? null : () => this.#see(process, handled)
  }

  #onRan(process: SimProcess): void {
    if (this.failure !== null) return
    try {
      this.observer.look(process.name)
      this.copies?.observer.look(process.name)
    } catch (error) {
      this.#onBug(process, error)
    }
  }

  #onBug(process: SimProcess, error: unknown): void {
    const kind =
      error instanceof InvariantViolation
        ? 'invariant'
        : error instanceof WeakReadViolation
          ? 'history'
          : 'bug'
    const what = error instanceof Error ? error.message : String(error)
    this.fail(kind, `${process.name}: ${what}`, error instanceof Error ? (error.stack ?? '') : '')
  }

  /** The first failure is the one that counts. */
  fail(kind: SimulationFailure['kind'], what: string, details = ''): void {
    const failure = { kind, what, details, verdict: null }
    this.failure ??= failure
    this.#onFailure?.(failure)
  }

  /** Whether each chain has as many members as it should have, all of them serving, and nothing is under way. */
  get isWhole(): boolean {
    const wanted = Math.min(this.shape.replicationFactor, this.servers.length)
    const { copies } = this
    if (copies !== null)
      return this.chains.every((chain) => copies.isWhole(chain, this.observer.config(chain)))
    return this.chains.every((chain) => {
      const config = this.observer.config(chain)
      if (config === null || config.joining !== null || config.members.length < wanted) return false
      return config.members.every(({ server, incarnation, serving, leaving }) => {
        const replica = this.servers.find(({ id }) => id === server)?.replicas?.get(chain)
        return serving && !leaving && replica?.serving === true && replica.incarnation === incarnation
      })
    })
  }
}
