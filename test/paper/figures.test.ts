import { describe, expect, test } from 'vitest'
import type { Figure } from '../../lab/compare/results.ts'
import { emulabCosts } from '../../lab/paper/cluster/costs.ts'
import { figureText } from '../../lab/paper/figure-text.ts'
import { PAPER_FIGURES, paperFigures } from '../../lab/paper/figures.ts'

const make = (...only: string[]): readonly Figure[] => [
  ...paperFigures({ quick: true, costs: emulabCosts, only }),
]

function seriesOf(figure: Figure | undefined, name: string) {
  const found = figure?.series.find((series) => series.name === name)
  if (found === undefined) throw new Error(`${figure?.id} has no series ${name}`)
  return found.ours
}

const last = (line: readonly (readonly [number, number])[]) => line.at(-1)?.[1] ?? Number.NaN
const first = (line: readonly (readonly [number, number])[]) => line[0]?.[1] ?? Number.NaN

describe('CRAQ’s figures', () => {
  test('6: writes cost reads of CRAQ a part, and chain replication next to nothing; CRAQ stays far ahead', () => {
    const [figure] = make('craq-6')
    const craq = seriesOf(figure, 'CRAQ')
    const each = seriesOf(figure, 'CRAQ, a question for each read')
    const chain = seriesOf(figure, 'chain, tail')
    expect(last(craq)).toBeLessThan(0.95 * first(craq))
    expect(last(each)).toBeLessThan(last(craq))
    expect(last(chain)).toBeGreaterThan(0.99 * first(chain))
    expect(last(each)).toBeGreaterThan(1.5 * last(chain))
  })

  test('8: dirty reads take over as writes rise', () => {
    const [figure] = make('craq-8')
    const [clean, dirty] = [seriesOf(figure, 'clean'), seriesOf(figure, 'dirty')]
    expect(first(dirty)).toBe(0)
    expect(last(clean)).toBeLessThan(0.5 * first(clean))
    expect(last(dirty)).toBeGreaterThan(20)
  })

  test('9: a dirty read takes about twice as long as a clean one, a write grows with the chain', () => {
    const [figure] = make('craq-9')
    const median = (name: string) => first(seriesOf(figure, name))
    const clean = median('clean read, no load')
    expect(median('dirty read, no load') / clean).toBeGreaterThan(1.7)
    expect(median('dirty read, no load') / clean).toBeLessThan(2.3)
    expect(median('write, 6 replicas, no load') / median('write, 3 replicas, no load')).toBeGreaterThan(1.8)
    expect(median('clean read, heavy load')).toBeGreaterThan(2 * clean)
  })

  test('10: a third of the reads of three is missing while a server is away', () => {
    const [figure] = make('craq-10')
    const at = new Map(seriesOf(figure, 'CRAQ-3'))
    expect(at.get(19)).toBeGreaterThan(62)
    expect(at.get(19)).toBeLessThan(72)
    expect(at.get(25)).toBeGreaterThan(95)
  })

  test('12: writes wait for the dead server to be dropped, and not longer', () => {
    const [figure] = make('craq-12')
    const slowest = seriesOf(figure, 'slowest write')
    expect(Math.max(...slowest.map(([, ms]) => ms))).toBeLessThan(2100)
    expect(Math.max(...slowest.map(([, ms]) => ms))).toBeGreaterThan(1500)
    expect(last(slowest)).toBeLessThan(5)
  })

  test('13: far from the tail clean reads are local, and with enough writes none is', () => {
    const [latency, local] = make('craq-13')
    expect(first(seriesOf(latency, 'CRAQ'))).toBeLessThan(1)
    expect(last(seriesOf(latency, 'CRAQ, one reader alone'))).toBeGreaterThan(78)
    expect(first(seriesOf(latency, 'chain'))).toBeGreaterThan(78)
    expect([first(seriesOf(local, 'CRAQ')), last(seriesOf(local, 'CRAQ'))]).toEqual([100, 0])
  })
})

describe('the list of figures', () => {
  test('an unknown figure is refused, naming those that there are', () => {
    expect(() => make('craq-99')).toThrow(/no figure craq-99; there are craq-4/)
    expect(PAPER_FIGURES).toContain('cr-7')
  })

  test('the same options give the same figure, which reads as a table', () => {
    const [once, again] = [make('craq-13'), make('craq-13')]
    expect(once).toEqual(again)
    const [figure] = make('craq-4')
    const text = figure === undefined ? '' : figureText(figure)
    expect(text).toContain('CRAQ, any replica (paper)')
    expect(text).toMatch(/\b7 +1[34]\d{4} +138833\b/)
  })
})
