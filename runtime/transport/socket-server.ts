/** Listening, in plain or over TLS, as all doors but http do it. */
import { Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls'
import type { NodeTls } from '../security/tls.ts'

export interface SocketServerOptions {
  /** Null: in plain. */
  readonly tls: NodeTls | null
  /** Asked of each before anything is read from it, so that handshakes count as well; who is not admitted is closed. Default: everybody is. */
  readonly admits?: (socket: Socket) => boolean
  /** What who is not admitted is told; over TLS nothing can be said before the handshake. Default: nothing. */
  readonly farewell?: string
  /** It may be spoken with: over TLS, after the handshake. */
  readonly onSocket: (socket: Socket) => void
}

/** A server that has yet to `listen`. What it closes and counts are connections, whether their handshake has ended or not. */
export function createSocketServer(options: SocketServerOptions): Server {
  const { tls, admits = () => true, farewell = '', onSocket } = options
  const handshakes = tls === null ? null : new Handshakes(tls, onSocket)
  return new SocketServer(handshakes, (socket) => {
    if (admits(socket)) return handshakes === null ? onSocket(socket) : handshakes.begin(socket)
    socket.on('error', () => {}) // `close` follows
    if (tls === null && farewell !== '') socket.end(farewell, () => socket.destroy())
    else socket.destroy()
  })
}

/** Its owner closes the connections that he knows. */
class SocketServer extends Server {
  readonly #handshakes: Handshakes | null

  constructor(handshakes: Handshakes | null, onSocket: (socket: Socket) => void) {
    super(onSocket)
    this.#handshakes = handshakes
  }

  override close(done?: (error?: Error) => void): this {
    this.#handshakes?.stop()
    return super.close(done)
  }
}

/** As TLS itself would say it (RFC 8446, section 6): a client of ours that speaks no TLS knows the answer by its first bytes. */
const [HANDSHAKE, ALERT] = [0x16, Uint8Array.of(0x15, 3, 1, 0, 2, 2, 70)]
/** Who says nothing at all; the handshake has a time of its own. */
const SILENCE_MS = 5000

/** A server of TLS that never listens itself: a connection that is not admitted must not cost a handshake. */
class Handshakes {
  readonly #tls: NodeTls
  readonly #server: TlsServer
  /** Those that have not ended, by remote. */
  readonly #sockets = new Map<string, Socket>()

  constructor(tls: NodeTls, onSocket: (socket: Socket) => void) {
    this.#tls = tls
    this.#server = createTlsServer(tls.serverOptions(), (socket) => {
      this.#sockets.delete(remoteOf(socket))
      onSocket(socket)
    })
    tls.tend(this.#server)
  }

  begin(socket: Socket): void {
    const remote = remoteOf(socket)
    this.#sockets.set(remote, socket)
    socket.on('error', () => {}) // the handshake tells
    socket.once('close', () => this.#sockets.delete(remote))
    socket.setTimeout(SILENCE_MS, () => socket.destroy())
    socket.once('data', (first) => {
      socket.setTimeout(0)
      socket.pause()
      if (first[0] !== HANDSHAKE) socket.write(ALERT)
      socket.unshift(first)
      this.#server.emit('connection', socket)
    })
  }

  stop(): void {
    for (const socket of this.#sockets.values()) socket.destroy()
    this.#tls.leave(this.#server)
  }
}

const remoteOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress}:${remotePort}`
