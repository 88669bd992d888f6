/** Bodies that would cost the unpacker of msgpack far more than they weigh. */
import { Packr } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { FrameError } from '../../../protocol/frame.ts'
import { checkShape } from '../../../runtime/coordinator/msgpack-shape.ts'
import { decodeBody, encodeBody } from '../../../runtime/coordinator/peer-messages.ts'

const bytes = (...parts: readonly (number | readonly number[])[]) => Uint8Array.from(parts.flat())
const repeated = (count: number, ...part: readonly number[]) =>
  Array.from({ length: count }, () => part).flat()

describe('a body of a peer that is refused before it is unpacked', () => {
  test.each<[string, Uint8Array, RegExp]>([
    ['an array of four thousand million', bytes(0xdd, 0xff, 0xff, 0xff, 0xff), /an array that long/],
    [
      'arrays that each claim a quarter of a gigabyte',
      bytes(repeated(100, 0xdd, 1, 0xff, 0xff, 0xff)),
      /an array that long/,
    ],
    ['arrays within arrays', bytes(repeated(100_000, 0x91), 0xc0), /arrays within arrays/],
    ['a map', bytes(0x92, 0xa0, 0x81, 0xa1, 0x61, 0x01), /kind 0x81/],
    ['an extension', bytes(0x92, 0xa0, 0xd4, 0x78, 0x00), /kind 0xd4/],
    ['a text longer than the body', bytes(0x91, 0xdb, 0x7f, 0xff, 0xff, 0xff, 0x61), /cut short/],
    ['bytes longer than the body', bytes(0x91, 0xc6, 0xff, 0xff, 0xff, 0xff), /cut short/],
    ['half a number', bytes(0x91, 0xcf, 0, 0, 0), /cut short/],
    ['nothing', bytes(), /cut short/],
    ['two bodies', bytes(0x91, 0xa0, 0x91, 0xa0), /after its end/],
  ])('%s', (_, body, sense) => {
    expect(() => decodeBody(body)).toThrow(FrameError)
    expect(() => decodeBody(body)).toThrow(sense)
  })
})

test('every kind of value that coordinators send passes', () => {
  const packr = new Packr({ useRecords: false, int64AsType: 'number' })
  const numbers = [
    0,
    127,
    128,
    255,
    65_535,
    2 ** 31,
    2 ** 40,
    Number.MAX_SAFE_INTEGER,
    -1,
    -200,
    -70_000,
    0.5,
  ]
  const texts = [0, 1, 40, 300, 70_000].map((length) => 'x'.repeat(length))
  const binaries = [0, 1, 300, 70_000].map((length) => new Uint8Array(length))
  const values = [null, true, false, ...numbers, ...texts, ...binaries]
  for (const value of [...values, values, [[values], [], [[]]], Array.from({ length: 70_000 }, () => 1)])
    expect(() => checkShape(packr.pack([value]))).not.toThrow()
  const said = encodeBody('', [[102, new Uint8Array(16)]])
  expect(decodeBody(said).messages).toEqual([{ type: 'heard', sessions: [0n, 0n] }])
})
