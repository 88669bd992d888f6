import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Client, StoredValue } from '../../client/index.ts'
import { checkLogs, membersOf, startTestCluster, type TestCluster, until } from '../support/cluster.ts'

const bytes = (...values: number[]) => Uint8Array.from(values)
const text = (value: StoredValue | null) => value?.text() ?? null

describe('every method of the client on a real cluster', () => {
  let test_: TestCluster
  let client: Client
  let failed = false

  beforeAll(async () => {
    test_ = await startTestCluster({ chains: 2 })
    client = await test_.connect()
  })
  afterAll(async () => {
    try {
      checkLogs(test_.cluster)
    } catch (error) {
      failed = true
      throw error
    } finally {
      await test_.close({ failed })
    }
  })

  test('put and get: text, bytes, nothing, other alphabets', async () => {
    const outcome = await client.put('greeting', 'hello')
    const found = await client.get('greeting')
    expect(outcome).toEqual({ applied: true, version: found?.version })
    expect(found?.text()).toBe('hello')
    expect(found?.committed).toBe(true)
    expect(found?.expiresAt).toBeNull()
    expect(await client.get('absent')).toBeNull()
    await client.put(bytes(0, 255, 128), bytes(1, 0, 254))
    expect([...((await client.get(bytes(0, 255, 128)))?.value ?? [])]).toEqual([1, 0, 254])
    await client.put('grüße/世界', '🙂')
    expect(text(await client.get('grüße/世界'))).toBe('🙂')
    await client.put('empty', '')
    expect((await client.get('empty'))?.value.length).toBe(0)
  })

  test('a large value comes back whole; one byte too many is refused with the limit named', async () => {
    const large = new Uint8Array(8 * 1024 * 1024).map((_, i) => i * 31)
    await client.put('large', large)
    const found = await client.get('large')
    expect(Buffer.compare(found?.value ?? bytes(), large)).toBe(0)
    await expect(client.put('larger', new Uint8Array(large.length + 1))).rejects.toMatchObject({
      code: 'TOO_LARGE',
      outcome: 'definite',
    })
    await expect(client.get('')).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
    await client.delete('large')
  })

  test('conditions: ifAbsent, ifPresent, ifVersion; a failed one returns what it met', async () => {
    expect((await client.put('c', '1', { ifPresent: true })).applied).toBe(false)
    const first = await client.put('c', '1', { ifAbsent: true })
    const second = await client.put('c', '2', { ifAbsent: true })
    expect(second.applied).toBe(false)
    if (!first.applied || second.applied) return
    expect(second.current?.version).toBe(first.version)
    expect(second.current?.text()).toBe('1')
    expect((await client.put('c', '3', { ifVersion: first.version + 1 })).applied).toBe(false)
    expect((await client.put('c', '3', { ifVersion: first.version })).applied).toBe(true)
    expect((await client.delete('c', { ifVersion: first.version })).applied).toBe(false)
    expect(text(await client.get('c'))).toBe('3')
  })

  test('delete; a version never goes back, not even by a delete', async () => {
    const put = await client.put('d', '1')
    expect((await client.delete('d')).applied).toBe(true)
    expect(await client.get('d')).toBeNull()
    expect(await client.delete('d')).toEqual({ applied: true, version: 0 })
    const again = await client.put('d', '2')
    if (!put.applied || !again.applied) throw new Error('a put without a condition was not applied')
    expect(again.version).toBeGreaterThan(put.version)
  })

  test('compareAndSet by value, by version, from nothing, to nothing', async () => {
    expect((await client.compareAndSet('cas', null, 'a')).applied).toBe(true)
    expect((await client.compareAndSet('cas', null, 'b')).applied).toBe(false)
    expect((await client.compareAndSet('cas', 'x', 'b')).applied).toBe(false)
    const swapped = await client.compareAndSet('cas', 'a', 'b')
    if (!swapped.applied) throw new Error('the value was as expected')
    expect((await client.compareAndSet('cas', swapped.version, null)).applied).toBe(true)
    expect(await client.get('cas')).toBeNull()
  })

  test('append, prepend, increment, decrement, getAndSet', async () => {
    await client.append('text', 'b')
    const version = await client.prepend('text', 'a')
    expect(await client.get('text')).toMatchObject({ version })
    expect(text(await client.get('text'))).toBe('ab')
    expect(await client.increment('n')).toBe(1)
    expect(await client.increment('n', 41)).toBe(42)
    expect(await client.decrement('n', 50)).toBe(-8)
    await expect(client.increment('text')).rejects.toMatchObject({
      code: 'NOT_A_NUMBER',
      outcome: 'definite',
    })
    expect(text(await client.getAndSet('n', 'new'))).toBe('-8')
    expect(text(await client.getAndSet('n', null))).toBe('new')
    expect(await client.getAndSet('n', null)).toBeNull()
  })

  test('expiry: set with the value, kept, changed, cleared; an expired key is gone for every reader', async () => {
    await client.put('lapses', 'soon', { expiresInMs: 400 })
    expect((await client.get('lapses'))?.expiresAt?.getTime()).toBeGreaterThan(Date.now() - 60_000)
    const at = new Date(Date.now() + 3_600_000)
    await client.put('later', '1', { expiresAt: at })
    await client.put('later', '2', { keepExpiry: true })
    expect((await client.get('later'))?.expiresAt).toEqual(at)
    await client.append('later', '+')
    expect((await client.get('later'))?.expiresAt).toEqual(at)
    expect(await client.expire('later', null)).toBe(true)
    expect((await client.get('later'))?.expiresAt).toBeNull()
    expect(await client.expire('later', { inMs: 1 })).toBe(true)
    expect(await client.expire('absent', { inMs: 1000 })).toBe(false)
    for (const key of ['lapses', 'later']) {
      await until(`${key} has expired`, async () => (await client.get(key)) === null)
      for (const readPolicy of ['tail', 'no-tail'] as const)
        expect(await client.get(key, { readPolicy })).toBeNull()
    }
    expect((await client.put('lapses', 'anew', { ifAbsent: true })).applied).toBe(true)
  })

  test('transactions: all or nothing, on one chain', async () => {
    await client.put('{t}.a', '100')
    const done = await client.transaction({
      compare: [
        { key: '{t}.a', ifValue: '100' },
        { key: '{t}.b', ifAbsent: true },
      ],
      read: ['{t}.a', '{t}.b'],
      write: [
        { key: '{t}.a', value: '90' },
        { key: '{t}.b', value: '10', expiresInMs: 60_000 },
      ],
    })
    expect(done.applied).toBe(true)
    expect(done.reads.map(text)).toEqual(['100', null])
    const values = await client.getMany(['{t}.a', '{t}.b', '{t}.c'])
    expect(values.map(text)).toEqual(['90', '10', null])
    expect(values[0]?.version).toBe(done.version)
    expect(values[1]?.expiresAt).not.toBeNull()
    const refused = await client.transaction({
      compare: [
        { key: '{t}.a', ifVersion: done.version },
        { key: '{t}.b', ifAbsent: true },
      ],
      read: ['{t}.a'],
      write: [{ key: '{t}.a', value: null }],
    })
    expect(refused).toMatchObject({ applied: false, version: 0 })
    expect(refused.reads.map(text)).toEqual(['90'])
    expect(text(await client.get('{t}.a'))).toBe('90')
    await client.transaction({
      write: [
        { key: '{t}.a', value: null },
        { key: '{t}.b', value: null },
      ],
    })
    expect(await client.getMany(['{t}.a', '{t}.b'])).toEqual([null, null])
  })

  test('getMany over chains, and scan in the order of bytes, page by page', async () => {
    const keys = Array.from({ length: 300 }, (_, n) => `many/${n}`)
    await Promise.all(keys.map((key) => client.put(key, key)))
    expect((await client.getMany([...keys, 'absent'])).map(text)).toEqual([...keys, null])
    expect(await client.getMany([])).toEqual([])
    const seen: string[] = []
    for await (const item of client.scan({ prefix: 'many/', pageSize: 10 })) {
      expect(item.text()).toBe(item.key)
      expect(Buffer.from(item.keyBytes).toString()).toBe(item.key)
      seen.push(item.key)
    }
    expect(seen).toEqual([...keys].sort())
    for await (const item of client.scan({ prefix: 'many/1' })) {
      expect(item.key).toBe('many/1') // and the rest is not fetched
      break
    }
  })

  test('all consistency levels and read policies see the client’s own writes', async () => {
    const { version } = (await client.put('mine', '0')) as { version: number }
    let last = version
    for (let i = 1; i <= 30; i++) {
      await client.put('mine', `${i}`)
      for (const consistency of ['strong', 'eventual', { maxAgeMs: 1000 }, { maxVersions: 3 }] as const) {
        for (const readPolicy of ['spread', 'tail', 'no-tail', 'nearest'] as const) {
          const found = await client.get('mine', { consistency, readPolicy })
          expect(found?.text()).toBe(`${i}`)
          expect(found?.version).toBeGreaterThanOrEqual(last)
          last = found?.version ?? 0
        }
      }
    }
    const weak = await client.getMany(['mine'], { consistency: 'eventual', readPolicy: 'no-tail' })
    expect(weak.map(text)).toEqual(['30'])
  })

  test('another client sees at once what was acknowledged, at every replica', async () => {
    const other = await test_.connect({ readPolicy: 'no-tail', exactlyOnce: false })
    const tail = await test_.connect({ readPolicy: 'tail' })
    for (let i = 0; i < 50; i++) {
      await client.put('shared', `${i}`)
      expect(text(await other.get('shared'))).toBe(`${i}`)
      expect(text(await tail.get('shared'))).toBe(`${i}`)
      await other.put('shared', `${i} back`)
      expect(text(await client.get('shared'))).toBe(`${i} back`)
    }
  })

  test('status tells of every server; close ends what is outstanding', async () => {
    const statuses = await client.status()
    expect(statuses.map(({ server }) => server).sort()).toEqual([...(await membersOf(test_.cluster))].sort())
    for (const { status, error } of statuses) {
      expect(error).toBeNull()
      expect(status).toMatchObject({ storage: 'ok' })
    }
    const closing = await test_.connect()
    const read = closing.get('shared')
    const closed = closing.close()
    await expect(read).rejects.toMatchObject({ code: 'CLOSED' })
    await closed
    await expect(closing.get('shared')).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
