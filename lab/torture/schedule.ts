/** What is broken when, from a seed: the same seed plans the same faults. What they hit is a real machine, which repeats nothing exactly. */
import type { Rng } from '../simulator/kernel/rng.ts'
import { type FaultKind, type PlannedFault, type Side, type Target, takesMany, type Way } from './faults.ts'

export interface ScheduleOptions {
  readonly rng: Rng
  readonly durationMs: number
  readonly faults: readonly FaultKind[]
  readonly servers: number
  readonly coordinators: number
  readonly chains: number
  readonly sessionTimeoutMs: number
}

/** Before the first fault: something to lose. */
const CALM_MS = 1500
/** Chance that a fault begins while the one before it lasts. */
const OVERLAP = 0.35

/** Plans faults in order of time. Every kind comes up once before any comes up twice. */
export function planFaults(options: ScheduleOptions): PlannedFault[] {
  const { rng, durationMs, faults } = options
  const plan: PlannedFault[] = []
  let deck: FaultKind[] = []
  for (let atMs = CALM_MS; faults.length > 0; ) {
    if (deck.length === 0) deck = shuffled(faults, rng)
    const kind = deck.pop() ?? 'kill'
    const fault = draw(kind, atMs, options)
    if (atMs + fault.lastsMs > durationMs) break
    plan.push(fault)
    const overlaps = !takesMany(fault) && rng.chance(OVERLAP)
    const restMs = takesMany(fault) ? rng.between(2000, 6000) : rng.between(500, 4000)
    atMs += overlaps ? Math.round(fault.lastsMs * rng.fraction()) : fault.lastsMs + restMs
  }
  return plan
}

function shuffled<T>(items: readonly T[], rng: Rng): T[] {
  const rest = [...items]
  return items.map(() => rest.splice(rng.below(rest.length), 1)[0] as T)
}

function draw(kind: FaultKind, atMs: number, options: ScheduleOptions): PlannedFault {
  const { rng, sessionTimeoutMs } = options
  const short = rng.chance(0.4)
  const lastsMs = short
    ? rng.between(sessionTimeoutMs / 20, sessionTimeoutMs * 0.8)
    : rng.between(sessionTimeoutMs * 1.2, sessionTimeoutMs * 3)
  const many = kind === 'power-cut' ? 0.6 : kind === 'kill' || kind === 'pause' ? 0.2 : 0
  const target = rng.chance(many) ? drawMany(rng) : drawOne(options)
  const cut = kind === 'partition' ? { side: drawSide(rng, target), way: drawWay(rng) } : null
  return { kind, atMs, lastsMs: Math.round(lastsMs), target, cut }
}

const drawMany = (rng: Rng): Target =>
  rng.pick<Target>([{ type: 'all-servers' }, { type: 'all-coordinators' }, { type: 'everything' }])

/** Mostly roles: that is where the rules are. */
function drawOne({ rng, servers, coordinators, chains }: ScheduleOptions): Target {
  const dice = rng.fraction()
  if (dice < 0.55)
    return {
      type: 'member',
      chain: rng.below(chains),
      position: rng.pick(['head', 'middle', 'tail'] as const),
    }
  if (dice < 0.75) return { type: 'server', index: rng.below(servers) }
  if (dice < 0.9) return { type: 'leader' }
  return { type: 'coordinator', index: rng.below(coordinators) }
}

function drawSide(rng: Rng, target: Target): Side {
  const isServer = target.type === 'member' || target.type === 'server'
  return isServer
    ? rng.pick<Side>(['peers', 'coordinators', 'clients', 'processes', 'processes', 'everyone'])
    : rng.pick<Side>(['peers', 'peers', 'servers', 'processes'])
}

const drawWay = (rng: Rng): Way => rng.pick<Way>(['both', 'both', 'in', 'out'])
