/** CRAQ's figure 13: a chain across two sites, and readers in the one that the tail is not in. */

import { servingMembers, tailOf } from '../../../protocol/chain-config.ts'
import type { Figure } from '../../compare/results.ts'
import { PaperCluster } from '../cluster/cluster.ts'
import { CHAIN, closedReads, openWrites, type Readers } from '../cluster/load.ts'
import { Meter } from '../cluster/meter.ts'
import { CRAQ_SOURCE, type FigureOptions, points, rounded } from '../figure-options.ts'

/** Of a round trip between the sites. */
const BETWEEN_MS = 80
const READERS = 10
const NEAR = 'near'
const FAR = 'far'

interface Seen {
  readonly meanMs: number
  readonly localShare: number
}

function measure(
  options: FigureOptions,
  readers: Readers,
  load: { readonly count: number; readonly writesPerSecond: number },
): Seen {
  const cluster = new PaperCluster({
    seed: 1,
    costs: options.costs,
    servers: 3,
    sites: [NEAR, NEAR, FAR],
    crossSiteUs: (BETWEEN_MS * 1000) / 2,
  })
  cluster.form(CHAIN, cluster.servers)
  cluster.run(1e6)
  const seconds = options.quick ? 4 : 15
  const meter = new Meter({ fromUs: cluster.nowUs + 1e6, untilUs: cluster.nowUs + (1 + seconds) * 1e6 })
  const rng = cluster.rng.fork('near readers')
  closedReads(cluster, {
    readers,
    outstanding: load.count,
    site: NEAR,
    thinkUs: 10_000,
    pick: (config) => {
      if (readers === 'tail') return tailOf(config)?.server ?? null
      return rng.pick(servingMembers(config).slice(0, 2)).server
    },
    onDone: (outcome) => {
      meter.add('read', outcome)
      meter.add(outcome.asked ? 'asked' : 'local', outcome)
    },
  })
  openWrites(cluster, {
    perSecond: load.writesPerSecond,
    bytes: 500,
    site: NEAR,
    even: true,
    onDone: () => {},
  })
  cluster.run(meter.untilUs - cluster.nowUs)
  const local = readers === 'tail' ? 0 : meter.count('local')
  return { meanMs: meter.meanMs('read'), localShare: local / Math.max(1, meter.count('read')) }
}

const CONDITIONS = `three replicas, the tail in another site, ${BETWEEN_MS} ms there and back; 500 bytes; ${READERS} readers at the head’s site that rest about 10 ms between reads and ask its two replicas (CRAQ) or the tail (chain); writes evenly spaced`

export function craq13(options: FigureOptions): readonly Figure[] {
  const rates = points(options, [0, 2.5, 5, 7.5, 10, 12.5, 15, 20, 25])
  const run = (readers: Readers, count: number) =>
    rates.map((rate) => ({ rate, ...measure(options, readers, { count, writesPerSecond: rate }) }))
  const [craq, alone, chain] = [run('any', READERS), run('any', 1), run('tail', READERS)]
  const latency = (seen: typeof craq) =>
    seen.map(({ rate, meanMs }): readonly [number, number] => [rate, rounded(meanMs, 2)])
  const share = (seen: typeof craq) =>
    seen.map(({ rate, localShare }): readonly [number, number] => [rate, rounded(100 * localShare, 1)])
  const common = {
    source: `${CRAQ_SOURCE}, figure 13`,
    xLabel: 'writes/s',
    how: 'simulated' as const,
    conditions: `${CONDITIONS}; ${options.costs.described}`,
  }
  return [
    {
      ...common,
      id: 'craq-13',
      title: 'Two sites: latency of reads far from the tail',
      yLabel: 'ms, mean',
      series: [
        { name: 'CRAQ', ours: latency(craq), paper: null },
        { name: 'CRAQ, one reader alone', ours: latency(alone), paper: [[0, 0]] },
        { name: 'chain', ours: latency(chain), paper: null },
      ],
      remarks: [
        'The paper says that chain replication’s latency is constant and that CRAQ’s local reads take about nothing on an idle chain; other numbers of it we do not have.',
        'Once all reads are dirty, ours of many readers take longer than a round trip: they share questions, and one that finds a question on the way waits for the next (it may not join one that began before it). A reader alone, like the paper’s replicas that ask for each read, is then as slow as chain replication.',
      ],
    },
    {
      ...common,
      id: 'craq-13-local',
      title: 'Two sites: reads that never leave the site',
      yLabel: '% of the reads',
      series: [
        { name: 'CRAQ', ours: share(craq), paper: [[15, 0]] },
        { name: 'chain', ours: share(chain), paper: null },
      ],
      remarks: [
        `A write keeps the near replicas dirty for the ${BETWEEN_MS} ms that it takes to the tail and back, so from 12.5 evenly spaced writes a second on there is no clean moment; the paper sees the same from about 15.`,
      ],
    },
  ]
}
