import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeHello,
  encodeFrame,
  encodeHello,
  FrameError,
  FrameSplitter,
  HELLO_BYTES_MAX,
} from '../../../protocol/frame.ts'

/** All bodies that the chunks hold, copied: later chunks must not change earlier bodies. */
function split(splitter: FrameSplitter, chunks: readonly Uint8Array[]): Uint8Array[] {
  const bodies: Uint8Array[] = []
  for (const chunk of chunks) {
    splitter.push(chunk)
    for (let body = splitter.next(); body !== null; body = splitter.next()) bodies.push(body)
  }
  return bodies
}

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const edges = [0, ...at.map((n) => n % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
}

describe('FrameSplitter', () => {
  test('finds the same bodies wherever the stream is cut', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 })
    fc.assert(
      fc.property(bodies, fc.array(fc.nat(1000), { maxLength: 30 }), (sent, cuts) => {
        const stream = new Uint8Array(Buffer.concat(sent.map(encodeFrame)))
        expect(split(new FrameSplitter(40), cut(stream, cuts))).toEqual(sent)
      }),
    )
  })

  test('joins a long body from many chunks', () => {
    const body = new Uint8Array(5_000_000).map((_, n) => n * 7)
    const stream = encodeFrame(body)
    const chunks = Array.from({ length: 100 }, (_, n) => stream.subarray(n * 50_001, (n + 1) * 50_001))
    const [joined] = split(new FrameSplitter(body.length), chunks)
    expect(Buffer.compare(joined ?? new Uint8Array(), body)).toBe(0)
  })

  test('refuses a length above the limit before any of the body has come', () => {
    expect(() => split(new FrameSplitter(10), [Uint8Array.of(0, 0, 0, 11)])).toThrow(FrameError)
    expect(() => split(new FrameSplitter(10), [Uint8Array.of(255, 255, 255, 255)])).toThrow(FrameError)
    expect(split(new FrameSplitter(10), [Uint8Array.of(0, 0, 0, 10)])).toEqual([])
  })
})

describe('hello', () => {
  const hello = { from: 'n1', to: '', cluster: 'main', listens: true, auth: 'none' } as const

  test('survives the wire', () => {
    expect(decodeHello(encodeHello(hello))).toEqual(hello)
    expect(encodeHello({ ...hello, from: 'x'.repeat(64), to: 'y'.repeat(64) }).length).toBeLessThan(
      HELLO_BYTES_MAX,
    )
  })

  test('every wrong one is refused as such', () => {
    const good = encodeHello(hello)
    for (let bytes = 0; bytes < good.length; bytes++) {
      expect(() => decodeHello(good.subarray(0, bytes))).toThrow(FrameError)
    }
    expect(() => decodeHello(Uint8Array.of(...good, 0))).toThrow(/after its end/)
    expect(() => decodeHello(good.with(0, 0))).toThrow(/not a hello/)
    expect(() => decodeHello(good.with(4, 99))).toThrow(/version 99/)
  })
})
