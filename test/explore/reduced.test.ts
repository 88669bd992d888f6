import { expect, test } from 'vitest'
import { ChainModel } from '../../lab/explore/chain/model.ts'
import type { ChainScope } from '../../lab/explore/chain/scope.ts'
import { WRONG_CHAINS } from '../../lab/explore/chain/wrong.ts'
import type { Model } from '../../lab/explore/search.ts'
import { explored, violationsOf } from './explored.ts'

const BUSY = { timeout: 300_000 }

/** The same model, in which every state is visited for itself. */
const inFull = (model: Model): Model => ({
  width: model.width,
  initial: () => model.initial(),
  expand: (state, visitor) => model.expand(state, visitor),
  check: (state) => model.check(state),
  take: (state, action) => model.take(state, action),
  describe: (state, action) => model.describe(state, action),
})

/** For each wrong store a scope that is small enough to be visited to the end, with all that breaks in it. */
const SMALLER: readonly [name: string, scope: Partial<ChainScope>][] = [
  ['lease-never-ends', { members: 2, holds: 1 }],
  ['session-before-lease', { members: 2, holds: 1 }],
  ['disk-lies', { members: 2, holds: 2 }],
  ['own-durable-only', { members: 2, holds: 2 }],
  ['upstream-durable-forgotten', { members: 3, holds: 1 }],
  ['newcomer-serves-at-once', { members: 2, holds: 1 }],
  ['last-serving-dropped', { members: 1, holds: 1 }],
]

test.each(SMALLER)(
  'with %s, the covered states break nothing that the others do not',
  BUSY,
  (name, scope) => {
    const wrong = WRONG_CHAINS[name]
    const model = () => new ChainModel({ ...wrong?.scope, ...scope }, wrong?.faults)

    const [full, reduced] = [violationsOf(inFull(model())), violationsOf(model())]

    expect([...reduced.messages].sort()).toEqual([...full.messages].sort())
    expect(full.messages.size).toBeGreaterThan(0)
    expect(reduced.states).toBeLessThanOrEqual(full.states)
  },
)

/** Too large to be visited to the end: here the first thing that breaks is compared. */
const FIRST = ['tail-without-lease', 'handoff-to-commit', 'served-without-handoff']
test.each(FIRST)('with %s, the verdict is the same', BUSY, (name) => {
  const wrong = WRONG_CHAINS[name]
  const model = () => new ChainModel(wrong?.scope, wrong?.faults)

  const [full, reduced] = [explored(inFull(model())), explored(model())]

  expect(full.violation).not.toBeNull()
  expect(reduced.violation?.message).toBe(full.violation?.message)
})

/** What is right stays right, and covered states are really left out. */
test.each<[what: string, scope: Partial<ChainScope>]>([
  ['reads and a join, in order', { members: 2, writes: 0, reads: 2, crashes: 0, joins: 1, holds: 0 }],
  ['a join, one thing held up', { members: 2, writes: 1, reads: 0, crashes: 0, joins: 1, holds: 1 }],
  ['two writes and a read, every order', { members: 2, writes: 2, reads: 1, crashes: 0, joins: 0 }],
])('%s: the same verdict from fewer states', BUSY, (_, scope) => {
  const [full, reduced] = [violationsOf(inFull(new ChainModel(scope))), violationsOf(new ChainModel(scope))]

  expect([...full.messages, ...reduced.messages]).toEqual([])
  expect(reduced.states).toBeLessThan(full.states)
})
