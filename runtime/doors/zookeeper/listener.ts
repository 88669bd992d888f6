/** The sockets of the ZooKeeper door. */
import { createServer, type Server, type Socket } from 'node:net'
import type { Logger } from 'pino'
import type { Address } from '../../../protocol/transport.ts'
import type { ZookeeperDoor } from './door.ts'

/** Of all addresses together; the door counts those of each. */
const CONNECTIONS_MAX = 10_000

export class DoorListener {
  readonly #door: ZookeeperDoor
  readonly #logger: Logger
  readonly #server: Server

  constructor(door: ZookeeperDoor, logger: Logger) {
    this.#door = door
    this.#logger = logger
    this.#server = createServer((socket) => this.#onSocket(socket))
    this.#server.maxConnections = CONNECTIONS_MAX
  }

  /** Rejects as `listen` does (`EADDRINUSE`, `EACCES`). */
  listen({ host, port }: Address): Promise<Address> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port, backlog: 1024 }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', (err) => this.#logger.warn({ err }, 'a client could not be accepted'))
        const address = this.#server.address()
        if (address === null || typeof address === 'string') reject(new Error('the door does not listen'))
        else resolve({ host: address.address, port: address.port })
      })
    })
  }

  #onSocket(socket: Socket): void {
    socket.on('error', () => {}) // `close` follows
    const connection = this.#door.accept(socket)
    if (connection === null) {
      socket.destroy()
      return
    }
    socket.setNoDelay(true)
    socket.on('data', (chunk) => connection.onData(chunk))
    socket.on('close', () => connection.onClosed())
  }

  /** Takes nobody any more. Resolves once the connections, which the door closes, are gone. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
    })
  }
}
