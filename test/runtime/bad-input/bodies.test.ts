/** Bodies that lie about their size, or would take a server too long. */
import { describe, expect, test } from 'vitest'
import { decodeBatch, decodeRequests } from '../../../protocol/codec/batch.ts'
import { beginBody } from '../../../protocol/codec/field-writer.ts'
import { CodecError, FieldReader } from '../../../protocol/codec/fields.ts'
import { BODY_ITEMS_MAX, CLIENT_MESSAGES_MAX, CONFIG_BYTES_MAX } from '../../../protocol/limits.ts'
import { ENDLESS_COUNT, rawBody } from '../../support/raw-body.ts'

describe('a long body', () => {
  const MIB = 1024 * 1024
  const withHeader = (...header: readonly (number | string | Uint8Array)[]) => {
    const start = rawBody(...header)
    const body = new Uint8Array(start.length + 4 * MIB)
    body.set(start)
    return body
  }

  test.each([
    [
      'of a get of very many keys',
      withHeader(1, 2, 1, 'c0', 0, 0, 0x80, 0x80, 0x80, 1),
      /more than 1048576 items/,
    ],
    [
      'of a list longer than itself',
      withHeader(1, 2, 1, 'c0', 0, 0, 0xff, 0xff, 0xff, 0x7f),
      /a list that long/,
    ],
    ['of a value longer than itself', withHeader(1, 1, 1, 'c0', 0, 'k', 0xff, 0xff, 0xff, 0x7f), /bytes/],
    ['of a count that never ends', withHeader(1, 5, ENDLESS_COUNT), /a count/],
    ['of nothing', withHeader(), /unknown batch kind 0/],
    ['of replies without end', new Uint8Array(4 * MIB).fill(1).fill(2, 0, 1), /more than 262144 messages/],
  ])('%s', (_, body, sense) => {
    expect(() => decodeBatch(body)).toThrow(CodecError)
    expect(() => decodeBatch(body)).toThrow(sense)
  })

  test('all its lists together have so many items', () => {
    const to = beginBody()
    const half = new Array<number>(BODY_ITEMS_MAX / 2).fill(1)
    for (let list = 0; list < 3; list++) to.list(half, (item, n) => item.byte(n))
    const reader = new FieldReader(to.end())
    const read = () => reader.list((item) => item.byte()).length
    expect([read(), read()]).toEqual([half.length, half.length])
    expect(read).toThrow(/more than 1048576 items/)
  })
})

test('a client may say only so much in one body', () => {
  const asks = (count: number) => {
    const to = beginBody()
    to.byte(1)
    for (let call = 0; call < count; call++) {
      to.byte(5)
      to.count(call)
    }
    return to.end()
  }
  const allowed = decodeBatch(asks(CLIENT_MESSAGES_MAX))
  expect(allowed.type === 'client' && allowed.messages.length).toBe(CLIENT_MESSAGES_MAX)
  expect(() => decodeBatch(asks(CLIENT_MESSAGES_MAX + 1))).toThrow(/more than 16384 messages/)
})

test('a data server does not look at replies, nor at a long text that claims to be a configuration', () => {
  const reply = rawBody(2, 6, 1, '[[[[')
  expect(() => decodeRequests(reply)).toThrow(/replies, where only requests are heard/)
  const length = Uint8Array.of(0x81, 0x80, 0x20) // CONFIG_BYTES_MAX + 1
  const config = rawBody(3, 'c0', 10, 1, length, new Uint8Array(CONFIG_BYTES_MAX + 1).fill(0x5b))
  expect(() => decodeRequests(config)).toThrow(/at most 524288 bytes/)
})
