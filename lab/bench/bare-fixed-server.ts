/** Yardstick for reads, and for writes without a copy: one process, a Map, fixed binary. What a Node process can do at best. */
import { type AddressInfo, createServer, type Server } from 'node:net'
import {
  BareReader,
  BareWriter,
  HEADER_BYTES,
  KIND,
  keyBytesAt,
  requestBytes,
  STATUS,
  u32At,
  valueBytesAt,
} from './bare-fixed.ts'

/** Listens on a free port; `onConnection` gets the writer of each and gives what hears its chunks of whole requests. The first byte tells who it is. */
export async function listenFixed(
  onConnection: (writer: BareWriter, speaker: number) => (chunk: Buffer, end: number) => void,
): Promise<{ port: number; server: Server }> {
  const server = createServer((socket) => {
    const reader = new BareReader(requestBytes)
    const writer = new BareWriter(socket)
    let handle: ((chunk: Buffer, end: number) => void) | null = null
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      let bytes = chunk
      if (handle === null) {
        handle = onConnection(writer, chunk[0] ?? 0)
        bytes = chunk.subarray(1)
      }
      const whole = reader.push(bytes)
      if (whole !== null) handle(whole.chunk, whole.end)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as AddressInfo).port, server }
}

export const keyAt = (chunk: Buffer, at: number, bytes: number) =>
  chunk.toString('latin1', at + HEADER_BYTES, at + HEADER_BYTES + bytes)

export async function runBareFixedServer(): Promise<number> {
  const values = new Map<string, Uint8Array>()
  const { port } = await listenFixed((writer) => (chunk, end) => {
    for (let at = 0; at < end; ) {
      const call = u32At(chunk, at)
      const keyBytes = keyBytesAt(chunk, at)
      const valueBytes = valueBytesAt(chunk, at)
      const key = keyAt(chunk, at, keyBytes)
      const valueAt = at + HEADER_BYTES + keyBytes
      if (chunk[at + 4] === KIND.read) {
        const value = values.get(key)
        if (value === undefined) writer.reply(call, STATUS.missing, null)
        else writer.reply(call, STATUS.ok, value)
      } else {
        values.set(key, Uint8Array.prototype.slice.call(chunk, valueAt, valueAt + valueBytes))
        writer.reply(call, STATUS.ok, null)
      }
      at = valueAt + valueBytes
    }
    writer.flush()
  })
  return port
}
