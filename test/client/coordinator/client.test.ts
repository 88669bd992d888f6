import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type {
  CoordinatorClient,
  CoordinatorOptions,
  CoordinatorState,
} from '../../../client/coordinator/api.ts'
import { coordinator } from '../../../client/coordinator/client.ts'
import { CoordinatorError } from '../../../client/coordinator/errors.ts'
import { nodePlatform } from '../../../client/coordinator/node-platform.ts'
import { coordinatorOver } from '../../../client/coordinator/session-client.ts'
import { ZK_ERRORS } from '../../../protocol/zookeeper/errors.ts'
import { EVENT_TYPES } from '../../../protocol/zookeeper/ops.ts'
import { encodeReply } from '../../../protocol/zookeeper/packets.ts'
import { bytes, FakeMember, PASSWORD, stat, text } from './fake-member.ts'

let members: FakeMember[]
let clients: CoordinatorClient[]
beforeEach(async () => {
  members = [await FakeMember.listen()]
  clients = []
})
afterEach(async () => {
  for (const member of members) await member.close()
  for (const client of clients) await client.close()
})

const first = () => members[0] as FakeMember
function open(options: Partial<CoordinatorOptions> = {}): CoordinatorClient {
  const client = coordinator({
    servers: members.map(({ address }) => address),
    sessionTimeoutMs: 4_000,
    ...options,
  })
  clients.push(client)
  return client
}
const reached = (client: CoordinatorClient, state: CoordinatorState) =>
  new Promise<void>((resolve) => {
    if (client.state === state) resolve()
    const stop = client.onState((now) => {
      if (now !== state) return
      stop()
      resolve()
    })
  })
const coded = (code: string, more: object = {}) => expect.objectContaining({ code, ...more })

describe('the first packet', () => {
  test('asks for a new session; both lengths of the answer are understood', async () => {
    for (const short of [false, true]) {
      const client = open()
      const connection = await first().accept({ timeoutMs: 5_000, sessionId: -5n, short })
      const request = await connection.connectRequest
      expect(request).toMatchObject({ sessionId: 0n, lastZxidSeen: 0, timeoutMs: 4_000, protocolVersion: 0 })
      expect(request.password).toEqual(new Uint8Array(16))
      await reached(client, 'connected')
      expect(client.session).toEqual({ sessionId: -5n, timeoutMs: 5_000, lastZxid: 0 })
      connection.destroy()
    }
  })

  test('may arrive byte by byte', async () => {
    const client = open()
    const connection = await first().connections.next()
    await connection.connectRequest
    const whole = Buffer.from(
      '00000025000000000000271001000041ff3d00000000001099d117fcb2e514709f845c434b9ac18700',
      'hex',
    )
    for (const byte of whole) connection.write(Uint8Array.of(byte))
    await reached(client, 'connected')
    expect(client.session.sessionId).toBe(0x01000041ff3d0000n)
  })
})

describe('requests', () => {
  test('are pipelined and answered in call order (SessionFifo)', async () => {
    const client = open()
    const done: string[] = []
    const all = [
      client.create('/a', 'one', { ephemeral: true, sequential: true }).then((path) => done.push(path)),
      client.setData('/b', bytes('two'), 4).then((s) => done.push(`set ${s.version}`)),
      client.getData('/b').then(({ data }) => done.push(`get ${text(data)}`)),
      client.exists('/c').then((s) => done.push(`exists ${s}`)),
      client.getChildren('/').then((names) => done.push(names.join())),
      client.delete('/d').then(() => done.push('deleted')),
      client.sync().then(() => done.push('synced')),
    ]
    const connection = await first().accept()
    const create = await connection.next('create')
    expect(create.request).toMatchObject({ path: '/a', flags: 3, acl: [{ perms: 31 }] })
    const set = await connection.next('setData')
    expect(set.request).toMatchObject({ path: '/b', version: 4 })
    const get = await connection.next('getData')
    const exists = await connection.next('exists')
    const children = await connection.next('getChildren')
    const remove = await connection.next('delete')
    const sync = await connection.next('sync')
    expect(remove.request.version).toBe(-1)
    connection.reply(create.xid, 10, { type: 'create', path: '/a0000000007' })
    connection.reply(set.xid, 11, { type: 'setData', stat: stat(5) })
    connection.reply(get.xid, 11, { type: 'getData', data: bytes('two'), stat: stat(5) })
    connection.fail(exists.xid, 11, 'NoNode')
    connection.reply(children.xid, 11, { type: 'getChildren', children: ['a', 'b'] })
    connection.reply(remove.xid, 12, { type: 'delete' })
    connection.reply(sync.xid, 12, { type: 'sync', path: '/' })
    await Promise.all(all)
    expect(done).toEqual(['/a0000000007', 'set 5', 'get two', 'exists null', 'a,b', 'deleted', 'synced'])
    expect(client.session.lastZxid).toBe(12)
  })

  test('fail with codes by name', async () => {
    const client = open()
    const connection = await first().accept()
    for (const [zk, code] of [
      ['NoNode', 'NO_NODE'],
      ['NodeExists', 'NODE_EXISTS'],
      ['BadVersion', 'BAD_VERSION'],
      ['NotEmpty', 'NOT_EMPTY'],
      ['SessionExpired', 'SESSION_EXPIRED'],
      ['ApiError', 'SERVER_ERROR'],
    ] as const) {
      const failing = client.setData('/x', null)
      connection.fail((await connection.next('setData')).xid, 1, zk)
      await expect(failing).rejects.toEqual(coded(code))
      await expect(failing).rejects.toBeInstanceOf(CoordinatorError)
    }
  })

  test('multi: results of each step, or the failing step’s code and place', async () => {
    const client = open()
    const connection = await first().accept()
    const good = client.multi([
      { type: 'check', path: '/a', version: 2 },
      { type: 'create', path: '/b', data: 'x', ephemeral: true },
      { type: 'setData', path: '/c', data: 'y' },
      { type: 'delete', path: '/d', version: 1 },
    ])
    const asked = await connection.next('multi')
    expect(asked.request.ops.map((op) => op.type)).toEqual(['check', 'create', 'setData', 'delete'])
    connection.reply(asked.xid, 5, {
      type: 'multi',
      results: [
        { type: 'check' },
        { type: 'create', path: '/b' },
        { type: 'setData', stat: stat(3) },
        { type: 'delete' },
      ],
    })
    expect(await good).toEqual([null, { path: '/b' }, { stat: stat(3) }, null])

    const bad = client.multi([
      { type: 'check', path: '/a', version: 2 },
      { type: 'delete', path: '/d' },
      { type: 'delete', path: '/e' },
    ])
    const again = await connection.next('multi')
    const errors = [ZK_ERRORS.Ok, ZK_ERRORS.BadVersion, ZK_ERRORS.RuntimeInconsistency]
    connection.reply(again.xid, 5, { type: 'multi', results: errors.map((err) => ({ type: 'error', err })) })
    await expect(bad).rejects.toEqual(coded('BAD_VERSION', { index: 1 }))
  })

  test('a chroot is added to what goes out and taken from what comes in', async () => {
    const client = coordinator({ servers: `${first().address}/app/` })
    clients.push(client)
    const events: string[] = []
    const created = client.create('/x', null)
    const read = client.getChildren('/', { watch: ({ path, type }) => events.push(`${type} ${path}`) })
    const connection = await first().accept()
    const create = await connection.next('create')
    expect(create.request).toMatchObject({ path: '/app/x', data: null })
    connection.reply(create.xid, 1, { type: 'create', path: '/app/x' })
    const children = await connection.next('getChildren')
    expect(children.request).toMatchObject({ path: '/app', watch: true })
    connection.reply(children.xid, 1, { type: 'getChildren', children: [] })
    expect(await created).toBe('/x')
    await read
    connection.notify(EVENT_TYPES.childrenChanged, '/app')
    await expect.poll(() => events).toEqual(['children-changed /'])
  })

  test('bad arguments never leave', async () => {
    expect(() => open({ servers: '' })).toThrow(coded('BAD_ARGUMENTS'))
    expect(() => open({ servers: 'a:b' })).toThrow(coded('BAD_ARGUMENTS'))
    expect(() => open({ chroot: 'x' })).toThrow(coded('BAD_ARGUMENTS'))
    await expect(async () => open().getData('x')).rejects.toEqual(coded('BAD_ARGUMENTS'))
  })
})

describe('a broken connection', () => {
  test('makes what was sent indefinite, keeps the session, and tells where the client stands (ZxidMonotone)', async () => {
    const client = open()
    const one = await first().accept({ sessionId: 77n })
    const reading = client.getData('/a')
    one.reply((await one.next('getData')).xid, 42, { type: 'getData', data: null, stat: stat() })
    await reading
    const lost = client.setData('/a', 'x')
    await one.next('setData')
    one.destroy()
    await expect(lost).rejects.toEqual(coded('CONNECTION_LOSS', { outcome: 'indefinite' }))
    const later = client.setData('/a', 'y')
    const two = await first().accept({ sessionId: 77n })
    expect(await two.connectRequest).toMatchObject({ sessionId: 77n, lastZxidSeen: 42, password: PASSWORD })
    two.reply((await two.next('setData')).xid, 43, { type: 'setData', stat: stat(1) })
    expect((await later).version).toBe(1)
  })

  test('sets the watches again before anything else is asked, and they fire once', async () => {
    const client = open()
    const one = await first().accept()
    const events: string[] = []
    const watch = ({ type, path }: { type: string; path: string }) => events.push(`${type} ${path}`)
    const asked = [
      client.getData('/data', { watch }),
      client.exists('/there', { watch }),
      client.exists('/missing', { watch }),
      client.getChildren('/dir', { watch }),
    ]
    one.reply((await one.next('getData')).xid, 9, { type: 'getData', data: null, stat: stat() })
    one.reply((await one.next('exists')).xid, 9, { type: 'exists', stat: stat() })
    one.fail((await one.next('exists')).xid, 9, 'NoNode')
    one.reply((await one.next('getChildren')).xid, 9, { type: 'getChildren', children: [] })
    await Promise.all(asked)
    one.notify(EVENT_TYPES.dataChanged, '/there')
    await expect.poll(() => events).toEqual(['data-changed /there'])
    one.destroy()
    await reached(client, 'disconnected')
    const next = client.exists('/later')
    const two = await first().accept()
    const { xid, request } = await two.next('setWatches')
    expect(xid).toBe(-8)
    expect(request).toMatchObject({ relativeZxid: 9, data: ['/data'], exist: ['/missing'], child: ['/dir'] })
    two.notify(EVENT_TYPES.created, '/missing')
    two.reply(-8, 9, { type: 'setWatches' })
    two.fail((await two.next('exists')).xid, 10, 'NoNode')
    await next
    expect(events).toEqual(['data-changed /there', 'created /missing'])
    two.destroy()
    const three = await first().accept()
    expect((await three.next('setWatches')).request).toMatchObject({
      data: ['/data'],
      exist: [],
      child: ['/dir'],
    })
  })

  test('a watch event comes before the reply that reflects a later state (WatchBeforeRead)', async () => {
    const client = open()
    const connection = await first().accept()
    const order: string[] = []
    const reading = client.getData('/a', { watch: () => order.push('event') })
    connection.reply((await connection.next('getData')).xid, 1, { type: 'getData', data: null, stat: stat() })
    await reading
    const writing = client.setData('/a', 'x').then(() => order.push('reply'))
    const { xid } = await connection.next('setData')
    connection.notify(EVENT_TYPES.dataChanged, '/a')
    connection.reply(xid, 2, { type: 'setData', stat: stat(1) })
    await writing
    expect(order).toEqual(['event', 'reply'])
  })

  test.each([
    [
      'a reply out of turn',
      (xid: number) => encodeReply({ xid: xid + 1, zxid: 1, err: 0 }, { type: 'delete' }),
    ],
    ['a reply to nobody', () => encodeReply({ xid: 999, zxid: 1, err: 0 }, null)],
    ['a body that ends early', (xid: number) => encodeReply({ xid, zxid: 1, err: 0 }, { type: 'ping' })],
    ['a length that cannot be', () => Uint8Array.of(0xff, 0xff, 0xff, 0)],
  ])('%s ends the connection, and the requests on it are lost', async (_, answer) => {
    const client = open()
    const connection = await first().accept()
    const asked = [client.getData('/a'), client.getData('/b')]
    const settled = Promise.allSettled(asked)
    const { xid } = await connection.next('getData')
    connection.write(answer(xid))
    await connection.closed
    for (const result of await settled) expect(result).toMatchObject({ reason: coded('CONNECTION_LOSS') })
    await first().accept()
    await reached(client, 'connected')
  })

  test('the next member is tried at once; when all are down, what waits fails and did not happen', async () => {
    members.push(await FakeMember.listen())
    const dead = first().address
    await first().close()
    const client = open({ servers: [dead, (members[1] as FakeMember).address] })
    const waiting = client.delete('/a')
    const connection = await (members[1] as FakeMember).accept()
    connection.reply((await connection.next('delete')).xid, 1, { type: 'delete' })
    await waiting
    const gone = members.splice(0)
    for (const member of gone) await member.close()
    await reached(client, 'disconnected')
    await expect(client.delete('/b')).rejects.toEqual(coded('CONNECTION_LOSS', { outcome: 'definite' }))
  })
})

describe('liveness', () => {
  test('pings a member in an idle connection', async () => {
    open({ sessionTimeoutMs: 300 })
    const connection = await first().accept()
    await expect.poll(() => connection.pings).toBeGreaterThan(3)
  })

  test('gives up on a silent one in time to find another with the same session', async () => {
    const client = open({ sessionTimeoutMs: 300 })
    first().answersPings = false
    const one = await first().accept({ sessionId: 5n })
    const startedAt = performance.now()
    await one.closed
    expect(performance.now() - startedAt).toBeGreaterThan(150)
    expect(one.pings).toBeGreaterThan(0)
    first().answersPings = true
    const two = await first().accept({ sessionId: 5n })
    expect((await two.connectRequest).sessionId).toBe(5n)
    await reached(client, 'connected')
  })

  test('gives up on one that never answers the first packet', async () => {
    open({ sessionTimeoutMs: 300 })
    await (await first().connections.next()).closed
    await first().accept()
  })
})

describe('an expired session', () => {
  test('ends everything; a new one is opened on demand', async () => {
    const client = open()
    const events: string[] = []
    const one = await first().accept({ sessionId: 8n })
    const watched = client.exists('/x', { watch: () => events.push('fired') })
    one.fail((await one.next('exists')).xid, 30, 'NoNode')
    await watched
    one.destroy()
    await reached(client, 'disconnected')
    const waiting = client.delete('/a')
    const refused = expect(waiting).rejects.toEqual(coded('SESSION_EXPIRED', { outcome: 'definite' }))
    await first().accept({ timeoutMs: 0, sessionId: 0n })
    await refused
    expect(client.state).toBe('expired')
    await expect(client.delete('/a')).rejects.toEqual(coded('SESSION_EXPIRED'))
    client.renew()
    const later = client.delete('/b')
    const two = await first().accept({ sessionId: 9n })
    expect(await two.connectRequest).toMatchObject({ sessionId: 0n, lastZxidSeen: 0 })
    two.reply((await two.next('delete')).xid, 31, { type: 'delete' })
    await later
    expect(events).toEqual([])
  })

  test('is followed by a new one at once where the client was asked to', async () => {
    const client = open({ renewExpired: true })
    const states: CoordinatorState[] = []
    client.onState((state) => states.push(state))
    ;(await first().accept()).destroy()
    await first().accept({ timeoutMs: -1, sessionId: 0n })
    const two = await first().accept()
    expect((await two.connectRequest).sessionId).toBe(0n)
    await reached(client, 'connected')
    expect(states).toEqual(['connected', 'disconnected', 'expired', 'connecting', 'connected'])
  })
})

describe('subscriptions', () => {
  test('watchData follows a znode through absence, creation, change, a lost connection and a lost session', async () => {
    const client = open({ renewExpired: true })
    const seen: (string | null)[] = []
    const stop = client.watchData('/a', (znode) => seen.push(znode && text(znode.data)))
    const one = await first().accept()
    one.fail((await one.next('getData')).xid, 1, 'NoNode')
    one.fail((await one.next('exists')).xid, 1, 'NoNode')
    await expect.poll(() => seen).toEqual([null])
    one.notify(EVENT_TYPES.created, '/a')
    one.reply((await one.next('getData')).xid, 2, { type: 'getData', data: bytes('v1'), stat: stat() })
    await expect.poll(() => seen).toEqual([null, 'v1'])
    one.notify(EVENT_TYPES.dataChanged, '/a')
    await one.next('getData')
    one.destroy()
    const two = await first().accept()
    two.reply((await two.next('getData')).xid, 4, { type: 'getData', data: bytes('v2'), stat: stat() })
    await expect.poll(() => seen).toEqual([null, 'v1', 'v2'])
    two.destroy()
    await first().accept({ timeoutMs: 0, sessionId: 0n })
    const three = await first().accept()
    three.reply((await three.next('getData')).xid, 5, { type: 'getData', data: bytes('v3'), stat: stat() })
    await expect.poll(() => seen).toEqual([null, 'v1', 'v2', 'v3'])
    stop()
    three.notify(EVENT_TYPES.dataChanged, '/a')
    const synced = client.sync()
    three.reply((await three.next('sync')).xid, 6, { type: 'sync', path: '/' })
    await synced
    expect(seen).toHaveLength(4)
  }, 5_000)

  test('watchChildren reads again after each change, one read at a time', async () => {
    const client = open()
    const seen: (readonly string[] | null)[] = []
    client.watchChildren('/d', (names) => seen.push(names))
    const one = await first().accept()
    one.reply((await one.next('getChildren')).xid, 1, { type: 'getChildren', children: ['b', 'a'] })
    await expect.poll(() => seen).toEqual([['a', 'b']])
    one.notify(EVENT_TYPES.childrenChanged, '/d')
    const second = await one.next('getChildren')
    one.reply(second.xid, 2, { type: 'getChildren', children: ['c'] })
    one.notify(EVENT_TYPES.childrenChanged, '/d')
    one.reply((await one.next('getChildren')).xid, 3, { type: 'getChildren', children: [] })
    await expect.poll(() => seen).toEqual([['a', 'b'], ['c'], []])
  })

  test('what a callback throws is a bug: told to whoever runs the client, not lost', async () => {
    const bugs: unknown[] = []
    const client = coordinatorOver(
      { servers: first().address },
      { ...nodePlatform, onBug: (error) => bugs.push(error) },
    )
    clients.push(client)
    const connection = await first().accept()
    const error = new Error('thrown by the application')
    client.watchChildren('/d', () => {
      throw error
    })
    connection.reply((await connection.next('getChildren')).xid, 1, { type: 'getChildren', children: [] })
    await expect.poll(() => bugs).toEqual([error])
  })
})

describe('close', () => {
  test('of a write that was sent and never answered, nobody knows the outcome', async () => {
    const client = open()
    const connection = await first().accept()
    const written = client.setData('/a', 'x')
    const outcome = expect(written).rejects.toEqual(coded('CLOSED', { outcome: 'indefinite' }))
    await connection.next('setData')
    await client.close()
    await outcome
    await expect(client.setData('/a', 'y')).rejects.toEqual(coded('CLOSED', { outcome: 'definite' }))
  })

  test('ends the session and refuses what comes after', async () => {
    const client = open()
    const connection = await first().accept()
    await reached(client, 'connected')
    const closing = client.close()
    const { xid } = await connection.next('closeSession')
    connection.reply(xid, 9, { type: 'closeSession' })
    await closing
    await connection.closed
    expect(client.state).toBe('closed')
    await expect(client.getData('/a')).rejects.toEqual(coded('CLOSED'))
  })

  test('does not wait for a member that is not there', async () => {
    const client = open()
    await first().connections.next()
    await client.close()
    expect(client.state).toBe('closed')
  })
})
