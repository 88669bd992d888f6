import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { backoffMs } from '../../../client/transport/backoff.ts'
import { openTcpDial } from '../../../client/transport/tcp-dial.ts'
import { encodeFrame, encodeHello, FrameSplitter } from '../../../protocol/frame.ts'
import type { Transport } from '../../../protocol/transport.ts'
import { type ListeningTransport, openTcp, type TcpListenOptions } from '../../../runtime/transport/tcp.ts'
import { Ear, numbered, numberOf } from './fabrics.ts'

const open: (Transport | { close(): unknown })[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((closable) => closable.close()))
})

async function listen(
  self: string,
  ear: Ear,
  more: Partial<TcpListenOptions> = {},
): Promise<ListeningTransport> {
  const options = { self, cluster: 'test', host: '127.0.0.1', port: 0, events: ear, ...more }
  const transport = await openTcp(options)
  open.push(transport)
  return transport
}

function dial(self: string, ear: Ear, cluster = 'test'): Transport {
  const transport = openTcpDial({ self, cluster, events: ear, connectTimeoutMs: 500 })
  open.push(transport)
  return transport
}

/** A raw connection, and when it ends. */
function attack(to: ListeningTransport): { socket: Socket; ended: Promise<void> } {
  const socket = connect({ ...to.address })
  open.push({ close: () => socket.destroy() })
  socket.on('error', () => {})
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  return { socket, ended }
}

const helloFrame = (from: string, to = 'n1', cluster = 'test') =>
  encodeFrame(encodeHello({ from, to, cluster, listens: false, auth: 'none' }))

describe('a stranger at the door of tcp', () => {
  let ear: Ear
  let n1: ListeningTransport
  let client: Transport
  let clientEar: Ear
  beforeEach(async () => {
    ear = new Ear()
    clientEar = new Ear()
    n1 = await listen('n1', ear, { helloTimeoutMs: 150, limits: { frameBytesMax: 1000 } })
    client = dial('client-1', clientEar)
    client.setAddress('n1', n1.address)
    client.send('n1', numbered(1))
    await ear.until('the good client is heard', () => ear.bodies.length === 1)
  })
  /** Nobody else suffers. */
  afterEach(async () => {
    const heard = ear.bodies.length
    client.send('n1', numbered(2))
    await ear.until('the good client is still heard', () => ear.bodies.length > heard)
    expect(clientEar.downs).toEqual([])
  })

  const cases: Record<string, { bytes: Uint8Array; reason: RegExp }> = {
    'http instead of a hello': { bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n'), reason: /frame of \d+ bytes/ },
    'a short frame that is no hello': { bytes: encodeFrame(numbered(7)), reason: /not a hello/ },
    'another version': {
      bytes: encodeFrame(
        encodeHello({ from: 'x', to: '', cluster: 'test', listens: false, auth: 'none' }).with(4, 9),
      ),
      reason: /version 9/,
    },
    'another cluster': { bytes: helloFrame('x', 'n1', 'other'), reason: /cluster "other"/ },
    'a hello for another node': { bytes: helloFrame('x', 'n7'), reason: /wants "n7"/ },
    'a hello without a usable id': { bytes: helloFrame('a b'), reason: /no usable id/ },
    'a frame above the limit after a good hello': {
      bytes: Buffer.concat([helloFrame('x'), Uint8Array.of(0, 0, 4, 0), new Uint8Array(1024)]),
      reason: /frame of 1024 bytes; at most 1000/,
    },
  }
  for (const [name, { bytes, reason }] of Object.entries(cases)) {
    test(`${name}: one report, the connection is closed`, async () => {
      const { socket, ended } = attack(n1)
      socket.resume()
      socket.write(bytes)
      await ended
      expect(ear.errors.length).toBe(1)
      expect(ear.errors[0]?.reason).toMatch(reason)
      expect(ear.bodies.length).toBe(1)
    })
  }

  test('half a hello: cut off after the timeout', async () => {
    const { socket, ended } = attack(n1)
    socket.write(helloFrame('x').subarray(0, 7))
    await ended
    expect(ear.bodies.length).toBe(1)
    expect(ear.downs).toEqual([])
  })

  test('a hello byte by byte, and a body cut in its header, are understood', async () => {
    const { socket } = attack(n1)
    socket.setNoDelay(true)
    const bytes = Buffer.concat([helloFrame('slow'), encodeFrame(numbered(5))])
    for (const byte of bytes) {
      socket.write(Uint8Array.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await ear.until('its body', () => ear.bodies.some(({ from }) => from === 'slow'))
    expect(numberOf(ear.bodies.at(-1)?.body ?? numbered(0))).toBe(5)
  })
})

describe('tcp links', () => {
  test('a client that does not read its replies is cut off at the bound', async () => {
    const ear = new Ear()
    const n1 = await listen('n1', ear, { limits: { queueBytesMax: 1_000_000 } })
    const { socket } = attack(n1)
    socket.write(helloFrame('lazy'))
    await ear.until('it is there', () => ear.ups.includes('lazy'))
    socket.pause()
    let sentBytes = 0
    const body = new Uint8Array(100_000)
    while (sentBytes < 100_000_000 && n1.send('lazy', body)) {
      sentBytes += body.length
      n1.flush()
    }
    expect(sentBytes).toBeLessThan(100_000_000) // the kernel's buffers, then ours, then the end
    await ear.until('it is cut off', () => ear.downs.some(({ peer }) => peer === 'lazy'))
    expect(ear.downs[0]?.reason).toMatch(/reads too slowly/)
    expect(n1.send('lazy', body)).toBe(false)
  })

  test('a new connection of the same client replaces the older', async () => {
    const ear = new Ear()
    const n1 = await listen('n1', ear)
    const first = attack(n1)
    first.socket.resume()
    first.socket.write(helloFrame('twin'))
    await ear.until('the first', () => ear.ups.length === 1)
    const second = attack(n1)
    second.socket.write(helloFrame('twin'))
    await first.ended
    await ear.until('the second', () => ear.ups.length === 2)
    expect(ear.downs).toEqual([{ peer: 'twin', reason: 'replaced by a newer connection' }])
    const splitter = new FrameSplitter(1024)
    const bodies: Uint8Array[] = []
    const answered = new Promise<void>((resolve) => {
      second.socket.on('data', (chunk) => {
        splitter.push(chunk)
        for (let body = splitter.next(); body !== null; body = splitter.next()) bodies.push(body)
        if (bodies.length === 2) resolve()
      })
    })
    expect(n1.send('twin', numbered(3))).toBe(true)
    await answered
    expect(numberOf(bodies[1] ?? numbered(0))).toBe(3) // after n1's hello
  })

  test('an alias reaches whoever listens; an id reaches only its owner', async () => {
    const n1 = await listen('n1', new Ear())
    const ear = new Ear()
    const client = dial('client-1', ear)
    client.setAddress('@seed', n1.address)
    client.send('@seed', numbered(0))
    await ear.until('the alias answers', () => ear.ups.includes('@seed'))
    client.setAddress('n2', n1.address)
    client.send('n2', numbered(0))
    await ear.until('n2 is not there', () => ear.downs.some(({ peer }) => peer === 'n2'))
    expect(ear.errors.some(({ reason }) => reason === 'is "n1", not "n2"')).toBe(true)
  })

  test('a server that does not answer: the dial times out, and what was queued is reported lost', async () => {
    const silent = await silentServer()
    const ear = new Ear()
    const client = dial('client-1', ear)
    client.setAddress('n1', silent)
    expect(client.send('n1', numbered(0))).toBe(true)
    await ear.until('a timeout', () => ear.downs.some(({ reason }) => /no hello within 500 ms/.test(reason)))
  })

  test('nobody listens: each failed dial is reported, and none is tried without something to send', async () => {
    const closed = await silentServer()
    await open.pop()?.close()
    const ear = new Ear()
    const client = dial('client-1', ear)
    client.setAddress('n1', closed)
    client.send('n1', numbered(0))
    await ear.until('the first failure', () => ear.downs.length === 1)
    client.send('n1', numbered(1))
    await ear.until('the second failure, after a pause', () => ear.downs.length === 2)
    expect(ear.downs.every(({ reason }) => /ECONNREFUSED/.test(reason))).toBe(true)
  })

  test('forgetting an address closes the link and refuses what follows', async () => {
    const serverEar = new Ear()
    const n1 = await listen('n1', serverEar)
    const ear = new Ear()
    const client = dial('client-1', ear)
    client.setAddress('n1', n1.address)
    client.send('n1', numbered(0))
    await ear.until('the link', () => ear.ups.length === 1)
    client.setAddress('n1', null)
    expect(client.send('n1', numbered(1))).toBe(false)
    await ear.until('the loss is reported', () => ear.downs.length === 1)
    await serverEar.until('the other end, too', () => serverEar.downs.length === 1)
  })

  test('names that some transport could not carry are refused at once', async () => {
    expect(() => dial('a.b', new Ear())).toThrow(/node name "a.b"/)
    expect(() => dial('n1', new Ear(), 'a>b')).toThrow(/cluster name/)
  })

  test('one turn, one write', async () => {
    const { address, reads } = await countingServer()
    const greeting = helloFrame('client-1').length
    const ear = new Ear()
    const client = dial('client-1', ear)
    client.setAddress('n1', address)
    const received = async (frames: number) => {
      for (let n = 0; n < 1000 && sum(reads) < greeting + 8 * frames; n++) await pause(5)
      return reads.length
    }
    client.send('n1', numbered(0))
    const before = await received(1)
    for (let n = 0; n < 500; n++) client.send('n1', numbered(n))
    expect(await received(501)).toBe(before + 1)
  })
})

test('backoff: none, then 50 ms doubling to 1 s, half of it random', () => {
  expect([0, 1, 2, 5, 6, 100].map((failures) => backoffMs(failures, 0))).toEqual([0, 25, 50, 400, 500, 500])
  expect(backoffMs(100, 0.999)).toBeLessThanOrEqual(1000)
})

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0)

/** Accepts and says nothing. */
async function silentServer(onSocket: (socket: Socket) => void = () => {}) {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onSocket(socket)
  })
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve))
  open.push({
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise<void>((resolve) => server.close(() => resolve()))
    },
  })
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

/** Says hello as n1, and notes the size of every read. */
async function countingServer() {
  const reads: number[] = []
  const address = await silentServer((socket) => {
    socket.write(
      encodeFrame(encodeHello({ from: 'n1', to: '', cluster: 'test', listens: true, auth: 'none' })),
    )
    socket.on('data', (chunk) => reads.push(chunk.length))
  })
  return { address, reads }
}
