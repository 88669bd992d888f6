import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { check } from '../../lab/checker/check.ts'
import type { Operation, ZnodeInput, ZnodeOutput } from '../../lab/checker/operations.ts'
import { agrees, EMPTY_TREE, run, type Tree } from '../../lab/checker/znodes/tree.ts'
import { historyOf, op } from './histories.ts'

type Draft = Omit<Operation<ZnodeInput, ZnodeOutput>, 'id'>

const create = (path: string, data = ''): ZnodeInput => ({ f: 'create', path, data })
const set = (path: string, data: string, version = -1): ZnodeInput => ({ f: 'set', path, data, version })
const remove = (path: string): ZnodeInput => ({ f: 'remove', path, version: -1 })
const read = (path: string): ZnodeInput => ({ f: 'read', path })
const children = (path: string): ZnodeInput => ({ f: 'children', path })
const done = (zxid: number, more: object = {}): ZnodeOutput => ({ zxid, error: null, ...more })
const data = (zxid: number, text: string, version: number): ZnodeOutput => done(zxid, { data: text, version })
const failed = (zxid: number, error: string): ZnodeOutput => ({ zxid, error })
const judge = (story: readonly Draft[], partition = true) =>
  check(historyOf(story), { model: 'znodes', partition })

const A1 = op('s1', 0, 1, create('/a', 'one'), done(5, { path: '/a' }))
const A2 = op('s1', 2, 3, set('/a', 'two'), done(7, { version: 1 }))

describe('right', () => {
  test.each<[string, readonly Draft[]]>([
    ['a stale read in another session', [A1, A2, op('s2', 10, 11, read('/a'), data(5, 'one', 0))]],
    ['a read before anything', [op('s2', 0, 9, read('/a'), failed(3, 'NO_NODE')), A1, A2]],
    [
      'two replicas at one zxid',
      [A1, op('s2', 4, 5, read('/a'), data(6, 'one', 0)), op('s3', 4, 5, read('/a'), data(6, 'one', 0))],
    ],
    [
      'an open write that nobody sees',
      [A1, op('s2', 2, 3, set('/a', 'never')), A2, op('s3', 9, 10, read('/a'), data(9, 'two', 1))],
    ],
    [
      'an open write that shows up later, between others',
      [
        A1,
        op('s2', 2, 3, set('/a', 'late')),
        op('s3', 4, 5, read('/a'), data(6, 'late', 1)),
        op('s1', 6, 7, set('/a', 'three'), done(8, { version: 2 })),
      ],
    ],
    [
      'an open remove that explains a missing node',
      [A1, op('s2', 2, 3, remove('/a')), op('s3', 4, 5, set('/a', 'x'), failed(9, 'NO_NODE'))],
    ],
    [
      'sequential names count all that were created',
      [
        A1,
        op(
          's1',
          2,
          3,
          { f: 'create', path: '/a/n', data: '', sequential: true },
          done(7, { path: '/a/n0000000000' }),
        ),
        op('s1', 4, 5, remove('/a/n0000000000'), done(8)),
        op(
          's1',
          6,
          7,
          { f: 'create', path: '/a/n', data: '', sequential: true },
          done(9, { path: '/a/n0000000001' }),
        ),
        op('s2', 8, 9, children('/a'), done(9, { children: ['n0000000001'] })),
        op('s2', 10, 11, remove('/a'), failed(10, 'NOT_EMPTY')),
      ],
    ],
  ])('%s', (_, story) => {
    expect(
      judge(story)
        .parts.map(({ reason }) => reason)
        .filter((reason) => reason !== null),
    ).toEqual([])
    expect(judge(story).judgement).toBe('linearizable')
    expect(judge(story, false).judgement).toBe('linearizable')
  })
})

describe('wrong', () => {
  test.each<[string, RegExp, readonly Draft[]]>([
    [
      'a session goes back in time',
      /its session had seen zxid 7/,
      [A1, A2, op('s1', 4, 5, read('/a'), data(5, 'one', 0))],
    ],
    [
      'an own write is not seen',
      /its session had seen zxid 5/,
      [A1, op('s1', 2, 3, read('/a'), failed(4, 'NO_NODE'))],
    ],
    [
      'a sync that does not catch up',
      /zxid 7 had been seen before it began/,
      [A1, A2, op('s2', 4, 5, { f: 'sync' }, done(6)), op('s2', 6, 7, read('/a'), data(6, 'one', 0))],
    ],
    [
      'a write that comes before one that had ended',
      /has zxid 6, although zxid 7/,
      [A1, A2, op('s2', 4, 5, create('/b'), done(6, { path: '/b' }))],
    ],
    [
      'two writes with one zxid',
      /the same zxid 7/,
      [A1, A2, op('s2', 2, 3, create('/b'), done(7, { path: '/b' }))],
    ],
    [
      'an answer from the future',
      /set .a.* had been seen before it began, by read/,
      [A1, op('s2', 1.2, 1.8, read('/a'), data(7, 'two', 1)), A2],
    ],
    [
      'a read that is not the state of its zxid',
      /tree says data "two"/,
      [A1, A2, op('s2', 4, 5, read('/a'), data(8, 'one', 0))],
    ],
    ['a value that nobody wrote', /data "ghost"/, [A1, A2, op('s2', 4, 5, read('/a'), data(7, 'ghost', 1))]],
    [
      'a lost update: two sets over one version',
      /tree says BAD_VERSION/,
      [
        A1,
        op('s1', 2, 3, set('/a', 'x', 0), done(6, { version: 1 })),
        op('s2', 2, 4, set('/a', 'y', 0), done(8, { version: 1 })),
      ],
    ],
    [
      'a node made twice',
      /tree says NODE_EXISTS/,
      [A1, op('s2', 2, 3, create('/a'), done(7, { path: '/a' }))],
    ],
    [
      'an error without a cause',
      /NO_NODE.*tree says/,
      [A1, op('s2', 2, 3, set('/a', 'x'), failed(6, 'NO_NODE'))],
    ],
    [
      'two replicas differ at one zxid',
      /tree says/,
      [
        A1,
        op('s2', 2, 3, set('/a', 'maybe')),
        op('s3', 4, 5, read('/a'), data(6, 'maybe', 1)),
        op('s4', 4, 5, read('/a'), data(6, 'one', 0)),
      ],
    ],
    [
      'no room for the open write that would explain it',
      /tree says/,
      [
        A1,
        op('s2', 2, 3, set('/a', 'maybe')),
        op('s1', 2, 4, create('/a/b'), done(6, { path: '/a/b' })),
        op('s3', 5, 6, read('/a'), data(6, 'maybe', 1)),
      ],
    ],
    [
      'an open write is undone',
      /tree says/,
      [
        A1,
        op('s2', 2, 3, set('/a', 'maybe')),
        op('s3', 4, 5, read('/a'), data(6, 'maybe', 1)),
        op('s3', 6, 7, read('/a'), data(7, 'one', 0)),
      ],
    ],
    [
      'a child that is not listed',
      /tree says children \["b"\]/,
      [
        A1,
        op('s1', 2, 3, create('/a/b'), done(6, { path: '/a/b' })),
        op('s2', 4, 5, children('/a'), done(6, { children: [] })),
      ],
    ],
  ])('%s', (_, says, story) => {
    const verdict = judge(story)
    expect(verdict.judgement).toBe('not-linearizable')
    const wrong = verdict.parts.find(({ judgement }) => judgement === 'not-linearizable')
    expect(wrong?.reason).toMatch(says)
    expect(wrong?.smallest?.length).toBeGreaterThan(0)
    expect(judge(story, false).judgement).toBe('not-linearizable')
  })
})

const input: fc.Arbitrary<ZnodeInput> = fc.oneof(
  fc.constantFrom(create('/a', '1'), create('/a/b', '2'), create('/c', '3'), remove('/a'), remove('/a/b')),
  fc.constantFrom(set('/a', 'x'), set('/a', 'y', 1), set('/c', 'z'), { f: 'sync' as const }),
  fc.constantFrom<ZnodeInput>(read('/a'), read('/a/b'), children('/a'), children('/'), read('/c')),
  fc.constant<ZnodeInput>({ f: 'create', path: '/a/q', data: '', sequential: true }),
)
const calls = fc.array(
  fc.record({
    session: fc.constantFrom('s1', 's2', 's3'),
    input,
    lag: fc.nat(4),
    isOpen: fc.boolean(),
    happens: fc.boolean(),
  }),
  { maxLength: 40 },
)

test('whatever a right ensemble does, with replicas that lag and answers that get lost', () => {
  fc.assert(
    fc.property(calls, fc.boolean(), (made, partition) => {
      const trees: Tree[] = [EMPTY_TREE]
      const seen = new Map<string, number>()
      const story = made.map(({ session, input: asked, lag, isOpen, happens }, i): Draft => {
        const isWrite = asked.f === 'create' || asked.f === 'set' || asked.f === 'remove'
        const isLost = isWrite && isOpen && i % 3 === 0
        const newest = trees.length - 1
        if (isLost && !happens) return op(`${session}-${i}`, 2 * i, 0, asked)
        const at = isWrite || asked.f === 'sync' ? newest : Math.max(seen.get(session) ?? 0, newest - lag)
        const { tree, errors, answer } = run(trees[at] ?? EMPTY_TREE, asked)
        if (isWrite) trees.push(tree)
        const zxid = isWrite ? newest + 1 : at
        if (isLost) return op(`${session}-${i}`, 2 * i, 0, asked)
        seen.set(session, zxid)
        return op(
          session,
          2 * i,
          2 * i + 1,
          asked,
          errors[0] === undefined ? done(zxid, answer) : failed(zxid, errors[0]),
        )
      })
      const verdict = judge(story, partition)
      expect(verdict.parts.flatMap(({ reason }) => reason ?? [])).toEqual([])
    }),
    { numRuns: 400 },
  )
})

test('an unknown error is believed', () => {
  expect(agrees(run(EMPTY_TREE, create('/a')), failed(3, 'NO_AUTH'))).toBe(true)
})
