import { describe, expect, test } from 'vitest'
import { toConsistency, toDuration, toWhole, UsageError } from '../../cli/arguments.ts'
import { jsonBytes, quoted, showLine, showText } from '../../cli/bytes.ts'
import { shield, unshield } from '../../cli/shield.ts'
import { toPath } from '../../cli/znodes.ts'

describe('what people write', () => {
  test('durations need a unit', () => {
    expect(['500ms', '10s', '1.5m', '2h', '7d'].map((text) => toDuration(text, '--x'))).toEqual([
      500, 10_000, 90_000, 7_200_000, 604_800_000,
    ])
    for (const text of ['10', '0s', '-1s', '1w', '', 's'])
      expect(() => toDuration(text, '--x')).toThrow(UsageError)
  })

  test('whole numbers', () => {
    expect([toWhole('-5', 'by'), toWhole('+5', 'by'), toWhole('007', 'by')]).toEqual([-5, 5, 7])
    for (const text of ['1e3', '1.0', '', 'x', '9007199254740992'])
      expect(() => toWhole(text, 'by')).toThrow(UsageError)
    expect(() => toWhole('0', '--limit', 1)).toThrow(/from 1 on/)
  })

  test('consistency', () => {
    expect(['strong', 'eventual', 'age:500', 'versions:0'].map(toConsistency)).toEqual([
      'strong',
      'eventual',
      { maxAgeMs: 500 },
      { maxVersions: 0 },
    ])
    for (const text of ['age', 'age:0', 'age:x', 'versions:-1', ''])
      expect(() => toConsistency(text)).toThrow(UsageError)
  })

  test('paths', () => {
    expect(['/', '/a', '/a/b/'].map(toPath)).toEqual(['/', '/a', '/a/b'])
    for (const text of ['', 'a', '/a//b']) expect(() => toPath(text)).toThrow(UsageError)
  })

  test('words with a dash pass where they are meant as words', () => {
    const words = shield(['put', '--if-absent', '-', '--', '-k', 'v', '--'])
    expect(words).toEqual(['put', '--if-absent', '\0-', '\0-k', 'v', '\0--'])
    const argv = { _: ['put'], $0: 'catenary', key: words[3], rest: [words[2], 'v', 3] }
    unshield(argv)
    expect(argv).toEqual({ _: ['put'], $0: 'catenary', key: '-k', rest: ['-', 'v', 3] })
  })
})

describe('bytes as people see them', () => {
  const bytes = Buffer.from([0x61, 0x00, 0xff, 0x5c, 0x0a])

  test('text stays as it is, but cannot steer a terminal', () => {
    expect(showText(Buffer.from('ä\\n\tb\n'))).toBe('ä\\n\tb\n')
    expect(showLine(Buffer.from('ä\tb\n'))).toBe('ä\\tb\\n')
    expect(showText(Buffer.from('\x1b[2J\x9b'))).toBe('\\x1b[2J\\x9b')
  })

  test('other bytes are escaped, and base64 in JSON', () => {
    expect(showText(bytes)).toBe('a\\x00\\xff\\\\\\n')
    expect(jsonBytes('value', bytes)).toEqual({ valueBase64: bytes.toString('base64') })
    expect(jsonBytes('value', Buffer.from('a'))).toEqual({ value: 'a' })
  })

  test('names in messages are cut', () => {
    expect(quoted('k'.repeat(100))).toBe(`"${'k'.repeat(60)}..."`)
  })
})
