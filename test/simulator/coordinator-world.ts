import type { CoordinatorClient } from '../../client/coordinator/api.ts'
import { simSession } from '../../lab/simulator/control/sim-session.ts'
import {
  SimCoordinator,
  type SimCoordinatorOptions,
} from '../../lab/simulator/coordinator/sim-coordinator.ts'
import { Network } from '../../lab/simulator/kernel/network.ts'
import { type Kernel, SimProcess } from '../../lab/simulator/kernel/process.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { Scheduler } from '../../lab/simulator/kernel/scheduler.ts'
import { Trace } from '../../lab/simulator/kernel/trace.ts'

const SECOND_US = 1_000_000
const MEMBERS = ['coordinator-1', 'coordinator-2', 'coordinator-3'] as const
export type MemberName = (typeof MEMBERS)[number]

interface WorldOptions extends Partial<SimCoordinatorOptions> {
  readonly verbose?: boolean
  /** Further coordinators that run, and wait until they are added. */
  readonly spares?: number
}

/** Three simulated coordinators, others that may join them, and real sessions with them. */
export class EnsembleWorld {
  readonly scheduler = new Scheduler()
  readonly lines: string[] = []
  readonly trace: Trace
  readonly bugs: { readonly process: string; readonly error: unknown }[] = []
  readonly kernel: Kernel
  readonly rng: Rng
  readonly network: Network
  readonly coordinators = new Map<string, SimCoordinator>()
  readonly processes = new Map<string, SimProcess>()
  /** Names of all coordinators, whether they belong to the ensemble or not. */
  readonly members: readonly string[]

  constructor(seed: number, options: WorldOptions = {}) {
    const { verbose = false, spares = 0, ...own } = options
    this.trace = new Trace(verbose ? (atUs, who, what) => this.lines.push(`${atUs} ${who} ${what}`) : null)
    this.kernel = {
      scheduler: this.scheduler,
      trace: this.trace,
      onBug: ({ name }, error) => this.bugs.push({ process: name, error }),
    }
    this.rng = new Rng(seed)
    this.network = new Network(this.scheduler, this.rng.fork('network'))
    const joining = Array.from({ length: spares }, (_, n) => `coordinator-${MEMBERS.length + 1 + n}`)
    this.members = [...MEMBERS, ...joining]
    for (const name of this.members) {
      const process = this.process(name)
      const place = { process, network: this.network }
      const coordinator = joining.includes(name)
        ? new SimCoordinator({
            ...own,
            ...place,
            settings: { ...own.settings, joins: true },
            members: [name],
          })
        : new SimCoordinator({ ...own, ...place, members: MEMBERS })
      this.coordinators.set(name, coordinator)
      coordinator.start()
    }
  }

  process(name: string): SimProcess {
    const process = new SimProcess(this.kernel, name, this.rng.fork(name))
    this.processes.set(name, process)
    return process
  }

  at(name: string): SimCoordinator {
    const coordinator = this.coordinators.get(name)
    if (coordinator === undefined) throw new RangeError(name)
    return coordinator
  }

  processOf(name: string): SimProcess {
    const process = this.processes.get(name)
    if (process === undefined) throw new RangeError(name)
    return process
  }

  seconds(count: number): Promise<void> {
    return this.scheduler.runUntil(this.scheduler.nowUs + count * SECOND_US)
  }

  /** Runs until this holds, for at most a virtual minute. */
  async until(what: string, holds: () => boolean): Promise<void> {
    await this.scheduler.runUntil(this.scheduler.nowUs + 60 * SECOND_US, holds)
    if (!holds()) throw new Error(`in vain: ${what}`)
  }

  /** Of the members that serve, the one that leads the newest term. */
  leader(): string | null {
    const leaders = this.members.filter((name) => this.at(name).member?.raft.role.type === 'leader')
    const termOf = (name: string) => this.at(name).member?.raft.term ?? 0
    return leaders.sort((a, b) => termOf(b) - termOf(a))[0] ?? null
  }

  async elected(): Promise<string> {
    await this.until('a leader', () => {
      const leader = this.leader()
      return leader !== null && this.at(leader).member?.isServing === true
    })
    const leader = this.leader()
    if (leader === null) throw new Error('gone again')
    return leader
  }

  /** Separates these members from everybody else, both ways. */
  isolate(name: string): void {
    for (const other of this.processes.keys()) {
      if (other === name) continue
      this.network.cut(name, other)
      this.network.cut(other, name)
    }
  }

  session(
    name: string,
    options: { readonly at?: readonly string[]; readonly timeoutMs?: number } = {},
  ): Session {
    const process = this.process(name)
    let client: CoordinatorClient | null = null
    process.start(() => {
      client = simSession(
        { process, network: this.network },
        { servers: options.at ?? this.members, sessionTimeoutMs: options.timeoutMs ?? 4_000 },
      )
    })
    if (client === null) throw new Error(`${name} did not start`)
    return new Session(this, process, client)
  }
}

/** A client that a test asks one thing after the other. */
export class Session {
  readonly process: SimProcess
  readonly client: CoordinatorClient
  readonly #world: EnsembleWorld

  constructor(world: EnsembleWorld, process: SimProcess, client: CoordinatorClient) {
    this.#world = world
    this.process = process
    this.client = client
  }

  /** Begins this a moment from now, in the client's process; `told` hears the end. */
  begin<T>(work: () => Promise<T>, told: (end: { value: T } | { error: unknown }) => void): void {
    this.#world.scheduler.after(0, () =>
      this.process.run(() => {
        this.#world.scheduler.promised()
        work().then(
          (value) => told({ value }),
          (error: unknown) => told({ error }),
        )
      }),
    )
  }

  /** The same, and waits for it. */
  async ask<T>(work: (client: CoordinatorClient) => Promise<T>): Promise<T> {
    const ends: ({ value: T } | { error: unknown })[] = []
    this.begin(
      () => work(this.client),
      (end) => ends.push(end),
    )
    await this.#world.until('an answer', () => ends.length > 0)
    const [end] = ends
    if (end === undefined || 'error' in end) throw end?.error
    return end.value
  }
}
