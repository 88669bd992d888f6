import type { Rng } from '../kernel/rng.ts'
import type { DrawOptions } from './draw.ts'
import type { FaultKind } from './kinds.ts'
import type { Deed, Environment, FaultAction, FaultPlan, Target } from './plan.ts'

/**
 * A storm of elections: nothing but coordinators and clients of their tree, and several faults in the time that an election takes, so that leaders fall with tails of
 * different lengths and terms, and return. In a whole cluster elections are rare, and uncommitted entries are rarer.
 */
export function drawStorm(rng: Rng, options: DrawOptions): FaultPlan {
  const dice: Dice = { rng: rng.fork('storm'), names: options.coordinators, durationMs: options.durationMs }
  const { seed, durationMs, clients } = options
  const scenes = rng.fork('scenes')
  const type = scenes.pick(['scenes', 'scenes', 'scenes', 'echoes', 'trouble'] as const)
  const actions =
    type === 'scenes' ? drawScenes(scenes, durationMs) : type === 'echoes' ? drawEchoes(scenes, options) : []
  // Scenes want some quiet; without them there is none.
  actions.push(...drawTrouble(dice, actions.length > 0 ? [2_000, 20_000] : [60, 1_500]))
  actions.sort((a, b) => a.atMs - b.atMs)
  const environment = drawEnvironment(rng.fork('environment'))
  return { seed, durationMs, clients, kinds: KINDS, storm: true, environment, actions }
}

const TROUBLE = ['crash', 'partition', 'one-way', 'link-break', 'slow-disk', 'pause', 'harsh-raft'] as const
const KINDS: readonly FaultKind[] = [...TROUBLE, 'elections']

interface Dice {
  readonly rng: Rng
  readonly names: readonly string[]
  readonly durationMs: number
}

/** Between the beginnings of two scenes; what begins while one is under way is left out. */
const SCENE_MS = [500, 4_000] as const

function drawScenes(rng: Rng, durationMs: number): FaultAction[] {
  const actions: FaultAction[] = []
  for (let atMs = 500; atMs < durationMs * 0.95; atMs += rng.scale(...SCENE_MS))
    actions.push(...drawScene(rng, Math.round(atMs)))
  return actions
}

function drawScene(rng: Rng, atMs: number): FaultAction[] {
  if (rng.chance(0.7)) return [{ kind: 'elections', atMs, deed: drawOldLeader(rng) }]
  // It sleeps while others are elected and commit, and wakes up to its clients' questions before it hears of that (Raft §8).
  const target: Target = { role: 'leader' }
  const asleepMs = rng.scale(400, 2_500)
  const shape = { type: 'alone', target, clientsToo: false } as const
  const forMs = asleepMs + rng.scale(200, 1_000)
  return [
    { kind: 'partition', atMs, deed: { type: 'partition', shape, forMs } },
    { kind: 'pause', atMs, deed: { type: 'pause', target, forMs: asleepMs } },
  ]
}

/**
 * Most of what coordinators say to each other arrives a second time, late, while clients go from one member to the next: what was forwarded for a session comes back
 * when it belongs to another connection.
 */
function drawEchoes(rng: Rng, { coordinators, clients, durationMs }: DrawOptions): FaultAction[] {
  const lateUs = rng.scale(200_000, 3_000_000)
  const model = { duplicate: 0.8, late: 0, lateUs, lose: 0 }
  const kind = 'link-break'
  const actions: FaultAction[] = [
    { kind: 'harsh-raft', atMs: 500, deed: { type: 'harsh-raft', model, forMs: durationMs } },
  ]
  const gapMs = rng.scale(50, 500)
  for (let at = 1_000; at < durationMs * 0.95; at += 2 * gapMs * rng.fraction()) {
    const a: Target = { role: 'client', index: rng.below(clients) }
    for (const name of coordinators)
      actions.push({ kind, atMs: Math.round(at), deed: { type: kind, a, b: { role: 'process', name } } })
  }
  return actions
}

/** See `OldLeader`. */
export function drawOldLeader(rng: Rng): Deed {
  return {
    type: 'old-leader',
    meanwhile: rng.pick(['commits', 'nothing'] as const),
    tail: rng.scale(1, 12),
    downMs: rng.scale(1, 200),
  }
}

function drawTrouble(dice: Dice, gaps: readonly [number, number]): FaultAction[] {
  const { rng, durationMs } = dice
  const gapMs = rng.scale(...gaps)
  const kinds = TROUBLE.filter(() => rng.chance(0.6))
  const actions: FaultAction[] = []
  if (kinds.length === 0) return actions
  for (let atMs = 0; ; ) {
    atMs += -Math.log(1 - rng.fraction()) * gapMs
    if (atMs > durationMs * 0.95) return actions
    const kind = rng.pick(kinds)
    actions.push({ kind, atMs: Math.round(atMs), deed: DEEDS[kind](dice) })
  }
}

/** The leader more often than all others together. */
function anyOf({ rng, names }: Dice): Target {
  return rng.chance(0.55) ? { role: 'leader' } : { role: 'process', name: rng.pick(names) }
}

/** Shorter than an election, or as long as a few. */
const forMs = ({ rng }: Dice) => rng.scale(20, 3_000)

const DEEDS: { readonly [K in (typeof TROUBLE)[number]]: (dice: Dice) => Deed } = {
  crash: (dice) => ({ type: 'crash', targets: [anyOf(dice)], downMs: [dice.rng.scale(2, 1_500)] }),
  partition: (dice) => ({
    type: 'partition',
    shape: dice.rng.chance(0.7)
      ? { type: 'alone', target: anyOf(dice), clientsToo: false }
      : { type: 'halves', share: 0.5, order: dice.rng.below(1_000_000) },
    forMs: forMs(dice),
  }),
  'one-way': (dice) => ({
    type: 'one-way',
    target: anyOf(dice),
    mute: dice.rng.pick(['out', 'in'] as const),
    share: dice.rng.pick([0.5, 1]),
    forMs: forMs(dice),
  }),
  'link-break': (dice) => ({ type: 'link-break', a: anyOf(dice), b: anyOf(dice) }),
  'slow-disk': (dice) => ({
    type: 'slow-disk',
    target: anyOf(dice),
    factor: dice.rng.scale(5, 300),
    forMs: forMs(dice),
  }),
  pause: (dice) => ({ type: 'pause', target: anyOf(dice), forMs: dice.rng.scale(20, 1_500) }),
  'harsh-raft': (dice) => ({
    type: 'harsh-raft',
    model: {
      duplicate: dice.rng.pick([0, 0.2]),
      late: dice.rng.pick([0, 0.2]),
      lateUs: dice.rng.scale(1_000, 2_000_000),
      lose: dice.rng.pick([0, 0.1, 0.3]),
    },
    forMs: dice.rng.scale(300, 8_000),
  }),
}

function drawEnvironment(rng: Rng): Environment {
  const latency = rng.scale(500, 20_000)
  const sync = rng.scale(100, 3_000)
  return {
    latencyUs: [latency, Math.round(latency * (1 + 2 * rng.fraction()))],
    slowMessageShare: rng.pick([0, 0.02]),
    // A link that was cut for a moment lives; its messages arrive late.
    breakAfterUs: [300_000, rng.scale(400_000, 8_000_000)],
    fsyncUs: [sync, sync * 2],
    slowSyncShare: rng.pick([0, 0.02]),
    clockRates: {},
  }
}
