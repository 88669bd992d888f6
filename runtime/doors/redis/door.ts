/**
 * The Redis door of a data server: RESP2 and RESP3, and the cluster as clients of Redis Cluster see one. Keys are byte strings, values are the store's.
 * What it asks of the store goes the way of a native client's requests.
 */
import type { AddressInfo, Server, Socket } from 'node:net'
import { HeldBytes } from '../../../client/transport/held-bytes.ts'
import type { Principal } from '../../../protocol/access.ts'
import type { ReadCommand, ReadResult, WriteCommand, WriteResult } from '../../../protocol/commands.ts'
import type { ChainId, Key } from '../../../protocol/ids.ts'
import type { NodeTls } from '../../security/tls.ts'
import { AddressCounts } from '../../transport/address-counts.ts'
import { listen } from '../../transport/listen.ts'
import { createSocketServer } from '../../transport/socket-server.ts'
import { type Access, OPEN_ACCESS } from './access.ts'
import { Channels } from './channels.ts'
import { type Command, isWrite } from './command.ts'
import { Connection } from './connection.ts'
import { Cursors } from './cursors.ts'
import { failureText } from './failures.ts'
import { KeyspaceEvents } from './keyspace-events.ts'
import { mayStaySubscribed, refusalOf } from './permissions.ts'
import { ReplyError } from './reply-error.ts'
import { ReplyWriter } from './reply-writer.ts'
import type { Args } from './request-reader.ts'
import type { DoorServices } from './session.ts'
import { LIMITS, type Settings, settingsOf } from './settings.ts'
import { Statistics } from './statistics.ts'
import type { RedisStore } from './store.ts'
import { type Route, Topology } from './topology.ts'

export interface RedisDoorOptions {
  readonly store: RedisStore
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Answers what belongs to other servers, too, by asking them. Default: it says where to go. */
  readonly proxies?: boolean
  readonly access?: Access
  /** Null: in plain. Default: null. */
  readonly tls?: NodeTls | null
  /** Default: half of all. */
  readonly connectionsPerAddressMax?: number
  /** What all connections together may have unread. Default: 256 MiB. */
  readonly unreadBytesMax?: number
  /** Of Catenary. */
  readonly version: string
  readonly onProtocolError: (remote: string, reason: string) => void
  /** What nobody expects. */
  readonly onBug: (error: unknown) => void
}

export class Door implements DoorServices {
  readonly store: RedisStore
  readonly topology: Topology
  readonly access: Access
  readonly statistics = new Statistics()
  readonly version: string
  readonly proxies: boolean
  /** Shared by all connections: a turn's replies of one leave before those of the next are written. */
  readonly reply = new ReplyWriter()
  /** Of all connections: what has arrived and is not yet dealt with. */
  inputBytes = 0
  readonly onBug: (error: unknown) => void
  /** Nobody is refused anything: not even asked about. */
  readonly #isOpen: boolean
  readonly cursors = new Cursors()
  readonly channels: Channels
  readonly #events: KeyspaceEvents
  /** Of all connections: what they have been told and do not read. */
  readonly unread: HeldBytes
  readonly #addresses: AddressCounts
  readonly #options: RedisDoorOptions
  readonly #server: Server
  readonly #connections = new Map<number, Connection>()
  #woken = new Set<Connection>()
  #nextId = 1
  #settings: Settings = new Map()

  constructor(options: RedisDoorOptions) {
    this.#options = options
    this.unread = new HeldBytes(options.unreadBytesMax ?? LIMITS.unreadBytesMax)
    this.#addresses = new AddressCounts(options.connectionsPerAddressMax ?? LIMITS.connectionsPerAddressMax)
    this.store = options.store
    this.topology = new Topology(options.store)
    this.access = options.access ?? OPEN_ACCESS
    this.channels = new Channels((body) => options.store.tellOthers(body))
    this.#events = new KeyspaceEvents(options.store, this.topology, this.channels)
    options.store.onTold = (body) => this.channels.onTold(body)
    this.#isOpen = this.access === OPEN_ACCESS
    this.access.onChange((principal, change) => this.#onAccessChanged(principal, change))
    this.version = options.version
    this.proxies = options.proxies ?? false
    this.onBug = options.onBug
    this.#server = createSocketServer({
      tls: options.tls ?? null,
      admits: (socket) => this.#admits(socket),
      farewell: '-ERR max number of clients reached\r\n',
      onSocket: (socket) => this.#onSocket(socket),
    })
  }

  async listen(): Promise<void> {
    const { port } = await listen(this.#server, this.#options, (error) =>
      this.onProtocolError('listener', error.message),
    )
    this.#settings = settingsOf(port, this.#options.host)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0
  }

  get settings(): Settings {
    return this.#settings
  }

  get sessions(): Iterable<Connection> {
    return this.#connections.values()
  }

  get sessionCount(): number {
    return this.#connections.size
  }

  wallMs(): number {
    return Date.now()
  }

  #admits(socket: Socket): boolean {
    this.statistics.connectionsReceived++
    if (this.#connections.size < LIMITS.connectionsMax && this.#addresses.admits(socket)) return true
    this.statistics.connectionsRejected++
    return false
  }

  #onSocket(socket: Socket): void {
    const connection = new Connection(this, socket, this.#nextId++)
    this.#connections.set(connection.id, connection)
  }

  onClosed(connection: Connection): void {
    this.unread.forget(connection)
    this.channels.forget(connection)
    this.#connections.delete(connection.id)
    this.#woken.delete(connection)
  }

  onProtocolError(remote: string, reason: string): void {
    this.#options.onProtocolError(remote, reason)
  }

  /** Something that it waited for is there. It goes on once whoever found out has finished: nobody may call the store from inside it. */
  wake(connection: Connection): void {
    if (connection.closed) return
    if (this.#woken.size === 0) queueMicrotask(() => this.#workWoken())
    this.#woken.add(connection)
  }

  #workWoken(): void {
    const woken = this.#woken
    this.#woken = new Set()
    this.store.startTurn()
    for (const connection of woken) connection.work()
  }

  /** @throws {ReplyError} who is not known, or has no right to it. */
  admit(connection: Connection, command: Command, args: Args): void {
    const { principal } = connection
    if (principal !== null && this.#isOpen) return
    if (principal === null) {
      if (command.flags.includes('no_auth')) return
      throw new ReplyError('NOAUTH Authentication required.')
    }
    const refusal = refusalOf(principal, command, args)
    if (refusal !== null) throw new ReplyError(refusal.text)
  }

  /** Who has lost what a connection lives by loses the connection. */
  #onAccessChanged(principal: Principal, change: 'grants' | 'gone'): void {
    for (const connection of [...this.#connections.values()]) {
      if (connection.principal !== principal) continue
      if (change === 'gone' || !mayStaySubscribed(principal, connection)) connection.kill()
    }
  }

  /**
   * Where these keys are served.
   *
   * @throws {ReplyError} elsewhere: MOVED says where. Or nowhere.
   */
  routeFor(connection: { readonly readOnly: boolean }, command: Command, keys: readonly Key[]): Route {
    const { topology } = this
    const route = topology.routeOf(keys, !this.proxies)
    if (route.isHead || this.proxies) return route
    // A server that leads another chain is a master to its clients, who therefore never say READONLY to it.
    const mayRead = route.isReader && !isWrite(command) && (connection.readOnly || topology.leadsAny)
    if (mayRead) return route
    this.statistics.redirections++
    throw new ReplyError(topology.redirection(keys[0] as Key))
  }

  read(chain: ChainId, command: ReadCommand): Promise<ReadResult> {
    this.store.startTurn()
    return new Promise((resolve, reject) => {
      this.store.read(chain, command, (result) => {
        if (result.type !== 'failure') return resolve(result)
        const key = command.type === 'get' ? (command.keys[0] ?? null) : null
        reject(new ReplyError(failureText(result, key, this.topology)))
      })
    })
  }

  write(chain: ChainId, command: WriteCommand): Promise<WriteResult> {
    this.store.startTurn()
    return new Promise((resolve, reject) => {
      this.store.write(chain, command, (result) => {
        if (result.type !== 'failure') return resolve(result)
        const key = command.type === 'transaction' ? (command.writes[0]?.key ?? null) : null
        reject(new ReplyError(failureText(result, key, this.topology)))
      })
    })
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const connection of [...this.#connections.values()]) connection.kill()
    this.#events.close()
    await closed
    await this.store.close?.()
  }
}

/**
 * Opens the door.
 *
 * @throws as `listen` does, `EADDRINUSE` among others.
 */
export async function openRedisDoor(options: RedisDoorOptions): Promise<Door> {
  const door = new Door(options)
  await door.listen()
  return door
}
