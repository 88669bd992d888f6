import { type Costs, pace } from './cluster/costs.ts'

/** How a figure is made. */
export interface FigureOptions {
  /** Fewer points and shorter runs: the shapes hold, the numbers are coarser. */
  readonly quick: boolean
  readonly costs: Costs
}

export const CRAQ_SOURCE = 'Terrace and Freedman, Object Storage on CRAQ, USENIX ATC 2009'
export const CHAIN_SOURCE = 'van Renesse and Schneider, Chain Replication, OSDI 2004'

/** All, or where few will do, the first and the last and some between. */
export function points(options: FigureOptions, all: readonly number[]): readonly number[] {
  if (!options.quick || all.length <= 3) return all
  return all.filter((_, i) => i === 0 || i === all.length - 1 || i === Math.floor(all.length / 2))
}

/** The paper's rates, or as much higher ones as these machines are faster, to two digits. */
export function pacedRates(options: FigureOptions, rates: readonly number[]): readonly number[] {
  const times = pace(options.costs)
  return points(options, rates).map((rate) => (times === 1 ? rate : Number((rate * times).toPrecision(2))))
}

export const rounded = (value: number, digits = 0): number => Math.round(value * 10 ** digits) / 10 ** digits
