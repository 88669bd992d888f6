import { describe, expect, test } from 'vitest'
import { Rng } from '../../../lab/simulator/kernel/rng.ts'
import { registrationFromJson } from '../../../runtime/cluster-znodes.ts'
import { type ManagerProcess, type PretendServer, SmallWorld } from './small-world.ts'

const FAULTS = 40
/** Both clocks stay within the drift bound of 10 % of each other. */
const RATES = [0.955, 1.045] as const

/** A cluster whose faults are drawn from a seed. */
class FaultyWorld extends SmallWorld {
  readonly managers: readonly ManagerProcess[]
  readonly servers: readonly PretendServer[]
  readonly #dice: Rng
  /** A zxid at which the life of a server was registered. */
  readonly #registeredAt = new Map<string, number>()

  constructor(seed: number, members: number) {
    super(seed, { members })
    this.#dice = new Rng(seed).fork('faults')
    this.managers = ['manager-1', 'manager-2'].map((name) => this.startManager(name))
    this.servers = ['n1', 'n2', 'n3', 'n4'].map((name) => this.startServer(name))
    for (const { process } of this.everybody) process.setClockRate(this.#dice.pick(RATES))
  }

  get everybody() {
    return [...this.coordinators, ...this.managers, ...this.servers]
  }

  fault(): void {
    const victim = this.#dice.pick(this.everybody)
    const { process } = victim
    const { name } = process
    const other = this.#dice.pick(this.coordinators).process.name
    this.#dice.pick([
      () => this.network.cut(name, other),
      () => this.network.cut(other, name),
      () => this.network.healAll(),
      () => this.network.break(name, other),
      () => process.pause(),
      () => process.resume(),
      () => process.slowDown(this.#dice.pick([0, 1_000, 50_000])),
      () => (process.alive ? process.crash() : victim.start()),
    ])()
  }

  /** Up to two seconds, in which what must hold at every moment is looked at ten times. */
  async goOn(): Promise<void> {
    for (let i = 0; i < 10; i++) {
      await this.seconds(this.#dice.fraction() * 0.2)
      expect(this.bugs).toEqual([])
      for (const server of this.servers) this.#checkLease(server)
    }
  }

  /** As long as a server trusts its lease, nobody can have taken it for gone: no tree is past its registration and without it. */
  #checkLease({ id, incarnation, hasLease }: PretendServer): void {
    const life = `${id} ${incarnation}`
    for (const { zxid, nodes } of this.trees) {
      const data = nodes.get(`/catenary/servers/${id}`)?.data
      const registration = data ? registrationFromJson(new TextDecoder().decode(data)) : null
      const seenAt = this.#registeredAt.get(life) ?? Number.POSITIVE_INFINITY
      if (registration?.incarnation === incarnation) this.#registeredAt.set(life, Math.min(zxid, seenAt))
      else if (hasLease) expect(zxid, life).toBeLessThan(seenAt)
    }
  }

  healEverything(): void {
    this.network.healAll()
    for (const one of this.everybody) {
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
  test.each([
    { members: 0, who: 'a tiny coordinator', seeds: 15 },
    { members: 3, who: 'an ensemble of three', seeds: 6 },
  ])('a lease ends before its session does, and all is well soon after: $who, $seeds seeds', async (run) => {
    for (let seed = 1; seed <= run.seeds; seed++) {
      const world = new FaultyWorld(seed, run.members)
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
