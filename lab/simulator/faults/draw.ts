import type { Rng } from '../kernel/rng.ts'
import type { HarshModel } from '../kernel/transport.ts'
import { DEFAULT_KINDS, type FaultKind } from './kinds.ts'
import type { Deed, Environment, FaultAction, FaultPlan, PartitionShape, Target } from './plan.ts'
import { drawOldLeader } from './storm.ts'

export interface DrawOptions {
  /** Goes into the plan: what the run's other dice are made from. */
  readonly seed: number
  readonly durationMs: number
  readonly coordinators: readonly string[]
  readonly servers: readonly string[]
  readonly clients: number
  readonly chains: readonly string[]
  /** Of the data servers: what `long-pause` is longer than. */
  readonly sessionTimeoutMs: number
  /** Bound on how much faster one clock may run than another. Default: 0.1. */
  readonly driftBound?: number
  /** Kinds that may be drawn; those left out are off in every run. Default: all that are within what is promised. */
  readonly kinds?: readonly FaultKind[]
  /** True: every kind allowed is on, for runs about one fault. Default: false, each seed turns about half of them off. */
  readonly everyKind?: boolean
}

/** What a deed is drawn from. */
interface Dice extends DrawOptions {
  readonly rng: Rng
  readonly driftBound: number
}

/**
 * Swarm testing (Groce et al., 2012): a run in which everything goes wrong at once hides what a single kind of fault would have shown, so each seed turns about
 * half of the kinds off, and presses the others at rates of its own. The environment (latencies, disks, clocks) is drawn, too.
 *
 * @example
 * const plan = drawFaults(new Rng(7).fork('faults'), { seed: 7, durationMs: 60_000, ...names })
 */
export function drawFaults(rng: Rng, options: DrawOptions): FaultPlan {
  const dice: Dice = { ...options, rng, driftBound: options.driftBound ?? 0.1 }
  const allowed = options.kinds ?? DEFAULT_KINDS
  // Each kind has dice of its own: to leave one out changes nothing about the others.
  const calm = rng.chance(0.04) && options.everyKind !== true
  const kinds = allowed.filter(
    (kind) => options.everyKind === true || (!calm && rng.fork(`on ${kind}`).chance(0.5)),
  )
  const environment = drawEnvironment({ ...dice, rng: rng.fork('environment') }, kinds)
  const actions: FaultAction[] = []
  for (const kind of kinds) actions.push(...drawKind({ ...dice, rng: rng.fork(kind) }, kind))
  if (kinds.includes('crash') || kinds.includes('pause'))
    actions.push(...aftershocks({ ...dice, rng: rng.fork('aftershocks') }, kinds, actions))
  actions.sort((a, b) => a.atMs - b.atMs)
  const { seed, durationMs, clients } = options
  return { seed, durationMs, clients, kinds, environment, actions }
}

/** Mean time between two actions of a kind: from often to rarely, in milliseconds. */
const GAPS: { readonly [K in FaultKind]: readonly [number, number] } = {
  crash: [3_000, 40_000],
  'crash-pair': [8_000, 60_000],
  'power-cut': [20_000, 120_000],
  pause: [1_000, 20_000],
  'long-pause': [6_000, 60_000],
  partition: [5_000, 40_000],
  'one-way': [5_000, 40_000],
  'link-break': [1_000, 20_000],
  'slow-link': [3_000, 30_000],
  'slow-process': [5_000, 40_000],
  'slow-disk': [4_000, 40_000],
  'full-disk': [15_000, 90_000],
  'bit-rot': [20_000, 120_000],
  'clock-rate': [5_000, 60_000],
  'wall-jump': [5_000, 60_000],
  'coordinator-outage': [20_000, 120_000],
  'harsh-raft': [5_000, 30_000],
  elections: [8_000, 60_000],
  operator: [2_000, 20_000],
  'client-crash': [4_000, 40_000],
  'client-burst': [3_000, 30_000],
  'drift-beyond': [4_000, 40_000],
  override: [30_000, 120_000],
}

function drawKind(dice: Dice, kind: FaultKind): FaultAction[] {
  const { rng, durationMs } = dice
  const [often, rarely] = GAPS[kind]
  const gapMs = rng.scale(often, rarely)
  const actions: FaultAction[] = []
  // Half of the time the cluster is formed first; the end is left to heal in.
  let atMs = rng.chance(0.5) ? 0 : Math.min(3_000, durationMs * 0.1)
  for (;;) {
    atMs += -Math.log(1 - rng.fraction()) * gapMs
    if (atMs > durationMs * 0.95) return actions
    actions.push({ kind, atMs: Math.round(atMs), deed: DEEDS[kind](dice) })
  }
}

/** Trouble comes in company: a short while after something has happened, whoever matters now crashes or stops. */
function aftershocks(
  dice: Dice,
  kinds: readonly FaultKind[],
  actions: readonly FaultAction[],
): FaultAction[] {
  const { rng, durationMs } = dice
  const share = rng.pick([0, 0.1, 0.3])
  const shocks: FaultAction[] = []
  const may = (['crash', 'pause'] as const).filter((kind) => kinds.includes(kind))
  for (const { atMs } of actions) {
    if (!rng.chance(share)) continue
    const kind = rng.pick(may)
    const at = Math.round(atMs + rng.scale(1, 3_000))
    if (at < durationMs * 0.95) shocks.push({ kind, atMs: at, deed: DEEDS[kind](dice) })
  }
  return shocks
}

const forMs = ({ rng }: Dice, from: number, to: number) => rng.scale(from, to)

/** Anybody who keeps data; as often by what it is as by its name. */
function anyNode(dice: Dice): Target {
  const { rng, coordinators, servers } = dice
  if (rng.chance(0.5)) return { role: 'process', name: rng.pick([...coordinators, ...servers]) }
  return rng.chance(0.7) ? inChain(dice) : inEnsemble(dice)
}

function anyServer(dice: Dice): Target {
  return dice.rng.chance(0.5) ? { role: 'process', name: dice.rng.pick(dice.servers) } : inChain(dice)
}

function inChain({ rng, chains, servers }: Dice, role = rng.pick(PLACES)): Target {
  return chains.length === 0
    ? { role: 'process', name: rng.pick(servers) }
    : { role, chain: rng.pick(chains) }
}

const PLACES: readonly Extract<Target, { readonly chain: string }>['role'][] = [
  'head',
  'head',
  'middle',
  'tail',
  'tail',
  'joiner',
]

const inEnsemble = ({ rng }: Dice): Target => ({
  role: rng.pick(['leader', 'leader', 'follower', 'manager'] as const),
})

/** Two that may have something to say to each other. */
function anyPair(dice: Dice): readonly [Target, Target] {
  const { rng } = dice
  const client: Target = { role: 'client', index: rng.below(Math.max(1, dice.clients)) }
  const pairs: readonly (() => readonly [Target, Target])[] = [
    () => [anyNode(dice), anyNode(dice)],
    () => [inChain(dice), inChain(dice)],
    () => [{ role: 'leader' }, { role: 'follower' }],
    () => [
      { role: 'process', name: rng.pick(dice.coordinators) },
      rng.chance(0.5) ? client : anyServer(dice),
    ],
    () => [anyServer(dice), client],
  ]
  const [a, b] = rng.pick(pairs)()
  return rng.chance(0.5) ? [a, b] : [b, a]
}

const fromTo = ([from, to]: readonly [Target, Target]) => ({ from, to })

const DEEDS: { readonly [K in FaultKind]: (dice: Dice) => Deed } = {
  crash: (dice) => ({ type: 'crash', targets: [anyNode(dice)], downMs: [forMs(dice, 5, 15_000)] }),
  'crash-pair': (dice) => ({
    type: 'crash',
    targets: [anyNode(dice), dice.rng.chance(0.6) ? anyServer(dice) : anyNode(dice)],
    downMs: [forMs(dice, 5, 15_000), forMs(dice, 5, 15_000)],
  }),
  'power-cut': (dice) => ({
    type: 'power-cut',
    downMs: forMs(dice, 10, 10_000),
    spreadMs: forMs(dice, 1, 5_000),
  }),
  pause: (dice) => ({ type: 'pause', target: anyNode(dice), forMs: forMs(dice, 10, 500) }),
  'long-pause': (dice) => ({
    type: 'pause',
    target: dice.rng.chance(0.4) ? inChain(dice, 'asker') : anyNode(dice),
    forMs: Math.round(dice.sessionTimeoutMs * (1.05 + 3 * dice.rng.fraction())),
  }),
  partition: (dice) => ({ type: 'partition', shape: drawShape(dice), forMs: forMs(dice, 50, 20_000) }),
  'one-way': (dice) => ({
    type: 'one-way',
    target: anyNode(dice),
    mute: dice.rng.pick(['out', 'in'] as const),
    share: dice.rng.chance(0.5) ? 1 : roughly(dice.rng.fraction()),
    forMs: forMs(dice, 50, 20_000),
  }),
  'link-break': (dice) => {
    const [a, b] = anyPair(dice)
    return { type: 'link-break', a, b }
  },
  'slow-link': (dice) => ({
    ...fromTo(anyPair(dice)),
    type: 'slow-link',
    factor: dice.rng.scale(3, 1_000),
    forMs: forMs(dice, 100, 20_000),
  }),
  'slow-process': (dice) => ({
    type: 'slow-process',
    target: anyNode(dice),
    costUs: dice.rng.scale(100, 20_000),
    forMs: forMs(dice, 200, 15_000),
  }),
  'slow-disk': (dice) => ({
    type: 'slow-disk',
    target: anyNode(dice),
    factor: dice.rng.scale(3, 500),
    forMs: forMs(dice, 100, 20_000),
  }),
  'full-disk': (dice) => ({
    type: 'full-disk',
    target: anyNode(dice),
    forMs: forMs(dice, 200, 10_000),
    downMs: forMs(dice, 10, 3_000),
  }),
  'bit-rot': (dice) => ({
    type: 'bit-rot',
    target: dice.rng.chance(0.8) ? anyServer(dice) : inEnsemble(dice),
    // Long enough for a server to be replaced meanwhile; else it is spared.
    downMs: forMs(dice, dice.sessionTimeoutMs * 1.2, dice.sessionTimeoutMs * 6),
  }),
  'clock-rate': (dice) => ({
    type: 'clock-rate',
    target: anyNode(dice),
    rate: rateWithin(dice.rng, dice.driftBound),
  }),
  'wall-jump': (dice) => ({
    type: 'wall-jump',
    target: anyNode(dice),
    ms: dice.rng.scale(10, 86_400_000) * (dice.rng.chance(0.5) ? 1 : -1),
  }),
  'coordinator-outage': (dice) => ({ type: 'coordinator-outage', downMs: forMs(dice, 1_000, 30_000) }),
  'harsh-raft': (dice) => ({
    type: 'harsh-raft',
    model: drawHarsh(dice.rng),
    forMs: forMs(dice, 500, 20_000),
  }),
  elections: ({ rng }) => drawOldLeader(rng),
  operator: (dice) =>
    dice.rng.chance(0.2)
      ? { type: 'add-server' }
      : { type: 'drain', target: whomToDrain(dice), forMs: forMs(dice, 300, 10_000) },
  'client-crash': (dice) => ({
    type: 'client-crash',
    client: dice.rng.below(Math.max(1, dice.clients)),
    downMs: forMs(dice, 5, 5_000),
  }),
  'client-burst': (dice) => ({
    type: 'client-burst',
    client: dice.rng.below(Math.max(1, dice.clients)),
    requests: dice.rng.scale(5, 200),
  }),
  'drift-beyond': (dice) => ({
    type: 'clock-rate',
    target: anyNode(dice),
    rate: roughly(dice.rng.chance(0.5) ? 1 + 5 * dice.driftBound : 1 / (1 + 5 * dice.driftBound)),
  }),
  override: (dice) => ({ type: 'override', chain: dice.rng.pick(dice.chains) }),
}

/** A tail has the most to give up: it is asked by all others. */
const whomToDrain = (dice: Dice): Target => (dice.rng.chance(0.6) ? inChain(dice, 'tail') : anyServer(dice))

function drawShape(dice: Dice): PartitionShape {
  const { rng } = dice
  const order = rng.below(1_000_000)
  const share = roughly(0.2 + 0.6 * rng.fraction())
  const type = rng.pick(['halves', 'alone', 'alone', 'control', 'bridge', 'leader'] as const)
  if (type === 'halves') return { type, share, order }
  if (type === 'control') return { type, target: anyServer(dice) }
  // Deposed, and the last to know; its clients still reach it.
  if (type === 'leader') return { type: 'alone', target: { role: 'leader' }, clientsToo: false }
  if (type === 'bridge') return { type, over: anyNode(dice), share, order }
  return { type, target: anyNode(dice), clientsToo: rng.chance(0.5) }
}

function drawHarsh(rng: Rng): HarshModel {
  const sometimes = (most: number) => (rng.chance(0.7) ? roughly(most * rng.fraction()) : 0)
  return {
    duplicate: sometimes(0.3),
    late: sometimes(0.3),
    lateUs: rng.scale(1_000, 3_000_000),
    lose: sometimes(0.3),
  }
}

function drawEnvironment(
  { rng, driftBound, coordinators, servers }: Dice,
  kinds: readonly FaultKind[],
): Environment {
  const latency = rng.scale(50, 20_000)
  const sync = rng.scale(20, 10_000)
  const clockRates: Record<string, number> = {}
  if (kinds.includes('clock-rate'))
    for (const name of [...coordinators, ...servers]) clockRates[name] = rateWithin(rng, driftBound)
  return {
    latencyUs: [latency, Math.round(latency * (1 + 4 * rng.fraction()))],
    slowMessageShare: rng.pick([0, 0.01, 0.1]),
    breakAfterUs: [300_000, rng.scale(400_000, 8_000_000)],
    fsyncUs: [sync, Math.round(sync * (1 + 10 * rng.fraction()))],
    slowSyncShare: rng.pick([0, 0.01, 0.05]),
    clockRates,
  }
}

/**
 * The bound is on how fast *one* clock runs against *another*: a lease is shortened by `1 - bound`, so it holds where no rate exceeds another one by more than `1 / (1 - bound)`.
 * Each clock may therefore be off by a little less than half of the bound.
 */
function rateWithin(rng: Rng, bound: number): number {
  const most = 0.47 * bound
  // The extremes are what finds errors.
  const off = rng.chance(0.4) ? rng.pick([-1, 1]) : 2 * rng.fraction() - 1
  return roughly(1 + most * off)
}

/** Few digits, so that a plan can be read. */
const roughly = (value: number) => Math.round(value * 10_000) / 10_000
