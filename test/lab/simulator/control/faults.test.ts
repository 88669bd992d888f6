import { describe, expect, test } from 'vitest'
import { Rng } from '../../../../lab/simulator/kernel/rng.ts'
import { type ManagerProcess, type PretendServer, SmallWorld } from './small-world.ts'

const SEEDS = 20
const FAULTS = 40
/** Both clocks stay within the drift bound of 10 % of each other. */
const RATES = [0.955, 1.045] as const

/** A cluster whose faults are drawn from a seed. */
class FaultyWorld extends SmallWorld {
  readonly managers: readonly ManagerProcess[]
  readonly servers: readonly PretendServer[]
  readonly #dice: Rng

  constructor(seed: number) {
    super(seed)
    this.#dice = new Rng(seed).fork('faults')
    this.managers = ['manager-1', 'manager-2'].map((name) => this.startManager(name))
    this.servers = ['n1', 'n2', 'n3', 'n4'].map((name) => this.startServer(name))
    for (const process of [this.coordinatorProcess, ...this.others.map((one) => one.process)])
      process.setClockRate(this.#dice.pick(RATES))
  }

  get others() {
    return [...this.managers, ...this.servers]
  }

  fault(): void {
    const victim = this.#dice.pick(this.others)
    const { process } = victim
    this.#dice.pick([
      () => this.network.cut(process.name, 'coordinator-1'),
      () => this.network.cut('coordinator-1', process.name),
      () => this.network.healAll(),
      () => this.network.break(process.name, 'coordinator-1'),
      () => process.pause(),
      () => process.resume(),
      () => process.slowDown(this.#dice.pick([0, 1_000, 50_000])),
      () => (process.alive ? process.crash() : victim.start()),
      () => (this.coordinatorProcess.alive ? this.coordinatorProcess.crash() : this.startCoordinator()),
    ])()
  }

  /** Up to two seconds, in which what must hold at every moment is looked at ten times. */
  async goOn(): Promise<void> {
    for (let i = 0; i < 10; i++) {
      await this.seconds(this.#dice.fraction() * 0.2)
      // As long as a server trusts its lease, nobody can have taken it for gone.
      for (const { id, hasLease } of this.servers)
        if (hasLease) expect(this.coordinator.text(`/catenary/servers/${id}`)).not.toBe(null)
      expect(this.bugs).toEqual([])
    }
  }

  healEverything(): void {
    this.network.healAll()
    if (!this.coordinatorProcess.alive) this.startCoordinator()
    for (const one of this.others) {
      if (!one.process.alive) one.start()
      one.process.resume()
      one.process.slowDown(0)
    }
  }

  /** Everybody is a member again, and a manager leads. */
  get isWell(): boolean {
    return (
      this.servers.every(({ hasLease }) => hasLease) &&
      this.managers.filter(({ manager }) => manager.status().leads).length === 1 &&
      /^n\d n\d n\d$/.test(this.chain())
    )
  }
}

describe('whatever happens to processes, links and clocks', () => {
  test(`a lease ends before its session does, and all is well soon after: ${SEEDS} seeds`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const world = new FaultyWorld(seed)
      for (let i = 0; i < FAULTS; i++) {
        world.fault()
        await world.goOn()
      }
      world.healEverything()
      for (let second = 0; second < 30 && !world.isWell; second++) await world.seconds(1)
      expect({ seed, isWell: world.isWell, chain: world.chain() }).toMatchObject({ seed, isWell: true })
    }
  })
})
