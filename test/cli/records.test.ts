import { describe, expect, test } from 'vitest'
import { Importer } from '../../cli/records/importer.ts'
import { linesOf } from '../../cli/records/ndjson.ts'
import { type ImportRecord, parseRecord } from '../../cli/records/record.ts'
import type { WriteOutcome } from '../../client/index.ts'

async function* chunks(...texts: string[]): AsyncGenerator<Buffer, void, void> {
  for (const text of texts) yield Buffer.from(text)
}

async function lines(max: number, ...texts: string[]): Promise<[number, string | null][]> {
  const found: [number, string | null][] = []
  for await (const { number, bytes } of linesOf(chunks(...texts), max))
    found.push([number, bytes === null ? null : bytes.toString()])
  return found
}

describe('lines', () => {
  test('however the stream is cut', async () => {
    const expected = [
      [1, 'ab'],
      [2, ''],
      [3, 'c'],
      [4, 'de'],
    ]
    expect(await lines(10, 'ab\n\nc\r\nde')).toEqual(expected)
    expect(await lines(10, ...'ab\n\nc\r\nde\n')).toEqual(expected)
    expect(await lines(10)).toEqual([])
  })

  test('one that is too long is passed over, without being kept', async () => {
    expect(await lines(3, 'abc\nab', 'cd', 'e\nf\n')).toEqual([
      [1, 'abc'],
      [2, null],
      [3, 'f'],
    ])
  })
})

describe('records', () => {
  const parse = (text: string) => parseRecord(Buffer.from(text))

  test('text and base64', () => {
    expect(parse('{"key":"ä","value":""}')).toEqual({
      key: Buffer.from('ä'),
      value: Buffer.alloc(0),
      expiresAt: null,
    })
    expect(parse('{"keyBase64":"/w==","valueBase64":"AA==","expiresAt":"2030-01-01T00:00:00Z"}')).toEqual({
      key: Buffer.from([0xff]),
      value: Buffer.from([0]),
      expiresAt: new Date('2030-01-01T00:00:00Z'),
    })
  })

  test.each([
    ['{"key":"a"', /^not JSON/],
    ['["a","b"]', /not a JSON object/],
    ['{"key":"a"}', /neither "value" nor "valueBase64"/],
    ['{"value":"a"}', /neither "key" nor "keyBase64"/],
    ['{"key":"","value":"a"}', /key is empty/],
    ['{"key":"a","value":1}', /"value" must be a string, not a number/],
    ['{"key":"a","value":null}', /"value" must be a string, not null/],
    ['{"key":"a","value":"b","valueBase64":"AA=="}', /both/],
    ['{"key":"a","valueBase64":"A"}', /not base64/],
    ['{"key":"a","value":"b","ttl":3}', /"ttl" means nothing/],
    ['{"key":"a","value":"b","expiresAt":"soon"}', /no moment/],
    [`{"key":"${'k'.repeat(4097)}","value":"b"}`, /4097 bytes; the limit is 4096/],
  ])('%s', (text, says) => {
    expect(parse(text)).toMatch(says)
  })

  test('what is not UTF-8', () => {
    expect(parseRecord(Buffer.from([0x22, 0xff, 0x22]))).toMatch(/not UTF-8/)
  })
})

describe('the importer', () => {
  const record = (key: string): ImportRecord => ({
    key: Buffer.from(key),
    value: Buffer.from('v'),
    expiresAt: null,
  })

  /** A store whose puts end when the test says so. */
  class HeldStore {
    readonly waiting: { key: string; end(error?: Error): void }[] = []
    readonly client = {
      put: (key: string | Uint8Array): Promise<WriteOutcome> =>
        new Promise((resolve, reject) => {
          const end = (error?: Error) => (error ? reject(error) : resolve({ applied: true, version: 1 }))
          this.waiting.push({ key: Buffer.from(key as Uint8Array).toString(), end })
        }),
    }
    get keys(): string[] {
      return this.waiting.map(({ key }) => key)
    }
  }

  const turn = () => new Promise((resolve) => setImmediate(resolve))

  test('keeps no more than so many outstanding', async () => {
    const store = new HeldStore()
    const importer = new Importer(store.client, { outstandingMax: 2, outstandingBytesMax: 1000 })
    await importer.put(1, record('a'))
    await importer.put(2, record('b'))
    const third = importer.put(3, record('c'))
    await turn()
    expect(store.keys).toEqual(['a', 'b'])
    store.waiting[1]?.end()
    await third
    expect(store.keys).toEqual(['a', 'b', 'c'])
    expect(importer.storedBelow).toBe(1)
    store.waiting[0]?.end()
    await turn()
    expect(importer.storedBelow).toBe(3)
    store.waiting[2]?.end()
    await importer.settle()
    expect([importer.stored, importer.storedBelow]).toEqual([3, 4])
  })

  test('nor so many bytes, but one record always', async () => {
    const store = new HeldStore()
    const importer = new Importer(store.client, { outstandingMax: 10, outstandingBytesMax: 1 })
    await importer.put(1, record('a'))
    const second = importer.put(2, record('b'))
    await turn()
    expect(store.keys).toEqual(['a'])
    store.waiting[0]?.end()
    await second
    expect(store.keys).toEqual(['a', 'b'])
    store.waiting[1]?.end()
    await importer.settle()
  })

  test('of one key the later line is put after the earlier one has ended', async () => {
    const store = new HeldStore()
    const importer = new Importer(store.client, { outstandingMax: 10, outstandingBytesMax: 1000 })
    await importer.put(1, record('a'))
    const second = importer.put(2, record('a'))
    await turn()
    expect(store.keys).toEqual(['a'])
    store.waiting[0]?.end()
    await second
    expect(store.keys).toEqual(['a', 'a'])
    store.waiting[1]?.end()
    await importer.settle()
  })

  test('a put that fails: the lines before it are what can be relied on', async () => {
    const store = new HeldStore()
    const importer = new Importer(store.client, { outstandingMax: 10, outstandingBytesMax: 1000 })
    for (const [i, key] of ['a', 'b', 'c'].entries()) await importer.put(i + 1, record(key))
    store.waiting[0]?.end()
    store.waiting[1]?.end(new Error('no reply'))
    store.waiting[2]?.end()
    await importer.settle()
    expect(importer.storedBelow).toBe(2)
    expect(importer.error?.message).toBe('line 2, key "b": no reply')
    await importer.put(4, record('d'))
    expect(store.keys).toEqual(['a', 'b', 'c'])
  })
})
