/** The papers' figures, simulated: the real cores in virtual time, or a small model where a figure is about something else than a protocol. */
import type { Figure } from '../compare/results.ts'
import { cr7 } from './chain-replication/placement.ts'
import { cr4 } from './chain-replication/single-chain.ts'
import { cr5, cr6 } from './chain-replication/volumes.ts'
import { type Costs, emulabCosts } from './cluster/costs.ts'
import { craq10, craq11, craq12 } from './craq/failure.ts'
import { craq9 } from './craq/latency.ts'
import { craq4, craq5, craq6, craq7, craq8 } from './craq/throughput.ts'
import { craq13 } from './craq/wide-area.ts'
import type { FigureOptions } from './figure-options.ts'

type Make = (options: FigureOptions) => Figure | readonly Figure[]

/** By id; `cr-4` and `craq-13` make several, whose ids begin with it. */
const FIGURES: Readonly<Record<string, Make>> = {
  'craq-4': craq4,
  'craq-5': craq5,
  'craq-6': craq6,
  'craq-7': craq7,
  'craq-8': craq8,
  'craq-9': craq9,
  'craq-10': craq10,
  'craq-11': craq11,
  'craq-12': craq12,
  'craq-13': craq13,
  'cr-4': cr4,
  'cr-5': cr5,
  'cr-6': cr6,
  'cr-7': cr7,
}

export const PAPER_FIGURES: readonly string[] = Object.keys(FIGURES)

export interface PaperFiguresOptions {
  /** Fewer points, shorter runs: seconds instead of a minute. Default: false. */
  readonly quick?: boolean
  /** Of CRAQ's figures. Default: the paper's machines. Chain Replication's figures always have that paper's own. */
  readonly costs?: Costs
  /** Ids from `PAPER_FIGURES`. Default: all. */
  readonly only?: readonly string[]
  /** Called before each figure is made. */
  readonly onProgress?: (progress: {
    readonly id: string
    readonly done: number
    readonly total: number
  }) => void
}

/**
 * Makes the figures one after the other; nothing happens between two of them unless the caller asks for the next. The same options give the same figures.
 *
 * @throws {RangeError} an id in `only` is none of `PAPER_FIGURES`.
 *
 * @example
 * for (const figure of paperFigures({ quick: true, only: ['craq-4'] })) print(figure)
 */
export function* paperFigures(options: PaperFiguresOptions = {}): Generator<Figure> {
  const ids = options.only ?? PAPER_FIGURES
  const makes = ids.map((id) => {
    const make = FIGURES[id]
    if (make === undefined) throw new RangeError(`no figure ${id}; there are ${PAPER_FIGURES.join(', ')}`)
    return make
  })
  for (const [i, make] of makes.entries()) {
    options.onProgress?.({ id: ids[i] ?? '', done: i, total: makes.length })
    const made = make({ quick: options.quick ?? false, costs: options.costs ?? emulabCosts })
    if ('id' in made) yield made
    else yield* made
  }
}
