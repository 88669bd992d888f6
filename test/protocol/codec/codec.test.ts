import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ClientMessage, ServerMessage } from '../../../protocol/client-messages.ts'
import { decodeBatch } from '../../../protocol/codec/batch.ts'
import {
  decodeChainBatch,
  decodeEntries,
  encodeChainBatch,
  encodeEntries,
} from '../../../protocol/codec/chain-codec.ts'
import {
  decodeClientBatch,
  decodeServerBatch,
  encodeClientBatch,
  encodeServerBatch,
} from '../../../protocol/codec/client-codec.ts'
import { beginBody } from '../../../protocol/codec/field-writer.ts'
import { CodecError, FieldReader } from '../../../protocol/codec/fields.ts'
import { asChainId, asKey, asMillis, asSessionId } from '../../../protocol/ids.ts'
import { ENDLESS_COUNT, HUGE_COUNT, rawBody, rawTime } from '../../support/raw-body.ts'
import { chainItem, clientMessage, entry, serverMessage } from './arbitraries.ts'

const batchOf = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 6 })
const runs = { numRuns: 500 }

describe('round trip', () => {
  test('client messages', () => {
    fc.assert(
      fc.property(batchOf(clientMessage), (messages) => {
        expect(decodeClientBatch(encodeClientBatch(messages))).toEqual(messages)
      }),
      runs,
    )
  })

  test('server messages', () => {
    fc.assert(
      fc.property(batchOf(serverMessage), (messages) => {
        expect(decodeServerBatch(encodeServerBatch(messages))).toEqual(messages)
      }),
      runs,
    )
  })

  test('chain messages', () => {
    fc.assert(
      fc.property(batchOf(chainItem), (items) => {
        expect(decodeChainBatch(encodeChainBatch(items))).toEqual(items)
      }),
      runs,
    )
  })

  test('entries', () => {
    fc.assert(
      fc.property(batchOf(entry), (written) => {
        expect(decodeEntries(encodeEntries(written))).toEqual(written)
      }),
      runs,
    )
  })

  test('a value of 8 MiB, and small messages around it', () => {
    const value = new Uint8Array(8 * 1024 * 1024).fill(7)
    const request: ClientMessage = { type: 'map-request', call: 3 }
    const [first, put, last] = decodeClientBatch(encodeClientBatch([request, putOf(value), request]))
    expect([first, last]).toEqual([request, request])
    expect(
      put?.type === 'write' && put.command.type === 'put' && Buffer.compare(put.command.value, value),
    ).toBe(0)
    expect(decodeClientBatch(encodeClientBatch([request]))).toEqual([request])
  })
})

describe('fields', () => {
  test('counts, up to the largest that is exact', () => {
    const count = fc.oneof(
      fc.maxSafeNat(),
      fc.integer({ min: 0, max: 53 }).map((bits) => 2 ** bits - 1),
      fc.integer({ min: 0, max: 52 }).map((bits) => 2 ** bits),
    )
    fc.assert(
      fc.property(fc.array(count), (counts) => {
        const to = beginBody()
        for (const n of counts) to.count(n)
        const reader = new FieldReader(to.end())
        expect(counts.map(() => reader.count())).toEqual(counts)
        reader.end()
      }),
      runs,
    )
  })

  test.each([-1, 0.5, 128.5, Number.NaN, 2 ** 53])('%d is no count', (n) => {
    expect(() => beginBody().count(n)).toThrow(RangeError)
  })

  test('names, whatever was read before them', () => {
    const name = fc.oneof(fc.constantFrom('c0', 'c1', 'c10', ''), fc.string({ unit: 'grapheme' }))
    fc.assert(
      fc.property(fc.array(name), (names) => {
        const to = beginBody()
        for (const text of names) to.name(text)
        const reader = new FieldReader(to.end())
        expect(names.map(() => reader.name())).toEqual(names)
      }),
      runs,
    )
  })

  test('a key of characters that are no bytes is not written', () => {
    expect(() => beginBody().key(asKey('k\u0100'))).toThrow(RangeError)
  })

  test('a body that was begun and given up leaves nothing behind', () => {
    beginBody().key(asKey('given up'))
    const to = beginBody()
    to.byte(7)
    expect(to.end()).toEqual(Uint8Array.of(7))
  })
})

describe('ownership', () => {
  test('decoded values do not alias the body, and are plain Uint8Arrays whatever the body is', () => {
    const body = Buffer.from(encodeClientBatch([putOf(Uint8Array.of(1, 2, 3))]))
    const [message] = decodeClientBatch(body)
    body.fill(0)
    const value = message?.type === 'write' && message.command.type === 'put' ? message.command.value : null
    expect(value).toEqual(Uint8Array.of(1, 2, 3))
    expect(value?.constructor).toBe(Uint8Array)
  })

  test('an encoded body is not written over by the next ones', () => {
    const bodies = Array.from({ length: 2_000 }, (_, call) =>
      encodeClientBatch([{ type: 'map-request', call }]),
    )
    bodies.forEach((body, call) => {
      expect(decodeClientBatch(body)).toEqual([{ type: 'map-request', call }])
    })
  })
})

describe('families', () => {
  test('decodeBatch tells whose messages a body holds', () => {
    const ack = { type: 'ack', epoch: 1, attempt: 1, commit: 1, received: 1, echo: 0.5 } as const
    const items = [{ chain: asChainId('c0'), message: ack }] as never
    const request: ClientMessage = { type: 'map-request', call: 1 }
    const reply: ServerMessage = { type: 'status-reply', call: 1, json: '{}' }
    expect(decodeBatch(encodeClientBatch([request]))).toEqual({ type: 'client', messages: [request] })
    expect(decodeBatch(encodeServerBatch([reply]))).toEqual({ type: 'server', messages: [reply] })
    expect(decodeBatch(encodeChainBatch(items))).toEqual({ type: 'chain', items })
    expect(() => decodeServerBatch(encodeClientBatch([request]))).toThrow(CodecError)
    expect(() => decodeClientBatch(encodeServerBatch([reply]))).toThrow(CodecError)
  })
})

describe('garbage', () => {
  const refused = {
    'no bytes': new Uint8Array(0),
    'an unknown family': rawBody(9),
    'a body of protocol version 1': rawBody(0x94, 1, 4, 1, 0),
    'an unknown kind': rawBody(1, 99, 1, 'c0'),
    'a message cut short': rawBody(1, 0, 5, 'c0'),
    'a key longer than the body': rawBody(1, 0, 5, 'c0', 200, 1, 97),
    'a call that never ends': rawBody(1, 5, ENDLESS_COUNT),
    'a call that is too large': rawBody(1, 5, HUGE_COUNT),
    'a list longer than the body': rawBody(1, 2, 1, 'c0', 0, 0, 0xff, 0xff, 0x7f, 'k'),
    'a flag that is none': rawBody(1, 3, 1, 'c0', 0, 0, '', 2, '', 1),
    'a text that is not UTF-8': rawBody(2, 7, 1, 2, 0xc3, 0x28),
    'a map that is not JSON': rawBody(2, 6, 1, '{'),
    'a map without chains': rawBody(2, 6, 1, '{"clusterId":"x","addresses":{}}'),
    'an unknown error code': rawBody(2, 5, 1, 'WHATEVER', 'text', 0),
    'a configuration that is none': rawBody(3, 'c0', 10, 1, '{}'),
    'a time that is not a number': rawBody(3, 'c0', 1, 1, 1, 1, 1, 1, rawTime(Number.NaN)),
    'a time before all times': rawBody(3, 'c0', 1, 1, 1, 1, 1, 1, rawTime(-1)),
    'an endless time': rawBody(3, 'c0', 1, 1, 1, 1, 1, 1, rawTime(Number.POSITIVE_INFINITY)),
  }

  test.each(Object.entries(refused))('%s', (_, body) => {
    expect(() => decodeBatch(body)).toThrow(CodecError)
  })

  test('an entry with bytes after its end', () => {
    expect(() => decodeEntries(rawBody(1, 1, 0, 0, 0, 0))).toThrow(CodecError)
  })

  test('a message that is cut short anywhere', () => {
    const cut = (body: Uint8Array) => {
      for (let length = 2; length < body.length; length++)
        expect(() => decodeBatch(body.subarray(0, length))).toThrow(CodecError)
    }
    const few = { numRuns: 150 }
    fc.assert(
      fc.property(clientMessage, (message) => cut(encodeClientBatch([message]))),
      few,
    )
    fc.assert(
      fc.property(serverMessage, (message) => cut(encodeServerBatch([message]))),
      few,
    )
    fc.assert(
      fc.property(chainItem, (item) => cut(encodeChainBatch([item]))),
      few,
    )
  })

  test('random bytes throw nothing but CodecError', () => {
    const family = fc.constantFrom(1, 2, 3)
    fc.assert(
      fc.property(family, fc.uint8Array({ maxLength: 120 }), (first, rest) => {
        try {
          decodeBatch(rawBody(first, rest))
        } catch (error) {
          if (!(error instanceof CodecError)) throw error
        }
      }),
      { numRuns: 10_000 },
    )
  })

  test('100,000 mutated bodies throw nothing but CodecError', () => {
    const pool = [
      ...fc.sample(batchOf(clientMessage), { numRuns: 60, seed: 1 }).map(encodeClientBatch),
      ...fc.sample(batchOf(serverMessage), { numRuns: 60, seed: 2 }).map(encodeServerBatch),
      ...fc.sample(batchOf(chainItem), { numRuns: 60, seed: 3 }).map(encodeChainBatch),
    ]
    const draw = dice(20_240_229)
    let refusals = 0
    for (let i = 0; i < 100_000; i++) {
      const body = mutate(pool[i % pool.length] ?? new Uint8Array(0), draw)
      try {
        decodeBatch(body)
      } catch (error) {
        if (!(error instanceof CodecError)) throw error
        refusals++
      }
    }
    expect(refusals).toBeGreaterThan(50_000)
  })
})

function putOf(value: Uint8Array): ClientMessage {
  const identity = { session: asSessionId(5), requestNumber: 1, answeredBelow: 1 } as never
  const expiry = { type: 'set', atWallMs: asMillis(0) } as const
  const command = { type: 'put', key: asKey('k'), value, expiry, condition: null } as const
  return { type: 'write', call: 1, chain: asChainId('c0'), identity, command }
}

/** Changes bytes (with a taste for those that begin long things), leaves some out, repeats some. */
function mutate(body: Uint8Array, draw: (below: number) => number): Uint8Array {
  let bytes = body
  for (let changes = 1 + draw(3); changes > 0; changes--) {
    const at = draw(bytes.length)
    const how = draw(4)
    if (how === 0) {
      bytes = bytes.slice()
      bytes[at] = draw(3) === 0 ? 0xc0 + draw(0x40) : draw(256)
    } else {
      // Leaves out, or repeats, a few bytes.
      const from = how === 1 ? at + draw(9) : Math.max(0, at - draw(17))
      bytes = Uint8Array.from(Buffer.concat([bytes.subarray(0, at), bytes.subarray(from)]))
    }
  }
  return bytes
}

/** A linear congruential generator: the same mutations on every run. */
function dice(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * below)
  }
}
