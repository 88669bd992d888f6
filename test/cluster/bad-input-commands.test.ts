/** Commands that make no sense, or too much of it: from the client library, and past its checks. */
import { describe, expect, test } from 'vitest'
import { type Client, StoreError } from '../../client/index.ts'
import { asKey, asMillis, asRequestNumber, asSessionId } from '../../protocol/ids.ts'
import { memberAt, until } from '../support/cluster.ts'
import { ENDLESS_COUNT, HUGE_COUNT, rawBody } from '../support/raw-body.ts'
import { besideLoad, bytes, put, read, Stranger, write } from './bad-input-stranger.ts'

const MIB = 1024 * 1024
const LIMIT = 8 * MIB
const LONGEST = 'k'.repeat(4096)
const world = besideLoad()

async function strangerAtHead(): Promise<Stranger> {
  const { cluster } = world()
  return new Stranger(cluster.port(await memberAt(cluster, 'head')))
}

async function errorOf(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof StoreError)) throw new Error(`expected a StoreError, not ${String(error)}`)
  expect(error.outcome).toBe('definite')
  return `${error.code}: ${error.message}`
}

describe('sizes', () => {
  test('keys', async () => {
    const client = await world().connect()
    const stranger = await strangerAtHead()
    await client.put(LONGEST, 'longest')
    expect((await client.get(LONGEST))?.text()).toBe('longest')
    const tooLong = /^TOO_LARGE: .*4097 bytes.*limit is 4096/
    const empty = /^BAD_ARGUMENT: .*key is empty/
    for (const [key, sense] of [
      [`${LONGEST}k`, tooLong],
      ['', empty],
    ] as const) {
      for (const attempt of [
        client.put(key, 'x'),
        client.get(key),
        client.delete(key),
        client.increment(key),
      ])
        expect(await errorOf(attempt)).toMatch(sense)
      expect(await stranger.refusalOf(write(put(key, 1)))).toMatch(sense)
      expect(await stranger.refusalOf(read({ type: 'get', keys: [asKey(key)] }))).toMatch(sense)
      const transaction = { type: 'transaction', compares: [], reads: [asKey(key)], writes: [] } as const
      expect(await stranger.refusalOf(write(transaction))).toMatch(sense)
    }
    stranger.end()
  })

  test('values', async () => {
    const client = await world().connect()
    const stranger = await strangerAtHead()
    const large = bytes(LIMIT).fill(7)
    await client.put('large', large)
    expect(Buffer.compare((await client.get('large'))?.value ?? bytes(0), large)).toBe(0)
    expect(await errorOf(client.put('larger', bytes(LIMIT + 1)))).toMatch(/^TOO_LARGE: .*8388609 .*8388608/)
    expect(await stranger.refusalOf(write(put('larger', LIMIT + 1)))).toMatch(
      /^TOO_LARGE: .*8388609 .*8388608/,
    )
    expect(await client.get('larger')).toBeNull()
    // An append that would grow it beyond the limit changes nothing.
    expect(await errorOf(client.append('large', 'x'))).toMatch(/^TOO_LARGE: append: .*8388609 .*8388608/)
    expect(await errorOf(client.prepend('large', 'x'))).toMatch(/^TOO_LARGE: prepend: .*8388609 .*8388608/)
    expect((await client.get('large'))?.value.length).toBe(LIMIT)
    stranger.end()
  })

  test('transactions: the sum of what they write, of what they read, and their keys', async () => {
    const client = await world().connect()
    const stranger = await strangerAtHead()
    const half = [
      { key: 'half/1', value: bytes(LIMIT / 2) },
      { key: 'half/2', value: bytes(LIMIT / 2) },
    ]
    expect((await client.transaction({ write: half })).applied).toBe(true)
    const more = [...half, { key: 'half/3', value: 'x' }]
    expect(await errorOf(client.transaction({ write: more }))).toMatch(/^TOO_LARGE: .*8388609 .*8388608/)
    const mutations = [0, 1].map((n) => ({ ...put(`half/${n}`, LIMIT / 2 + 1), type: 'put' }) as const)
    const tooMuch = { type: 'transaction', compares: [], reads: [], writes: mutations } as const
    expect(await stranger.refusalOf(write(tooMuch))).toMatch(/^TOO_LARGE: .*8388610 .*8388608/)

    expect((await client.transaction({ read: ['half/1', 'half/2'] })).reads).toHaveLength(2)
    const reads = client.transaction({ read: ['half/1', 'half/2', LONGEST] })
    expect(await errorOf(reads)).toMatch(/^TOO_LARGE: transaction: .*reads.*8388608.*fewer keys/)

    const keys = Array.from({ length: 100_000 }, (_, n) => asKey(`key/${n}`))
    expect(await errorOf(client.transaction({ read: keys }))).toMatch(/^BAD_ARGUMENT: .*100000 keys.*1024/)
    expect(await errorOf(client.getMany(keys))).toMatch(/^BAD_ARGUMENT: .*100000 keys.*1024/)
    const many = { type: 'transaction', compares: [], reads: keys, writes: [] } as const
    expect(await stranger.refusalOf(write(many))).toMatch(/^BAD_ARGUMENT: .*100000 keys.*1024/)
    expect(await stranger.refusalOf(read({ type: 'get', keys }))).toMatch(
      /^BAD_ARGUMENT: .*100000 keys.*1024/,
    )
    stranger.end()
  })

  test('what does not fit into one reply is refused, not left without an answer', async () => {
    const client = await world().connect()
    await client.put('large', bytes(LIMIT))
    expect(await client.getMany(Array(4).fill('large'))).toHaveLength(4)
    for (const consistency of ['strong', 'eventual'] as const) {
      const attempt = client.getMany(Array(9).fill('large'), { consistency, timeoutMs: 5000 })
      expect(await errorOf(attempt)).toMatch(/^TOO_LARGE: get .*33554432.*fewer/)
    }
  })
})

describe('answers that hold values', () => {
  test('a burst of failed conditions on a large value blocks no chain', async () => {
    const client = await world().connect()
    await client.put('guarded', bytes(MIB))
    const burst = Array.from({ length: 70 }, () => client.put('guarded', 'x', { ifAbsent: true }))
    for (const outcome of await Promise.all(burst)) expect(outcome.applied).toBe(false)
  })

  test('a client session that never says what arrived is stopped, and told why', async () => {
    const stranger = await strangerAtHead()
    const opened = await stranger.ask(write({ type: 'open-session' }))
    if (opened.type !== 'write-reply' || opened.result.type !== 'written') throw new Error(opened.type)
    const session = asSessionId(opened.result.version)
    const swap = {
      type: 'get-and-set',
      key: asKey('swapped'),
      value: bytes(LIMIT),
      expiry: put('', 0).expiry,
    } as const
    const refusals: string[] = []
    for (let n = 1; n <= 7; n++) {
      const identity = { session, requestNumber: asRequestNumber(n), answeredBelow: asRequestNumber(1) }
      refusals.push(await stranger.refusalOf(write(swap, identity)))
    }
    expect(refusals[2]).toBe('not refused: write-reply')
    expect(refusals[6]).toMatch(/^OVERLOADED: .*client session \d+, which has not said that they arrived/)
    // Saying so is all it takes.
    const identity = { session, requestNumber: asRequestNumber(8), answeredBelow: asRequestNumber(8) }
    expect(await stranger.refusalOf(write(put('swapped', 1), identity))).toBe('not refused: write-reply')
    stranger.end()
  })
})

describe('numbers', () => {
  test('the client library refuses them before anything is sent', async () => {
    const client = await world().connect()
    const attempts: readonly [string, (client: Client) => Promise<unknown>, RegExp][] = [
      ['NaN', (c) => c.increment('n', Number.NaN), /NaN.*whole number/],
      ['infinity', (c) => c.increment('n', Infinity), /Infinity.*whole number/],
      ['a fraction', (c) => c.increment('n', 0.5), /0\.5.*whole number/],
      ['no number', (c) => c.put('n', 'x', { expiresInMs: Number.NaN }), /expiresInMs NaN/],
      ['the past', (c) => c.put('n', 'x', { expiresInMs: -1 }), /expiresInMs -1/],
      ['a version', (c) => c.put('n', 'x', { ifVersion: -1 }), /version -1/],
      ['a timeout', (c) => c.get('n', { timeoutMs: Number.NaN }), /timeoutMs NaN/],
      ['an age', (c) => c.get('n', { consistency: { maxAgeMs: -5 } }), /maxAgeMs -5/],
      ['versions', (c) => c.get('n', { consistency: { maxVersions: 1.5 } }), /maxVersions/],
      ['a page of nothing', (c) => c.scan({ pageSize: 0 }).next(), /pageSize 0: .*1 to 10000/],
      ['a page of everything', (c) => c.scan({ pageSize: 1e9 }).next(), /pageSize 1000000000/],
    ]
    for (const [, attempt, sense] of attempts) {
      const error = await errorOf(attempt(client))
      expect(error).toMatch(/^BAD_ARGUMENT: /)
      expect(error).toMatch(sense)
    }
    expect(await client.get('n')).toBeNull()
  })

  test('a server refuses what makes no sense, and changes nothing', async () => {
    const client = await world().connect()
    const stranger = await strangerAtHead()
    const by = (amount: number) => write({ type: 'increment', key: asKey('huge'), by: amount })
    expect(await stranger.refusalOf(by(Number.MAX_SAFE_INTEGER))).toBe('not refused: write-reply')
    expect(await stranger.refusalOf(by(1))).toMatch(/^NOT_A_NUMBER: .*9007199254740991/)
    expect(Number((await client.get('huge'))?.text())).toBe(Number.MAX_SAFE_INTEGER)
    for (const limit of [0, 1e9, Number.MAX_SAFE_INTEGER]) {
      const scan = read({ type: 'scan', prefix: asKey(''), after: null, limit })
      expect(await stranger.refusalOf(scan)).toMatch(
        new RegExp(`^BAD_ARGUMENT: scan: limit ${limit} .*10000`),
      )
    }
    const identity = {
      session: asSessionId(2 ** 50),
      requestNumber: asRequestNumber(1),
      answeredBelow: asRequestNumber(1),
    }
    expect(await stranger.refusalOf(write(put('huge', 1), identity))).toMatch(
      /^SESSION_LAPSED: client session \d+/,
    )
    const past = write({ type: 'expire', key: asKey('huge'), atWallMs: asMillis(1) })
    expect(await stranger.refusalOf(past)).toBe('not refused: write-reply')
    await until('what has expired is gone', async () => (await client.get('huge')) === null)
    const elsewhere = (call: number) => ({
      ...read({ type: 'get', keys: [asKey('a')] })(call),
      chain: 'x'.repeat(1e6),
    })
    expect(await stranger.refusalOf(elsewhere as never)).toMatch(/^WRONG_CHAIN: no replica of x{64} is here$/)
    stranger.end()
  })

  test.each([
    ['one that never ends', ENDLESS_COUNT],
    ['more than is exact', HUGE_COUNT],
  ])('where a frame has a number %s, its connection is closed with one line in the log', async (_, wrong) => {
    const { cluster } = world()
    const head = await memberAt(cluster, 'head')
    const linesOf = () =>
      cluster
        .process(head)
        .log.split('\n')
        .filter((line) => line.includes('not our protocol'))
    const before = linesOf().length
    const stranger = await strangerAtHead()
    await until('it is greeted', () => stranger.isGreeted)
    // A scan: client family, its kind, call, chain, strong, no token, prefix, after, limit.
    stranger.body(rawBody(1, 3, 1, 'c0', 0, 0, '', 0, wrong))
    await until('it is cut off', () => stranger.isClosed)
    await until('the log says so', () => linesOf().length > before)
    expect(linesOf().length).toBe(before + 1)
    expect(linesOf().at(-1)).toMatch(/expected a count/)
  })
})
