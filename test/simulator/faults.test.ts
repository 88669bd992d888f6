import { describe, expect, test } from 'vitest'
import { type DrawOptions, drawFaults } from '../../lab/simulator/faults/draw.ts'
import { ALL_KINDS, BEYOND_PROMISES, DEFAULT_KINDS, parseFaults } from '../../lab/simulator/faults/kinds.ts'
import { LinkFaults } from '../../lab/simulator/faults/link-faults.ts'
import { describeAction, type FaultPlan, promisesOf } from '../../lab/simulator/faults/plan.ts'
import { planFromJson, planToJson } from '../../lab/simulator/faults/plan-json.ts'
import { shrink } from '../../lab/simulator/faults/shrink.ts'
import { drawStorm } from '../../lab/simulator/faults/storm.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { simulate } from '../../lab/simulator/simulate.ts'

const OPTIONS: Omit<DrawOptions, 'seed'> = {
  durationMs: 60_000,
  coordinators: ['coordinator-1', 'coordinator-2', 'coordinator-3'],
  servers: ['n1', 'n2', 'n3'],
  clients: 4,
  chains: ['c0', 'c1'],
  sessionTimeoutMs: 2_000,
}
const draw = (seed: number, options: Partial<DrawOptions> = {}) =>
  drawFaults(new Rng(seed).fork('faults'), { ...OPTIONS, seed, ...options })
const plans = Array.from({ length: 300 }, (_, seed) => draw(seed))

describe('what a seed draws', () => {
  test('the same, each time', () => {
    for (const seed of [0, 1, 77, 2 ** 32 - 1]) expect(draw(seed)).toEqual(draw(seed))
    expect(draw(1)).not.toEqual(draw(2))
  })

  test('about half of the kinds are off, each one sometimes', () => {
    for (const kind of DEFAULT_KINDS) {
      const on = plans.filter(({ kinds }) => kinds.includes(kind)).length
      expect(on).toBeGreaterThan(90)
      expect(on).toBeLessThan(210)
      expect(plans.some(({ actions }) => actions.some((action) => action.kind === kind))).toBe(true)
    }
    expect(plans.some(({ actions }) => actions.length === 0)).toBe(true)
  })

  test('nothing beyond what is promised, unless it is named', () => {
    for (const { kinds, actions } of plans) {
      expect(kinds.filter((kind) => BEYOND_PROMISES.includes(kind))).toEqual([])
      expect(actions.filter(({ kind }) => BEYOND_PROMISES.includes(kind))).toEqual([])
    }
    const beyond = draw(5, { kinds: ['drift-beyond'], everyKind: true })
    expect(beyond.actions.length).toBeGreaterThan(0)
    expect(promisesOf(beyond)).toEqual({ leasesHold: false, writesStay: true })
    expect(promisesOf(draw(5))).toEqual({ leasesHold: true, writesStay: true })
  })

  test('no clock runs faster than another by more than the bound', () => {
    for (const { actions, environment } of plans) {
      const rates = [1, ...Object.values(environment.clockRates)]
      for (const { deed } of actions) if (deed.type === 'clock-rate') rates.push(deed.rate)
      expect(Math.max(...rates) / Math.min(...rates)).toBeLessThan(1 / (1 - 0.1))
    }
  })

  test('actions are in order, and leave time to heal', () => {
    for (const { actions, durationMs } of plans) {
      expect(actions.map(({ atMs }) => atMs)).toEqual(
        actions.map(({ atMs }) => atMs).toSorted((a, b) => a - b),
      )
      for (const { atMs } of actions) expect(atMs).toBeLessThanOrEqual(durationMs * 0.95)
    }
  })

  test('to leave one kind out changes nothing about the others', () => {
    const all = draw(9, { everyKind: true, kinds: ['partition', 'slow-disk'] })
    const one = draw(9, { everyKind: true, kinds: ['slow-disk'] })
    expect(one.actions).toEqual(all.actions.filter(({ kind }) => kind === 'slow-disk'))
  })
})

describe('a storm', () => {
  const storm = (seed: number) =>
    drawStorm(new Rng(seed).fork('faults'), { ...OPTIONS, seed, servers: [], chains: [] })
  const storms = Array.from({ length: 40 }, (_, seed) => storm(seed))

  test('is the same each time, comes back from its text, and is in order', () => {
    for (const plan of storms) {
      expect(storm(plan.seed)).toEqual(plan)
      expect(planFromJson(planToJson(plan))).toEqual(plan)
      const times = plan.actions.map(({ atMs }) => atMs)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
    }
  })

  test('has old leaders that return to both kinds of successors', () => {
    const deeds = storms.flatMap(({ actions }) => actions.map(({ deed }) => deed))
    for (const meanwhile of ['commits', 'nothing'])
      expect(deeds.some((deed) => deed.type === 'old-leader' && deed.meanwhile === meanwhile)).toBe(true)
  })

  test('has no data servers, also where its plan is repeated', async () => {
    const { plan, failure, traceHash } = await simulate({ seed: 3, faults: ['elections'] })
    expect([failure, plan.storm]).toEqual([null, true])
    expect((await simulate({ seed: 3, plan: planFromJson(planToJson(plan)) })).traceHash).toBe(traceHash)
  })
})

describe('--faults', () => {
  test('picks by name, or takes away', () => {
    expect(parseFaults('pause, crash')).toEqual(['crash', 'pause'])
    expect(parseFaults('none')).toEqual([])
    expect(parseFaults('all')).toEqual(DEFAULT_KINDS)
    expect(parseFaults('-bit-rot')).toEqual(DEFAULT_KINDS.filter((kind) => kind !== 'bit-rot'))
    expect(parseFaults('all,drift-beyond,-crash')).toEqual(
      ALL_KINDS.filter((kind) => kind !== 'override' && kind !== 'crash'),
    )
  })

  test('names what it does not know, and what there is', () => {
    expect(() => parseFaults('crash,meteor')).toThrow(
      /faults: "meteor" is no kind of fault; known are: crash, crash-pair, .*, or all, or none/,
    )
    expect(() => parseFaults('toString')).toThrow(/no kind of fault/)
  })
})

describe('a plan as text', () => {
  test('comes back as it was', () => {
    for (const plan of plans.slice(0, 100)) expect(planFromJson(planToJson(plan))).toEqual(plan)
  })

  test('each action has a line for people', () => {
    const lines = plans.flatMap(({ actions }) => actions.map(describeAction))
    expect(lines.every((line) => line.length > 3 && !line.includes('[object'))).toBe(true)
    const action = {
      kind: 'crash',
      atMs: 5,
      deed: { type: 'crash', targets: [{ role: 'head', chain: 'c0' }], downMs: [80] },
    } as const
    expect(describeAction(action)).toBe('crash targets=head of c0 downMs=80')
  })

  const good = planToJson(draw(3, { kinds: ['crash'], everyKind: true }))
  test.each([
    ['{', /plan: not JSON/],
    ['[]', /plan: expected an object/],
    [good.replace('"seed": 3', '"seed": -3'), /plan\.seed: expected a whole number from 0 on, not -3/],
    [good.replace('"kind":"crash"', '"kind":"meteor"'), /plan\.actions\[0\]\.kind: expected one of/],
    [
      good.replace('"type":"crash"', '"type":"hit"'),
      /plan\.actions\[0\]\.deed\.type: expected one of .*not "hit"/,
    ],
    [good.replace(/"role":"[a-z]+"/, '"role":"boss"'), /deed\.targets\.role: expected one of/],
    [
      good.replace(/"atMs":\d+/, '"atMs":"soon"'),
      /plan\.actions\[0\]\.atMs: expected a number from 0 on, not "soon"/,
    ],
  ])('says what is wrong with %#', (text, message) => {
    expect(() => planFromJson(text)).toThrow(RangeError)
    expect(() => planFromJson(text)).toThrow(message)
  })
})

describe('shrinking', () => {
  const big = (): FaultPlan => {
    const plan = plans.find(({ actions }) => actions.length > 30)
    if (plan === undefined) throw new Error('no seed draws much')
    return plan
  }

  test('leaves out all but the two actions that matter, and the time and clients that do not', async () => {
    const plan = big()
    const needed = [plan.actions[4], plan.actions[17]]
    const fails = async (one: FaultPlan) => needed.every((action) => action && one.actions.includes(action))
    const { plan: small, smallest, runs } = await shrink(plan, fails)
    expect(small.actions).toEqual(needed)
    expect(small.clients).toBe(1)
    expect(small.durationMs).toBeLessThan((needed[1]?.atMs ?? 0) * 1.2 + 600)
    expect(smallest).toBe(true)
    expect(runs).toBeLessThan(120)
  })

  test('a failure that needs no fault at all', async () => {
    const { plan } = await shrink(big(), async () => true)
    expect(plan.actions).toEqual([])
    expect(plan.durationMs).toBeLessThan(1_000)
  })

  test('nothing can be left out, and an end after so many runs', async () => {
    const plan = big()
    const same = async (one: FaultPlan) =>
      one.actions.length === plan.actions.length &&
      one.durationMs === plan.durationMs &&
      one.clients === plan.clients
    expect((await shrink(plan, same)).plan).toBe(plan)
    const { runs, smallest } = await shrink(plan, same, { runsMax: 5 })
    expect([runs, smallest]).toEqual([5, false])
  })
})

describe('cuts that overlap', () => {
  test('a link is whole when the last one has ended', () => {
    const cuts: string[] = []
    const network = {
      cut: (a: string, b: string) => cuts.push(`${a}-${b}`),
      heal: (a: string, b: string) => cuts.push(`${a}+${b}`),
    }
    const links = new LinkFaults(network as never)
    links.cut([['a', 'b']])
    links.cut([
      ['a', 'b'],
      ['b', 'a'],
    ])
    links.restore([['a', 'b']])
    expect(cuts).toEqual(['a-b', 'b-a'])
    links.restore([
      ['a', 'b'],
      ['b', 'a'],
    ])
    expect(cuts).toEqual(['a-b', 'b-a', 'a+b', 'b+a'])
  })
})
