import { describe, expect, test } from 'vitest'
import { matchesGlob } from '../../runtime/doors/redis/glob.ts'
import { addDecimals, toInt64 } from '../../runtime/doors/redis/numbers.ts'
import { RequestReader, splitLine } from '../../runtime/doors/redis/request-reader.ts'
import { encodeRequest } from '../support/redis-wire.ts'

const LIMITS = { bulkBytesMax: 1024, requestBytesMax: 4096 }

/** Requests that come in pieces of this size. */
function read(bytes: Buffer, size: number): string[][] {
  const reader = new RequestReader(LIMITS)
  const found: string[][] = []
  for (let at = 0; at < bytes.length; at += size) {
    reader.push(bytes.subarray(at, at + size))
    while (reader.next()) found.push(reader.args.texts(0))
  }
  expect(reader.pendingBytes).toBe(0)
  return found
}

describe('requests', () => {
  const requests = [['PING'], ['SET', 'key', ''], ['MGET', ...Array.from({ length: 40 }, (_, i) => `k${i}`)]]
  const bytes = Buffer.concat([
    ...requests.map(encodeRequest),
    Buffer.from('*0\r\n  \r\nset "a b" c\r\n'),
    ...requests.map(encodeRequest),
  ])

  test('are the same in pieces of any size', () => {
    for (const size of [1, 2, 3, 7, 64, 100_000])
      expect(read(bytes, size)).toEqual([...requests, ['set', 'a b', 'c'], ...requests])
  })

  test('that are kept stay what they are', () => {
    const reader = new RequestReader(LIMITS)
    reader.push(encodeRequest(['SET', 'a', '1']))
    expect(reader.next()).toBe(true)
    const kept = reader.args.keep()
    reader.push(encodeRequest(['GET', 'zzz']))
    expect(reader.next()).toBe(true)
    expect(kept.texts(0)).toEqual(['SET', 'a', '1'])
  })

  test('too long together are refused before they are there', () => {
    const reader = new RequestReader(LIMITS)
    reader.push(Buffer.from(`*9\r\n${`$1000\r\n${'x'.repeat(1000)}\r\n`.repeat(4)}$1000\r\n`))
    expect(() => reader.next()).toThrow('too big request')
  })

  test('lines: quotes and escapes', () => {
    expect(splitLine(String.raw`a "b\x41\n" 'c\'d' ""`)).toEqual(['a', 'bA\n', "c'd", ''])
    expect(splitLine('a "b')).toBeNull()
  })
})

test('patterns', () => {
  const cases: [string, string, boolean][] = [
    ['*', '', true],
    ['h?llo', 'hello', true],
    ['h?llo', 'hllo', false],
    ['h*llo', 'heeello', true],
    ['h[ae]llo', 'hallo', true],
    ['h[^e]llo', 'hello', false],
    ['h[a-c]llo', 'hbllo', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['*a*b*c', 'xxaxxbxxc', true],
    ['[', 'x', false],
    [`${'a*'.repeat(40)}b`, 'a'.repeat(2000), false],
  ]
  for (const [pattern, text, matches] of cases) expect(matchesGlob(pattern, text), pattern).toBe(matches)
})

test('numbers', () => {
  expect(toInt64('-9223372036854775808')).toBe(-(2n ** 63n))
  for (const text of ['9223372036854775808', '01', '+1', '-0', '', ' 1', '1.0'])
    expect(toInt64(text)).toBeNull()
  expect(addDecimals('0.1', '0.2')).toBe('0.3')
  expect(addDecimals('10.50', '-0.5')).toBe('10')
  expect(addDecimals('-1', '0.25')).toBe('-0.75')
  expect(addDecimals('5.0e3', '2.0e2')).toBe('5200')
  expect(addDecimals('1', 'inf')).toBeNull()
})
