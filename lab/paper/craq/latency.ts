/** CRAQ's figure 9: how long reads and writes take, on an idle chain and on a busy one. */
import type { Figure } from '../../compare/results.ts'
import { pace } from '../cluster/costs.ts'
import { closedReads, openWrites } from '../cluster/load.ts'
import { Meter } from '../cluster/meter.ts'
import { CRAQ_SOURCE, type FigureOptions, rounded } from '../figure-options.ts'
import { formedChain, READS_PER_REPLICA } from './chain-load.ts'

type Points = readonly (readonly [number, number])[]
const QUANTILES = [50, 95, 99]

interface Case {
  readonly name: string
  readonly kind: 'clean' | 'dirty' | 'write'
  readonly length: number
  readonly heavy: boolean
  readonly writesPerSecond: number
  readonly paper: readonly [number, number, number]
}

/** Few writes: enough to be measured, or to find reads dirty, without a load of their own. */
const CASES: readonly Case[] = [
  kase('clean', 3, false, 0, [0.49, 0.74, 0.74]),
  kase('dirty', 3, false, 100, [0.98, 0.99, 0.99]),
  kase('write', 3, false, 20, [2.05, 2.29, 2.43]),
  kase('write', 6, false, 20, [4.51, 4.93, 5.01]),
  kase('clean', 3, true, 0, [1.49, 2.74, 3.24]),
  kase('dirty', 3, true, 100, [2.98, 5.48, 6.23]),
  kase('write', 3, true, 100, [5.75, 7.26, 7.88]),
  kase('write', 6, true, 100, [20.65, 21.66, 22.09]),
]

function kase(
  kind: Case['kind'],
  length: number,
  heavy: boolean,
  writesPerSecond: number,
  paper: Case['paper'],
): Case {
  const what = kind === 'write' ? `write, ${length} replicas` : `${kind} read`
  return { name: `${what}, ${heavy ? 'heavy load' : 'no load'}`, kind, length, heavy, writesPerSecond, paper }
}

export function craq9(options: FigureOptions): Figure {
  return {
    id: 'craq-9',
    title: 'Latency of clean reads, dirty reads and writes',
    source: `${CRAQ_SOURCE}, figure 9`,
    xLabel: 'percentile',
    yLabel: 'ms',
    how: 'simulated',
    conditions: `500 bytes; no load: one read or write at a time; heavy load: ${READS_PER_REPLICA} reads on the way for each replica; 20 to 100 writes/s where there must be some; ${options.costs.described}`,
    series: CASES.map((measured) => ({
      name: measured.name,
      ours: latencies(options, measured),
      paper: QUANTILES.map((percent, i): readonly [number, number] => [percent, measured.paper[i] ?? 0]),
    })),
    remarks: [
      'A dirty read is a clean one and a question to the tail, so it takes twice as long on an idle chain; on a busy one the question also waits in the queues of two servers, and in ours for the question before it.',
      'The paper’s idle latencies come in steps of 0.245 ms, as of a system that polls; ours have no steps.',
      'Writes pass every replica down and up. Under heavy load the paper’s grow from 5.75 to 20.65 ms between three and six replicas; ours grow with the number of queues only.',
    ],
  }
}

function latencies(options: FigureOptions, measured: Case): Points {
  const { kind, length, heavy, writesPerSecond } = measured
  const cluster = formedChain({ costs: options.costs, length, bytes: 500 })
  const seconds = heavy ? (options.quick ? 0.3 : 1) / Math.sqrt(pace(options.costs)) : options.quick ? 3 : 10
  const meter = new Meter({ fromUs: cluster.nowUs + 50_000, untilUs: cluster.nowUs + seconds * 1e6 })
  closedReads(cluster, {
    readers: 'any',
    outstanding: heavy ? READS_PER_REPLICA * length : 1,
    onDone: (outcome) => meter.add(outcome.asked ? 'dirty' : 'clean', outcome),
  })
  openWrites(cluster, {
    perSecond: writesPerSecond,
    bytes: 500,
    onDone: (outcome) => meter.add('write', outcome),
  })
  cluster.run(meter.untilUs - cluster.nowUs)
  return QUANTILES.map((percent): readonly [number, number] => [
    percent,
    rounded(meter.quantileMs(kind, percent / 100), 2),
  ])
}
