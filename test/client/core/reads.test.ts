import { describe, expect, test } from 'vitest'
import type { ReadPolicy } from '../../../client/core/events.ts'
import type { ChainConfig } from '../../../protocol/chain-config.ts'
import { fakeChain, fakeMap } from '../../support/fake-server.ts'
import { Driver } from './driver.ts'

const chain = fakeChain({ chain: 'c0', servers: ['n1', 'n2', 'n3'] })
const map = fakeMap([chain])
const weak = { type: 'eventual' } as const

/** Where so many reads go, one after another, each answered after so many milliseconds. */
function targets(
  driver: Driver,
  policy: ReadPolicy,
  count: number,
  latencyMs: Record<string, number> = {},
): string[] {
  return Array.from({ length: count }, () => {
    driver.get({ policy })
    const [sent] = driver.takeRequests()
    if (sent === undefined) throw new Error('nothing was sent')
    driver.nowMs += latencyMs[sent.to] ?? 1
    driver.answerRead(sent)
    return sent.to
  })
}

const alter = (server: string, change: Partial<ChainConfig['members'][number]>): ChainConfig => ({
  ...chain,
  members: chain.members.map((member) => (member.server === server ? { ...member, ...change } : member)),
})

describe('read policies', () => {
  test('spread: all replicas in turn', () => {
    const seen = targets(Driver.knowing(map), 'spread', 6)
    expect(seen.slice(0, 3).sort()).toEqual(['n1', 'n2', 'n3'])
    expect(seen.slice(3)).toEqual(seen.slice(0, 3))
  })

  test('spread: neither members that do not serve yet nor those that are leaving', () => {
    expect(new Set(targets(Driver.knowing(fakeMap([alter('n3', { serving: false })])), 'spread', 6))).toEqual(
      new Set(['n1', 'n2']),
    )
    expect(new Set(targets(Driver.knowing(fakeMap([alter('n1', { leaving: true })])), 'spread', 6))).toEqual(
      new Set(['n2', 'n3']),
    )
  })

  test('tail: the last member that serves (plain chain replication)', () => {
    expect(targets(Driver.knowing(map), 'tail', 3)).toEqual(['n3', 'n3', 'n3'])
    expect(targets(Driver.knowing(fakeMap([alter('n3', { serving: false })])), 'tail', 2)).toEqual([
      'n2',
      'n2',
    ])
  })

  test('no-tail: all but the tail, unless it is alone (CRAQ §2.3)', () => {
    expect(new Set(targets(Driver.knowing(map), 'no-tail', 6))).toEqual(new Set(['n1', 'n2']))
    expect(
      targets(Driver.knowing(fakeMap([fakeChain({ chain: 'c0', servers: ['n1'] })])), 'no-tail', 2),
    ).toEqual(['n1', 'n1'])
  })

  test('nearest: the fastest, once each has been asked', () => {
    const driver = Driver.knowing(map, { draw: () => 0.99 })
    const seen = targets(driver, 'nearest', 10, { n1: 9, n2: 2, n3: 5 })
    expect(seen.slice(0, 3).sort()).toEqual(['n1', 'n2', 'n3'])
    expect(new Set(seen.slice(3))).toEqual(new Set(['n2']))
  })

  test('nearest: of the own zone, however fast others are', () => {
    const zoned = fakeMap([chain], { n1: 'east', n2: 'west', n3: 'west' })
    const driver = Driver.knowing(zoned, { zone: 'east', draw: () => 0.99 })
    expect(new Set(targets(driver, 'nearest', 5, { n1: 50, n2: 1 }))).toEqual(new Set(['n1']))
  })
})

describe('retries', () => {
  test('NOT_SERVING: another replica at once, each once, then a pause', () => {
    const driver = Driver.knowing(map)
    const id = driver.get()
    const asked: string[] = []
    for (let i = 0; i < 3; i++) {
      const [sent] = driver.takeRequests()
      if (sent === undefined) throw new Error('not tried again')
      asked.push(sent.to)
      driver.fails(sent, 'NOT_SERVING')
    }
    expect(new Set(asked).size).toBeGreaterThan(1)
    expect(driver.takeRequests()).toEqual([])
    driver.after(20)
    expect(driver.takeRequests()).toHaveLength(1)
    expect(driver.ending(id)).toBe('open')
  })

  test('a lost connection: another replica at once, and that one is avoided for a while', () => {
    const driver = Driver.knowing(map)
    const id = driver.get()
    const [first] = driver.takeRequests()
    driver.down(first?.to ?? '')
    const [second] = driver.takeRequests()
    expect(second?.to).not.toBe(first?.to)
    if (second !== undefined) driver.answerRead(second)
    expect(driver.ending(id)).toBe('values')
    expect(targets(driver, 'spread', 6)).not.toContain(first?.to)
    driver.nowMs += 1_000
    expect(targets(driver, 'spread', 6)).toContain(first?.to)
  })

  test('no reply in time: another replica; a late reply still counts', () => {
    const driver = Driver.knowing(map)
    const id = driver.get()
    const [first] = driver.takeRequests()
    driver.after(999)
    expect(driver.takeRequests()).toEqual([])
    driver.after(1)
    const [second] = driver.takeRequests()
    expect(second?.to).not.toBe(first?.to)
    if (first !== undefined) driver.answerRead(first)
    expect(driver.ending(id)).toBe('values')
    if (second !== undefined) driver.answerRead(second) // too late, and nobody minds
  })

  test('the deadline ends it, naming what was tried', () => {
    const driver = Driver.knowing(map)
    const id = driver.get({ timeoutMs: 500, key: 'user:42' })
    const [sent] = driver.takeRequests()
    driver.after(500)
    expect(driver.ending(id)).toBe('TIMEOUT indefinite')
    expect(driver.errors.get(id)?.message).toBe(`get "user:42": no reply from ${sent?.to} in 500 ms`)
  })

  test('an answer of the wrong kind is none', () => {
    const driver = Driver.knowing(map)
    const id = driver.get()
    const [sent] = driver.takeRequests()
    const result = { type: 'written', version: 1 as never, number: null } as const
    driver.reply(sent?.to ?? '', { type: 'write-reply', call: sent?.message.call ?? 0, result })
    expect(driver.ending(id)).toBe('open')
  })
})

describe('session token', () => {
  const atLeast = (driver: Driver, consistency: Parameters<Driver['get']>[0]) => {
    driver.get(consistency)
    const [sent] = driver.takeRequests()
    if (sent?.message.type !== 'read') throw new Error('no read was sent')
    driver.answerRead(sent, { at: 0 })
    return sent.message.options.atLeast
  }

  test('weak reads carry the highest seq seen; strong ones none', () => {
    const driver = Driver.inSession(map, 100) // its last write was version 101
    expect(atLeast(driver, { consistency: weak })).toBe(101)
    expect(atLeast(driver, {})).toBe(0)
    driver.get()
    const [sent] = driver.takeRequests()
    if (sent !== undefined) driver.answerRead(sent, { at: 500 })
    expect(atLeast(driver, { consistency: { type: 'bounded-versions', maxVersions: 2 } })).toBe(500)
  })

  test('an uncommitted seq is insisted on until nobody answers for it', () => {
    const driver = Driver.inSession(map, 100)
    driver.get({ consistency: weak })
    const [first] = driver.takeRequests()
    if (first !== undefined) driver.answerRead(first, { at: 900, committed: false })
    driver.get({ consistency: weak })
    expect(driver.takeRequests()[0]?.message).toMatchObject({ options: { atLeast: 900 } })
    driver.after(1_000)
    expect(driver.takeRequests()[0]?.message).toMatchObject({ options: { atLeast: 101 } })
  })
})

describe('the map', () => {
  test('at first, servers are known by address only: each is asked in turn until one answers, and then let go', () => {
    const driver = new Driver()
    driver.step({ type: 'start' })
    const first = driver.takeOne()
    expect(first).toMatchObject({ to: '@a', message: { type: 'map-request' } })
    driver.down('@a')
    expect(driver.sent).toEqual([])
    driver.after(50)
    const second = driver.takeOne()
    expect(second.to).toBe('@b')
    driver.reply('@b', { type: 'map-reply', call: second.message.call, map })
    expect(driver.released).toEqual(['@b'])
    expect(driver.addresses.sort()).toEqual(['n1', 'n2', 'n3'])
  })

  test('a request that comes before the map waits for it', () => {
    const driver = new Driver()
    driver.step({ type: 'start' })
    const asked = driver.takeOne()
    const id = driver.get()
    expect(driver.take()).toEqual([])
    driver.reply('@a', { type: 'map-reply', call: asked.message.call, map })
    const [sent] = driver.takeRequests()
    if (sent !== undefined) driver.answerRead(sent)
    expect(driver.ending(id)).toBe('values')
  })

  test('nobody answers: the request ends with its time, and was never sent', () => {
    const driver = new Driver()
    driver.step({ type: 'start' })
    const [read, write] = [driver.get({ timeoutMs: 3_000 }), driver.put('k', 3_000)]
    for (let i = 0; i < 31; i++) driver.after(100)
    expect(driver.ending(read)).toBe('TIMEOUT indefinite')
    expect(driver.ending(write)).toBe('TIMEOUT definite')
    expect(new Set(driver.take().map((sent) => sent.to))).toEqual(new Set(['@a', '@b']))
  })

  test('it is taken chain by chain: the higher epoch wins', () => {
    const two = (a: number, b: number, servers: [string, string]) =>
      fakeMap([
        fakeChain({ chain: 'c0', servers: [servers[0]], epoch: a, share: [0, 2] }),
        fakeChain({ chain: 'c1', servers: [servers[1]], epoch: b, share: [1, 2] }),
      ])
    const driver = Driver.knowing(two(5, 5, ['n1', 'n1']))
    driver.get()
    driver.fails(driver.takeRequests()[0] as never, 'NOT_SERVING', two(4, 6, ['n2', 'n2']))
    const { routing } = driver.state
    expect(routing.chains.map((id) => [id, routing.route(id)?.head])).toEqual([
      ['c0', 'n1'],
      ['c1', 'n2'],
    ])
    expect(driver.addresses).toEqual(['n2'])
  })

  test('another cluster’s map is not taken', () => {
    const driver = Driver.knowing(map)
    driver.get()
    const other = { ...fakeMap([fakeChain({ chain: 'c0', servers: ['x'], epoch: 9 })]), clusterId: 'other' }
    driver.fails(driver.takeRequests()[0] as never, 'NOT_SERVING', other)
    expect(driver.state.routing.servers).toEqual(['n1', 'n2', 'n3'])
  })

  test('is asked for again when it is old', () => {
    const driver = Driver.knowing(map)
    driver.nowMs += 10_001
    driver.get()
    expect(
      driver
        .take()
        .map((sent) => sent.message.type)
        .sort(),
    ).toEqual(['map-request', 'read'])
  })
})

describe('status', () => {
  test('goes to the server that it names, and is not tried again', () => {
    const driver = Driver.knowing(map)
    const [answered, lost] = [driver.status('n2'), driver.status('n3')]
    const [first] = driver.takeRequests()
    driver.reply('n2', { type: 'status-reply', call: first?.message.call ?? 0, json: '{}' })
    driver.down('n3')
    expect([first?.to, driver.ending(answered)]).toEqual(['n2', 'status'])
    expect(driver.ending(lost)).toMatch('CONNECTION_LOST')
    expect(driver.takeRequests()).toEqual([])
  })
})
