import { check } from '../../lab/checker/check.ts'
import type { Verdict } from '../../lab/checker/verdict.ts'
import { HistoryRecorder, operationsOf } from '../../lab/simulator/client/history.ts'
import { evenChainOf, KeyGroups } from '../../lab/simulator/client/key-groups.ts'
import { SimClient } from '../../lab/simulator/client/sim-client.ts'
import { CommittedHistory } from '../../lab/simulator/client/weak-reads.ts'
import { Workload, type WorkloadOptions } from '../../lab/simulator/client/workload.ts'
import { SimManager } from '../../lab/simulator/control/sim-manager.ts'
import { SimCoordinator } from '../../lab/simulator/coordinator/sim-coordinator.ts'
import { SimDisk } from '../../lab/simulator/kernel/disk.ts'
import { Network } from '../../lab/simulator/kernel/network.ts'
import { type Kernel, SimProcess } from '../../lab/simulator/kernel/process.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { Scheduler } from '../../lab/simulator/kernel/scheduler.ts'
import { Trace } from '../../lab/simulator/kernel/trace.ts'
import type { ServerHooks } from '../../lab/simulator/server/observed.ts'
import {
  joinsBy,
  SimDataServer,
  type SimDataServerOptions,
} from '../../lab/simulator/server/sim-data-server.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { Entry } from '../../protocol/entry.ts'
import { asChainId, type ChainId } from '../../protocol/ids.ts'
import type { MemberSettings } from '../../runtime/coordinator/options.ts'
import { TinyCoordinator } from './control/tiny-coordinator.ts'

const SECOND_US = 1_000_000
const SESSION_TIMEOUT_MS = 2_000

export interface StoreWorldOptions {
  readonly seed: number
  readonly servers?: number
  readonly chains?: number
  readonly clients?: number
  /** Real coordinators; 0: a tiny one. Default: 0. */
  readonly coordinators?: number
  readonly coordinatorSettings?: Partial<MemberSettings>
  readonly workload?: Partial<WorkloadOptions>
  readonly server?: Partial<SimDataServerOptions>
  readonly clientTickMs?: number
  readonly codec?: boolean
  readonly exactlyOnce?: (client: number) => boolean
  readonly reads?: boolean
  /** Default: 2,000. */
  readonly sessionTimeoutMs?: number
}

/** A whole cluster in virtual time: coordinators, a manager, data servers, clients with their workloads. */
export class StoreWorld {
  readonly scheduler = new Scheduler()
  readonly trace: Trace
  readonly lines: string[] = []
  readonly bugs: string[] = []
  readonly network: Network
  readonly history: HistoryRecorder
  readonly servers: readonly SimDataServer[]
  readonly #groups: KeyGroups
  readonly workloads: readonly Workload[]
  readonly clients: readonly SimClient[]
  readonly coordinators: SimProcess[] = []
  readonly #rng: Rng
  readonly #kernel: Kernel
  readonly #coordinatorNames: string[]
  readonly #committed = new Map<ChainId, Entry[]>()
  /** How often each hook was called. */
  readonly seen = { entries: 0, applied: 0, replies: 0, readsHere: 0, reports: 0, refused: 0, turns: 0 }

  constructor(options: StoreWorldOptions) {
    const { servers = 3, chains = 1, clients = 4, coordinators = 0 } = options
    this.#rng = new Rng(options.seed)
    this.trace = new Trace(
      options.reads === true ? (atUs, who, what) => this.lines.push(`${atUs} ${who} ${what}`) : null,
    )
    this.#kernel = {
      scheduler: this.scheduler,
      trace: this.trace,
      onBug: ({ name }, error) =>
        this.bugs.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`),
    }
    this.network = new Network(this.scheduler, this.#rng.fork('network'))
    this.history = new HistoryRecorder(this.scheduler)
    this.#coordinatorNames = Array.from(
      { length: Math.max(1, coordinators) },
      (_, i) => `coordinator-${i + 1}`,
    )
    for (const name of this.#coordinatorNames) this.#startCoordinator(name, options)
    this.#startManager({ chains, servers, sessionTimeoutMs: options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS })
    this.servers = Array.from({ length: servers }, (_, i) => this.#server(`n${i + 1}`, options))
    for (const server of this.servers) server.boot()
    const names = Array.from({ length: chains }, (_, i) => asChainId(`c${i}`))
    const groups = new KeyGroups({ chains: names, chainOf: evenChainOf(names) })
    this.#groups = groups
    this.clients = Array.from({ length: clients }, (_, i) => this.#client(`client-${i + 1}`, i, options))
    this.workloads = this.clients.map(
      (client) =>
        new Workload({
          client,
          rng: client.process.rng.fork('workload'),
          history: this.history,
          groups,
          thinkMs: [5, 50],
          committed: new CommittedHistory((chain, seq) => this.#committed.get(chain)?.[seq] ?? null),
          ...options.workload,
        }),
    )
    for (const workload of this.workloads) workload.start()
  }

  #process(name: string): SimProcess {
    return new SimProcess(this.#kernel, name, this.#rng.fork(name))
  }

  #startCoordinator(name: string, { coordinators = 0, coordinatorSettings }: StoreWorldOptions): void {
    const process = this.#process(name)
    const place = { process, network: this.network }
    this.coordinators.push(process)
    if (coordinators > 0) {
      const settings = coordinatorSettings ?? {}
      new SimCoordinator({ ...place, members: this.#coordinatorNames, settings }).start()
      return
    }
    const tiny = new TinyCoordinator(place)
    process.start(() => tiny.main())
  }

  #startManager(options: { chains: number; servers: number; sessionTimeoutMs: number }): void {
    const { chains, servers, sessionTimeoutMs } = options
    const process = this.#process('manager')
    process.start(() => {
      new SimManager(
        { process, network: this.network },
        {
          coordinators: this.#coordinatorNames,
          name: 'manager',
          options: {
            chainCount: chains,
            replicationFactor: Math.min(3, servers),
            durability: 'sync',
            replication: 'craq',
            sessionTimeoutMs,
          },
          limits: { graceMs: 0, rejoinBackoffMs: 0 },
        },
      )
    })
  }

  #server(name: string, { server, sessionTimeoutMs, codec = false }: StoreWorldOptions): SimDataServer {
    const process = this.#process(name)
    const { network } = this
    return new SimDataServer({
      network,
      process,
      disk: new SimDisk(process),
      membership: joinsBy({ network, process }, this.#coordinatorNames),
      sessionTimeoutMs: sessionTimeoutMs ?? SESSION_TIMEOUT_MS,
      batchDelayMs: 500,
      codec,
      hooks: this.#hooks,
      ...server,
    })
  }

  #client(name: string, index: number, options: StoreWorldOptions): SimClient {
    return new SimClient({
      network: this.network,
      process: this.#process(name),
      servers: this.servers.map(({ id }) => id),
      exactlyOnce: options.exactlyOnce?.(index) ?? true,
      codec: options.codec ?? false,
      ...(options.clientTickMs === undefined ? {} : { tickMs: options.clientTickMs }),
    })
  }

  readonly #hooks: ServerHooks = {
    onTurn: () => this.seen.turns++,
    onEntry: () => this.seen.entries++,
    onCommitted: (server, chain, entry) => {
      this.seen.applied++
      const entries = this.#committed.get(chain) ?? []
      this.#committed.set(chain, entries)
      const known = entries[entry.seq]
      if (known !== undefined && known.epoch !== entry.epoch)
        throw new Error(`${server.id} applies ${entry.epoch}/${entry.seq}, others ${known.epoch}`)
      entries[entry.seq] = entry
    },
    onReply: (_, asked) => {
      this.seen.replies++
      if (asked.answeredHere) this.seen.readsHere++
    },
    onReport: () => this.seen.reports++,
    onRefusedToStart: () => this.seen.refused++,
  }

  /** What any server has applied, in order of seq. */
  committedEntries(chain: ChainId): Entry[] {
    return (this.#committed.get(chain) ?? []).filter((entry) => entry !== undefined)
  }

  seconds(count: number): Promise<void> {
    return this.scheduler.runUntil(this.scheduler.nowUs + count * SECOND_US)
  }

  /** Runs until something holds. False where it does not within so many virtual seconds. */
  async until(holds: () => boolean, seconds = 60): Promise<boolean> {
    for (let i = 0; i < seconds * 10 && !holds(); i++) await this.seconds(0.1)
    return holds()
  }

  /** The newest configuration that any server knows. */
  config(chain = 'c0'): ChainConfig | null {
    let newest: ChainConfig | null = null
    for (const { replicas } of this.servers) {
      const config = replicas?.get(asChainId(chain))?.config ?? null
      if (config !== null && config.epoch > (newest?.epoch ?? 0)) newest = config
    }
    return newest
  }

  /** Every chain has all its members, and all of them serve. */
  isWhole(chains = 1, members = 3): boolean {
    return Array.from({ length: chains }, (_, i) => this.config(`c${i}`)).every(
      (config) =>
        config !== null &&
        config.members.length === members &&
        config.members.every(({ serving }) => serving),
    )
  }

  server(id: string): SimDataServer {
    const found = this.servers.find((server) => server.id === id)
    if (found === undefined) throw new Error(`there is no ${id}`)
    return found
  }

  /** Ends the workloads, and reads everything once more. */
  async finish(): Promise<void> {
    for (const workload of this.workloads) workload.finish()
    const ended = await this.until(() => this.workloads.every(({ open }) => open === 0))
    if (!ended) throw new Error('operations are open for a virtual minute')
    let done = false
    this.workloads[0]?.readAll(this.#groups.all, () => {
      done = true
    })
    if (!(await this.until(() => done))) throw new Error('keys cannot be read')
  }

  verdict(): Verdict {
    return check(operationsOf(this.history.events), { model: 'key-value' })
  }
}
