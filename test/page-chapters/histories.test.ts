import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { check } from '../../lab/checker/check.ts'
import { readHistory } from '../../lab/checker/formats/read-history.ts'
import { LINEARIZABILITY } from '../../lab/page/chapters/14-linearizability.ts'

const EXAMPLES = join(import.meta.dirname, '..', '..', 'docs', 'examples')
const FILES = [
  'lecture-1-linearizable.ndjson',
  'lecture-2-cycle.ndjson',
  'lecture-3-linearizable.ndjson',
  'lecture-4-two-orders.ndjson',
]

const histories = LINEARIZABILITY.scenarios.map((scenario, i) => ({ scenario, file: FILES[i] ?? '' }))

describe.each(histories)('$scenario.title', ({ scenario, file }) => {
  if (scenario.kind !== 'history') throw new Error('not a history')
  const { operations, model, initial } = readHistory(scenario.ndjson)

  test('is the one in docs/examples', () => {
    const example = readHistory(readFileSync(join(EXAMPLES, file), 'utf8'))
    expect(new Set(operations)).toEqual(new Set(example.operations))
  })

  test('the judge says what the chapter says', () => {
    expect(check(operations, { model: model ?? 'register', initial }).judgement).toBe(scenario.expect)
  })
})

/** History 1 or 2 with other times for one of its operations. */
function changed(number: 1 | 2, op: number, call: number, end: number) {
  const scenario = LINEARIZABILITY.scenarios[number - 1]
  if (scenario?.kind !== 'history') throw new Error('not a history')
  const { operations, model, initial } = readHistory(scenario.ndjson)
  const moved = operations.map((each) =>
    each.id === op ? { ...each, process: 'C3', call, return: end } : each,
  )
  return check(moved, { model: model ?? 'register', initial }).judgement
}

test('what the chapter suggests to try', () => {
  expect(changed(2, 3, 9, 18)).toBe('linearizable')
  expect(changed(1, 3, 13, 18)).toBe('not-linearizable')
})
