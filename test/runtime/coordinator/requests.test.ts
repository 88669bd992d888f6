import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ZK_ERRORS } from '../../../protocol/zookeeper/errors.ts'
import { EVENT_TYPES } from '../../../protocol/zookeeper/ops.ts'
import { Ensemble, eventually } from './ensemble.ts'
import { RawClient, textOf, utf8 } from './raw-client.ts'

const ACL = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }]

describe.each([1, 3])('an ensemble of %i', (size) => {
  let ensemble: Ensemble
  let client: RawClient

  beforeAll(async () => {
    ensemble = await Ensemble.start(size)
    client = await ensemble.connect(size === 1 ? 1 : await ensemble.follower())
  })
  afterAll(() => ensemble.stop())

  test('create, get, set, exists, children, delete', async () => {
    expect((await client.create('/a', 'one')).response).toEqual({ type: 'create', path: '/a' })
    expect(await client.get('/a')).toBe('one')
    expect((await client.set('/a', 'two', 0)).err).toBe(0)
    expect((await client.set('/a', 'three', 0)).err).toBe(ZK_ERRORS.BadVersion)
    expect(await client.stat('/a')).toMatchObject({ version: 1, dataLength: 3, numChildren: 0 })
    await client.create('/a/b')
    expect(await client.children('/a')).toEqual(['b'])
    expect((await client.remove('/a')).err).toBe(ZK_ERRORS.NotEmpty)
    expect((await client.remove('/a/b')).err).toBe(0)
    expect((await client.remove('/a')).err).toBe(0)
    expect(await client.stat('/a')).toBeNull()
  })

  test('sequential names count on', async () => {
    await client.create('/queue')
    const paths = await Promise.all([0, 1, 2].map(() => client.create('/queue/n-', '', 2)))
    expect(paths.map(({ response }) => response?.path)).toEqual([
      '/queue/n-0000000000',
      '/queue/n-0000000001',
      '/queue/n-0000000002',
    ])
  })

  test('a multi is all or nothing', async () => {
    await client.create('/m', 'x')
    const create = { type: 'create', path: '/m/n', data: utf8('y'), acl: ACL, flags: 0 } as const
    const failed = await client.request<'multi'>({
      type: 'multi',
      ops: [create, { type: 'check', path: '/m', version: 7 }],
    })
    expect(failed.err).toBe(0)
    expect(failed.response?.results).toEqual([
      { type: 'error', err: 0 },
      { type: 'error', err: ZK_ERRORS.BadVersion },
    ])
    expect(await client.stat('/m/n')).toBeNull()
    await client.request<'multi'>({
      type: 'multi',
      ops: [create, { type: 'setData', path: '/m', data: utf8('z'), version: 0 }],
    })
    expect([await client.get('/m'), await client.get('/m/n')]).toEqual(['z', 'y'])
  })

  test('a watch event arrives before the reply of the write that caused it, and once', async () => {
    await client.create('/watched', 'old')
    await client.getReply('/watched', true)
    client.arrivals.length = 0
    await Promise.all([client.set('/watched', 'new'), client.set('/watched', 'newer')])
    expect(client.arrivals.map((arrival) => ('path' in arrival ? arrival.type : arrival.err))).toEqual([
      EVENT_TYPES.dataChanged,
      0,
      0,
    ])
  })

  test('a watch hears of what another client does', async () => {
    const other = await ensemble.connect(await ensemble.leader())
    await client.children('/', true)
    await client.stat('/announced', true)
    await other.create('/announced')
    await eventually('two events', () => client.events.length >= 2)
    expect(client.events.slice(-2).map(({ type, path }) => [type, path])).toEqual([
      [EVENT_TYPES.created, '/announced'],
      [EVENT_TYPES.childrenChanged, '/'],
    ])
    await other.close()
  })

  test('a thousand pipelined requests are answered in order, each read at the state after the write before it', async () => {
    await client.create('/pipe', '-')
    const answers: Promise<string>[] = []
    for (let n = 0; n < 1000; n += 1) {
      void client.set('/pipe', String(n))
      answers.push(client.getReply('/pipe').then(({ response }) => textOf(response?.data)))
    }
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 1000 }, (_, n) => String(n)))
  })

  test('sync sees what was acknowledged at another member', async () => {
    const other = await ensemble.connect(await ensemble.leader())
    for (let n = 0; n < 20; n += 1) {
      await other.create(`/synced-${n}`)
      const [synced, there] = await Promise.all([client.sync('/'), client.stat(`/synced-${n}`)])
      expect([synced.err, there === null]).toEqual([0, false])
    }
    await other.close()
  })

  test('the answer to a ConnectRequest is as long as the client expects, and its timeout is negotiated', async () => {
    const address = ensemble.addressOf(1)
    const short = await RawClient.connect(address, { timeoutMs: 1, readOnly: null })
    const long = await RawClient.connect(address, { timeoutMs: 999_999, readOnly: false })
    expect([short.timeoutMs, long.timeoutMs]).toEqual([1_000, 10_000])
    expect(short.session.id).not.toBe(long.session.id)
    await short.close()
    await long.close()
  })

  test('what is malformed is refused in its turn; what is unknown ends the connection', async () => {
    const other = await ensemble.connect(1)
    const withoutPath = Uint8Array.of(0xff)
    const answers = await Promise.all([
      other.create('/before'),
      other.sendRaw(77, 4, withoutPath),
      other.ping(),
    ])
    expect(answers.map(({ err }) => err)).toEqual([0, ZK_ERRORS.MarshallingError, 0])
    expect((await other.sendRaw(78, 4711, withoutPath)).err).toBe(ZK_ERRORS.Unimplemented)
    await other.closed
  })
})
