/** What one client, and all of them together, may cost the Redis door. */
import { connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type SoloServer, startSoloServer } from '../../lab/fuzz/redis/solo-server.ts'

const MIB = 1024 * 1024
const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const closable of open.splice(0).reverse()) await closable.close()
})

async function start(bounds: Parameters<typeof startSoloServer>[0]): Promise<SoloServer> {
  const solo = await startSoloServer(bounds)
  open.push(solo)
  return solo
}

function dial({ door }: SoloServer): { socket: Socket; closed: Promise<void> } {
  const socket = connect(door.port, '127.0.0.1')
  open.push({ close: () => socket.destroy() })
  socket.on('error', () => {})
  return { socket, closed: new Promise((resolve) => socket.once('close', () => resolve())) }
}

/** The answer, once it has so many bytes. */
function answer(socket: Socket, bytes: number): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (text.length >= bytes) resolve(text)
    })
  })
}

test('of those that do not read what they asked for, whoever has most of it has to go', async () => {
  const solo = await start({ bounds: { unreadBytesMax: 6 * MIB } })
  const good = dial(solo)
  const value = 'v'.repeat(2 * MIB)
  good.socket.write(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${value.length}\r\n${value}\r\n`)
  expect(await answer(good.socket, 5)).toBe('+OK\r\n')
  const deaf = Array.from({ length: 8 }, () => dial(solo))
  for (const { socket } of deaf) {
    socket.pause()
    socket.write('GET k\r\n'.repeat(20))
  }
  // A socket that is not read does not hear that it was closed: the door says it.
  while (solo.protocolErrors.count === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(solo.door.unread.total).toBeLessThanOrEqual(6 * MIB)
  good.socket.write('GET k\r\n')
  expect((await answer(good.socket, value.length)).slice(0, 9)).toBe('$2097152\r')
})

test('one address cannot take all connections', async () => {
  const solo = await start({ bounds: { connectionsPerAddressMax: 2 } })
  dial(solo)
  dial(solo)
  const { socket, closed } = dial(solo)
  expect(await answer(socket, 5)).toBe('-ERR max number of clients reached\r\n')
  await closed
})
