/** What one stranger, and all of them together, may cost a listener. */
import { connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { encodeFrame, encodeHello } from '../../../protocol/frame.ts'
import { type ListeningTransport, openTcp, type TcpListenOptions } from '../../../runtime/transport/tcp.ts'
import { Ear } from './fabrics.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((closable) => closable.close()))
})

async function listen(more: Partial<TcpListenOptions>): Promise<{ n1: ListeningTransport; ear: Ear }> {
  const ear = new Ear()
  const n1 = await openTcp({ self: 'n1', cluster: 'test', host: '127.0.0.1', port: 0, events: ear, ...more })
  open.push(n1)
  return { n1, ear }
}

const reasons = (ear: Ear): string[] => ear.errors.map(({ reason }) => reason)

function dial(to: ListeningTransport): { socket: Socket; closed: Promise<void> } {
  const socket = connect({ ...to.address })
  open.push({ close: () => socket.destroy() })
  socket.on('error', () => {})
  socket.resume()
  return { socket, closed: new Promise((resolve) => socket.once('close', () => resolve())) }
}

const hello = (from: string) =>
  encodeFrame(encodeHello({ from, to: 'n1', cluster: 'test', listens: false, auth: 'none' }))
const KIB = 1024

test('a frame must end in time, however many bytes of it trickle in', async () => {
  const { n1, ear } = await listen({ frameTimeoutMs: 80 })
  const { socket, closed } = dial(n1)
  socket.write(hello('slow'))
  socket.write(Uint8Array.of(0, 0, 1, 0))
  const drip = setInterval(() => socket.write(Uint8Array.of(1)), 10)
  await closed
  clearInterval(drip)
  expect(reasons(ear)).toEqual(['a frame did not end within 80 ms'])
})

test('whoever holds most of what all connections may hold has to go; the others stay', async () => {
  const { n1, ear } = await listen({ heldBytesMax: 3 * KIB * KIB })
  const small = dial(n1)
  small.socket.write(Buffer.concat([hello('small'), Uint8Array.of(0, 0, 4, 0), new Uint8Array(100)]))
  const large = dial(n1)
  large.socket.write(
    Buffer.concat([hello('large'), Uint8Array.of(0, 0x40, 0, 0), new Uint8Array(3 * KIB * KIB)]),
  )
  await large.closed
  expect(reasons(ear)).toEqual(['holds most of the 3145728 bytes that may wait on all connections together'])
  small.socket.write(new Uint8Array(1024 - 100))
  await ear.until('the small one is heard', () => ear.bodies.length === 1)
})

test('one address cannot take all connections; those that leave make room', async () => {
  const { n1, ear } = await listen({ connectionsPerAddressMax: 2 })
  const first = dial(n1)
  dial(n1)
  const third = dial(n1)
  await third.closed
  expect(reasons(ear)).toEqual(['its address has too many connections'])
  first.socket.destroy()
  const heard = async (): Promise<boolean> => {
    const { socket, closed } = dial(n1)
    socket.write(hello('late'))
    const answered = new Promise<boolean>((resolve) => socket.once('data', () => resolve(true)))
    return Promise.race([closed.then(() => false), answered])
  }
  // The close of the first may be seen after the next has come.
  let isHeard = false
  for (let tries = 100; tries > 0 && !isHeard; tries--) isHeard = await heard()
  expect(isHeard).toBe(true)
})

test('of those that have not told who they are the oldest makes room', async () => {
  const { n1, ear } = await listen({ strangersMax: 2 })
  const oldest = dial(n1)
  await new Promise<void>((resolve) => oldest.socket.once('connect', () => resolve()))
  dial(n1)
  dial(n1)
  await oldest.closed
  expect(reasons(ear)).toEqual(['too many connections have not told who they are'])
})

test('nobody speaks to a node in its own name', async () => {
  const { n1, ear } = await listen({})
  const { socket, closed } = dial(n1)
  socket.write(hello('n1'))
  await closed
  expect(reasons(ear)).toEqual(['takes the name of whom it speaks to'])
})
