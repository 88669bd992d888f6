import { coordinatorOver } from '../../client/coordinator/session-client.ts'
import { HistoryRecorder } from '../../lab/simulator/client/history.ts'
import { evenChainOf, KeyGroups } from '../../lab/simulator/client/key-groups.ts'
import { SimClient } from '../../lab/simulator/client/sim-client.ts'
import { Workload } from '../../lab/simulator/client/workload.ts'
import { sessionPlatform } from '../../lab/simulator/control/session-platform.ts'
import { SimManager } from '../../lab/simulator/control/sim-manager.ts'
import { SimCoordinator } from '../../lab/simulator/coordinator/sim-coordinator.ts'
import type { FaultPlan } from '../../lab/simulator/faults/plan.ts'
import { promisesOf } from '../../lab/simulator/faults/plan.ts'
import { type FaultTarget, HarshSwitch } from '../../lab/simulator/faults/target.ts'
import { SimDisk } from '../../lab/simulator/kernel/disk.ts'
import { Network } from '../../lab/simulator/kernel/network.ts'
import { type Kernel, SimProcess } from '../../lab/simulator/kernel/process.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { Scheduler } from '../../lab/simulator/kernel/scheduler.ts'
import { Trace } from '../../lab/simulator/kernel/trace.ts'
import { Observer } from '../../lab/simulator/observer/observer.ts'
import type { ClusterSight, CoordinatorSight } from '../../lab/simulator/observer/sight.ts'
import { joinsBy, SimDataServer } from '../../lab/simulator/server/sim-data-server.ts'
import { asChainId, asServerId } from '../../protocol/ids.ts'

export const SESSION_TIMEOUT_MS = 2_000
export const COORDINATORS = ['coordinator-1', 'coordinator-2', 'coordinator-3']
export const SERVERS = ['n1', 'n2', 'n3', 'n4']
export const CHAINS = ['c0']

/** A whole cluster with an observer, as the target of faults. */
export class FaultCluster implements FaultTarget {
  readonly scheduler = new Scheduler()
  readonly network: Network
  readonly observer: Observer
  readonly clients: readonly string[]
  readonly chains = CHAINS
  /** What was done to it. */
  readonly lines: string[] = []
  readonly history: HistoryRecorder
  failure: { readonly who: string; readonly error: unknown } | null = null
  readonly sight: ClusterSight
  readonly #trace: Trace
  readonly #kernel: Kernel
  readonly #rng: Rng
  readonly #plan: FaultPlan
  readonly #harsh = new HarshSwitch()
  readonly #processes = new Map<string, SimProcess>()
  readonly #coordinators = new Map<string, SimCoordinator>()
  readonly #servers = new Map<string, SimDataServer>()
  readonly #workloads = new Map<string, Workload>()

  constructor(plan: FaultPlan) {
    this.#plan = plan
    this.#rng = new Rng(plan.seed)
    // To read a whole run, give the trace a reader: it costs as much as the run.
    this.#trace = new Trace()
    this.#kernel = {
      scheduler: this.scheduler,
      trace: this.#trace,
      onBug: ({ name }, error) => {
        this.failure ??= { who: name, error }
      },
    }
    const { latencyUs, slowMessageShare, breakAfterUs } = plan.environment
    this.network = new Network(this.scheduler, this.#rng.fork('network'), {
      latencyUs,
      slowShare: slowMessageShare,
      breakAfterUs,
      dialTimeoutUs: 1_000_000,
    })
    this.history = new HistoryRecorder(this.scheduler)
    this.clients = Array.from({ length: plan.clients }, (_, i) => `client-${i + 1}`)
    const servers: SimDataServer[] = []
    const coordinators: CoordinatorSight[] = []
    this.sight = { coordinators, servers }
    this.observer = new Observer(this.sight, { leasesHold: promisesOf(plan).leasesHold })
    for (const name of COORDINATORS) coordinators.push(this.#makeCoordinator(name))
    for (const name of SERVERS) servers.push(this.#makeServer(name))
    for (const name of this.clients) this.#makeClient(name)
    for (const name of [...COORDINATORS, 'manager', ...SERVERS, ...this.clients, 'shell-1', 'shell-2'])
      this.start(name)
  }

  #newProcess(name: string): SimProcess {
    const process = new SimProcess(this.#kernel, name, this.#rng.fork(name))
    this.#processes.set(name, process)
    return process
  }

  #diskModel() {
    const { fsyncUs, slowSyncShare } = this.#plan.environment
    return { fsyncUs, slowShare: slowSyncShare }
  }

  #makeCoordinator(name: string): CoordinatorSight {
    const coordinator = new SimCoordinator({
      process: this.#newProcess(name),
      network: this.network,
      members: COORDINATORS,
      diskModel: this.#diskModel(),
      harsh: this.#harsh,
    })
    this.#coordinators.set(name, coordinator)
    const present = () => (coordinator.failure === null ? coordinator.member : null)
    return {
      name,
      get raft() {
        return present()?.raft ?? null
      },
      get tree() {
        return present()?.tree ?? null
      },
    }
  }

  #makeServer(name: string): SimDataServer {
    const process = this.#newProcess(name)
    const server = new SimDataServer({
      network: this.network,
      process,
      disk: new SimDisk(process, this.#diskModel()),
      membership: joinsBy({ network: this.network, process }, COORDINATORS),
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      hooks: {
        onVersionAnswered: (_, replica, epoch) => this.observer.versionAnswered(replica, epoch),
      },
    })
    this.#servers.set(name, server)
    return server
  }

  #makeClient(name: string): void {
    const process = this.#newProcess(name)
    const client = new SimClient({
      network: this.network,
      process,
      servers: this.sight.servers.map((server) => asServerId(server.name)),
      exactlyOnce: true,
    })
    const chains = this.chains.map(asChainId)
    const groups = new KeyGroups({ chains, chainOf: evenChainOf(chains) })
    const rng = process.rng.fork('workload')
    this.#workloads.set(name, new Workload({ client, rng, history: this.history, groups, thinkMs: [5, 100] }))
  }

  /** A manager of its own, and two shells that write, read and watch znodes. */
  #main(process: SimProcess): void {
    const place = { process, network: this.network }
    if (process.name === 'manager') {
      new SimManager(place, {
        coordinators: COORDINATORS,
        name: 'manager',
        options: {
          chainCount: CHAINS.length,
          replicationFactor: 3,
          durability: 'sync',
          replication: 'craq',
          sessionTimeoutMs: SESSION_TIMEOUT_MS,
        },
      })
      return
    }
    const platform = this.observer.session(process.name).watching(sessionPlatform(place))
    const zk = coordinatorOver(
      { servers: COORDINATORS, sessionTimeoutMs: 4_000, renewExpired: true },
      platform,
    )
    const stop = zk.watchChildren('/shell', () => {})
    zk.watchData('/shell/x', () => {})
    void stop
    const ignore = () => {}
    let turn = 0
    process.promiseTimers.every(200, () => {
      turn++
      if (turn % 20 === 1) zk.ensurePath('/shell').catch(ignore)
      zk.create('/shell/e-', null, { ephemeral: true, sequential: turn % 2 === 0 }).catch(ignore)
      zk.create('/shell/x', null).catch(ignore)
      zk.setData('/shell/x', `${process.name} ${turn}`).catch(ignore)
      zk.getData('/shell/x', { watch: ignore }).catch(ignore)
      zk.getChildren('/shell').catch(ignore)
      if (turn % 3 === 0) zk.delete('/shell/e-').catch(ignore)
    })
  }

  readonly #afterStep = (): boolean => {
    try {
      this.observer.lookAll()
    } catch (error) {
      this.failure ??= { who: 'the observer', error }
    }
    return this.failure !== null
  }

  /** Runs for so long, or until something is wrong. */
  async run(ms: number): Promise<void> {
    await this.scheduler.runUntil(this.scheduler.nowUs + ms * 1000, this.#afterStep)
  }

  /** @throws what an observer, or a process, has found wrong. */
  mustBeFine(): void {
    if (this.failure !== null) throw this.failure.error
  }

  async until(holds: () => boolean, seconds: number): Promise<boolean> {
    for (let i = 0; i < seconds * 10 && this.failure === null && !holds(); i++) await this.run(100)
    return this.failure === null && holds()
  }

  get whole(): boolean {
    return this.chains.every((chain) => {
      const members = this.config(chain)?.members ?? []
      return members.length === 3 && members.every(({ serving, leaving }) => serving && !leaving)
    })
  }

  // As the target of faults.

  note(text: string): void {
    this.lines.push(text)
    this.#trace.add(this.scheduler.nowUs, 'nemesis', text)
  }
  config(chain: string) {
    return this.observer.config(chain)
  }
  manager() {
    return 'manager'
  }
  process(name: string) {
    return this.#processes.get(name) ?? null
  }
  disk(name: string) {
    return this.#coordinators.get(name)?.disk ?? this.#servers.get(name)?.disk ?? null
  }
  start(name: string): void {
    const process = this.#processes.get(name) ?? this.#newProcess(name)
    if (this.#coordinators.has(name)) this.#coordinators.get(name)?.start()
    else if (this.#servers.has(name)) this.#servers.get(name)?.boot()
    else if (this.#workloads.has(name)) this.#workloads.get(name)?.start()
    else process.start(() => this.#main(process))
  }
  rot(name: string): void {
    this.#coordinators.get(name)?.rot('log')
    this.#servers.get(name)?.rot()
  }
  wipe(name: string): void {
    this.#coordinators.get(name)?.wipe()
    this.#servers.get(name)?.wipe()
    this.observer.wiped(name)
  }
  harshRaft(model: Parameters<HarshSwitch['set']>[0]): void {
    this.#harsh.set(model)
  }
  addServer(): string | null {
    return null
  }
  drain(): void {}
  undrain(): void {}
  override(): boolean {
    return false
  }
  burst(): void {}
}
