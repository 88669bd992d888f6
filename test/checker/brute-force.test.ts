import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { check } from '../../lab/checker/check.ts'
import { Dependence } from '../../lab/checker/explain/dependence.ts'
import { factsOf } from '../../lab/checker/explain/facts.ts'
import type { KvInput, KvOutput, Operation } from '../../lab/checker/operations.ts'
import { isLinearizable } from './brute-force.ts'
import { type Call, callsOf, record } from './workload.ts'

const twist = fc.option(fc.nat(20), { nil: null })
const judge = (operations: readonly Operation[], partition: boolean) =>
  check(operations, { model: 'transactions', partition }).judgement

/** Version conditions mean something only where versions are recorded. */
const withoutVersions = (calls: readonly Call[]) =>
  calls.filter(({ input }) => !JSON.stringify(input).includes('"version"'))

function agreeOn(severalKeys: boolean, isVersioned: boolean): void {
  const runs = isVersioned ? 300 : 800 // all versions are guessed, too, which takes its time
  const count = { linearizable: 0, 'not-linearizable': 0, unknown: 0 }
  fc.assert(
    fc.property(callsOf({ severalKeys, maxLength: isVersioned ? 5 : 7 }), twist, (calls, changed) => {
      const operations = record(isVersioned ? calls : withoutVersions(calls), { isVersioned, twist: changed })
      const expected = isLinearizable(operations, null) ? 'linearizable' : 'not-linearizable'
      count[expected]++
      expect(judge(operations, true)).toBe(expected)
      expect(judge(operations, false)).toBe(expected)
    }),
    { numRuns: runs },
  )
  expect(count.linearizable).toBeGreaterThan(runs / 5)
  expect(count['not-linearizable']).toBeGreaterThan(runs / 20)
}

describe('agrees with trying every order', () => {
  test('keys without versions', () => agreeOn(false, false))
  test('keys with versions', () => agreeOn(false, true))
  test('transactions without versions', () => agreeOn(true, false))
  test('transactions with versions', () => agreeOn(true, true))
})

describe('explanations', () => {
  test('to leave out a write with all that may have seen it never makes a right history wrong', () => {
    fc.assert(
      fc.property(
        callsOf({ severalKeys: true, maxLength: 9 }),
        fc.boolean(),
        fc.array(fc.nat(8), { minLength: 1, maxLength: 3 }),
        (calls, isVersioned, seeds) => {
          const operations = record(isVersioned ? calls : withoutVersions(calls), { isVersioned })
          const dependence = new Dependence(operations.map(factsOf))
          const dropped = dependence.closure(seeds, () => true)
          const rest = operations.filter((_, i) => !dropped.has(i))
          expect(judge(rest, true)).toBe('linearizable')
        },
      ),
      { numRuns: 1500 },
    )
  })

  test('the small history is wrong, part of the whole, and no larger than needed', () => {
    let seen = 0
    fc.assert(
      fc.property(callsOf({ severalKeys: false, maxLength: 12 }), fc.nat(20), (calls, changed) => {
        const operations = record(withoutVersions(calls), { isVersioned: false, twist: changed })
        for (const part of check(operations, { model: 'key-value' }).parts) {
          if (part.judgement !== 'not-linearizable') continue
          seen++
          const smallest = (part.smallest ?? []) as readonly Operation<KvInput, KvOutput>[]
          expect(smallest.every((operation) => operations.includes(operation as never))).toBe(true)
          expect(judge(smallest, true)).toBe('not-linearizable')
          expect(part.longestPrefix.length).toBeLessThan(part.operations.length)
          expect(part.reason).not.toBeNull()
        }
      }),
      { numRuns: 600 },
    )
    expect(seen).toBeGreaterThan(60)
  })
})
