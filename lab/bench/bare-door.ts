/** The least that a Node process can do to speak our frames: sockets, frames and the codec, and nothing else. What the yardsticks are made of. */

import type { AddressInfo } from 'node:net'
import { createServer, type Server, type Socket } from 'node:net'
import { decodeHello, encodeFrame, encodeHello, FrameSplitter } from '../../protocol/frame.ts'

const FRAME_BYTES_MAX = 64 * 1024 * 1024

/** Calls back with each body; `send` puts a body on the wire at once. */
export function speak(socket: Socket, onBody: (body: Uint8Array) => void): (body: Uint8Array) => void {
  const splitter = new FrameSplitter(FRAME_BYTES_MAX)
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    splitter.push(chunk)
    for (let body = splitter.next(); body !== null; body = splitter.next()) onBody(body)
  })
  return (body) => void socket.write(encodeFrame(body))
}

/** Listens on a free port for connections that begin with our hello. */
export async function listenBare(
  onConnection: (send: (body: Uint8Array) => void) => (body: Uint8Array) => void,
): Promise<{ port: number; server: Server }> {
  const server = createServer((socket) => {
    let handle: ((body: Uint8Array) => void) | null = null
    const send = speak(socket, (body) => {
      if (handle !== null) return handle(body)
      const hello = decodeHello(body)
      send(
        encodeHello({ from: 'bare', to: hello.from, cluster: hello.cluster, listens: false, auth: 'none' }),
      )
      handle = onConnection(send)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, server }
}
