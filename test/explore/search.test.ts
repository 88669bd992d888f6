import { describe, expect, test } from 'vitest'
import { canonicalText } from '../../lab/explore/canonical.ts'
import { Queues } from '../../lab/explore/queues.ts'
import type { Model, Visitor } from '../../lab/explore/search.ts'
import { Visited } from '../../lab/explore/visited.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { explored } from './explored.ts'

/** Jugs of 3 and of 5 litres. */
const jugs = (wanted: number): Model => ({
  width: 2,
  initial: () => Int32Array.of(0, 0),
  expand: ([a = 0, b = 0]: Int32Array, visitor: Visitor) => {
    const [down, up] = [Math.min(a, 5 - b), Math.min(b, 3 - a)]
    const nexts = [
      [3, b],
      [a, 5],
      [0, b],
      [a, 0],
      [a - down, b + down],
      [a + up, b - up],
    ]
    for (const [action, next] of nexts.entries()) visitor.next(action, Int32Array.from(next))
  },
  check: ([, b]) => (b === wanted ? { message: `the jug holds ${b}`, after: [] } : null),
  take: (state) => state,
  describe: (_, action) => [`action ${action}`],
})

describe('the search', () => {
  test('visits every state once, and says that nothing is left', () => {
    const search = explored(jugs(9))
    expect(search).toMatchObject({ states: 16, transitions: 96, frontier: 0, violation: null })
    expect(explored(jugs(9))).toMatchObject({ states: 16, completeDepth: search.completeDepth })
  })

  test('finds a shortest way', () => {
    const { violation } = explored(jugs(4))
    expect(violation?.message).toBe('the jug holds 4')
    expect(violation?.steps).toHaveLength(6)
  })

  test('says how deep it is complete, and what it left', () => {
    const search = explored(jugs(9), { depthMax: 3 })
    expect(search.completeDepth).toBe(3)
    expect(search.frontier).toBeGreaterThan(0)
    expect(search.states).toBeLessThan(16)
  })

  test('takes a broken step for what it is', () => {
    const model: Model = {
      ...jugs(9),
      expand: (state, visitor) =>
        state[0] === 3 ? visitor.violation(7, 'it breaks') : visitor.next(1, Int32Array.of(3, 0)),
    }
    expect(explored(model).violation).toEqual({ message: 'it breaks', steps: [['action 1'], ['action 7']] })
  })
})

test('states that were seen are known again, among many', () => {
  const [visited, known, rng] = [new Visited(), new Set<string>(), new Rng(1)]
  let wrong = 0
  for (let i = 0; i < 100_000; i++) {
    const state = Int32Array.from({ length: 6 }, () => rng.below(9))
    if (visited.add(state) === known.has(state.join())) wrong++
    known.add(state.join())
  }
  expect(wrong).toBe(0)
  expect(visited.size).toBe(known.size)
  expect(visited.missChance).toBeLessThan(1e-8)
})

test('queues are FIFO, and equal ones have one number', () => {
  const queues = new Queues()
  const a = queues.push(queues.push(0, 7), 8)
  expect(queues.first(a)).toBe(7)
  expect(queues.rest(a)).toBe(queues.push(0, 8))
  expect(queues.rest(queues.rest(a))).toBe(0)
  expect(queues.of([7, 8])).toBe(a)
  expect(() => queues.first(0)).toThrow(/empty/)
})

describe('the text of a state', () => {
  const rules = {
    properties: { skipped: 'skip', age: (at: unknown) => 10 - Number(at) },
    open: () => undefined,
  } as const

  test('counts every property that no rule names', () => {
    expect(canonicalText({ b: 1, a: [null, 'x'] }, rules)).toBe(
      canonicalText({ a: [null, 'x'], b: 1 }, rules),
    )
    expect(canonicalText({ a: 1, skipped: 1 }, rules)).toBe(canonicalText({ a: 1, skipped: 2 }, rules))
    expect(canonicalText({ a: 1, new: 1 }, rules)).not.toBe(canonicalText({ a: 1, new: 2 }, rules))
    expect(canonicalText({ age: 3 }, rules)).toBe('{age:7,}')
  })

  test('refuses what it cannot see into', () => {
    class Closed {
      readonly #state = 1
      get state() {
        return this.#state
      }
    }
    expect(() => canonicalText({ closed: new Closed() }, rules)).toThrow(/no rule opens a Closed/)
    const open = (value: object) => (value instanceof Closed ? value.state : undefined)
    expect(canonicalText({ closed: new Closed() }, { ...rules, open })).toBe('{closed:1,}')
  })
})
