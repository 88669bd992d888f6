import { afterEach, describe, expect, test } from 'vitest'
import type { Client } from '../../client/client.ts'
import { type ConnectOptions, connectOver } from '../../client/connect.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import { StoreError } from '../../protocol/errors.ts'
import { asChainId, asKey } from '../../protocol/ids.ts'
import { slotOf } from '../../protocol/slots.ts'
import { createMemoryNetwork, type MemoryNetwork } from '../../runtime/transport/memory.ts'
import { FakeCluster, fakeChain, fakeMap } from '../support/fake-server.ts'

const CLIENT = 'client-1'
const clients: Client[] = []

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})

interface World {
  readonly network: MemoryNetwork
  readonly cluster: FakeCluster
  connect(options?: Partial<ConnectOptions>): Promise<Client>
}

/** A cluster of fake servers in one process. */
function world(map = fakeMap([fakeChain({ chain: 'c0', servers: ['n1', 'n2', 'n3'] })])): World {
  const network = createMemoryNetwork()
  const cluster = new FakeCluster(map)
  for (const server of Object.keys(map.addresses))
    void cluster.listen(server, (events) => network.open(server, events))
  const connect = async (options: Partial<ConnectOptions> = {}) => {
    const all = { servers: ['n1', 'n2'], transport: 'nats://test', timeoutMs: 5_000, ...options }
    const client = await connectOver(all, (events) => network.open(CLIENT, events))
    clients.push(client)
    return client
  }
  return { network, cluster, connect }
}

const twoChains = () =>
  fakeMap([
    fakeChain({ chain: 'c0', servers: ['n1', 'n2'], share: [0, 2] }),
    fakeChain({ chain: 'c1', servers: ['n2', 'n1'], share: [1, 2] }),
  ])

/** How a promise was rejected. */
async function rejection(promise: Promise<unknown>): Promise<StoreError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (error instanceof StoreError) return error
  throw new Error(`not rejected with a StoreError: ${String(error)}`)
}

const codeOf = async (promise: Promise<unknown>): Promise<ErrorCode> => (await rejection(promise)).code

/** Waits, bounded, for something that needs no particular time. */
async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 2_000 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 2))
  if (!holds()) throw new Error('it never came')
}

describe('operations', () => {
  test('put and get: text, bytes, version, expiry', async () => {
    const client = await world().connect()
    expect(await client.get('k')).toBeNull()
    const at = new Date(4_000_000_000_000)
    const put = await client.put('k', 'grüß', { expiresAt: at })
    const got = await client.get('k')
    expect(put.applied && put.version).toBe(got?.version)
    expect([got?.text(), got?.expiresAt, got?.committed]).toEqual(['grüß', at, true])
    expect(got?.value).toEqual(new Uint8Array(Buffer.from('grüß')))
    await client.put(Uint8Array.of(0, 255), Uint8Array.of(7))
    expect((await client.get(Uint8Array.of(0, 255)))?.value).toEqual(Uint8Array.of(7))
    expect((await client.get('k'))?.expiresAt).toEqual(at)
    await client.put('k', '')
    expect((await client.get('k'))?.expiresAt).toBeNull()
  })

  test('conditions tell what they met', async () => {
    const client = await world().connect()
    const first = await client.put('k', 'a', { ifAbsent: true })
    expect(first.applied).toBe(true)
    const second = await client.put('k', 'b', { ifAbsent: true })
    expect(second.applied ? null : second.current?.text()).toBe('a')
    expect((await client.put('k', 'b', { ifVersion: first.applied ? first.version : 0 })).applied).toBe(true)
    expect((await client.delete('k', { ifVersion: 1 })).applied).toBe(false)
    expect((await client.compareAndSet('k', 'b', 'c')).applied).toBe(true)
    expect((await client.compareAndSet('k', 'b', null)).applied).toBe(false)
    expect((await client.compareAndSet('k', 'c', null)).applied).toBe(true)
    expect(await client.put('k', 'x', { ifPresent: true })).toEqual({ applied: false, current: null })
    expect((await client.compareAndSet('k', null, 'new')).applied).toBe(true)
  })

  test('append, prepend, increment, decrement, getAndSet, expire', async () => {
    const client = await world().connect()
    await client.append('k', 'b')
    expect(await client.prepend('k', 'a')).toBeGreaterThan(0)
    expect((await client.getAndSet('k', '5'))?.text()).toBe('ab')
    expect([
      await client.increment('k'),
      await client.increment('k', 10),
      await client.decrement('k', 3),
    ]).toEqual([6, 16, 13])
    expect(await client.expire('k', { inMs: 60_000 })).toBe(true)
    expect((await client.get('k'))?.expiresAt?.getTime()).toBeGreaterThan(Date.now())
    expect((await client.getAndSet('k', null))?.text()).toBe('13')
    expect(await client.expire('k', null)).toBe(false)
    await client.put('k', 'text')
    expect(await rejection(client.increment('k'))).toMatchObject({
      code: 'NOT_A_NUMBER',
      outcome: 'definite',
    })
  })

  test('transaction', async () => {
    const client = await world(twoChains()).connect()
    await client.put('{a}1', '100')
    const outcome = await client.transaction({
      compare: [{ key: '{a}1', ifValue: '100' }],
      read: ['{a}1', '{a}2'],
      write: [
        { key: '{a}1', value: null },
        { key: '{a}2', value: '100' },
      ],
    })
    expect([outcome.applied, outcome.reads.map((read) => read?.text() ?? null)]).toEqual([
      true,
      ['100', null],
    ])
    expect(await client.get('{a}1')).toBeNull()
    expect((await client.transaction({ compare: [{ key: '{a}1', ifPresent: true }] })).applied).toBe(false)
  })

  test('getMany over chains, in the order of its keys', async () => {
    const { connect, cluster } = world(twoChains())
    const client = await connect()
    const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`)
    await Promise.all(keys.map((key) => client.put(key, key)))
    const values = await client.getMany([...keys, 'absent'])
    expect(values.map((value) => value?.text() ?? null)).toEqual([...keys, null])
    const reads = cluster.received.filter((item) => item.message.type === 'read')
    expect(reads).toHaveLength(2)
    expect(await client.getMany([])).toEqual([])
  })

  test('scan merges all chains in the order of keys, page by page', async () => {
    const { connect, cluster } = world(twoChains())
    const client = await connect()
    const keys = Array.from({ length: 25 }, (_, i) => `s:${String(i).padStart(2, '0')}`)
    await Promise.all([...keys, 'other'].map((key) => client.put(key, key)))
    const seen: string[] = []
    for await (const item of client.scan({ prefix: 's:', pageSize: 3 })) {
      expect(item.text()).toBe(item.key)
      seen.push(item.key)
    }
    expect(seen).toEqual(keys)
    const before = cluster.received.length
    for await (const item of client.scan({ pageSize: 2 })) {
      expect(item.keyBytes).toEqual(new Uint8Array(Buffer.from(item.key)))
      break
    }
    expect(cluster.received.length - before).toBe(2) // one page of each chain: it is lazy
  })

  test('status asks every server, and reports those that do not answer', async () => {
    const { connect, network } = world()
    const client = await connect()
    network.break(CLIENT, 'n3')
    const statuses = await client.status({ timeoutMs: 200 })
    expect(statuses.map(({ server, status }) => [server, status])).toEqual([
      ['n1', { server: 'n1' }],
      ['n2', { server: 'n2' }],
      ['n3', null],
    ])
    expect(statuses[2]?.error).toBeInstanceOf(StoreError)
  })
})

describe('arguments', () => {
  test('what no server would take is refused before anything is sent', async () => {
    const { connect, cluster } = world(twoChains())
    const client = await connect()
    const before = cluster.received.length
    expect((await rejection(client.get(''))).message).toMatch('1 to 4096 bytes')
    expect((await rejection(client.get('k'.repeat(4097)))).message).toMatch('4096')
    expect((await rejection(client.put('k', new Uint8Array(8 * 1024 * 1024 + 1)))).message).toMatch('8388608')
    expect(await codeOf(client.put('k', 'v', { ifAbsent: true, ifVersion: 3 }))).toBe('BAD_ARGUMENT')
    expect(await codeOf(client.put('k', 'v', { expiresInMs: 5, keepExpiry: true }))).toBe('BAD_ARGUMENT')
    expect(await codeOf(client.put('k', 'v', { expiresInMs: -5 }))).toBe('BAD_ARGUMENT')
    expect(await codeOf(client.get('k', { timeoutMs: 0 }))).toBe('BAD_ARGUMENT')
    expect(await codeOf(client.get('k', { consistency: 'stale' as never }))).toBe('BAD_ARGUMENT')
    expect(await codeOf(client.get('k', { readPolicy: 'any' as never }))).toBe('BAD_ARGUMENT')
    expect(await codeOf(client.increment('k', 0.5))).toBe('BAD_ARGUMENT')
    expect(await codeOf(client.put('k', 5 as never))).toBe('BAD_ARGUMENT')
    expect(await codeOf(client.transaction({}))).toBe('BAD_ARGUMENT')
    expect(await codeOf(client.getMany(new Array(1025).fill('k')))).toBe('BAD_ARGUMENT')
    expect(await codeOf(client.scan({ pageSize: 0 }).next())).toBe('BAD_ARGUMENT')
    const [a, b] = keysOfTwoChains()
    const across = await rejection(client.transaction({ read: [a, b] }))
    expect([across.code, across.outcome]).toEqual(['CROSS_CHAIN', 'definite'])
    expect(cluster.received.length).toBe(before)
  })

  test('connect refuses what it cannot use', async () => {
    const { connect } = world()
    expect(await codeOf(connect({ servers: [] }))).toBe('BAD_ARGUMENT')
    expect(await codeOf(connect({ transport: 'tcp', servers: ['nonsense'] }))).toBe('BAD_ARGUMENT')
    expect(await codeOf(connect({ servers: ['not an id'] }))).toBe('BAD_ARGUMENT')
  })
})

/** A key of each half of the slots. */
function keysOfTwoChains(): [string, string] {
  const keys = Array.from({ length: 100 }, (_, i) => `key-${i}`)
  const inFirst = keys.find((key) => slotOf(asKey(key)) < 8192)
  const inSecond = keys.find((key) => slotOf(asKey(key)) >= 8192)
  return [inFirst ?? '', inSecond ?? '']
}

describe('one turn', () => {
  test('requests of one turn share one body per server', async () => {
    const { connect, cluster } = world(fakeMap([fakeChain({ chain: 'c0', servers: ['n1'] })]))
    const client = await connect()
    await client.put('k', 'v')
    const before = cluster.bodies
    await Promise.all(Array.from({ length: 100 }, () => client.get('k')))
    expect(cluster.bodies - before).toBe(1)
  })

  test('what would make too large a frame leaves in several', async () => {
    const { connect, cluster } = world(fakeMap([fakeChain({ chain: 'c0', servers: ['n1'] })]))
    const client = await connect()
    await client.put('k', 'v')
    const before = cluster.bodies
    const value = new Uint8Array(5 * 1024 * 1024)
    await Promise.all(Array.from({ length: 4 }, (_, i) => client.put(`k${i}`, value)))
    expect(cluster.bodies - before).toBe(4)
  })
})

describe('failures', () => {
  test('close rejects what is outstanding, and everything afterwards', async () => {
    const { connect, cluster } = world()
    const client = await connect()
    await client.put('k', 'v')
    cluster.intercept = () => 'drop'
    const [read, write] = [rejection(client.get('k')), rejection(client.put('k', 'w'))]
    await until(() => cluster.writesTo('n1').length === 3)
    await client.close()
    expect(await read).toMatchObject({ code: 'CLOSED', outcome: 'definite' })
    expect(await write).toMatchObject({ code: 'CLOSED', outcome: 'indefinite' })
    expect(await codeOf(client.get('k'))).toBe('CLOSED')
  })

  test('a connection lost under a write without a session: CONNECTION_LOST, indefinite', async () => {
    const { connect, cluster, network } = world()
    const client = await connect({ exactlyOnce: false })
    cluster.intercept = (_, message) => (message.type === 'write' ? 'drop' : null)
    const write = rejection(client.put('k', 'v'))
    await until(() => cluster.writesTo('n1').length === 1)
    network.break(CLIENT, 'n1')
    expect(await write).toMatchObject({ code: 'CONNECTION_LOST', outcome: 'indefinite' })
  })

  test('with a session, the same write happens once', async () => {
    const { connect, cluster, network } = world()
    const client = await connect()
    expect(await client.increment('k')).toBe(1)
    // The head applies it, and the connection breaks before its answer has left.
    cluster.intercept = (server, message) => {
      if (message.type !== 'write') return null
      cluster.intercept = () => null
      network.break(CLIENT, server)
      return null
    }
    const sum = client.increment('k')
    await until(() => cluster.writesTo('n1').length === 3)
    network.heal(CLIENT, 'n1')
    expect(await sum).toBe(2)
    const [first, retry] = cluster.writesTo('n1').slice(2)
    expect(retry?.identity).toEqual(first?.identity)
    expect((await client.get('k'))?.text()).toBe('2')
  })

  test('a session that lapsed while idle is opened again', async () => {
    const { connect, cluster } = world()
    const client = await connect()
    await client.put('k', '1')
    cluster.lapseSessions()
    await Promise.all([client.put('k', '2'), client.increment('n')])
    expect((await client.get('k'))?.text()).toBe('2')
  })

  test('a new head is found through the others', async () => {
    const { connect, cluster, network } = world()
    const client = await connect()
    await client.put('k', '1')
    network.break(CLIENT, 'n1')
    cluster.map = fakeMap([fakeChain({ chain: 'c0', servers: ['n2', 'n3'], epoch: 2 })])
    await client.put('k', '2')
    expect(cluster.writesTo('n2').length).toBeGreaterThan(0)
    expect((await client.get('k'))?.text()).toBe('2')
  })

  test('a read goes on at another replica when one breaks down', async () => {
    const { connect, network } = world()
    const client = await connect()
    await client.put('k', 'v')
    network.break(CLIENT, 'n2')
    for (let i = 0; i < 6; i++) expect((await client.get('k'))?.text()).toBe('v')
  })

  test('a server that does not speak our protocol is left for another', async () => {
    const { connect, network } = world()
    const client = await connect()
    await client.put('k', 'v')
    const stranger = network.open('n3', {
      onBody: (from) => void stranger.send(from, Uint8Array.of(1, 2, 3)),
      onDown: () => {},
    })
    for (let i = 0; i < 6; i++) expect((await client.get('k'))?.text()).toBe('v')
  })

  test('connect: no server has answered', async () => {
    const { connect, network } = world()
    network.break(CLIENT, 'n1')
    network.break(CLIENT, 'n2')
    const error = await rejection(connect({ connectTimeoutMs: 150 }))
    expect(error).toMatchObject({ code: 'TIMEOUT', outcome: 'definite' })
    expect(error.message).toMatch('n1, n2')
  })

  test('connect waits for a cluster that has no chain yet', async () => {
    const { connect, cluster } = world()
    const { map } = cluster
    cluster.map = { ...map, chains: [] }
    const connecting = connect()
    await until(() => cluster.received.length >= 2)
    cluster.map = map
    await (await connecting).put('k', 'v')
    expect(cluster.writesTo('n1')[1]?.chain).toBe(asChainId('c0'))
  })

  test('an overloaded server is asked again later', async () => {
    const { connect, cluster } = world()
    const client = await connect()
    let refusals = 0
    cluster.intercept = (server, message) => {
      if (message.type !== 'write' || refusals++ >= 3) return null
      const failure = { type: 'failure', code: 'OVERLOADED', message: `${server} is busy` } as const
      return { type: 'failed', call: message.call, failure, map: null }
    }
    expect((await client.put('k', 'v')).applied).toBe(true)
    expect(refusals).toBeGreaterThan(3)
  })
})
