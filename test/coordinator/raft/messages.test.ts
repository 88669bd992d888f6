import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { asLogIndex, asMemberId, asTerm } from '../../../coordinator/raft/ids.ts'
import type { RaftMessage, RaftMessageType } from '../../../coordinator/raft/messages.ts'
import { fromWire, toWire } from '../../../coordinator/raft/messages.ts'

const count = fc.nat({ max: Number.MAX_SAFE_INTEGER - 100 })
const term = count.map(asTerm)
const index = count.map(asLogIndex)
const bytes = fc.uint8Array({ maxLength: 20 })
const round = count
const serial = count
const life = count
const batch = count

const appendEntries = fc
  .record({ prevTerm: fc.nat(5), round, prevIndex: index, commit: index })
  .chain((fixed) =>
    fc.array(fc.tuple(fc.nat(2), fc.option(bytes, { nil: null })), { maxLength: 5 }).map((items) => {
      let last = fixed.prevTerm
      const entries = items.map(([step, command], n) => {
        last += step
        return { term: asTerm(last), index: asLogIndex(fixed.prevIndex + n + 1), command }
      })
      const ours = {
        type: 'append-entries',
        term: asTerm(last),
        prevTerm: asTerm(fixed.prevTerm),
        entries,
      } as const
      return { ...fixed, ...ours }
    }),
  )
const membership = fc
  .option(
    fc.record({
      index,
      members: fc.uniqueArray(
        fc.record({ id: fc.string().map(asMemberId), voter: fc.boolean(), address: fc.string() }),
        {
          selector: ({ id }) => id,
          maxLength: 4,
        },
      ),
    }),
    { nil: null },
  )
  .map((value) =>
    value === null ? null : { ...value, members: [...value.members].sort((a, b) => (a.id < b.id ? -1 : 1)) },
  )
const conflict = fc.record({
  type: fc.constant('conflict' as const),
  prevIndex: index,
  xTerm: fc.constant(null),
  xIndex: fc.constant(null),
  xLen: index,
})
const outcome = fc.oneof(
  fc.record({ type: fc.constant('matched' as const), index }),
  conflict,
  fc.tuple(conflict, term, index).map(([short, xTerm, xIndex]) => ({ ...short, xTerm, xIndex })),
)
const meta = fc.record({ lastIndex: index.map((n) => asLogIndex(n + 1)), lastTerm: fc.constant(asTerm(0)) })

/** One generator per type: a new message does not compile until it has one. */
const GENERATORS: { readonly [Type in RaftMessageType]: fc.Arbitrary<Extract<RaftMessage, { type: Type }>> } =
  {
    'pre-vote-request': fc.record({
      type: fc.constant('pre-vote-request'),
      term,
      lastIndex: index,
      lastTerm: term,
    }),
    'pre-vote-reply': fc.record({
      type: fc.constant('pre-vote-reply'),
      term,
      forTerm: term,
      granted: fc.boolean(),
    }),
    'vote-request': fc.record({
      type: fc.constant('vote-request'),
      term,
      lastIndex: index,
      lastTerm: term,
      transfer: fc.boolean(),
    }),
    'vote-reply': fc.record({ type: fc.constant('vote-reply'), term, granted: fc.boolean() }),
    'append-entries': appendEntries,
    'append-reply': fc.record({ type: fc.constant('append-reply'), term, round, outcome }),
    'snapshot-chunk': fc.record({
      type: fc.constant('snapshot-chunk'),
      term,
      round,
      serial,
      meta,
      membership,
      offset: count,
      bytes,
      done: fc.boolean(),
    }),
    'snapshot-reply': fc.record({
      type: fc.constant('snapshot-reply'),
      term,
      round,
      serial,
      lastIndex: index,
      installed: fc.boolean(),
      nextOffset: count,
    }),
    'read-index-request': fc.record({ type: fc.constant('read-index-request'), term, life, batch }),
    'read-index-reply': fc.record({
      type: fc.constant('read-index-reply'),
      term,
      life,
      batch,
      index: fc.option(index, { nil: null }),
    }),
    'timeout-now': fc.record({ type: fc.constant('timeout-now'), term }),
  }
const anyMessage: fc.Arbitrary<RaftMessage> = fc.oneof(...Object.values(GENERATORS))
const packr = new Packr({ useRecords: false, int64AsType: 'number', copyBuffers: true })

describe('the wire form of messages', () => {
  test('every message comes back as it was', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(fromWire(toWire(message))).toEqual(message)
      }),
    )
  })

  test('through msgpack, too', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        const read = fromWire(packr.unpack(packr.pack(toWire(message))))
        expect(read === null ? null : toWire(read).flat(3)).toEqual(toWire(message).flat(3).map(asBuffer))
      }),
    )
  })

  test('garbage is null, never an exception', () => {
    fc.assert(
      fc.property(fc.anything(), (garbage) => {
        expect(fromWire(garbage)).toBe(null)
      }),
    )
    const nearly = fc.tuple(fc.nat(12), fc.array(fc.anything(), { maxLength: 8 }))
    fc.assert(
      fc.property(nearly, ([code, fields]) => {
        const message = fromWire([code, ...fields])
        if (message !== null) expect(fromWire(toWire(message))).toEqual(message)
      }),
    )
  })

  test('one field replaced by garbage, dropped or added is null or another well-formed message', () => {
    const damage = fc.tuple(anyMessage, fc.nat(8), fc.anything())
    fc.assert(
      fc.property(damage, ([message, at, garbage]) => {
        const array = toWire(message)
        expect(fromWire([...array, garbage])).toBe(null)
        expect(fromWire(array.slice(0, -1))).toBe(null)
        array[at % array.length] = garbage
        const read = fromWire(array)
        if (read !== null) expect(fromWire(toWire(read))).toEqual(read)
      }),
    )
  })

  test('ranges: no negative, fractional or inexact number, no log with a gap or a falling term', () => {
    for (const n of [-1, 0.5, 2 ** 53, Number.NaN, '1', 1n]) expect(fromWire([11, n])).toBe(null)
    const append = (prev: readonly number[], ...entries: (number | null)[]) =>
      fromWire([5, 4, 1, ...prev, 0, entries])
    expect(append([3, 2], 2, 4, null)).not.toBe(null)
    expect(append([3, 2], 2, 5, null)).toBe(null) // a gap
    expect(append([3, 2], 1, 4, null)).toBe(null) // a falling term
    expect(append([3, 2], 5, 4, null)).toBe(null) // a term beyond the leader's
    expect(append([3, 2], 2, 4)).toBe(null) // half an entry
  })
})

/** Decoded bytes are a Buffer: compare as such. */
const asBuffer = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value) : value)
