/** Bodies that lie about their size, or would take a server too long. */
import { describe, expect, test } from 'vitest'
import { decodeBatch } from '../../../protocol/codec/batch.ts'
import { CodecError, packFields } from '../../../protocol/codec/fields.ts'
import { CLIENT_MESSAGES_MAX } from '../../../protocol/limits.ts'

/** Longer than what is decoded without a look. */
const LONG = 100_000

function withHeader(header: readonly number[], bytes = LONG): Uint8Array {
  const body = new Uint8Array(header.length + bytes)
  body.set(header)
  return body
}

describe('a long body', () => {
  test.each([
    ['a map of many keys', withHeader([0x92, 1, 0xdf, 0, 0, 0x7f, 0xff]), /a field of kind 223/],
    ['a short map', withHeader([0x92, 1, 0x81]), /a field of kind 129/],
    ['an array in the array', withHeader([0x92, 1, 0x91]), /a field of kind 145/],
    ['an extension', withHeader([0x92, 1, 0xd4]), /a field of kind 212/],
    ['more fields than there are bytes', withHeader([0xdd, 0, 0x7f, 0xff, 0xff]), /cut short/],
    ['too many fields', withHeader([0xdd, 0xff, 0xff, 0xff, 0xff]), /4294967295 fields; at most/],
    ['bytes that go beyond its end', withHeader([0x92, 1, 0xc6, 0, 0xff, 0xff, 0xff]), /ends elsewhere/],
    ['bytes after its end', withHeader([0x91, 1]), /ends elsewhere/],
    ['no array at all', withHeader([0xdb, 0, 1, 0x86, 0xa0]), /a body is an array/],
  ])('%s', (_, body, sense) => {
    expect(() => decodeBatch(body)).toThrow(CodecError)
    expect(() => decodeBatch(body)).toThrow(sense)
  })

  test('of every kind of field that is allowed', () => {
    const value = new Uint8Array(LONG)
    const texts = ['', 'x'.repeat(40), 'x'.repeat(300), 'x'.repeat(70_000)]
    const numbers = [0, 127, 128, 255, 256, 70_000, 2 ** 40, 2 ** 53 - 1, -1, -200, -40_000, -3e9, 0.5]
    const fields = [9, ...texts, ...numbers, null, true, false, value, new Uint8Array(3), new Uint8Array(300)]
    // It gets as far as its family, which is none.
    expect(() => decodeBatch(packFields(fields))).toThrow(/unknown batch kind 9/)
  })
})

test('a client may say only so much in one body', () => {
  const asks = (count: number) =>
    packFields([1, ...Array.from({ length: count }, (_, call) => [5, call]).flat()])
  const allowed = decodeBatch(asks(CLIENT_MESSAGES_MAX))
  expect(allowed.type === 'client' && allowed.messages.length).toBe(CLIENT_MESSAGES_MAX)
  expect(() => decodeBatch(asks(CLIENT_MESSAGES_MAX + 1))).toThrow(/more than 16384 messages/)
})
