import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { labelOf } from '../../lab/checker/page/labels.ts'
import { longestOrder, placementsOf, pointsOf } from '../../lab/checker/page/placement.ts'
import { escapeHtml, scriptJson, valueText, visible } from '../../lab/checker/page/text.ts'
import { guessedUnit, lanesOf, timelineOf } from '../../lab/checker/page/timeline.ts'
import { found, get, lectureCycle, lectureLinearizable, operationsOf, put, type Row } from './verdicts.ts'

/** Operations with a moment each at which they took effect, and so with an order that is theirs. */
const timed = fc
  .array(
    fc.record({
      at: fc.integer({ min: 0, max: 60 }),
      before: fc.integer({ min: 0, max: 9 }),
      after: fc.integer({ min: 0, max: 9 }),
      open: fc.boolean(),
    }),
    { maxLength: 40 },
  )
  .map((moments) => {
    const rows = moments.map(
      ({ at, before, after, open }, i): Row =>
        open
          ? [`c${i}`, put('x', '1'), null, at - before]
          : [`c${i}`, put('x', '1'), {}, at - before, at + after + 1],
    )
    const order = moments
      .map((_, i) => i)
      .sort((a, b) => (moments[a]?.at ?? 0) - (moments[b]?.at ?? 0) || a - b)
    return { operations: operationsOf(rows), order }
  })

describe('points', () => {
  test('rise, and stay inside their operations', () => {
    fc.assert(
      fc.property(timed, fc.nat(40), ({ operations, order }, cut) => {
        const timeline = timelineOf(operations)
        const shown = order.slice(0, cut)
        const points = pointsOf(timeline, shown)
        expect(points).toHaveLength(shown.length)
        points.forEach((point, i) => {
          const index = shown[i] ?? 0
          expect(point).toBeGreaterThan(points[i - 1] ?? -1)
          expect(point).toBeGreaterThan(timeline.calls[index] ?? 0)
          expect(point).toBeLessThan(timeline.returns[index] ?? Infinity)
        })
      }),
    )
  })

  test('a call and a return at one time overlap', () => {
    const timeline = timelineOf(
      operationsOf([
        ['a', get('x'), found(null), 0, 5],
        ['b', put('x', '1'), {}, 5, 9],
      ]),
    )
    expect(timeline).toMatchObject({ times: [0, 5, 5, 9], calls: [0, 1], returns: [2, 3] })
  })

  test('time in which nothing happens is cut', () => {
    const { places, cuts } = timelineOf(
      operationsOf([0, 10, 20, 90_000, 90_010].map((at) => ['a', get('x'), found(null), at, at + 5])),
    )
    expect(cuts).toEqual([5])
    expect(places.at(-1)).toBeLessThan(20)
  })
})

describe('the longest order', () => {
  test('of the lecture’s second history leaves out one read', () => {
    const operations = lectureCycle().parts[0]?.operations ?? []
    const order = longestOrder('key-value', operations) ?? []
    expect(order).toHaveLength(6)
    expect(placementsOf(operations, order).filter((placement) => placement === 'stuck')).toHaveLength(1)
  })

  test('is not claimed where everything is explainable, or nothing can be followed', () => {
    const operations = lectureLinearizable().parts[0]?.operations ?? []
    expect(longestOrder('key-value', operations)).toBeNull()
    expect(longestOrder('znodes', operations)).toBeNull()
  })
})

test('what stands in a bar', () => {
  const rows: [unknown, unknown, string][] = [
    [put('x', '1'), {}, 'put x=1'],
    [get('x'), found('1', 7), 'get x → 1 (v7)'],
    [get('x'), null, 'get x → ?'],
    [get('x'), found(null), 'get x → absent'],
    [{ f: 'cas', expect: 1, value: 2 }, { matched: false }, 'cas 1→2 ✗'],
    [
      { f: 'cas', key: 'x', expect: { version: 3 }, value: 'a b' },
      { matched: true, version: 4 },
      'cas x v3→“a b” ✓ (v4)',
    ],
    [{ f: 'increment', key: 'n', by: 2 }, { number: 5 }, 'increment n by 2 → 5'],
    [{ f: 'multi-get', keys: ['x', 'y'] }, { values: [{ value: '1' }, null] }, 'get x→1, y→absent'],
    [
      {
        f: 'txn',
        compares: [{ key: 'x', expect: { value: null } }],
        reads: ['y'],
        writes: [{ key: 'x', value: '1' }],
      },
      { applied: true, reads: [{ value: '2' }] },
      'txn if x=absent: read y→2; x:=1 ✓',
    ],
    [{ f: 'read' }, { value: 3 }, 'read → 3'],
    [{ f: 'read', path: '/a' }, { zxid: 2, error: 'NO_NODE' }, 'read /a ✗ NO_NODE'],
    [{ f: 'dance' }, {}, '{"f":"dance"}'],
  ]
  for (const [input, output, label] of rows) {
    expect(labelOf({ id: 0, process: 'c', input, output, call: 0, return: 1 })).toBe(label)
  }
})

describe('texts', () => {
  test('bytes are shown as text where they are, else spelled out', () => {
    expect(visible('gr\xc3\xbcn')).toBe('grün')
    expect(visible('\xff\n\0')).toBe('\\xff\\n\\x00')
    expect(visible('\u202e')).toBe('\\u{202e}')
    expect(visible('\\x41')).toBe('\\\\x41')
    expect(valueText('x'.repeat(99), 9)).toBe('xxxxxxxx…')
  })

  test('nothing gets out of its quotes or its script', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0x20ff }), { maxLength: 40 }), (codes) => {
        const text = String.fromCharCode(...codes)
        expect(escapeHtml(text)).not.toMatch(/[<>"']/)
        expect(scriptJson({ text })).not.toMatch(/[<>&\u2028\u2029]/)
        expect(JSON.parse(scriptJson({ text }))).toEqual({ text })
        expect(visible(text)).not.toMatch(/[\0-\x1f\x7f]/)
      }),
    )
  })
})

test('lanes are ordered by the numbers in their names, and what overlaps gets rows', () => {
  const operations = operationsOf([
    ['c10', put('x', '1'), null, 0],
    ['c10', put('x', '2'), {}, 3, 4],
    ['c9', put('x', '3'), {}, 1, 2],
  ])
  expect(lanesOf(operations)).toEqual({
    lanes: [
      { name: 'c9', rows: 1 },
      { name: 'c10', rows: 2 },
    ],
    at: [
      { lane: 1, row: 0 },
      { lane: 1, row: 1 },
      { lane: 0, row: 0 },
    ],
  })
})

test('line numbers are no milliseconds', () => {
  expect(guessedUnit([operationsOf([['a', get('x'), found(null), 0, 1]])])).toBe('event')
  expect(guessedUnit([operationsOf([['a', get('x'), found(null), 0, 250]])])).toBe('ms')
  expect(guessedUnit([operationsOf([['a', get('x'), found(null), 0.5, 1]])])).toBe('ms')
})
