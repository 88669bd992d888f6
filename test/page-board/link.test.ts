import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Action, TimedAction } from '../../lab/page/board/action.ts'
import { decodeLink, encodeLink } from '../../lab/page/board/link.ts'
import { DEFAULT_OPTIONS } from '../../lab/page/board/options.ts'
import { parseScenario, scenarioText } from '../../lab/page/board/scenario-text.ts'
import { checkOptions } from '../../lab/page/board/validate.ts'

const node = fc.constantFrom('n1', 'n2', 'coordinator-1', 'client-1')
const key = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 8 })
const value = fc.string({ unit: 'grapheme-ascii', maxLength: 12 })
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ type: fc.constantFrom('crash', 'restart', 'pause', 'power-cut'), node }),
  fc.record({ type: fc.constant('cut'), from: node, to: node, both: fc.boolean() }),
  fc.record({
    type: fc.constant('message'),
    id: fc.integer({ min: 1, max: 1e6 }),
    do: fc.constantFrom('drop', 'hold'),
  }),
  fc.record({
    type: fc.constant('client'),
    client: fc.constant('client-1'),
    op: fc.record({ type: fc.constant('put'), key, value }),
  }),
) as fc.Arbitrary<Action>
const steps = fc.array(fc.tuple(fc.nat(5_000_000), fc.nat(100), action, fc.boolean()), { maxLength: 30 })

function timed(rows: readonly (readonly [number, number, Action, boolean])[]): TimedAction[] {
  let [atUs, after] = [0, 0]
  return rows.map(([us, events, what, counted]) => {
    atUs += us
    after += counted ? events : 0
    return counted ? { atMs: atUs / 1000, after, action: what } : { atMs: atUs / 1000, action: what }
  })
}

const seen = { verdict: { judgement: 'linearizable', violations: [] }, hash: 'abc' } as const
const verdict = { operations: 0, reason: null, culprits: [], order: [], ...seen.verdict }

describe('links and scenarios', () => {
  test('hold a run, whole', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 32 - 1), steps, (seed, rows) => {
        const actions = timed(rows)
        const recording = {
          options: { ...DEFAULT_OPTIONS, seed },
          actions,
          untilMs: (actions.at(-1)?.atMs ?? 0) + 1.5,
        }
        expect(decodeLink(encodeLink(recording))).toEqual(recording)
        expect(parseScenario(scenarioText(recording, { verdict, hash: 'abc' }))).toMatchObject(recording)
      }),
      { numRuns: 60 },
    )
  })

  test('garbage is told, and nothing is thrown', () => {
    const link = encodeLink({ options: DEFAULT_OPTIONS, actions: [], untilMs: 0 })
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.nat(60), (text, at) => {
        for (const broken of [text, `1.${text}`, link.slice(0, at), link.slice(0, at) + text]) {
          const said = decodeLink(broken)
          if ('error' in said) expect(said.error).toMatch(/\.$/)
        }
        expect(parseScenario(text)).toBeDefined()
        expect(parseScenario(`catenary scenario 1\n${text}`)).toBeDefined()
      }),
      { numRuns: 200 },
    )
  })

  test('absurd parameters are named', () => {
    const linkOf = (data: unknown) =>
      `1.${btoa(JSON.stringify(data)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`
    const errorOf = (data: unknown) => (decodeLink(linkOf(data)) as { error?: string }).error
    expect(errorOf([{ servers: 900 }, [], 0])).toBe(
      'This run cannot be shown: servers must be a whole number from 1 to 7.',
    )
    expect(errorOf([{ seed: 1, __proto__x: 2 }, [], 0])).toMatch(/no option/)
    expect(errorOf([{}, [[-5, null, { type: 'heal-all' }]], 0])).toMatch(/action 1: its time/)
    expect(errorOf([{}, [[5, 1, { type: 'crash', node: '../x' }]], 0])).toMatch(
      /action 1: node must name a process/,
    )
    expect(errorOf([{}, Array(5000).fill([1, 1, { type: 'heal-all' }]), 0])).toMatch(/too many/)
    expect(errorOf([{}, [], 1e15])).toMatch(/length of the run/)
    expect(errorOf({ a: 1 })).toMatch(/damaged/)
    expect(decodeLink('2.abc')).toMatchObject({ error: expect.stringMatching(/another version/) })
    expect(decodeLink(`1.${'A'.repeat(300_000)}`)).toMatchObject({ error: expect.stringMatching(/long/) })
    expect(checkOptions({ servers: 2, replicationFactor: 3 })).toHaveProperty('error')
    expect(checkOptions({ sessionTimeoutMs: 1000, latencyMs: 200 })).toHaveProperty('error')
    expect(parseScenario('catenary scenario 1\nuntil soon')).toHaveProperty('error')
  })
})
