import { describe, expect, test } from 'vitest'
import { ChainModel } from '../../lab/explore/chain/model.ts'
import type { ChainScope } from '../../lab/explore/chain/scope.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { explored, firstDifference, traceOf, unmerged } from './explored.ts'

/** Seconds on a machine of its own; this is a bound for a busy one. */
const BUSY = { timeout: 300_000 }
const NOTHING: Partial<ChainScope> = { writes: 0, reads: 0, crashes: 0, joins: 0 }

/** Every order, to the end. What is not named does not happen. */
test.each<[what: string, scope: Partial<ChainScope>, states: number]>([
  ['two writes and a read (CRAQ §2.3)', { writes: 2, reads: 1 }, 5_000],
  ['a write and a crash', { writes: 1, crashes: 1 }, 5_000],
  [
    'a read, a write and a server that is cut off (DESIGN section 5)',
    { writes: 1, reads: 1, lapses: 1 },
    15_000,
  ],
  ['a join', { joins: 1 }, 10_000],
  ['a write and a server that restarts', { members: 2, writes: 1, crashes: 1, restarts: 1 }, 5_000],
])('every order of %s', BUSY, (_, scope, states) => {
  const search = explored(new ChainModel({ ...NOTHING, ...scope }))
  expect(traceOf(search)).toBe('')
  expect(search.frontier).toBe(0)
  expect(search.states).toBeGreaterThan(states)
})

/** Requests and faults at every moment; in between, one order, in which some things may be held up. */
test.each<[what: string, scope: Partial<ChainScope>, states: number]>([
  [
    'a write, a read, a crash and a join',
    { members: 2, writes: 1, reads: 1, crashes: 1, joins: 1, holds: 0 },
    15_000,
  ],
  [
    'a write and a join by snapshot, one thing held up',
    { writes: 1, joins: 1, snapshots: true, holds: 1 },
    10_000,
  ],
])('%s, in order', BUSY, (_, scope, states) => {
  const search = explored(new ChainModel({ ...NOTHING, ...scope }))
  expect(traceOf(search)).toBe('')
  expect(search.frontier).toBe(0)
  expect(search.states).toBeGreaterThan(states)
})

test('two writes, a read, a crash and a join: every order, to a depth', () => {
  const search = explored(new ChainModel(), { depthMax: 9 })
  expect(traceOf(search)).toBe('')
  expect(search.completeDepth).toBe(9)
  expect(search.states).toBeGreaterThan(10_000)
})

describe('what is merged', () => {
  test('behaves as if it were not: a history is as good as another with the same text', () => {
    for (const scope of [{}, { lapses: 1, restarts: 2, hasty: 2 }, { snapshots: true, restarts: 1 }]) {
      const [a, b] = [new ChainModel(scope), new ChainModel(scope, {}, unmerged)]
      const options = { walks: 20, steps: 150, dice: new Rng(7) }
      expect(firstDifference(a, b, options)).toBeNull()
    }
  })

  test('is the same in every run', () => {
    const [a, b] = [0, 0].map(() => explored(new ChainModel({ ...NOTHING, writes: 1, crashes: 1 })))
    expect([a?.states, a?.transitions, a?.completeDepth]).toEqual([
      b?.states,
      b?.transitions,
      b?.completeDepth,
    ])
  })
})
