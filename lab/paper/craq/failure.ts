/** CRAQ's figures 10 to 12: a node is killed at 15 s, is dropped from the chain once that is noticed, and comes back. */
import type { Figure } from '../../compare/results.ts'
import { ChainManager } from '../cluster/chain-manager.ts'
import type { PaperCluster } from '../cluster/cluster.ts'
import { pace, slowed } from '../cluster/costs.ts'
import { CHAIN, closedReads, openWrites } from '../cluster/load.ts'
import { Meter } from '../cluster/meter.ts'
import { CRAQ_SOURCE, type FigureOptions, rounded } from '../figure-options.ts'
import { formedChain, READS_PER_REPLICA } from './chain-load.ts'

const S = 1e6
const KILLED_S = 15
/** The session of a dead server ends after this: what `catenary server --session-timeout` has by default. */
const SESSION_S = 2
/** The killed server is started anew, with an empty disk, and asks to join. */
const RESTARTED_S = 5
const END_S = 30

/** Kills a server as the clock of the figure shows 15 s. `zeroUs`: where that clock begins. */
function failAndReturn(cluster: PaperCluster, victim: number, zeroUs: number): void {
  const manager = new ChainManager(cluster)
  const server = cluster.servers[victim]
  if (server === undefined) throw new RangeError(`there is no server ${victim}`)
  const { scheduler } = cluster
  const killedUs = zeroUs + KILLED_S * S
  scheduler.at(killedUs, () => cluster.kill(server.id))
  scheduler.at(killedUs + SESSION_S * S, () => manager.evict(CHAIN, server.id))
  scheduler.at(killedUs + RESTARTED_S * S, () => {
    server.restart()
    manager.join(CHAIN, server.id)
  })
}

const STORY = `one server is killed at ${KILLED_S} s, dropped from the chain when its session of ${SESSION_S} s has ended, started anew with an empty disk at ${KILLED_S + RESTARTED_S} s`

/** The share that is left does not depend on the rate, and a run at a twentieth of it has a twentieth of the events. */
const slower = (options: FigureOptions) => Math.round(20 * pace(options.costs))

export function craq10(options: FigureOptions): Figure {
  const lengths = options.quick ? [3] : [3, 5, 7]
  return {
    id: 'craq-10',
    title: 'Reads while a server is killed and returns',
    source: `${CRAQ_SOURCE}, figure 10`,
    xLabel: 's',
    yLabel: '% of the reads before',
    how: 'simulated',
    conditions: `500 bytes, ${READS_PER_REPLICA} reads on the way for each replica; ${STORY}; every cost ${slower(options)} times as high, since only the share counts; ${options.costs.described}`,
    series: lengths.map((length) => ({
      name: `CRAQ-${length}`,
      ours: readsOverTime(options, length),
      paper: [
        [KILLED_S - 1, 100],
        [KILLED_S + 1, rounded(100 - 100 / length, 1)],
      ],
    })),
    remarks: [
      'The paper’s points are its statement, that the rate falls by about one in C, and not read from its drawing.',
      'Clients lose their connections to the dead server at once and ask the others, which are busy already; what is missing until it serves again is its own capacity. The chain goes back to the full rate as soon as the server, started anew, has joined: when that is, is the operator’s choice.',
    ],
  }
}

function readsOverTime(options: FigureOptions, length: number): readonly (readonly [number, number])[] {
  const costs = slowed(options.costs, slower(options))
  const cluster = formedChain({ costs, length, bytes: 500, clientTimeoutUs: 20_000 })
  const zeroUs = cluster.nowUs
  const meter = new Meter({ fromUs: zeroUs, untilUs: zeroUs + END_S * S, timelineUs: S })
  failAndReturn(cluster, 1, zeroUs)
  closedReads(cluster, {
    readers: 'any',
    outstanding: READS_PER_REPLICA * length,
    onDone: (outcome) => meter.add('read', outcome),
  })
  cluster.run(END_S * S)
  const counts = meter.timeline('read')
  const before = counts.slice(2, KILLED_S)
  const usual = before.reduce((sum, count) => sum + count, 0) / before.length
  // Each count stands at the end of its second.
  return counts.map((count, i): readonly [number, number] => [i + 1, rounded((100 * count) / usual, 1)])
}

const CLIENT_TIMEOUT_MS = 500

/** Latency by half seconds of a chain of three whose middle dies without a word, as a machine without power does. */
function latencyOverTime(options: FigureOptions, kind: 'read' | 'write', readers: number) {
  const cluster = formedChain({
    costs: options.costs,
    length: 3,
    bytes: 500,
    clientTimeoutUs: CLIENT_TIMEOUT_MS * 1000,
  })
  const zeroUs = cluster.nowUs
  const endS = options.quick ? 24 : END_S
  const meter = new Meter({ fromUs: zeroUs, untilUs: zeroUs + endS * S, timelineUs: S / 2 })
  failAndReturn(cluster, 1, zeroUs)
  closedReads(cluster, {
    readers: 'any',
    outstanding: readers,
    thinkUs: 10_000,
    onDone: (outcome) => meter.add('read', outcome),
  })
  openWrites(cluster, { perSecond: 20, bytes: 500, onDone: (outcome) => meter.add('write', outcome) })
  cluster.run(endS * S)
  const series = (share: number) =>
    meter
      .timelineMs(kind, share)
      .flatMap((ms, i): [number, number][] => (ms === null ? [] : [[(i + 1) / 2, rounded(ms, 2)]]))
  return { median: series(0.5), worst: series(1) }
}

export function craq11(options: FigureOptions): Figure {
  const { median, worst } = latencyOverTime(options, 'read', 10)
  return {
    id: 'craq-11',
    title: 'Latency of reads while a server is killed and returns, three replicas',
    source: `${CRAQ_SOURCE}, figure 11`,
    xLabel: 's',
    yLabel: 'ms',
    how: 'simulated',
    conditions: `500 bytes, 10 readers that rest about 10 ms between reads, 20 writes/s; the middle server dies silently; ${STORY}; clients give a request up after ${CLIENT_TIMEOUT_MS} ms; ${options.costs.described}`,
    series: [
      { name: 'median read', ours: median, paper: null },
      { name: 'slowest read', ours: worst, paper: null },
    ],
    remarks: [
      'We have no numbers of the paper’s figure. Reads that were on the way to the dead server wait for their client to give up, once; all others go to the servers that live.',
      'While the dead server is still a member nothing commits, so the head stays dirty and its reads ask the tail. Each change of the chain costs the reads of that moment a few milliseconds, since questions of the old configuration are asked again.',
    ],
  }
}

export function craq12(options: FigureOptions): Figure {
  const { median, worst } = latencyOverTime(options, 'write', 1)
  return {
    id: 'craq-12',
    title: 'Latency of writes while a server is killed and returns, three replicas',
    source: `${CRAQ_SOURCE}, figure 12`,
    xLabel: 's',
    yLabel: 'ms',
    how: 'simulated',
    conditions: `500 bytes, 20 writes/s and one reader; the middle server dies silently; ${STORY}; each write at the half second in which it was answered; ${options.costs.described}`,
    series: [
      { name: 'median write', ours: median, paper: null },
      { name: 'slowest write', ours: worst, paper: null },
    ],
    remarks: [
      'We have no numbers of the paper’s figure. A write needs every member, so writes wait until the dead one is dropped: the slowest takes as long as a session, and none is lost.',
      'While the server joins again, writes go on without waiting for it.',
    ],
  }
}
