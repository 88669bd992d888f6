/**
 * Chain Replication's figure 7: how long until some volume is without any replica, by the way in which replicas are placed and recovered. No protocol
 * takes part in it: servers fail at random, come back empty, and volumes are copied.
 */
import type { Figure } from '../../compare/results.ts'
import { Rng } from '../../simulator/kernel/rng.ts'
import { CHAIN_SOURCE, type FigureOptions, points, rounded } from '../figure-options.ts'

const PLACEMENTS = ['ring', 'random, sequential', 'random, parallel'] as const
export type Placement = (typeof PLACEMENTS)[number]

const VOLUMES = 5000
/** Hours that a server runs before it fails. */
const MTBF_HOURS = 24
/** Hours for one volume over one server's network: 0.5 GB at 100 Mbit/s. */
const COPY_HOURS = 0.5e9 / 12.5e6 / 3600

export interface PlacementOptions {
  readonly placement: Placement
  readonly servers: number
  readonly replicas: number
  readonly seed: number
  /** Stops after so many failures of servers, or so many volumes lost. */
  readonly failuresMax: number
  readonly lossesMax: number
}

/** Mean hours between moments at which a volume loses its last replica; null where too few were seen. */
export function hoursToUnavailable(options: PlacementOptions): number | null {
  const rng = new Rng(options.seed)
  const { servers, replicas } = options
  const homes = placeVolumes(options, rng.fork('places'))
  const hosted: number[][] = Array.from({ length: servers }, () => [])
  homes.forEach((list, volume) => {
    for (const server of list) hosted[server]?.push(volume)
  })
  /** When each replica of a volume is whole again. */
  const wholeAt = Array.from({ length: VOLUMES }, () => new Float64Array(replicas))
  let hours = 0
  let losses = 0
  let failures = 0
  while (failures < options.failuresMax && losses < options.lossesMax) {
    hours += (-Math.log(1 - rng.fraction()) * MTBF_HOURS) / servers
    failures++
    const server = rng.below(servers)
    const lost = hosted[server] ?? []
    const delays = recoveryHours(options, lost.length)
    let lostVolume = false
    lost.forEach((volume, i) => {
      const times = wholeAt[volume]
      if (times === undefined) return
      const slot = homes[volume]?.indexOf(server) ?? 0
      times[slot] = hours + delays(i)
      if (times.every((at) => at > hours)) {
        lostVolume = true
        times.fill(0) // restored from elsewhere, and counted once
      }
    })
    if (lostVolume) losses++
  }
  return losses < 3 ? null : hours / losses
}

/**
 * Ring: a volume lives at a server and those that follow it, so all that a server held is copied from and to its few neighbours, one after the other. Random,
 * sequential: its volumes are spread over all servers, but one server takes all copies. Parallel: every server takes some.
 */
function recoveryHours(
  { placement, servers, replicas }: PlacementOptions,
  count: number,
): (i: number) => number {
  const lanes =
    placement === 'random, parallel'
      ? servers - 1
      : placement === 'ring'
        ? Math.min(replicas, servers - 1)
        : 1
  return (i) => (Math.floor(i / lanes) + 1) * COPY_HOURS * (count > 0 ? 1 : 0)
}

function placeVolumes(
  { placement, servers, replicas }: PlacementOptions,
  rng: Rng,
): readonly (readonly number[])[] {
  return Array.from({ length: VOLUMES }, () => {
    const first = rng.below(servers)
    if (placement === 'ring') return Array.from({ length: replicas }, (_, i) => (first + i) % servers)
    const chosen = new Set([first])
    while (chosen.size < replicas) chosen.add(rng.below(servers))
    return [...chosen]
  })
}

export function cr7(options: FigureOptions): readonly Figure[] {
  const sizes = points(options, [5, 10, 20, 30, 40, 60, 80, 100])
  return [2, 3].map(
    (replicas): Figure => ({
      id: `cr-7-t${replicas}`,
      title: `Mean time until a volume is unavailable, ${replicas} replicas`,
      source: `${CHAIN_SOURCE}, figure 7`,
      xLabel: 'servers',
      yLabel: 'days',
      how: 'simulated',
      conditions: `${VOLUMES} volumes; a server fails every ${MTBF_HOURS} hours on average and returns empty; ${rounded(COPY_HOURS * 3600)} s to copy a volume over one network card (0.5 GB at 100 Mbit/s); no protocol, only placement and failures`,
      series: PLACEMENTS.map((placement) => ({
        name: placement,
        ours: sizes.flatMap((servers): (readonly [number, number])[] => {
          const hours = hoursToUnavailable({
            placement,
            servers,
            replicas,
            seed: 7,
            failuresMax: options.quick ? 2000 : 15_000,
            lossesMax: options.quick ? 50 : 300,
          })
          return hours === null ? [] : [[servers, Number((hours / 24).toPrecision(3))]]
        }),
        paper: null,
      })),
      remarks: [
        'We have no numbers of the paper’s figure, only what it shows: with enough servers, random placement with parallel recovery beats the ring. So it does here, and sooner with more replicas.',
        'On a ring few sets of servers share a volume, so few coincidences are fatal; at random, nearly every set does. But in parallel each server has only a handful of volumes to copy, and the time in which a second failure hurts shrinks with the square of the number of servers.',
        'Points are missing where fewer than three volumes were lost in the simulated time.',
      ],
    }),
  )
}
