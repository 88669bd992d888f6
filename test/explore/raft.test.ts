import { expect, test } from 'vitest'
import { RaftModel, type RaftScope } from '../../lab/explore/raft/model.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { explored, firstDifference, traceOf, unmerged } from './explored.ts'

const NOTHING: Partial<RaftScope> = { entries: 0, crashes: 0, campaigns: 1 }

/** Every order, to the end. What is not named does not happen. */
test.each<[what: string, scope: Partial<RaftScope>, states: number]>([
  ['two entries (Raft §5.3)', { entries: 2 }, 20_000],
  ['an entry and a crash', { entries: 1, crashes: 1 }, 20_000],
  ['two elections (Raft §5.2)', { campaigns: 2 }, 100_000],
  ['an election, messages that overtake each other and a crash', { network: 'any', crashes: 1 }, 2_000],
])('every order of %s', (_, scope, states) => {
  const search = explored(new RaftModel({ ...NOTHING, ...scope }))
  expect(traceOf(search)).toBe('')
  expect(search.frontier).toBe(0)
  expect(search.states).toBeGreaterThan(states)
})

test('two entries, a crash and two elections: every order, to a depth', () => {
  const search = explored(new RaftModel(), { depthMax: 12 })
  expect(traceOf(search)).toBe('')
  expect(search.completeDepth).toBe(12)
  expect(search.states).toBeGreaterThan(5_000)
})

test('what is merged behaves as if it were not', () => {
  const scope: Partial<RaftScope> = { entries: 3, crashes: 3, campaigns: 6, heartbeats: 6 }
  const [a, b] = [new RaftModel(scope), new RaftModel(scope, {}, unmerged)]
  expect(firstDifference(a, b, { walks: 25, steps: 200, dice: new Rng(7) })).toBeNull()
})
