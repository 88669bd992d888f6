import type { CoordinatorClient } from '../../../client/coordinator/api.ts'
import type { ZnodeTree } from '../../../coordinator/znodes/tree.ts'
import type { SimPlace } from '../../../lab/simulator/control/session-platform.ts'
import { SimManager } from '../../../lab/simulator/control/sim-manager.ts'
import { SimMembership } from '../../../lab/simulator/control/sim-membership.ts'
import { simSession } from '../../../lab/simulator/control/sim-session.ts'
import { SimCoordinator } from '../../../lab/simulator/coordinator/sim-coordinator.ts'
import { Network } from '../../../lab/simulator/kernel/network.ts'
import { type Kernel, SimProcess } from '../../../lab/simulator/kernel/process.ts'
import { Rng } from '../../../lab/simulator/kernel/rng.ts'
import { Scheduler } from '../../../lab/simulator/kernel/scheduler.ts'
import { Trace } from '../../../lab/simulator/kernel/trace.ts'
import { type ChainConfig, configFromJson } from '../../../protocol/chain-config.ts'
import type { ReplicaReport } from '../../../protocol/cluster.ts'
import { asIncarnation, asServerId, type Incarnation } from '../../../protocol/ids.ts'
import type { MembershipServer } from '../../../runtime/server/membership.ts'
import { TinyCoordinator, textAt } from './tiny-coordinator.ts'

export const SESSION_TIMEOUT_MS = 2_000
const SECOND_US = 1_000_000

/** Coordinators, and whoever a test starts beside them. */
export class SmallWorld {
  readonly scheduler = new Scheduler()
  readonly lines: string[] = []
  readonly trace: Trace
  readonly bugs: { readonly process: string; readonly error: unknown }[] = []
  readonly kernel: Kernel
  readonly network: Network
  readonly coordinators: readonly CoordinatorProcess[]
  readonly #rng: Rng

  /**
   * @param options.members - how many real coordinators there are. Default: a tiny one.
   * @param options.reads - `lines` are written. Default: false.
   */
  constructor(seed = 1, { members = 0, reads = false } = {}) {
    this.#rng = new Rng(seed)
    this.trace = new Trace(reads ? (atUs, who, what) => this.lines.push(`${atUs} ${who} ${what}`) : null)
    this.kernel = {
      scheduler: this.scheduler,
      trace: this.trace,
      onBug: ({ name }, error) => this.bugs.push({ process: name, error }),
    }
    this.network = new Network(this.scheduler, this.#rng.fork('network'))
    this.coordinators = members === 0 ? [this.#tinyCoordinator()] : this.#ensemble(members)
    for (const coordinator of this.coordinators) coordinator.start()
  }

  #tinyCoordinator(): CoordinatorProcess {
    const process = this.process('coordinator-1')
    const tiny = new TinyCoordinator(this.#placeOf(process))
    const start = () => process.start(() => tiny.main())
    return { process, start, tree: () => tiny.tree, leads: () => process.alive }
  }

  #ensemble(count: number): CoordinatorProcess[] {
    const members = Array.from({ length: count }, (_, i) => `coordinator-${i + 1}`)
    return members.map((name) => {
      const process = this.process(name)
      const coordinator = new SimCoordinator({ ...this.#placeOf(process), members })
      return {
        process,
        start: () => coordinator.start(),
        tree: () => coordinator.member?.tree ?? null,
        leads: () => coordinator.member?.leads ?? false,
      }
    })
  }

  get #coordinatorNames(): readonly string[] {
    return this.coordinators.map(({ process }) => process.name)
  }

  /** What the newest of all trees holds. */
  text(path: string): string | null {
    const [newest] = this.trees.sort((a, b) => b.zxid - a.zxid)
    return newest === undefined ? null : textAt(newest, path)
  }

  leader(): string {
    const leader = this.coordinators.find(({ leads }) => leads())
    if (leader === undefined) throw new Error('nobody leads')
    return leader.process.name
  }

  get trees(): ZnodeTree[] {
    return this.coordinators.map(({ tree }) => tree()).filter((tree) => tree !== null)
  }

  process(name: string): SimProcess {
    return new SimProcess(this.kernel, name, this.#rng.fork(name))
  }

  #placeOf(process: SimProcess) {
    return { process, network: this.network }
  }

  seconds(count: number): Promise<void> {
    return this.scheduler.runUntil(this.scheduler.nowUs + count * SECOND_US)
  }

  /** True time. */
  get nowMs(): number {
    return this.scheduler.nowUs / 1000
  }

  /** Something that a process asks for by itself, a moment from now; with its result. */
  async ask<T>(process: SimProcess, work: () => Promise<T>): Promise<T> {
    let result: { value: T } | { error: unknown } | null = null
    this.scheduler.after(0, () => {
      process.run(() => {
        this.scheduler.promised()
        work().then(
          (value) => {
            result = { value }
          },
          (error: unknown) => {
            result = { error }
          },
        )
      })
    })
    for (let second = 0; second < 60 && result === null; second++) await this.seconds(1)
    const done = result as { value: T } | { error: unknown } | null
    if (done === null) throw new Error('no answer in a virtual minute')
    if ('error' in done) throw done.error
    return done.value
  }

  startSession(name: string): { process: SimProcess; client: CoordinatorClient } {
    const process = this.process(name)
    let client: CoordinatorClient | null = null
    process.start(() => {
      client = simSession(this.#placeOf(process), {
        servers: this.#coordinatorNames,
        sessionTimeoutMs: SESSION_TIMEOUT_MS,
      })
    })
    if (client === null) throw new Error(`${name} did not start`)
    return { process, client }
  }

  startManager(name: string): ManagerProcess {
    const process = this.process(name)
    const start = () => {
      process.start(() => {
        started.manager = new SimManager(this.#placeOf(process), {
          coordinators: this.#coordinatorNames,
          name,
          options: {
            chainCount: 1,
            replicationFactor: 3,
            durability: 'sync',
            replication: 'craq',
            sessionTimeoutMs: SESSION_TIMEOUT_MS,
          },
          limits: { graceMs: 0, rejoinBackoffMs: 0 },
        })
      })
    }
    const started = { process, start } as { process: SimProcess; start(): void; manager: SimManager }
    start()
    return started
  }

  startServer(name: string): PretendServer {
    const process = this.process(name)
    const server = new PretendServer(this.#placeOf(process), this.#coordinatorNames)
    server.start()
    return server
  }

  /** `n1 n2* +n3`, with `*` for one that does not serve yet and `+` for a joiner. */
  chain(): string {
    const config = configFromJson(this.text('/catenary/chains/c0') ?? '')
    if (!config) return 'none'
    const members = config.members.map((m) => `${m.server}${m.serving ? '' : '*'}${m.leaving ? '-' : ''}`)
    return [...members, ...(config.joining ? [`+${config.joining.server}`] : [])].join(' ')
  }
}

export interface CoordinatorProcess {
  readonly process: SimProcess
  start(): void
  /** Null: it does not live. */
  tree(): ZnodeTree | null
  leads(): boolean
}

export interface ManagerProcess {
  readonly process: SimProcess
  /** Of the present or the last life. */
  readonly manager: SimManager
  start(): void
}

/** A server that obeys every configuration at once. What it says to hold, and its incarnation, survive its process. */
export class PretendServer implements MembershipServer {
  readonly process: SimProcess
  readonly #place: SimPlace
  readonly #coordinators: readonly string[]
  readonly id
  readonly clock
  readonly storageError = null
  membership: SimMembership | null = null
  incarnation: Incarnation = asIncarnation(0)
  holds: MembershipServer['holds'] = {}
  /** On its clock. */
  leaseUntilMs = 0
  lostSessions = 0
  /** Called with each configuration before it is obeyed. */
  onConfig: (config: ChainConfig) => void = () => {}
  onServer: () => void = () => {}

  constructor(place: SimPlace, coordinators: readonly string[]) {
    const { process } = place
    this.process = process
    this.#place = place
    this.#coordinators = coordinators
    this.id = asServerId(process.name)
    this.clock = { nowMs: () => process.nowMs() }
  }

  start(): void {
    const { id } = this
    this.leaseUntilMs = 0
    this.incarnation = asIncarnation(this.incarnation + 1)
    this.process.start(() => {
      this.membership = new SimMembership(this.#place, {
        server: this,
        coordinators: this.#coordinators,
        sessionTimeoutMs: SESSION_TIMEOUT_MS,
        touchLagMs: 0,
        registration: { server: id, host: id, port: 1, httpPort: 0, zone: id, dataId: id },
        nextIncarnation: () => asIncarnation(this.incarnation + 1),
      })
      this.membership.start(this.incarnation)
    })
  }

  get hasLease(): boolean {
    return this.process.alive && this.process.nowMs() < this.leaseUntilMs
  }

  renewLease(untilMs: number): void {
    this.leaseUntilMs = untilMs
  }

  loseSession(): void {
    this.leaseUntilMs = 0
    this.lostSessions += 1
  }

  beginLife(incarnation: Incarnation): void {
    this.incarnation = incarnation
  }

  learnServer(): void {
    this.onServer()
  }

  learnConfig(config: ChainConfig): Promise<void> {
    this.onConfig(config)
    const isMe = (one: { server: string; incarnation: number } | null) =>
      one?.server === this.id && one.incarnation === this.incarnation
    const member = config.members.find(isMe)
    if (member) this.holds = { ...this.holds, [config.chain]: { epoch: config.epoch, last: 1, commit: 1 } }
    let state: ReplicaReport['state'] | null = null
    if (isMe(config.joining)) state = 'synced'
    else if (member?.leaving) state = 'left'
    else if (member && !member.serving) state = 'serving'
    if (state !== null) {
      const { id: server, incarnation } = this
      this.membership?.report(config.chain, {
        server,
        incarnation,
        epoch: config.epoch,
        state,
        suspects: null,
      })
    }
    return Promise.resolve()
  }

  failStorage(error: Error): void {
    throw error
  }
}
