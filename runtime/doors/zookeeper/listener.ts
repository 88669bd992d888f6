/** The sockets of the ZooKeeper door. */
import type { Server, Socket } from 'node:net'
import type { Logger } from 'pino'
import type { Address } from '../../../protocol/transport.ts'
import { isMembersSocket } from '../../security/certificates.ts'
import type { NodeTls } from '../../security/tls.ts'
import { MEMBER_ID } from '../../security/tree-access.ts'
import { AddressCounts } from '../../transport/address-counts.ts'
import { listen } from '../../transport/listen.ts'
import { createSocketServer } from '../../transport/socket-server.ts'
import type { ZookeeperDoor } from './door.ts'

/** Of all addresses together; the door counts those of each. */
const CONNECTIONS_MAX = 10_000

export class DoorListener {
  readonly #door: ZookeeperDoor
  readonly #logger: Logger
  readonly #server: Server

  /** @param tls - null: in plain. */
  constructor(door: ZookeeperDoor, logger: Logger, tls: NodeTls | null) {
    this.#door = door
    this.#logger = logger
    // The door counts those that it speaks with: this is for those whose handshake has not ended.
    const addresses = new AddressCounts(CONNECTIONS_MAX / 2)
    this.#server = createSocketServer({
      tls,
      admits: (socket) => tls === null || addresses.admits(socket),
      onSocket: (socket) => this.#onSocket(socket),
    })
    this.#server.maxConnections = CONNECTIONS_MAX
  }

  /** Rejects as `listen` does (`EADDRINUSE`, `EACCES`). */
  listen(address: Address): Promise<Address> {
    return listen(this.#server, address, (err) =>
      this.#logger.warn({ err }, 'a client could not be accepted'),
    )
  }

  #onSocket(socket: Socket): void {
    socket.on('error', () => {}) // `close` follows
    const connection = this.#door.accept(socket, isMembersSocket(socket) ? [MEMBER_ID] : [])
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
