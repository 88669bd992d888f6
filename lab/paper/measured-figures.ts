/** Figures of the CRAQ paper as this machine would draw them: the same simulations with the costs that a comparison has measured. */
import type { Figure, Results } from '../compare/results.ts'
import { measuredNumbers } from './calibrate.ts'
import { measuredCosts } from './cluster/costs.ts'
import { paperFigures } from './figures.ts'

/** Those in which the machine decides the numbers. */
const MEASURED_FIGURES = ['craq-4', 'craq-5', 'craq-6', 'craq-8', 'craq-9']

/**
 * Without the paper's points: its machines were others. Nothing where `results` do not tell what a read costs.
 *
 * @example
 * for (const figure of measuredFigures(results, false)) print(figure) // craq-4-here, craq-5-here...
 */
export function* measuredFigures(results: Results, quick: boolean): Generator<Figure> {
  const numbers = measuredNumbers(results)
  if (numbers.readUs === undefined) return
  for (const figure of paperFigures({ quick, costs: measuredCosts(numbers), only: MEASURED_FIGURES }))
    yield {
      ...figure,
      id: `${figure.id}-here`,
      title: `${figure.title}, with costs of this machine`,
      series: figure.series
        .filter(({ ours }) => ours.length > 0)
        .map((series) => ({ ...series, paper: null })),
    }
}
