import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { check } from '../../lab/checker/check.ts'
import type { KvInput, KvOutput, KvVersioned, Operation } from '../../lab/checker/operations.ts'
import { historyOf, op } from './histories.ts'
import { callsOf, record } from './workload.ts'

type Draft = Omit<Operation<KvInput, KvOutput>, 'id'>

/** What happens on a store with one mistake. `v`: a value and its version, where versions are recorded. */
interface WrongStore {
  readonly mistake: string
  /** What the reason must say. */
  readonly says: RegExp
  readonly story: (tell: Tell) => readonly Draft[]
}

/** Answers, with versions or without. */
interface Tell {
  readonly found: (value: string, version: number) => KvOutput
  readonly shown: (value: string, version: number) => KvVersioned
  readonly done: (version: number) => KvOutput
}

const put = (key: string, value: string): KvInput => ({ f: 'put', key, value })
const get = (key: string): KvInput => ({ f: 'get', key })
const add = (key: string): KvInput => ({ f: 'increment', key, by: 1 })
const both: KvInput = { f: 'multi-get', keys: ['k', 'l'] }
const setBoth = (value: string): KvInput => ({
  f: 'txn',
  compares: [],
  reads: [],
  writes: [
    { key: 'k', value },
    { key: 'l', value },
  ],
})

const WRONG: readonly WrongStore[] = [
  {
    mistake: 'a read is stale after a write has ended',
    says: /found old.*although put k=new.*had ended before and nothing wrote old.* again/,
    story: ({ found, done }) => [
      op('a', 0, 1, put('k', 'old'), done(1)),
      op('a', 2, 3, put('k', 'new'), done(2)),
      op('b', 4, 5, get('k'), found('old', 1)),
    ],
  },
  {
    mistake: 'an update is lost: two compare-and-sets on the same value',
    says: /one of the two updates is lost/,
    story: ({ done }) => [
      op('a', 0, 1, put('k', 'base'), done(1)),
      op('a', 2, 6, { f: 'cas', key: 'k', expect: { value: 'base' }, value: 'one' }, { matched: true }),
      op('b', 3, 5, { f: 'cas', key: 'k', expect: { value: 'base' }, value: 'two' }, { matched: true }),
    ],
  },
  {
    mistake: 'an update is lost: two increments give the same number',
    says: /both made 1/,
    story: ({ done }) => [
      op('a', 0, 4, add('k'), { ...done(1), number: 1 }),
      op('b', 1, 3, add('k'), { ...done(2), number: 1 }),
    ],
  },
  {
    mistake: 'a read of a value that was never written',
    says: /found ghost.*which nothing wrote/,
    story: ({ found, done }) => [
      op('a', 0, 1, put('k', 'real'), done(1)),
      op('b', 0, 2, get('k'), found('ghost', 2)),
    ],
  },
  {
    mistake: 'a read of a value before its write began',
    says: /before anything wrote it/,
    story: ({ found, done }) => [
      op('b', 0, 2, get('k'), found('later', 1)),
      op('a', 3, 4, put('k', 'later'), done(1)),
    ],
  },
  {
    mistake: 'a value goes backwards while a write goes on',
    says: /although get k .* had found/,
    story: ({ found, done }) => [
      op('a', 0, 1, put('k', 'old'), done(1)),
      op('a', 2, 20, put('k', 'new'), done(2)),
      op('b', 3, 4, get('k'), found('new', 2)),
      op('b', 5, 6, get('k'), found('old', 1)),
    ],
  },
  {
    mistake: 'an increment is done twice by a retry',
    says: /which nothing wrote|no order/,
    story: ({ found, done }) => [
      op('a', 0, 10, add('k'), { ...done(1), number: 1 }),
      op('b', 11, 12, get('k'), found('2', 2)),
    ],
  },
  {
    mistake: 'a dirty value is read and later undone',
    says: /although get k .* had found/,
    story: ({ found, done }) => [
      op('a', 0, 1, put('k', 'old'), done(1)),
      op('b', 2, 3, put('k', 'dirty')), // its server died
      op('c', 4, 5, get('k'), found('dirty', 2)),
      op('c', 6, 7, get('k'), found('old', 1)),
    ],
  },
  {
    mistake: 'two replicas disagree about the order of two writes',
    says: /the other way round|although get k/,
    story: ({ found, done }) => [
      op('a', 0, 20, put('k', 'one'), done(1)),
      op('b', 0, 20, put('k', 'two'), done(2)),
      op('c', 1, 2, get('k'), found('one', 1)),
      op('c', 3, 4, get('k'), found('two', 2)),
      op('d', 5, 6, get('k'), found('two', 2)),
      op('d', 7, 8, get('k'), found('one', 1)),
    ],
  },
  {
    mistake: 'a transaction is seen in part',
    says: /no order|although/,
    story: ({ shown, done }) => [
      op('a', 0, 1, setBoth('old'), { applied: true, reads: [], ...done(1) }),
      op('a', 2, 9, setBoth('new'), { applied: true, reads: [], ...done(2) }),
      op('b', 3, 4, both, { values: [shown('new', 2), shown('old', 1)] }),
    ],
  },
  {
    mistake: 'an acknowledged write is lost',
    says: /found absent|no order|found kept/,
    story: ({ found, done }) => [
      op('a', 0, 1, put('k', 'kept'), done(1)),
      op('a', 2, 3, put('k', 'lost'), done(2)),
      op('b', 4, 5, get('k'), found('kept', 1)),
      op('b', 6, 7, get('k'), found('kept', 1)),
    ],
  },
]

const VERSIONED: Tell = {
  found: (value, version) => ({ found: { value, version } }),
  shown: (value, version) => ({ value, version }),
  done: (version) => ({ version }),
}
const PLAIN: Tell = {
  found: (value) => ({ found: { value } }),
  shown: (value) => ({ value }),
  done: () => ({}),
}

/** The story in the middle of other clients' work on other keys, which a correct store did. */
function amid(story: readonly Draft[], noise: readonly Operation[], at: number, stretch: number) {
  const moved = story.map((each) => ({
    ...each,
    call: at + each.call * stretch,
    return: at + each.return * stretch,
  }))
  return historyOf([...noise.map((each) => ({ ...each, process: `n${each.process}` })), ...moved])
}

const noise = callsOf({ severalKeys: true, maxLength: 12 })
const place = fc.record({ at: fc.nat(20), stretch: fc.constantFrom(0.5, 1, 3) })

describe.each([
  ['with versions', VERSIONED, true],
  ['without versions', PLAIN, false],
] as const)('wrong stores, %s', (_, tell, isVersioned) => {
  test.each(WRONG)('$mistake', ({ story, says }) => {
    const alone = check(historyOf(story(tell)), { model: 'transactions' })
    expect(alone.judgement).toBe('not-linearizable')
    expect(alone.parts.find(({ judgement }) => judgement === 'not-linearizable')?.reason).toMatch(says)
    fc.assert(
      fc.property(noise, place, fc.boolean(), (calls, { at, stretch }, partition) => {
        const usable = isVersioned
          ? calls
          : calls.filter((call) => !JSON.stringify(call).includes('"version"'))
        const others = record(usable, { isVersioned })
        const operations = amid(story(tell), others, at, stretch)
        const verdict = check(operations, { model: 'transactions', partition })
        expect(verdict.judgement).toBe('not-linearizable')
        const wrong = verdict.parts.find(({ judgement }) => judgement === 'not-linearizable')
        expect(wrong?.smallest?.length).toBeLessThanOrEqual(story(tell).length)
      }),
      { numRuns: 40 },
    )
  })
})

describe('right stores with operations that stay open for long', () => {
  test('whatever became of them', () => {
    fc.assert(
      fc.property(callsOf({ severalKeys: true, maxLength: 60 }), fc.boolean(), (calls, isVersioned) => {
        const usable = calls.filter(
          ({ input }) => isVersioned || !JSON.stringify(input).includes('"version"'),
        )
        const operations = record(usable, { isVersioned })
        expect(check(operations, { model: 'transactions' }).judgement).toBe('linearizable')
      }),
      { numRuns: 300 },
    )
  })

  const late = [
    op('a', 0, 1, put('k', 'one'), { version: 1 }),
    op('b', 2, 3, put('k', 'two')),
    op('c', 50, 51, get('k'), { found: { value: 'one', version: 1 } }),
    op('c', 90, 91, get('k'), { found: { value: 'two', version: 7 } }),
  ]

  test('a write takes effect long after its client gave up', () => {
    expect(check(historyOf(late), { model: 'key-value' }).judgement).toBe('linearizable')
  })

  test('the first read that shows its version fixes it', () => {
    const again = op('d', 95, 96, get('k'), { found: { value: 'two', version: 8 } })
    expect(check(historyOf([...late, again]), { model: 'key-value' }).judgement).toBe('not-linearizable')
  })

  test('its version is newer than that of any write before it', () => {
    const story = [...late.slice(0, 3), op('c', 90, 91, get('k'), { found: { value: 'two', version: 1 } })]
    expect(check(historyOf(story), { model: 'key-value' }).judgement).toBe('not-linearizable')
  })
})

describe('limits', () => {
  const operations = historyOf(
    Array.from({ length: 12 }, (_, i) => op(`p${i}`, 0, 100, put('k', `v${i}`), {})).concat([
      op('r', 101, 102, get('k'), { found: { value: 'nothing of these' } }) as never,
    ]),
  )

  test.each([
    ['configurations', { configurationsMax: 1000 }, /limit of 1000 configurations/],
    ['memory', { cacheBytesMax: 100_000 }, /remembered configurations/],
    ['time', { expired: () => true }, /time was over/],
  ] as const)('%s: unknown, and why', (_, limits, reason) => {
    const { judgement, parts } = check(operations, { model: 'key-value', limits })
    expect(judgement).toBe('unknown')
    expect(parts[0]?.reason).toMatch(reason)
    expect(parts[0]?.longestPrefix.length).toBeGreaterThan(0)
  })
})
