import type { Timer } from '../../../protocol/timers.ts'
import { Rng } from '../kernel/rng.ts'
import { LinkFaults } from './link-faults.ts'
import { OldLeader, type OldLeaderDeed } from './old-leader.ts'
import {
  type Deed,
  describeAction,
  type FaultAction,
  type FaultPlan,
  type PartitionShape,
  type Target,
} from './plan.ts'
import type { FaultTarget } from './target.ts'
import { leaderOf, mayLose, resolve } from './targets.ts'

/** How often an operator looks whether a disk may be emptied now. */
const OPERATOR_MS = 200
/** Hardly anybody asks the tail at a given moment: who strikes an asker waits for one, so often and so long. */
const ASKER_MS = 0.5
const ASKER_WITHIN_MS = 2_000

/**
 * Does to a cluster what a plan says, when it says so, and ends it all with `heal`. Every deed is one line of the trace. Deeds may overlap: a process is up
 * again when the last crash lets it, a link is whole when the last cut has ended. Each action can be left out of the plan without touching the others.
 *
 * @example
 * const nemesis = new Nemesis(cluster, plan)
 * nemesis.begin()
 * await scheduler.runUntil(plan.durationMs * 1000)
 * nemesis.heal()
 */
export class Nemesis {
  readonly #cluster: FaultTarget
  readonly #plan: FaultPlan
  readonly #links: LinkFaults
  readonly #timers = new Set<Timer>()
  /** Processes that are down by a fault, and when they may be up again. */
  readonly #downUntilUs = new Map<string, number>()
  readonly #paused = new Map<string, number>()
  readonly #slow = new Map<string, number>()
  readonly #slowDisks = new Map<string, number>()
  readonly #full = new Map<string, number>()
  readonly #drained = new Map<string, number>()
  readonly #rotten = new Set<string>()
  #play: OldLeader | null = null
  #harsh = 0
  #healing = false

  constructor(cluster: FaultTarget, plan: FaultPlan) {
    this.#cluster = cluster
    this.#plan = plan
    this.#links = new LinkFaults(cluster.network)
  }

  /** Sets the clocks of the environment, and plans every action, counted from now. */
  begin(): void {
    const { environment, actions } = this.#plan
    for (const [name, rate] of Object.entries(environment.clockRates))
      this.#cluster.process(name)?.setClockRate(rate)
    for (const action of actions) this.#after(action.atMs, () => this.do(action))
  }

  /** Does one action now, whatever its time: what a person clicks on. */
  do(action: FaultAction): void {
    if (this.#healing) return
    this.#cluster.note(describeAction(action))
    const { deed } = action
    if ('target' in deed && deed.target.role === 'asker') this.#whenAsked(deed, deed.target, ASKER_WITHIN_MS)
    else this.#act(deed)
  }

  /** True once everything that `heal` began is done. */
  get healed(): boolean {
    return this.#healing && this.#rotten.size === 0 && this.#downUntilUs.size === 0
  }

  /**
   * Ends all faults: the network is whole, disks have room and their pace, processes run, nobody is drained. Clocks go on at rates within the bound; those beyond it go back to
   * 1. Rotten disks are emptied as soon as the rule allows it (see `healed`). From now on the cluster must make progress.
   */
  heal(): void {
    if (this.#healing) return
    this.#cluster.note('heal')
    this.#healing = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
    this.#links.end()
    this.#cluster.harshRaft(null)
    for (const name of this.#drained.keys()) this.#cluster.undrain(name)
    const beyond = this.#plan.kinds.includes('drift-beyond')
    // A manager may be a process of its own.
    const struck = [this.#downUntilUs, this.#paused, this.#slow, this.#full].flatMap((holds) => [
      ...holds.keys(),
    ])
    for (const name of new Set([...this.#everybody(), ...struck])) {
      const process = this.#cluster.process(name)
      const disk = this.#cluster.disk(name)
      if (disk !== null) {
        disk.full = false
        disk.slowness = 1
      }
      if (this.#slow.has(name)) process?.slowDown(0)
      if (beyond) process?.setClockRate(1)
      process?.resume()
      if (this.#full.has(name)) process?.crash('restart by the operator')
      if (process?.alive === false && !this.#rotten.has(name)) this.#cluster.start(name)
    }
    this.#downUntilUs.clear()
    this.#emptyRottenDisks()
  }

  /** Everyone, in an order that never depends on what has happened. */
  #everybody(): string[] {
    const { sight, clients } = this.#cluster
    return [
      ...sight.coordinators.map(({ name }) => name),
      ...sight.servers.map(({ name }) => name),
      ...clients,
    ]
  }

  #after(ms: number, run: () => void): void {
    const timer = this.#cluster.scheduler.after(ms * 1000, () => {
      this.#timers.delete(timer)
      run()
    })
    this.#timers.add(timer)
  }

  #whenAsked(deed: Deed, asker: Target, leftMs: number): void {
    if (this.#who(asker) !== null) this.#act(deed)
    else if (leftMs > 0) this.#after(ASKER_MS, () => this.#whenAsked(deed, asker, leftMs - ASKER_MS))
  }

  #who(target: Target): string | null {
    return resolve(this.#cluster, target)
  }

  #act(deed: Deed): void {
    switch (deed.type) {
      case 'crash':
        return this.#crashAll(
          deed.targets.map((target) => this.#who(target)),
          deed.downMs,
        )
      case 'power-cut':
        return this.#powerCut(deed)
      case 'coordinator-outage': {
        const names = this.#cluster.sight.coordinators.map(({ name }) => name)
        return this.#crashAll(
          names,
          names.map(() => deed.downMs),
        )
      }
      case 'partition':
        return this.#partition(deed.shape, deed.forMs)
      case 'one-way':
        return this.#oneWay(deed)
      case 'link-break':
      case 'slow-link':
        return this.#oneLink(deed)
      case 'harsh-raft':
        return this.#harshRaft(deed)
      case 'old-leader':
        return this.#oldLeader(deed)
      case 'add-server': {
        const name = this.#cluster.addServer()
        if (name !== null) this.#cluster.note(`adds ${name}`)
        return
      }
      case 'override':
        if (!this.#cluster.override(deed.chain)) this.#cluster.note(`override of ${deed.chain} is refused`)
        return
      case 'client-crash':
        return this.#crashAll([this.#client(deed.client)], [deed.downMs])
      case 'client-burst': {
        const client = this.#client(deed.client)
        if (client !== null) this.#cluster.burst(client, deed.requests)
        return
      }
      default:
        return this.#toOne(deed)
    }
  }

  /** One at a time: it is a play in several acts. */
  #oldLeader(deed: OldLeaderDeed): void {
    if (this.#play?.over === false) return
    this.#play = new OldLeader(
      {
        cluster: this.#cluster,
        after: (ms, run) => this.#after(ms, run),
        cut: (pairs) => this.#links.cut(pairs),
        restore: (pairs) => this.#links.restore(pairs),
        crash: (name, downMs) => this.#crash(name, downMs),
      },
      deed,
    )
    this.#play.begin()
  }

  #client(index: number): string | null {
    const { clients } = this.#cluster
    return clients.length === 0 ? null : (clients[index % clients.length] ?? null)
  }

  /** Deeds that one process suffers. */
  #toOne(deed: Extract<Deed, { readonly target: Target }>): void {
    const name = this.#who(deed.target)
    const process = name === null ? null : this.#cluster.process(name)
    if (name === null || process === null) return
    switch (deed.type) {
      case 'pause':
        process.pause()
        return this.#hold(this.#paused, name, deed.forMs, () => process.resume())
      case 'slow-process':
        process.slowDown(deed.costUs)
        return this.#hold(this.#slow, name, deed.forMs, () => process.slowDown(0))
      case 'slow-disk':
        return this.#slowDisk(name, deed)
      case 'full-disk':
        return this.#fullDisk(name, deed)
      case 'bit-rot':
        return this.#bitRot(name, deed.downMs)
      case 'clock-rate':
        return process.setClockRate(deed.rate)
      case 'wall-jump':
        return process.skewWallClock(deed.ms)
      case 'drain':
        if (!this.#isServer(name)) return
        this.#cluster.drain(name)
        return this.#hold(this.#drained, name, deed.forMs, () => this.#cluster.undrain(name))
      default:
        return // `one-way` strikes links
    }
  }

  /** Of several holds on one thing, the last to end ends it. */
  #hold(holds: Map<string, number>, name: string, forMs: number, end: () => void): void {
    holds.set(name, (holds.get(name) ?? 0) + 1)
    this.#after(forMs, () => {
      const left = (holds.get(name) ?? 1) - 1
      if (left > 0) {
        holds.set(name, left)
        return
      }
      holds.delete(name)
      end()
    })
  }

  // Lives.

  #crashAll(names: readonly (string | null)[], downMs: readonly number[]): void {
    names.forEach((name, i) => {
      if (name !== null) this.#crash(name, downMs[i] ?? 0)
    })
  }

  #crash(name: string, downMs: number): void {
    const process = this.#cluster.process(name)
    if (process === null) return
    process.crash()
    const untilUs = this.#cluster.scheduler.nowUs + downMs * 1000
    this.#downUntilUs.set(name, Math.max(untilUs, this.#downUntilUs.get(name) ?? 0))
    this.#after(downMs, () => this.#startIfDue(name))
  }

  #startIfDue(name: string): void {
    const untilUs = this.#downUntilUs.get(name)
    if (untilUs === undefined || untilUs > this.#cluster.scheduler.nowUs) return
    this.#downUntilUs.delete(name)
    // It refuses what it finds there, which is worth a try; but then it stays down.
    if (this.#cluster.process(name)?.alive === false) this.#cluster.start(name)
  }

  #powerCut({ downMs, spreadMs }: Extract<Deed, { type: 'power-cut' }>): void {
    const { coordinators, servers } = this.#cluster.sight
    const names = [...coordinators, ...servers].map(({ name }) => name)
    const dice = this.#dice('power-cut')
    this.#crashAll(
      names,
      names.map(() => Math.round(downMs + spreadMs * dice.fraction())),
    )
  }

  /** A deed's own dice: a function of the seed and the moment, not of what other deeds have thrown. */
  #dice(name: string): Rng {
    return new Rng(this.#plan.seed).fork(`${name} ${this.#cluster.scheduler.nowUs}`)
  }

  // Links.

  #partition(shape: PartitionShape, forMs: number): void {
    const names = this.#everybody()
    const pairs = this.#pairsOf(shape, names)
    this.#links.cut(pairs)
    this.#after(forMs, () => this.#links.restore(pairs))
  }

  /** Ordered pairs that no message passes any more. */
  #pairsOf(shape: PartitionShape, names: readonly string[]): [string, string][] {
    if (shape.type === 'control') {
      const alone = this.#who(shape.target)
      const { coordinators } = this.#cluster.sight
      return alone === null
        ? []
        : coordinators.flatMap(({ name }) => (name === alone ? [] : bothWays(alone, name)))
    }
    if (shape.type === 'alone') {
      const alone = this.#who(shape.target)
      if (alone === null) return []
      const { clients } = this.#cluster
      const others = names.filter((name) => name !== alone && (shape.clientsToo || !clients.includes(name)))
      return others.flatMap((other) => bothWays(alone, other))
    }
    const over = shape.type === 'bridge' ? this.#who(shape.over) : null
    const shuffled = new Rng(shape.order).shuffled(names.filter((name) => name !== over))
    const left = shuffled.splice(0, Math.max(1, Math.round(shuffled.length * shape.share)))
    return left.flatMap((a) => shuffled.flatMap((b) => bothWays(a, b)))
  }

  #oneWay({ target, mute, share, forMs }: Extract<Deed, { type: 'one-way' }>): void {
    const name = this.#who(target)
    if (name === null) return
    const dice = this.#dice(`one-way ${name}`)
    const others = this.#everybody().filter((other) => other !== name && dice.chance(share))
    const pairs = others.map((other): [string, string] => (mute === 'out' ? [name, other] : [other, name]))
    this.#links.cut(pairs)
    this.#after(forMs, () => this.#links.restore(pairs))
  }

  #oneLink(deed: Extract<Deed, { type: 'link-break' | 'slow-link' }>): void {
    const [a, b] =
      deed.type === 'link-break'
        ? [this.#who(deed.a), this.#who(deed.b)]
        : [this.#who(deed.from), this.#who(deed.to)]
    if (a === null || b === null || a === b) return
    if (deed.type === 'link-break') return this.#cluster.network.break(a, b)
    this.#links.slow(a, b, deed.factor)
    this.#after(deed.forMs, () => this.#links.endSlow(a, b))
  }

  #harshRaft({ model, forMs }: Extract<Deed, { type: 'harsh-raft' }>): void {
    const mine = ++this.#harsh
    this.#cluster.harshRaft(model)
    this.#after(forMs, () => {
      if (this.#harsh === mine) this.#cluster.harshRaft(null)
    })
  }

  // Disks.

  #slowDisk(name: string, { factor, forMs }: Extract<Deed, { type: 'slow-disk' }>): void {
    const disk = this.#cluster.disk(name)
    if (disk === null) return
    disk.slowness = factor
    this.#hold(this.#slowDisks, name, forMs, () => {
      disk.slowness = 1
    })
  }

  /** What a process does with a disk that failed is its own affair; it takes part again after room was made and it was restarted. */
  #fullDisk(name: string, { forMs, downMs }: Extract<Deed, { type: 'full-disk' }>): void {
    const disk = this.#cluster.disk(name)
    if (disk === null) return
    disk.full = true
    this.#hold(this.#full, name, forMs, () => {
      disk.full = false
      this.#crash(name, downMs)
    })
  }

  /** A server dies, is replaced in its chains, and finds its log rotten when it is to come back. A coordinator stays away until the faults are over. */
  #bitRot(name: string, downMs: number): void {
    if (this.#cluster.disk(name) === null) return
    if (!this.#isServer(name)) {
      if (!mayLose(this.#cluster, name, this.#rotten)) return this.#spare(name)
      this.#crash(name, downMs)
      this.#rotten.add(name)
      return this.#cluster.rot(name)
    }
    this.#crash(name, downMs + 1)
    this.#after(downMs, () => {
      if (!mayLose(this.#cluster, name, this.#rotten)) return this.#spare(name)
      this.#rotten.add(name)
      this.#cluster.rot(name)
      this.#after(downMs, () => this.#empty(name))
    })
  }

  #spare(name: string): void {
    this.#cluster.note(`bit-rot spares ${name}: what it holds is held by nobody else for certain`)
  }

  /** Its process has found out meanwhile, and did not start. */
  #empty(name: string): void {
    if (!this.#rotten.delete(name)) return
    this.#cluster.process(name)?.crash()
    this.#cluster.note(`the operator empties ${name}`)
    this.#cluster.wipe(name)
    this.#cluster.start(name)
  }

  /** After the faults: servers at once, a coordinator as soon as all others are up and one of them leads (see `mayLose`). */
  #emptyRottenDisks(): void {
    for (const name of [...this.#rotten]) {
      const others = this.#cluster.sight.coordinators.filter((one) => one.name !== name)
      const safe = others.every(({ raft }) => raft !== null) && leaderOf(this.#cluster.sight) !== null
      if (this.#isServer(name) || safe) this.#empty(name)
    }
    if (this.#rotten.size > 0)
      this.#cluster.scheduler.after(OPERATOR_MS * 1000, () => this.#emptyRottenDisks())
  }

  #isServer(name: string): boolean {
    return this.#cluster.sight.servers.some((server) => server.name === name)
  }
}

const bothWays = (a: string, b: string): [string, string][] => [
  [a, b],
  [b, a],
]
