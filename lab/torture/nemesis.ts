/** Carries out a plan of faults on a cluster of real processes, heals each in time, and watches for processes that end unasked. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalCluster } from '../../runtime/processes/local-cluster.ts'
import type { Rng } from '../simulator/kernel/rng.ts'
import {
  describeFault,
  type InflictedFault,
  type PlannedFault,
  type Target,
  takesMany,
  type Way,
} from './faults.ts'
import type { Ground } from './ground.ts'
import type { Heal } from './network.ts'

export interface NemesisOptions {
  readonly cluster: LocalCluster
  readonly ground: Pick<Ground, 'network' | 'disks' | 'bootIds'>
  readonly rng: Rng
  /** The recorder's clock. */
  readonly timeUs: () => number
  readonly say: (text: string) => void
}

/** So often at most a process that ends at once is started again. */
const WATCH_MS = 500
const UP_MS_MAX = 20_000

export class Nemesis {
  readonly #options: NemesisOptions
  readonly #inflicted: InflictedFault[] = []
  readonly #stumbles: string[] = []
  /** Processes that some fault has in its hands. */
  readonly #busy = new Set<string>()
  readonly #active = new Set<Promise<unknown>>()
  /** Faults that could not be inflicted, or not healed: the machine's doing, not the cluster's. */
  readonly #failures: unknown[] = []
  readonly #metFullDisks = new Set<string>()
  #watch: NodeJS.Timeout | null = null
  #skipped = 0
  #cuts = 0

  constructor(options: NemesisOptions) {
    this.#options = options
  }

  get inflicted(): readonly InflictedFault[] {
    return this.#inflicted
  }

  /** Processes that ended although nobody had killed them. */
  get stumbles(): readonly string[] {
    return this.#stumbles
  }

  /** Processes whose disk was full once. */
  get metFullDisks(): ReadonlySet<string> {
    return this.#metFullDisks
  }

  /** Faults that found nobody to hit. */
  get skipped(): number {
    return this.#skipped
  }

  /**
   * Resolves once every fault of the plan is healed. After a fault that takes many processes the rest of the plan waits until they are up again, or a busy machine
   * would see nothing but processes that start; what does not fit into the duration any more is left out.
   *
   * @throws AbortError
   */
  async run(plan: readonly PlannedFault[], durationMs: number, signal: AbortSignal): Promise<void> {
    let began = performance.now()
    const endsAt = began + durationMs
    this.#watch = setInterval(() => this.#lookForStumbles(), WATCH_MS)
    try {
      for (const fault of plan) {
        await sleep(Math.max(0, fault.atMs - (performance.now() - began)), undefined, { signal })
        if (performance.now() + fault.lastsMs > endsAt) break
        if (takesMany(fault)) await Promise.all(this.#active)
        const suffering = this.#suffer(fault, signal).catch((error: unknown) => this.#failures.push(error))
        this.#active.add(suffering)
        suffering.then(() => this.#active.delete(suffering))
        if (takesMany(fault)) {
          await suffering
          began += await this.#untilUp(signal)
        }
        if (this.#failures.length > 0) break
      }
    } finally {
      await Promise.all(this.#active) // also where it was interrupted: whoever comes next finds all of them healed
      clearInterval(this.#watch)
    }
    if (this.#failures.length > 0) throw this.#failures[0]
    this.#lookForStumbles()
  }

  /** Waits until every process answers at its http door, but not for ever. @returns how long that took, in ms. */
  async #untilUp(signal: AbortSignal): Promise<number> {
    const { cluster } = this.#options
    const began = performance.now()
    const isUp = async () => {
      const servers = await Promise.all(cluster.servers.map(({ name }) => cluster.serverStatus(name)))
      const coordinators = await Promise.all(
        cluster.coordinators.map(({ name }) => cluster.coordinatorStatus(name)),
      )
      return [...servers, ...coordinators].every((status) => status !== null)
    }
    while (performance.now() - began < UP_MS_MAX && !(await isUp())) await sleep(100, undefined, { signal })
    return performance.now() - began
  }

  async #suffer(fault: PlannedFault, signal: AbortSignal): Promise<void> {
    const { timeUs, say } = this.#options
    const victims = (await this.#victims(fault.target)).filter((name) => !this.#busy.has(name))
    if (victims.length === 0) {
      this.#skipped++
      return
    }
    for (const name of victims) this.#busy.add(name)
    const what = describeFault(fault, victims)
    const fromUs = timeUs()
    say(what)
    const heal = await this.#inflict(fault, victims)
    try {
      await sleep(fault.lastsMs, undefined, { signal })
    } finally {
      await heal()
      for (const name of victims) this.#busy.delete(name)
      this.#inflicted.push({ kind: fault.kind, what, fromUs, toUs: timeUs() })
    }
  }

  #inflict(fault: PlannedFault, victims: readonly string[]): Promise<Heal> {
    switch (fault.kind) {
      case 'kill':
        return this.#kill(victims)
      case 'pause':
        return this.#pause(victims)
      case 'partition':
        return this.#cutOff(victims, fault.cut ?? { side: 'everyone', way: 'both' })
      case 'slow':
        return this.#slow(victims)
      case 'disk-full':
        return this.#fillDisks(victims)
      case 'power-cut':
        return this.#cutPower(victims)
    }
  }

  #process(name: string) {
    return this.#options.cluster.process(name)
  }

  async #kill(victims: readonly string[]): Promise<Heal> {
    await Promise.all(victims.map((name) => this.#process(name).kill()))
    return async () => {
      for (const name of victims) this.#process(name).start()
    }
  }

  async #pause(victims: readonly string[]): Promise<Heal> {
    for (const name of victims) this.#process(name).signal('SIGSTOP')
    return async () => {
      for (const name of victims) this.#process(name).signal('SIGCONT')
    }
  }

  async #cutOff(victims: readonly string[], { side, way }: NonNullable<PlannedFault['cut']>): Promise<Heal> {
    const { network } = this.#options.ground
    const heals: Heal[] = []
    for (const victim of victims) {
      for (const other of this.#othersOf(victim, side))
        for (const [from, to] of directions(victim, other, way))
          if (network !== null) heals.push(await network.cut(from, to))
    }
    return all(heals)
  }

  #othersOf(victim: string, side: NonNullable<PlannedFault['cut']>['side']): string[] {
    const { cluster } = this.#options
    const servers = cluster.servers.map(({ name }) => name).filter((name) => name !== victim)
    const coordinators = cluster.coordinators.map(({ name }) => name).filter((name) => name !== victim)
    switch (side) {
      case 'servers':
        return servers
      case 'coordinators':
        return coordinators
      case 'peers':
        return servers.length < cluster.servers.length ? servers : coordinators
      case 'clients':
        return ['clients']
      case 'processes':
        return [...servers, ...coordinators]
      case 'everyone':
        return [...servers, ...coordinators, 'clients']
    }
  }

  async #slow(victims: readonly string[]): Promise<Heal> {
    const { network } = this.#options.ground
    return all(network === null ? [] : await Promise.all(victims.map((name) => network.slow(name))))
  }

  /** Who has met a full disk has left its chains for good: it is restarted when there is room again. */
  async #fillDisks(victims: readonly string[]): Promise<Heal> {
    const { disks } = this.#options.ground
    for (const name of victims) this.#metFullDisks.add(name)
    await Promise.all(victims.map((name) => disks.get(name)?.fill()))
    return async () => {
      for (const name of victims) {
        disks.get(name)?.free()
        await this.#process(name).kill()
        this.#process(name).start()
      }
    }
  }

  async #cutPower(victims: readonly string[]): Promise<Heal> {
    const { rng, ground } = this.#options
    const { disks, bootIds } = ground
    await Promise.all(victims.map((name) => this.#process(name).kill()))
    await Promise.all(victims.map((name) => disks.get(name)?.cutPower(rng.fork(`${name} ${this.#cuts++}`))))
    for (const name of victims) bootIds?.reboot(name)
    return async () => {
      for (const name of victims) this.#process(name).start()
    }
  }

  async #victims(target: Target): Promise<string[]> {
    const { cluster, rng } = this.#options
    const servers = cluster.servers.map(({ name }) => name)
    const coordinators = cluster.coordinators.map(({ name }) => name)
    switch (target.type) {
      case 'member': {
        const members = (await cluster.chain(`c${target.chain}`))?.members.map(({ server }) => server) ?? []
        const found = { head: members[0], middle: members[1], tail: members.at(-1) }[target.position]
        return [found ?? rng.pick(servers)]
      }
      case 'server':
        return servers.slice(target.index, target.index + 1)
      case 'leader':
        return [(await cluster.leader()) ?? rng.pick(coordinators)]
      case 'coordinator':
        return coordinators.slice(target.index, target.index + 1)
      case 'all-servers':
        return servers
      case 'all-coordinators':
        return coordinators
      case 'everything':
        return [...coordinators, ...servers]
    }
  }

  /** A process that found a bug ends itself (status 70). It is started again, and what it said is kept. */
  #lookForStumbles(): void {
    for (const process of this.#options.cluster.processes) {
      if (process.isRunning || this.#busy.has(process.name)) continue
      const text = `${process.name} ended unasked: ${process.log.trimEnd().split('\n').at(-1) ?? ''}`
      if (!this.#stumbles.includes(text)) {
        this.#stumbles.push(text)
        this.#options.say(text)
      }
      process.start()
    }
  }
}

function directions(victim: string, other: string, way: Way): [from: string, to: string][] {
  const hears: [string, string] = [other, victim]
  const speaks: [string, string] = [victim, other]
  return way === 'both' ? [hears, speaks] : way === 'in' ? [hears] : [speaks]
}

const all =
  (heals: readonly Heal[]): Heal =>
  async () => {
    for (const heal of heals) await heal()
  }
