import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Link, Network } from '../../lab/simulator/kernel/network.ts'
import type { ParcelDeed } from '../../lab/simulator/kernel/parcel.ts'
import { type Kernel, SimProcess } from '../../lab/simulator/kernel/process.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { Scheduler } from '../../lab/simulator/kernel/scheduler.ts'
import { Trace } from '../../lab/simulator/kernel/trace.ts'

/** A link that never breaks, from `a` to `b`, and what came over it. */
class OneLink {
  readonly scheduler = new Scheduler()
  readonly network: Network
  readonly received: number[] = []
  readonly lost = new Set<number>()
  readonly #link: Link
  #sent = 0

  constructor(seed: number) {
    const { scheduler } = this
    const kernel: Kernel = {
      scheduler,
      trace: new Trace(),
      onBug: (_, error) => {
        throw error
      },
    }
    this.network = new Network(scheduler, new Rng(seed), {
      latencyUs: [100, 3_000],
      slowShare: 0,
      breakAfterUs: [1e12, 1e12],
      dialTimeoutUs: 1_000,
    })
    const [a, b] = ['a', 'b'].map((name) => new SimProcess(kernel, name, new Rng(seed).fork(name)))
    if (a === undefined || b === undefined) throw new Error('two processes')
    for (const one of [a, b]) one.start(() => {})
    this.network.listen(b, 'door', () => ({
      onReceive: (body) => this.received.push(body as number),
      onDown: () => {},
    }))
    this.#link = this.network.dial(a, 'b', 'door', { onReceive: () => {}, onDown: () => {} })
  }

  get sent(): number {
    return this.#sent
  }

  send(): void {
    this.#link.send(++this.#sent)
  }

  /** To one of those that are on their way. */
  do(which: number, deed: ParcelDeed): void {
    const parcels = this.network.parcels()
    const parcel = parcels[which % Math.max(1, parcels.length)]
    if (parcel === undefined) return
    if (this.network.byHand(parcel.id, deed) === null && deed.type === 'drop')
      this.lost.add(parcel.body as number)
  }

  async pass(us: number): Promise<void> {
    await this.scheduler.runUntil(this.scheduler.nowUs + us)
  }
}

const deed: fc.Arbitrary<ParcelDeed> = fc.oneof(
  fc.constantFrom({ type: 'drop' } as const, { type: 'hold' } as const, { type: 'deliver' } as const),
  fc.nat(4_000).map((byUs) => ({ type: 'delay', byUs }) as const),
)
const step = fc.oneof(
  fc.record({ what: fc.constant('send' as const) }),
  fc.record({ what: fc.constantFrom('cut' as const, 'heal' as const) }),
  fc.record({ what: fc.constant('deed' as const), which: fc.nat(20), deed }),
)

test('by hand or not: nothing overtakes, nothing is doubled, and only what was dropped is lost', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(1_000),
      fc.array(fc.tuple(step, fc.nat(1_500)), { maxLength: 80 }),
      async (seed, steps) => {
        const link = new OneLink(seed)
        await link.pass(10_000)
        for (const [one, us] of steps) {
          if (one.what === 'send') link.send()
          else if (one.what === 'deed') link.do(one.which, one.deed)
          else link.network[one.what]('a', 'b')
          await link.pass(us)
        }
        link.network.healAll()
        await link.pass(20_000)
        for (const { id } of link.network.parcels()) link.network.byHand(id, { type: 'deliver' })
        await link.pass(20_000)
        const all = Array.from({ length: link.sent }, (_, i) => i + 1)
        expect(link.received).toEqual(all.filter((n) => !link.lost.has(n)))
      },
    ),
    { numRuns: 150 },
  )
})
