/** The gateway as a plain NATS client sees it: a real broker, and servers that only pretend. */
import { connect, type Msg, type NatsConnection, RequestStrategy } from 'nats'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Client } from '../../../client/client.ts'
import { connectOver } from '../../../client/connect.ts'
import { type NatsGateway, openNatsGateway } from '../../../runtime/doors/nats/gateway.ts'
import { createMemoryNetwork } from '../../../runtime/transport/memory.ts'
import { FakeCluster, fakeChain, fakeMap } from '../../support/fake-server.ts'
import { type NatsServer, startNatsServer } from '../../support/nats-server.ts'

let broker: NatsServer
let client: Client
let gateway: NatsGateway
let plain: NatsConnection
const said: string[] = []

beforeAll(async () => {
  broker = await startNatsServer()
  const network = createMemoryNetwork()
  const cluster = new FakeCluster(fakeMap([fakeChain({ chain: 'c0', servers: ['n1'] })]))
  await cluster.listen('n1', (events) => network.open('n1', events))
  const options = { servers: ['n1'], transport: 'nats://test', timeoutMs: 2_000 }
  client = await connectOver(options, (events) => network.open('client-1', events))
  const log = {
    info: (_: object, text: string) => said.push(text),
    warn: (_: object, text: string) => said.push(text),
  }
  gateway = await openNatsGateway({
    client,
    url: broker.url,
    cluster: 'main',
    version: '1.2.3',
    feed: true,
    log,
  })
  plain = await connect({ servers: broker.url, reconnectTimeWait: 50 })
})

afterAll(async () => {
  await plain?.close()
  await gateway?.close()
  await client?.close()
  await broker?.dispose()
})

const jsonOf = (message: Msg) => JSON.parse(message.string()) as Record<string, unknown>

const ask = async (name: string, request: unknown, timeout = 5_000) =>
  jsonOf(await plain.request(`catenary.main.kv.${name}`, JSON.stringify(request), { timeout }))

test('get, put, delete, cas and incr', async () => {
  expect(await ask('get', { key: 'a' })).toEqual({ found: false })
  const put = await ask('put', { key: 'a', value: 'one' })
  expect(put).toEqual({ applied: true, version: expect.any(Number) })
  const { version } = put as { version: number }
  expect(await ask('get', { key: 'a' })).toEqual({ found: true, value: 'one', version, committed: true })
  expect(await ask('put', { key: 'a', value: 'two', ifAbsent: true })).toMatchObject({
    applied: false,
    current: { value: 'one', version },
  })
  expect(await ask('cas', { key: 'a', expected: 'one', value: 'two' })).toMatchObject({ applied: true })
  expect(await ask('cas', { key: 'a', expectedVersion: version, value: null })).toMatchObject({
    applied: false,
  })
  expect(await ask('cas', { key: 'b', expected: null, valueBase64: '/w==' })).toMatchObject({ applied: true })
  expect(await ask('get', { keys: ['a', 'b', 'c'] })).toMatchObject({
    values: [
      { key: 'a', value: 'two' },
      { key: 'b', valueBase64: '/w==' },
      { key: 'c', found: false },
    ],
  })
  expect([await ask('incr', { key: 'n' }), await ask('incr', { key: 'n', by: 41 })]).toEqual([
    { value: 1 },
    { value: 42 },
  ])
  expect(await ask('delete', { key: 'a' })).toMatchObject({ applied: true })
  expect(await ask('get', { key: 'a', consistency: 'eventual' })).toEqual({ found: false })
})

test('what makes no sense is told, as tools of NATS expect it and as JSON', async () => {
  const cases = [
    ['get', '{', 'BAD_ARGUMENT', /JSON object/],
    ['get', '{}', 'BAD_ARGUMENT', /key is missing/],
    ['put', '{"key":"k","value":"v","ifVersion":"x"}', 'BAD_ARGUMENT', /ifVersion is a number/],
    ['put', `{"key":"${'k'.repeat(5000)}","value":"v"}`, 'TOO_LARGE', /limit/],
    ['changes', '{"from":"x"}', 'BAD_ARGUMENT', /from is a seq/],
  ] as const
  for (const [name, request, code, message] of cases) {
    const answer = await plain.request(`catenary.main.kv.${name}`, request, { timeout: 5_000 })
    expect(answer.headers?.get('Nats-Service-Error')).toMatch(message)
    expect(jsonOf(answer)).toEqual({
      error: { code, message: expect.stringMatching(message), outcome: 'definite' },
    })
  }
  await ask('put', { key: 'text', value: 'x' })
  expect(await ask('incr', { key: 'text' })).toMatchObject({ error: { code: 'NOT_A_NUMBER' } })
})

test('it is a micro service that tools can list', async () => {
  const found = []
  for await (const info of await plain.services
    .client({ strategy: RequestStrategy.Timer, maxWait: 300 })
    .info('catenary-main'))
    found.push(info)
  expect(found).toMatchObject([{ name: 'catenary-main', version: '1.2.3' }])
  expect(found[0]?.endpoints?.map(({ subject }) => subject).sort()).toEqual([...gateway.subjects].sort())
})

test('changes: page after page from where the last one ended, and published as they happen', async () => {
  const heard: { id: string; change: unknown }[] = []
  const published = plain.subscribe('catenary.main.kv.feed.>', {
    callback: (_, message) =>
      heard.push({ id: message.headers?.get('Nats-Msg-Id') ?? '', change: jsonOf(message) }),
  })
  await plain.flush()
  const { positions } = await ask('changes', { prefix: 'feed:', waitMs: 20 })
  await ask('put', { key: 'feed:1', value: 'x' })
  await ask('put', { key: 'other', value: 'y' })
  await ask('delete', { key: 'feed:1' })
  const page = await ask('changes', { prefix: 'feed:', from: positions, waitMs: 500 })
  expect(page['changes']).toEqual([
    { chain: 'c0', seq: expect.any(Number), key: 'feed:1', value: 'x' },
    { chain: 'c0', seq: expect.any(Number), key: 'feed:1', deleted: true },
  ])
  expect(await ask('changes', { prefix: 'feed:', from: page['positions'], waitMs: 20 })).toEqual({
    changes: [],
    positions: page['positions'],
  })
  await expect.poll(() => heard.length).toBeGreaterThanOrEqual(3)
  const [first] = page['changes'] as { seq: number }[]
  expect(heard.find(({ id }) => id === `c0.${first?.seq}.0`)?.change).toEqual(first)
  published.unsubscribe()
})

test('values that the broker does not carry are left out of changes, and refused to get', async () => {
  const { positions } = await ask('changes', { prefix: 'long', waitMs: 20 })
  await client.put('long', 'x'.repeat(2_000_000))
  expect(await ask('get', { key: 'long' })).toMatchObject({ error: { code: 'TOO_LARGE' } })
  const { changes } = await ask('changes', { prefix: 'long', from: positions, waitMs: 500 })
  expect(changes).toEqual([{ chain: 'c0', seq: expect.any(Number), key: 'long', valueOmitted: true }])
})

test('after a restart of the broker it serves again', async () => {
  await broker.restart()
  await expect
    .poll(() => ask('incr', { key: 'after' }, 300).catch(() => null), { timeout: 5_000 })
    .not.toBeNull()
  expect(said).toContain('connected to a broker again')
})
