import { expect, test } from 'vitest'
import { ChainModel } from '../../lab/explore/chain/model.ts'
import { WRONG_CHAINS } from '../../lab/explore/chain/wrong.ts'
import { RaftModel } from '../../lab/explore/raft/model.ts'
import { WRONG_RAFTS } from '../../lab/explore/raft/wrong.ts'
import { explored, traceOf } from './explored.ts'

/** Seconds on a machine of its own; this is a bound for a busy one. */
const BUSY = { timeout: 300_000 }

const CHAIN: readonly [name: string, message: RegExp][] = [
  ['lease-never-ends', /not linearizable/],
  ['tail-without-lease', /not linearizable/],
  ['session-before-lease', /not linearizable/],
  ['disk-lies', /AckAfterDurable/],
  ['own-durable-only', /AckAfterDurable/],
  ['upstream-durable-forgotten', /not linearizable/],
  ['handoff-to-commit', /not linearizable/],
  ['newcomer-serves-at-once', /not linearizable/],
  ['served-without-handoff', /not linearizable/],
  ['last-serving-dropped', /not linearizable/],
]

test.each(CHAIN)('a chain with %s is found out', BUSY, (name, message) => {
  const wrong = WRONG_CHAINS[name]

  const search = explored(new ChainModel(wrong?.scope, wrong?.faults), { statesMax: 2_000_000 })

  expect(search.violation?.message).toMatch(message)
  expect(search.violation?.steps.length).toBeGreaterThan(2)
  expect(traceOf(search)).toMatch(/<=[\s\S]*->/) // who heard what, and what they said then
})

const RAFT: readonly [name: string, message: RegExp][] = [
  ['votes-twice', /ElectionSafety/],
  ['vote-forgotten', /ElectionSafety/],
  ['impatient', /AckAfterDurable|ElectionSafety|LeaderCompleteness/],
  ['disk-lies', /AckAfterDurable/],
  ['counts-too-much', /LogMatching|AckAfterDurable|StateMachineSafety/],
]

test.each(RAFT)('an ensemble with %s is found out', BUSY, (name, message) => {
  const wrong = WRONG_RAFTS[name]

  const search = explored(new RaftModel(wrong?.scope, wrong?.faults), { statesMax: 2_000_000 })

  expect(search.violation?.message).toMatch(message)
  expect(search.violation?.steps.length).toBeGreaterThan(2)
  expect(traceOf(search)).toMatch(/<=[\s\S]*->/) // who heard what, and what they said then
})
