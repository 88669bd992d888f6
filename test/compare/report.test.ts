import { describe, expect, test } from 'vitest'
import { findings } from '../../lab/compare/findings.ts'
import { goals, goalsText } from '../../lab/compare/goals.ts'
import { comparisonFiles } from '../../lab/compare/report/markdown.ts'
import { renderReport } from '../../lab/compare/report/render.ts'
import type { Results } from '../../lab/compare/results.ts'
import { contests, rivals, spreadOf } from '../../lab/compare/summary.ts'
import { headlineTables } from '../../lab/compare/table.ts'
import { fixtureResults } from './fixture.ts'

const results = fixtureResults()

/** The same made-up comparison, one system so many times as fast. */
function faster(system: string, times: number): Results {
  return {
    ...results,
    points: results.points.map((point) =>
      point.system !== system
        ? point
        : {
            ...point,
            runs: point.runs.map((run) => ({
              ...run,
              load: {
                ...run.load,
                perSecond: run.load.perSecond * times,
                all: { ...run.load.all, p50Us: run.load.all.p50Us / times },
              },
            })),
          },
    ),
  }
}

describe('what the numbers come to', () => {
  test('medians, with the least and the greatest', () => {
    expect(spreadOf([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5 })
    expect(spreadOf([4, 2])).toEqual({ median: 3, min: 2, max: 4 })
    expect(spreadOf([])).toBeNull()
  })

  test('linearizable reads are compared with linearizable reads', () => {
    const reads = contests(results).find(
      ({ workload, outstanding }) => workload === 'reads' && outstanding === 64,
    )
    const found = reads === undefined ? null : rivals(reads)
    expect(found?.ours.point.variant).toBe('any replica')
    expect(found?.others.map(({ level }) => level)).toEqual(['linearizable', 'linearizable'])
    expect(found?.others[0]?.point.system).toBe('etcd')
  })

  test('goals are said to be met or missed, with both numbers', () => {
    const found = goals(results)
    const at = (what: string, against: RegExp) =>
      found.find((goal) => goal.what === what && against.test(goal.against))
    expect(at('Reads, 64 outstanding', /^etcd/)).toMatchObject({ goal: '≥ 20×', met: false })
    expect(at('Reads, 64 outstanding', /^etcd/)?.measured).toMatch(/^8\.\d+×$/)
    expect(at('Reads, 64 outstanding', /^Bare/)).toMatchObject({ goal: '≥ 0.6', met: true })
    expect(at('Reads, 64 outstanding', /^Bare/)?.numbers).toMatch(/^\d+k\/s : \d+k\/s$/)
    expect(at('One read at a time', /^etcd/)).toMatchObject({ goal: '≤ 1×', met: true })
    expect(at('Reads of 7 replicas, equal CPU each', /one/)).toMatchObject({ goal: '≥ 6.8×' })
    const met = found.filter((goal) => goal.met).length
    expect(goalsText(found)).toBe(`${met} of ${found.length} goals met`)
    expect(goals(faster('catenary-craq', 20)).filter((goal) => goal.met).length).toBeGreaterThan(met)
  })

  test('a peer without replicas is spoken of last', () => {
    const lonely = {
      ...faster('etcd', 50),
      systems: results.systems.map((system) => (system.id === 'etcd' ? { ...system, replicas: 1 } : system)),
    }
    const signs = findings(lonely).map(({ sign, text }) => [sign, text.includes('without any copy')])
    expect(signs[0]).toEqual(['ours', false])
    expect(signs.at(-1)).toEqual(['note', true])
    const deaths = findings(results).find(({ text }) => text.includes('standstill after a kill of'))?.text
    expect(deaths).toContain('the head (reads: no pause, writes: 1.90 s)')
  })

  test('sentences follow the data: who is ahead, and where nobody is', () => {
    const first = (of: Results) => findings(of)[0]
    expect(first(results)).toMatchObject({ sign: 'ours' })
    expect(first(results)?.text).toMatch(
      /^Linearizable reads, 64 outstanding: Catenary has 8\.\d+× the rate of its best peer, etcd/,
    )
    expect(first(faster('etcd', 50))).toMatchObject({ sign: 'theirs' })
    expect(first(faster('etcd', 50))?.text).toMatch(
      /etcd, linearizable .ReadIndex. has 6\.\d+× the rate of Catenary/,
    )
    const near = first(faster('etcd', 8.1))
    expect(near).toMatchObject({ sign: 'note' })
    expect(near?.text).toMatch(/cannot be told apart .*the rounds overlap/)
  })

  test('the table of a terminal has ratios, spreads and goals', () => {
    const text = headlineTables(results)
    expect(text).toMatch(/etcd, linearizable .ReadIndex..*linearizable.*k\/s \(.* … .*\).*µs.*8\.\d+× better/)
    expect(text).toMatch(/goals met\n/)
    expect(text).toMatch(/Reads, 64 outstanding.*etcd.*k\/s : .*k\/s.*8\.\d+× .*≥ 20×.*MISSED/)
  })
})

describe('files', () => {
  test('an interrupted run, or an empty one, still makes a report', () => {
    expect(renderReport({ ...results, ended: null })).toContain('<b>Interrupted.</b>')
    const empty = renderReport({ ...results, points: [], figures: [], systems: [], problems: [] })
    expect(empty).toContain('Nothing was measured that could be compared')
    expect(empty).not.toMatch(/NaN|undefined|Infinity/)
  })

  test('what systems say of themselves cannot become markup', () => {
    const evil = '<img src=x onerror=alert(1)></script><script>'
    const [system, ...others] = results.systems
    if (system === undefined) throw new Error('the fixture is empty')
    const html = renderReport({
      ...results,
      systems: [{ ...system, title: evil, flags: [evil] }, ...others],
      problems: [{ system: evil, what: evil }],
    })
    expect(html).not.toContain('<img')
    expect(html.match(/<script/g)).toHaveLength(2)
  })

  test('COMPARISON.md shows each picture that is written, and pictures bring their styles', () => {
    const [page, ...pictures] = comparisonFiles(results)
    expect(page?.path).toBe('COMPARISON.md')
    expect(pictures.length).toBeGreaterThan(12)
    for (const { path, text } of pictures) {
      expect(page?.text).toContain(`src="${path}"`)
      expect(text).toMatch(
        /^<svg class="chart" xmlns="http:\/\/www\.w3\.org\/2000\/svg"[^>]*><style>.*prefers-color-scheme:dark/,
      )
      expect(text).not.toMatch(/NaN|undefined|Infinity/)
    }
    expect(new Set(pictures.map(({ path }) => path)).size).toBe(pictures.length)
    expect(page?.text).not.toMatch(/NaN|undefined|Infinity/)
  })
})
