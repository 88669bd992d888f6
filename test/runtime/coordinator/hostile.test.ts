import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Address } from '../../../protocol/transport.ts'
import { ZK_ERRORS } from '../../../protocol/zookeeper/errors.ts'
import { Ensemble, eventually } from './ensemble.ts'
import { Disconnected, type RawClient } from './raw-client.ts'

let ensemble: Ensemble
let client: RawClient

beforeAll(async () => {
  ensemble = await Ensemble.start(3, {
    slowClientMs: 500,
    maxClientConnections: 40,
    packetBytesMax: 2_000_000,
    heldBytesMax: 20_000_000,
  })
  client = await ensemble.connect(1, { timeoutMs: 10_000 })
  await client.create('/big', 'x'.repeat(500_000))
  await client.create('/small', 'fine')
})
afterAll(() => ensemble.stop())

/** Sends bytes and waits until the other side hangs up. Returns what it said. */
function ask({ host, port }: Address, bytes: Uint8Array | string): Promise<string> {
  return new Promise((resolve) => {
    const said: Buffer[] = []
    const socket = connect(port, host, () => socket.write(bytes))
    socket.on('data', (chunk) => said.push(chunk))
    socket.on('error', () => {})
    socket.on('close', () => resolve(Buffer.concat(said).toString('latin1')))
  })
}

const noise = (bytes: number, seed: number) =>
  Uint8Array.from({ length: bytes }, (_, n) => (Math.imul(n + seed, 2654435761) >>> 13) & 0xff)

test('noise at the client port ends that connection and harms nobody', async () => {
  const before = ensemble.log.length
  const negative = Uint8Array.of(0x80, 0, 0, 0, 1, 2, 3)
  const tooLong = Uint8Array.of(0x7f, 0xff, 0xff, 0xff)
  const cutShort = Uint8Array.of(0, 0, 0, 6, 0, 0, 0, 0, 1, 2)
  for (const bytes of [
    negative,
    tooLong,
    cutShort,
    'GET / HTTP/1.1\r\n\r\n',
    Uint8Array.of(0xff, ...noise(5_000, 7)),
  ])
    expect(await ask(ensemble.addressOf(1), bytes)).toBe('')
  expect(ensemble.log.slice(before).map(({ msg }) => msg)).toEqual(Array(5).fill('client connection closed'))
  expect(await client.get('/small')).toBe('fine')
})

test('noise at the peer port ends that connection and harms nobody', async () => {
  const peer = ensemble.at(1).peerAddress
  expect(peer).not.toBeNull()
  for (let seed = 0; peer !== null && seed < 3; seed += 1)
    await ask(peer, Uint8Array.of(0xff, ...noise(3_000, seed)))
  expect((await client.set('/small', 'fine')).err).toBe(0)
})

test('a client that never reads is closed; others do not wait for it', async () => {
  const deaf = await ensemble.connect(1, { timeoutMs: 10_000 })
  deaf.pause()
  for (let n = 0; n < 200; n += 1) deaf.getReply('/big').catch(() => {})
  const quick = performance.now()
  expect(await client.get('/small')).toBe('fine')
  expect(performance.now() - quick).toBeLessThan(1_000)
  await eventually('it was closed', () =>
    ensemble.log.some(({ reason }) => reason === 'it does not read its replies'),
  )
})

test('a client that floods watches is closed; others do not wait for it', async () => {
  const flood = await ensemble.connect(1, { timeoutMs: 10_000 })
  const exist = Array.from({ length: 100_000 }, (_, n) => `/${n}`)
  const setWatches = { type: 'setWatches', relativeZxid: 0, data: [], exist, child: [] } as const
  expect((await flood.request<'setWatches'>(setWatches)).err).toBe(0)
  expect(ensemble.at(1).status().watches).toBe(100_000)
  await client.stat('/watched-by-another', true)
  const refused = await flood.request<'addWatch'>({ type: 'addWatch', path: '/', mode: 1 })
  expect(refused.err).toBe(ZK_ERRORS.ThrottledOp)
  await flood.closed
  await eventually('its watches are gone', () => ensemble.at(1).status().watches === 1)
  expect(await client.get('/small')).toBe('fine')
})

test('a packet above jute.maxbuffer ends its connection', async () => {
  expect((await client.create('/large', 'x'.repeat(1_900_000))).err).toBe(0)
  const other = await ensemble.connect(1, { timeoutMs: 10_000 })
  await expect(other.create('/larger', 'x'.repeat(2_000_000))).rejects.toThrow(Disconnected)
  expect(await client.get('/small')).toBe('fine')
})

test('a short request for a very long answer gets the part that is reasonable', async () => {
  const ops = Array.from({ length: 20_000 }, () => ({ type: 'getData', path: '/big', watch: false }) as const)
  const { err, response } = await client.request<'multiRead'>({ type: 'multiRead', ops })
  expect(err).toBe(0)
  const results = response?.results ?? []
  const data = results.filter(({ type }) => type === 'getData')
  expect(results.length).toBe(20_000)
  expect(data.length).toBe(34) // the first above 16 MiB is the last
  expect(results.at(-1)).toEqual({ type: 'error', err: ZK_ERRORS.ThrottledOp })
})

test('a client that reads slowly gets everything that it asked for', async () => {
  const slow = await ensemble.connect(1, { timeoutMs: 10_000 })
  const replies = await Promise.all(Array.from({ length: 100 }, () => slow.getReply('/big')))
  expect(replies.every(({ response }) => response?.data?.length === 500_000)).toBe(true)
  await slow.close()
})

test('connections of one address are limited', async () => {
  const others: RawClient[] = []
  for (let n = 0; n < 60; n += 1) {
    const other = await ensemble.tryConnect(2)
    if (other === null) break
    others.push(other)
  }
  expect(others.length).toBe(40)
  for (const other of others) await other.hangUp()
})

test('a packet may arrive byte by byte', async () => {
  const { host, port } = ensemble.addressOf(1)
  const socket = connect(port, host)
  const greeting = Buffer.alloc(49)
  greeting.writeInt32BE(45, 0)
  greeting.writeInt32BE(4_000, 16)
  greeting.writeInt32BE(16, 28)
  const answer = new Promise<Buffer>((resolve) => socket.once('data', resolve))
  for (const byte of greeting) {
    socket.write(Uint8Array.of(byte))
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect((await answer).length).toBe(41)
  socket.destroy()
})

test('packets that never end have a bound together: whoever holds most of them goes', async () => {
  const { host, port } = ensemble.addressOf(1)
  const sockets = Array.from({ length: 16 }, () => connect(port, host))
  const closed = sockets.map(
    (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
  )
  for (const socket of sockets) {
    socket.on('error', () => {})
    socket.write(Buffer.concat([Uint8Array.of(0, 0x1e, 0, 0), new Uint8Array(1_900_000)]))
  }
  await Promise.race(closed)
  expect(ensemble.log.some(({ reason }) => /bytes that may wait on all connections/.test(`${reason}`))).toBe(
    true,
  )
  expect(await client.get('/small')).toBe('fine')
  for (const socket of sockets) socket.destroy()
})
