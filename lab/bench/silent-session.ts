import { connect, type Socket } from 'node:net'
import type { Address } from '../../protocol/transport.ts'
import { FrameSplitter } from '../../protocol/zookeeper/frames.ts'
import { XIDS } from '../../protocol/zookeeper/ops.ts'
import {
  decodeConnectResponse,
  encodeConnectRequest,
  encodeRequest,
  readReply,
} from '../../protocol/zookeeper/packets.ts'

/** A session that watches and pings, and nothing else: small, so that one process holds thousands. */
export class SilentSession {
  isOpen = true
  /** Watch events so far. */
  events = 0
  readonly #socket: Socket
  readonly #pings: NodeJS.Timeout

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket
    const ping = encodeRequest(XIDS.ping, { type: 'ping' })
    this.#pings = setInterval(() => socket.write(ping), timeoutMs / 3)
    socket.once('close', () => {
      this.isOpen = false
      clearInterval(this.#pings)
    })
  }

  /** @throws the connection ends before all is watched. */
  static open(
    { host, port }: Address,
    { timeoutMs, paths }: { readonly timeoutMs: number; readonly paths: readonly string[] },
  ): Promise<SilentSession> {
    const socket = connect(port, host)
    const splitter = new FrameSplitter()
    let session: SilentSession | null = null
    let greeted = false
    let awaited = paths.length
    return new Promise((resolve, reject) => {
      socket.on('error', () => {})
      socket.once('close', () => reject(new Error(`${host}:${port} has closed a connection`)))
      socket.on('data', (chunk) => {
        for (const packet of splitter.push(chunk)) {
          if (!greeted) {
            greeted = true
            if (decodeConnectResponse(packet).timeoutMs <= 0) return void socket.destroy()
            for (const [n, path] of paths.entries())
              socket.write(encodeRequest(n + 1, { type: 'exists', path, watch: true }))
            continue
          }
          const { xid } = readReply(packet).header
          if (xid === XIDS.notification && session !== null) session.events += 1
          if (xid > 0) awaited -= 1
          if (awaited === 0 && session === null) {
            session = new SilentSession(socket, timeoutMs)
            resolve(session)
          }
        }
      })
      socket.write(
        encodeConnectRequest({
          protocolVersion: 0,
          lastZxidSeen: 0,
          timeoutMs,
          sessionId: 0n,
          password: new Uint8Array(16),
          readOnly: false,
        }),
      )
    })
  }

  hangUp(): void {
    this.#socket.destroy()
  }
}
