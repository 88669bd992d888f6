/** Chain Replication's figures 5 and 6: many volumes, each a chain of its own, spread over many servers. */

import { headOf, tailOf } from '../../../protocol/chain-config.ts'
import type { ReadCommand } from '../../../protocol/commands.ts'
import { asChainId, asKey, type ChainId, type ServerId } from '../../../protocol/ids.ts'
import type { Figure } from '../../compare/results.ts'
import { ChainManager } from '../cluster/chain-manager.ts'
import { PaperCluster } from '../cluster/cluster.ts'
import { chainReplicationCosts } from '../cluster/costs.ts'
import { putOf } from '../cluster/load.ts'
import { Meter } from '../cluster/meter.ts'
import { CHAIN_SOURCE, type FigureOptions, points, rounded } from '../figure-options.ts'
import { closedMix, type Service } from './mix.ts'

const S = 1e6
const CLIENTS = 25
const REPLICAS = 3
const QUERY: ReadCommand = { type: 'get', keys: [asKey('object')] }
const UPDATE = putOf(1)

interface Volumes {
  readonly cluster: PaperCluster
  readonly chains: readonly ChainId[]
  readonly service: Service
}

/** Chains of three at random servers, each with a volume; requests go to random volumes. */
function formVolumes(servers: number, count: number, clientTimeoutUs = 100_000): Volumes {
  const cluster = new PaperCluster({
    seed: servers,
    costs: chainReplicationCosts,
    servers,
    tickUs: null,
    clientTimeoutUs,
  })
  const places = cluster.rng.fork('places')
  const chains = Array.from({ length: count }, (_, i) => asChainId(`v${i}`))
  for (const chain of chains) {
    const chosen = new Set<number>()
    while (chosen.size < Math.min(REPLICAS, servers)) chosen.add(places.below(servers))
    cluster.form(
      chain,
      [...chosen].flatMap((i) => cluster.servers[i] ?? []),
    )
  }
  cluster.run(2 * S)
  const rng = cluster.rng.fork('requests')
  const service: Service = {
    query: (done) => {
      const chain = rng.pick(chains)
      const config = cluster.map.get(chain)
      const tail = config === undefined ? null : tailOf(config)
      if (tail !== null) cluster.read({ server: tail.server, chain }, QUERY, done)
    },
    update: (done) => {
      const chain = rng.pick(chains)
      const config = cluster.map.get(chain)
      const head = config === undefined ? null : headOf(config)
      if (head !== null) cluster.write({ server: head.server, chain }, UPDATE, 0, done)
    },
  }
  return { cluster, chains, service }
}

function measureMix({ cluster, service }: Volumes, updateShare: number, seconds: number): number {
  const fromUs = cluster.nowUs + S
  const meter = new Meter({ fromUs, untilUs: fromUs + seconds * S })
  closedMix(cluster.scheduler, cluster.rng.fork(`mix ${updateShare}`), service, {
    clients: CLIENTS,
    updateShare,
    untilUs: meter.untilUs,
    onDone: (_, outcome) => meter.add('request', outcome),
  })
  cluster.run(meter.untilUs - cluster.nowUs)
  cluster.run(2 * S) // what is on the way ends before the next mix begins
  return meter.perSecond('request')
}

export function cr5(options: FigureOptions): Figure {
  const sizes = points(options, [3, 5, 10, 20, 40, 60, 80, 100, 120, 140])
  const shares = options.quick ? [0, 0.1, 1] : [0, 0.1, 0.25, 0.5, 1]
  const volumes = options.quick ? 500 : 5000
  const rows = sizes.map((servers) => {
    const formed = formVolumes(servers, volumes)
    return shares.map((share) => measureMix(formed, share, options.quick ? 3 : 7))
  })
  return {
    id: 'cr-5',
    title: 'Many volumes, by number of servers',
    source: `${CHAIN_SOURCE}, figure 5`,
    xLabel: 'servers',
    yLabel: 'requests/s for each client',
    how: 'simulated',
    conditions: `${volumes} volumes, ${REPLICAS} replicas each at random servers, ${CLIENTS} clients without a rest that choose volumes at random; ${chainReplicationCosts.described}`,
    series: shares.map((share, column) => ({
      name: `${100 * share}% updates`,
      ours: sizes.map((servers, row): readonly [number, number] => [
        servers,
        rounded((rows[row]?.[column] ?? 0) / CLIENTS, 2),
      ]),
      paper: null,
    })),
    remarks: [
      'We have no numbers of the paper’s figure. With more servers than clients keep busy, each client is limited by the latency of its own requests, and the lines are flat.',
    ],
  }
}

const FAILS_S = 30
const DETECTED_S = 40
const END_S = 152
const SERVERS = 24
/** Copies begin late, so that the time with short chains can be seen. */
const REPAIR_S = 80
/** How long one volume takes to be copied to another server; each server takes one at a time. */
const COPY_S = 1

const volumeCount = (options: FigureOptions) => (options.quick ? 480 : 4800)

/** The manager drops the dead server from all its chains, and each is given another server, which copies the volume first. */
function failServer({ cluster, chains }: Volumes, victim: ServerId, zeroUs: number): void {
  const manager = new ChainManager(cluster)
  const { scheduler } = cluster
  scheduler.at(zeroUs + FAILS_S * S, () => cluster.kill(victim))
  scheduler.at(zeroUs + DETECTED_S * S, () => {
    const rng = cluster.rng.fork('new places')
    const freeUs = new Map<ServerId, number>()
    for (const chain of chains) {
      const members = cluster.configs.get(chain)?.members ?? []
      if (!members.some(({ server }) => server === victim)) continue
      manager.evict(chain, victim)
      const others = cluster.servers.filter(
        ({ id, alive }) => alive && !members.some(({ server }) => server === id),
      )
      const { id } = rng.pick(others)
      const doneUs = (freeUs.get(id) ?? zeroUs + REPAIR_S * S) + COPY_S * S
      freeUs.set(id, doneUs)
      scheduler.at(doneUs, () => manager.join(chain, id))
    }
  })
}

type Points = readonly (readonly [number, number])[]

const STEP_S = 4

function throughFailure(
  options: FigureOptions,
  load: { readonly clients: number; readonly updateShare: number },
): Points {
  const volumes = formVolumes(SERVERS, volumeCount(options), END_S * S)
  const { cluster, service } = volumes
  const zeroUs = cluster.nowUs
  const meter = new Meter({ fromUs: zeroUs, untilUs: zeroUs + END_S * S, timelineUs: STEP_S * S })
  const victim = cluster.servers[0]
  if (victim === undefined) throw new RangeError('there are no servers')
  failServer(volumes, victim.id, zeroUs)
  closedMix(cluster.scheduler, cluster.rng.fork('mix'), service, {
    ...load,
    untilUs: meter.untilUs,
    onDone: (_, outcome) => meter.add('request', outcome),
  })
  cluster.run(meter.untilUs - cluster.nowUs)
  return meter
    .timeline('request')
    .map((count, i): readonly [number, number] => [(i + 1) * STEP_S, rounded(count / STEP_S, 1)])
}

const meanBetween = (line: Points, from: number, to: number) => {
  const inside = line.filter(([x]) => x > from && x <= to).map(([, y]) => y)
  return inside.reduce((sum, y) => sum + y, 0) / Math.max(1, inside.length)
}

/** Its mean before the failure, and what it gains afterwards. */
function changes(line: Points): { readonly short: string; readonly repaired: string } {
  const before = meanBetween(line, STEP_S, FAILS_S)
  const change = (now: number) => `${now >= before ? '+' : ''}${rounded(100 * (now / before - 1), 1)}%`
  return {
    short: change(meanBetween(line, DETECTED_S + STEP_S, REPAIR_S)),
    repaired: change(meanBetween(line, END_S - 20, END_S)),
  }
}

/** Fewer clients than servers: requests hardly ever meet. */
const FEW = 5

function cr6Of(options: FigureOptions, name: 'queries' | 'updates', why: string): Figure {
  const updateShare = name === 'queries' ? 0 : 1
  const counts = options.quick ? [FEW] : name === 'queries' ? [CLIENTS] : [CLIENTS, FEW]
  const lines = counts.map((clients) => throughFailure(options, { clients, updateShare }))
  const gains = lines.map((line, i) => {
    const { short, repaired } = changes(line)
    return `${counts[i]} clients: ${short} until the repair, ${repaired} after it`
  })
  return {
    id: `cr-6-${name}`,
    title: `A server fails: ${name}`,
    source: `${CHAIN_SOURCE}, figure 6`,
    xLabel: 's',
    yLabel: `${name}/s`,
    how: 'simulated',
    conditions: `${SERVERS} servers, ${volumeCount(options)} volumes of ${REPLICAS} replicas, clients that do nothing but ${name}; one server dies at ${FAILS_S} s and is noticed at ${DETECTED_S} s; from ${REPAIR_S} s on the others copy what it held, ${COPY_S} s for each volume, each server one at a time; ${chainReplicationCosts.described}`,
    series: lines.map((line, i) => ({
      name: `${name}, ${counts[i]} clients`,
      ours: line,
      paper: i === 0 ? [[36, 0]] : null,
    })),
    remarks: [
      'The paper’s point is its statement of about 10 s without throughput: a client that meets the dead server waits until it is noticed, and soon all clients have.',
      `Against before, ${gains.join('; ')}. ${why}`,
      'The paper’s volumes take hours to copy; ours are small, so that the repair fits into the drawing.',
    ],
  }
}

const cr6Queries = (options: FigureOptions): Figure =>
  cr6Of(options, 'queries', 'Queries go to tails only, which are spread over one server less.')

export const cr6Updates = (options: FigureOptions): Figure =>
  cr6Of(
    options,
    'updates',
    'The paper sees updates rise while chains are short. One update in eight then has one replica less to pass, but all share 23 servers instead of 24: where requests hardly meet, the first wins; where they queue, the two cancel each other.',
  )

export const cr6 = (options: FigureOptions): readonly Figure[] => [cr6Queries(options), cr6Updates(options)]
