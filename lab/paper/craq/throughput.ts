/** CRAQ's figures 4 to 8: how many reads, and what writes cost them. */
import type { Figure } from '../../compare/results.ts'
import { type Costs, pace } from '../cluster/costs.ts'
import { closedWrites, type Readers, testAndSets } from '../cluster/load.ts'
import { Meter } from '../cluster/meter.ts'
import { CRAQ_SOURCE, type FigureOptions, pacedRates, rounded } from '../figure-options.ts'
import { formedChain, measureChain, READS_PER_REPLICA } from './chain-load.ts'

const SMALL = 500
const LARGE = 5000
const LENGTHS = [3, 5, 7]

/** The paper's medians (its figures 4 and 5). */
const PAPER_READS: readonly (readonly [number, number])[] = [
  [3, 59_882],
  [5, 99_466],
  [7, 138_833],
]
const PAPER_CHAIN_READS: readonly (readonly [number, number])[] = [[3, 20_552]]

function readRate(options: FigureOptions, length: number, readers: Readers): number {
  return measureChain({
    costs: options.costs,
    length,
    readers,
    reads: READS_PER_REPLICA * length,
    writesPerSecond: 0,
    bytes: SMALL,
    measureMs: options.quick ? 100 : 500,
  }).perSecond('read')
}

const readRates = (options: FigureOptions, readers: Readers) =>
  LENGTHS.map((length): readonly [number, number] => [length, rounded(readRate(options, length, readers))])

export function craq4(options: FigureOptions): Figure {
  const craq = readRates(options, 'any')
  const chain = readRates(options, 'tail')
  const ratios = craq.map(([length, rate], i) => `${length}: ${rounded(rate / (chain[i]?.[1] ?? 1), 2)}`)
  return {
    id: 'craq-4',
    title: 'Reads of one object, by length of the chain',
    source: `${CRAQ_SOURCE}, figure 4`,
    xLabel: 'replicas',
    yLabel: 'reads/s',
    how: 'simulated',
    conditions: `500 bytes, no writes, ${READS_PER_REPLICA} reads on the way for each replica; ${options.costs.described}`,
    series: [
      { name: 'CRAQ, any replica', ours: craq, paper: PAPER_READS },
      { name: 'chain, tail', ours: chain, paper: PAPER_CHAIN_READS },
    ],
    remarks: [
      `Times the rate of the tail alone: ${ratios.join(', ')}; the paper has 2.9, 4.8 and 6.8.`,
      'A clean read costs one replica and nobody else, so the rate is the number of replicas times that of one; what is missing is the chance by which replicas run idle while reads, which choose at random, wait elsewhere.',
    ],
  }
}

const PAPER_WRITES: readonly (readonly [number, number])[] = [
  [3, 5514],
  [5, 4999],
  [7, 4538],
]
const PAPER_TEST_AND_SETS: readonly (readonly [number, number])[] = [
  [3, 776],
  [5, 427],
  [7, 308],
]

function writeRate(
  options: FigureOptions,
  length: number,
  load: (meter: Meter, cluster: ReturnType<typeof formedChain>) => void,
): number {
  const cluster = formedChain({ costs: options.costs, length, bytes: SMALL })
  const measureUs = (options.quick ? 200_000 : 1_000_000) / Math.sqrt(pace(options.costs))
  const fromUs = cluster.nowUs + measureUs / 5
  const meter = new Meter({ fromUs, untilUs: fromUs + measureUs })
  load(meter, cluster)
  cluster.run(meter.untilUs - cluster.nowUs)
  return rounded(meter.perSecond('write'))
}

export function craq5(options: FigureOptions): Figure {
  const outstanding = Math.round(60 * pace(options.costs))
  const writes = LENGTHS.map((length): readonly [number, number] => [
    length,
    writeRate(options, length, (meter, cluster) =>
      closedWrites(cluster, {
        outstanding,
        bytes: SMALL,
        onDone: (outcome) => meter.add('write', outcome),
      }),
    ),
  ])
  const sets = LENGTHS.map((length): readonly [number, number] => [
    length,
    writeRate(options, length, (meter, cluster) =>
      testAndSets(cluster, { bytes: SMALL, onDone: (outcome) => meter.add('write', outcome) }),
    ),
  ])
  return {
    id: 'craq-5',
    title: 'Reads, writes and test-and-set of one object, each alone',
    source: `${CRAQ_SOURCE}, figure 5`,
    xLabel: 'replicas',
    yLabel: 'operations/s',
    how: 'simulated',
    conditions: `500 bytes; ${outstanding} writes on the way, one test-and-set at a time; ${options.costs.described}`,
    series: [
      { name: 'reads, CRAQ', ours: readRates(options, 'any'), paper: PAPER_READS },
      { name: 'reads, chain', ours: readRates(options, 'tail'), paper: PAPER_CHAIN_READS },
      { name: 'writes', ours: writes, paper: PAPER_WRITES },
      { name: 'test-and-set', ours: sets, paper: PAPER_TEST_AND_SETS },
    ],
    remarks: [
      'Writes are pipelined, so the busiest server sets their rate, the head, whatever the length. The paper loses 9% for every two replicas more; servers that do more for a write the longer their chain is have no place in our prices.',
      'A test-and-set needs the version that the last one made, so its rate is one over the latency of a write. The paper’s 776/s for three replicas would be 1.29 ms each, less than the 2.05 ms of its own figure 9.',
      'Departs: the paper refuses a test-and-set while the object is dirty; ours is decided at the head against the newest version, dirty or not. One at a time, that makes no difference.',
    ],
  }
}

type Points = readonly (readonly [number, number])[]

/** What of the first point is missing at the last. */
const lost = (line: Points): string =>
  `${rounded(100 - (100 * (line.at(-1)?.[1] ?? 0)) / (line[0]?.[1] ?? 1), 1)}%`

interface UnderWrites {
  readonly id: string
  readonly figure: string
  readonly bytes: number
  readonly rates: readonly number[]
  readonly paperCraq: Points
  readonly paperChain: Points
  readonly remarks: readonly string[]
}

function underWrites(options: FigureOptions, what: UnderWrites): Figure {
  const rates = pacedRates(options, what.rates)
  const run = (readers: Readers, questions: Costs['questions']) =>
    rates.map((writesPerSecond): readonly [number, number] => {
      const meter = measureChain({
        costs: { ...options.costs, questions },
        length: 3,
        readers,
        reads: READS_PER_REPLICA * 3,
        writesPerSecond,
        bytes: what.bytes,
        measureMs: options.quick ? 200 : what.bytes > SMALL ? 2000 : 600,
      })
      return [writesPerSecond, rounded(meter.perSecond('read'))]
    })
  const [shared, each, chain] = [run('any', 'shared'), run('any', 'each'), run('tail', 'shared')]
  return {
    id: what.id,
    title: `Reads of one object of ${what.bytes} bytes while it is written, three replicas`,
    source: `${CRAQ_SOURCE}, figure ${what.figure}`,
    xLabel: 'writes/s',
    yLabel: 'reads/s',
    how: 'simulated',
    conditions: `${READS_PER_REPLICA * 3} reads on the way, writes at random moments; ${options.costs.described}`,
    series: [
      { name: 'CRAQ', ours: shared, paper: null },
      { name: 'CRAQ, a question for each read', ours: each, paper: what.paperCraq },
      { name: 'chain, tail', ours: chain, paper: what.paperChain },
    ],
    remarks: [
      `At the highest rate ours has lost ${lost(shared)} of its reads (${lost(each)} with a question for each), chain replication ${lost(chain)}; the paper ${lost(what.paperCraq)} and ${lost(what.paperChain)}.`,
      ONE_QUESTION,
      ...what.remarks,
    ],
  }
}

const ONE_QUESTION =
  'The paper’s replicas ask the tail once for each dirty read; ours ask once for all reads that wait. Both are drawn: the same protocol runs in both, but in the second each read pays for its own question, at the asker and at the tail.'

export const craq6 = (options: FigureOptions): Figure =>
  underWrites(options, {
    id: 'craq-6',
    figure: '6',
    bytes: SMALL,
    rates: [0, 25, 50, 100, 150, 200, 250],
    paperCraq: [
      [0, 59_882],
      [250, 39_873],
    ],
    paperChain: [
      [0, 20_552],
      [250, 20_430],
    ],
    remarks: [
      'A dirty read is on the way for longer, and readers in a closed loop then ask less; the tail’s card also carries the answers. Chain replication’s tail never asks, so writes take from it only what they cost.',
    ],
  })

export const craq7 = (options: FigureOptions): Figure =>
  underWrites(options, {
    id: 'craq-7',
    figure: '7',
    bytes: LARGE,
    rates: [0, 10, 25, 50, 75, 100],
    paperCraq: [
      [0, 6808],
      [100, 4416],
    ],
    paperChain: [
      [0, 2275],
      [100, 2259],
    ],
    remarks: [
      'On the paper’s machines the card is the limit for large values, and questions are a hundredth of its bytes, so ours loses little. The paper loses the same third as with small values: as if each reader had only a few reads on the way and a dirty one took it twice as long (its figure 9), whatever the size.',
    ],
  })

/** Writes a second at which the paper’s two numbers are drawn. */
const PAPER_SATURATED = 250

export function craq8(options: FigureOptions): Figure {
  const rates = pacedRates(options, [0, 25, 50, 100, 250, 500, 1000, 2000])
  const run = (questions: Costs['questions']) => {
    const meters = rates.map((writesPerSecond) =>
      measureChain({
        costs: { ...options.costs, questions },
        length: 3,
        readers: 'any',
        reads: READS_PER_REPLICA * 3,
        writesPerSecond,
        bytes: SMALL,
        measureMs: options.quick ? 200 : 600,
      }),
    )
    const readOnly = meters[0]?.perSecond('read') ?? 1
    return (kind: string) =>
      meters.map((meter, i): readonly [number, number] => [
        rates[i] ?? 0,
        rounded((100 * meter.perSecond(kind)) / readOnly, 1),
      ])
  }
  const [shared, each] = [run('shared'), run('each')]
  const sumAt = (of: typeof each): string => {
    const at = (kind: string) => of(kind).find(([rate]) => rate === PAPER_SATURATED)?.[1]
    const [clean, dirty] = [at('clean'), at('dirty')]
    return clean === undefined || dirty === undefined ? 'no point' : `${rounded(clean + dirty, 1)}%`
  }
  return {
    id: 'craq-8',
    title: 'Clean and dirty reads while the object is written, three replicas',
    source: `${CRAQ_SOURCE}, figure 8`,
    xLabel: 'writes/s',
    yLabel: '% of the read-only rate',
    how: 'simulated',
    conditions: `500 bytes, ${READS_PER_REPLICA * 3} reads on the way; ${options.costs.described}`,
    series: [
      { name: 'clean', ours: shared('clean'), paper: null },
      { name: 'dirty', ours: shared('dirty'), paper: null },
      { name: 'clean, a question for each read', ours: each('clean'), paper: [[PAPER_SATURATED, 25.4]] },
      { name: 'dirty, a question for each read', ours: each('dirty'), paper: [[PAPER_SATURATED, 42.3]] },
    ],
    remarks: [
      `The paper’s numbers are for a chain saturated with writes. We set them at ${PAPER_SATURATED}/s, where its figure 6 ends, since their sum, 67.7%, is what that figure has left there (66.6%). Ours with a question for each read has ${sumAt(each)} there.`,
      'Of the sum, less is dirty in ours. Our replicas learn from each answer of the tail what is committed, and are clean again before the ack has come, so a write leaves them dirty for a shorter time. With ever more writes the shares go where the paper’s are.',
      'Reads of the tail, a third of those asked, are clean however much is written. At the highest rates writes also take CPU time from reads.',
      ONE_QUESTION,
    ],
  }
}
