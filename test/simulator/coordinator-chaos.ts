import type { CoordinatorError } from '../../client/coordinator/errors.ts'
import { votersChanged } from '../../coordinator/raft/membership.ts'
import type { Raft } from '../../coordinator/raft/state.ts'
import type { SimCoordinatorOptions } from '../../lab/simulator/coordinator/sim-coordinator.ts'
import type { Rng } from '../../lab/simulator/kernel/rng.ts'
import type { HarshModel } from '../../lab/simulator/kernel/transport.ts'
import { EnsembleWorld, type Session } from './coordinator-world.ts'

const CLIENTS = 3
const PACE_MS = 30
const EVENT_US = 10_000
const PEACE: HarshModel = { lose: 0, duplicate: 0, late: 0, lateUs: 0 }

/** What clients were told of their writes. */
interface Outcomes {
  readonly acknowledged: Set<string>
  /** Asked for, and not refused for certain. */
  readonly asked: Set<string>
}

/**
 * Faults for so long, then peace: clients create znodes, each under its own name, all the while.
 *
 * @throws where the ensemble does not recover, or has lost, invented or reordered something.
 */
export async function chaos(options: {
  readonly seed: number
  readonly seconds: number
  readonly coordinator?: Partial<SimCoordinatorOptions>
  /** So many more coordinators run, and members are added, removed and replaced all the while. */
  readonly spares?: number
  /** Until the faults end. */
  readonly harsh?: HarshModel
  readonly verbose?: boolean
}): Promise<{
  readonly hash: string
  readonly acknowledged: number
  readonly leaders: number
  /** Configurations that were in somebody's log. */
  readonly changes: number
  readonly world: EnsembleWorld
}> {
  const { seed, seconds } = options
  const harsh = { ...PEACE, ...options.harsh }
  const world = new EnsembleWorld(seed, {
    harsh: options.harsh === undefined ? null : harsh,
    settings: {
      snapshotEntries: 60,
      reconfigPatienceMs: 2_000,
      raftLimits: { retainedEntriesMax: 30, snapshotChunkBytesMax: 1_000 },
    },
    ...options.coordinator,
    verbose: options.verbose ?? false,
    spares: options.spares ?? 0,
  })
  const outcomes: Outcomes = { acknowledged: new Set(), asked: new Set() }
  const observer = new Observer(world)
  const sessions = Array.from({ length: CLIENTS }, (_, n) => world.session(`client-${n + 1}`))
  for (const session of sessions) keepCreating(session, outcomes)
  const change = { ends: false }
  if (options.spares) keepChanging(world, change)
  const rng = world.rng.fork('faults')
  const untilUs = seconds * 1_000_000
  const calm = options.spares ? 6 : 1 // a change takes a while in which all goes well
  while (world.scheduler.nowUs < untilUs) {
    await observer.run(world.scheduler.nowUs + calm * rng.scale(EVENT_US, 100 * EVENT_US))
    disturb(world, rng)
  }
  change.ends = true
  heal(world)
  Object.assign(harsh, PEACE)
  await observer.run(world.scheduler.nowUs + 10_000_000)
  const before = outcomes.acknowledged.size
  await observer.run(world.scheduler.nowUs + 2_000_000)
  if (outcomes.acknowledged.size === before) throw new Error('nothing moves after the faults')
  for (const { process } of sessions) process.crash('done')
  await observer.run(world.scheduler.nowUs + 10_000_000)
  judge(world, outcomes)
  return {
    hash: world.trace.hash,
    acknowledged: outcomes.acknowledged.size,
    leaders: observer.leaders,
    changes: observer.configurations,
    world,
  }
}

function keepCreating(session: Session, outcomes: Outcomes): void {
  let count = 0
  const next = () => {
    const path = `/${session.process.name}-${String(count).padStart(6, '0')}`
    count += 1
    outcomes.asked.add(path)
    session.begin(
      () => session.client.create(path, 'x'),
      (end) => {
        if ('value' in end) outcomes.acknowledged.add(path)
        else if ((end.error as CoordinatorError).outcome === 'definite') outcomes.asked.delete(path)
        if (session.client.state === 'expired') session.client.renew()
        session.process.timers.after(PACE_MS, next)
      },
    )
  }
  next()
}

/** An operator at one of the machines: somebody joins, somebody leaves, often both. */
function keepChanging(world: EnsembleWorld, change: { ends: boolean }): void {
  const operator = world.session('127.0.0.1')
  const rng = world.rng.fork('operator')
  const next = () => {
    if (change.ends) return
    const numbers = world.members.map((_, n) => n + 1)
    const [joining, leaving] = [rng.pick(numbers), rng.pick(numbers)]
    const row = `server.${joining}=coordinator-${joining}:1:1${rng.chance(0.1) ? ':observer' : ''};coordinator-${joining}:1`
    const kind = rng.below(3)
    operator.begin(
      () =>
        operator.client.reconfig({
          joining: kind === 0 || joining === leaving ? '' : row,
          leaving: kind === 1 ? '' : String(leaving),
        }),
      () => {
        if (operator.client.state === 'expired') operator.client.renew()
        operator.process.timers.after(PACE_MS * 10, next)
      },
    )
  }
  next()
}

function disturb(world: EnsembleWorld, rng: Rng): void {
  const name = rng.pick(world.members)
  const other = rng.pick([...world.processes.keys()])
  const process = world.processOf(name)
  const coordinator = world.at(name)
  switch (rng.below(12)) {
    case 0:
      if (process.alive) process.crash()
      return
    case 1:
    case 2:
      if (!process.alive) coordinator.start()
      return
    case 3:
      return world.network.cut(name, other)
    case 4:
      return world.isolate(name)
    case 5:
      return world.network.healAll()
    case 6:
      return process.paused ? process.resume() : process.pause()
    case 7:
      coordinator.disk.slowness = rng.pick([1, 20, 100])
      return
    case 8:
      return world.network.break(name, other)
    case 9:
      return process.slowDown(rng.pick([0, 0, 500]))
    case 10:
      return process.setClockRate(rng.pick([0.9, 1, 1.1]))
    default:
      // Everything at once.
      for (const each of world.members) world.processOf(each).crash('power cut')
      return
  }
}

function heal(world: EnsembleWorld): void {
  world.network.healAll()
  for (const name of world.members) {
    for (const other of world.processes.keys()) world.network.break(name, other)
    const process = world.processOf(name)
    process.resume()
    process.slowDown(0)
    world.at(name).disk.slowness = 1
    if (!process.alive) world.at(name).start()
  }
}

/** Sees all members after every event. */
class Observer {
  readonly #world: EnsembleWorld
  readonly #leaderOf = new Map<number, string>()
  readonly #configurations = new Set<string>()
  /** Term of each entry that somebody has applied. */
  readonly #applied = new Map<number, number>()

  constructor(world: EnsembleWorld) {
    this.#world = world
  }

  get configurations(): number {
    return this.#configurations.size
  }

  get leaders(): number {
    return this.#leaderOf.size
  }

  async run(untilUs: number): Promise<void> {
    const { scheduler, bugs } = this.#world
    await scheduler.runUntil(untilUs, () => {
      this.#look()
      return bugs.length > 0
    })
    const [bug] = bugs
    if (bug !== undefined) throw new Error(`bug in ${bug.process}`, { cause: bug.error })
  }

  /** No two configurations in a row differ by more than one voter (Raft thesis §4.1). */
  #note({ memberships }: Raft): void {
    const newest = memberships.at(-1)
    if (newest === undefined) return
    const known = `${newest.index} ${newest.members.map(({ id, voter }) => id + voter).join()}`
    if (this.#configurations.has(known)) return
    this.#configurations.add(known)
    const before = memberships.at(-2)
    if (before !== undefined && votersChanged(before, newest.members) > 1)
      throw new Error(`more than one voter changes with entry ${newest.index}`)
  }

  #look(): void {
    for (const [name, { member }] of this.#world.coordinators) {
      if (member === null) continue
      const { raft, applied } = member
      this.#note(raft)
      if (raft.role.type === 'leader') {
        const known = this.#leaderOf.get(raft.term) ?? name
        if (known !== name) throw new Error(`ElectionSafety: ${known} and ${name} lead term ${raft.term}`)
        this.#leaderOf.set(raft.term, name)
      }
      if (applied.lastIndex === 0) continue
      const term = this.#applied.get(applied.lastIndex) ?? applied.lastTerm
      if (term !== applied.lastTerm)
        throw new Error(
          `StateMachineSafety: entry ${applied.lastIndex} of terms ${term}, ${applied.lastTerm}`,
        )
      this.#applied.set(applied.lastIndex, term)
    }
  }
}

function judge(world: EnsembleWorld, { acknowledged, asked }: Outcomes): void {
  const leader = world.at(world.leader() ?? '').member
  const belongs = new Set<string>(leader?.raft.memberships.at(-1)?.members.map(({ id }) => id))
  const trees = world.members
    .filter((name) => belongs.has(name))
    .map((name) => {
      const { member } = world.at(name)
      if (member === null) throw new Error(`${name} is down`)
      return [...member.tree.nodes.keys()].filter((path) => path.startsWith('/client-')).sort()
    })
  const [tree = []] = trees
  for (const other of trees) if (other.join() !== tree.join()) throw new Error('members differ')
  const there = new Set(tree)
  for (const path of acknowledged) if (!there.has(path)) throw new Error(`${path} is lost`)
  for (const path of tree) if (!asked.has(path)) throw new Error(`${path} was refused, and is there`)
}
