import { randomBytes } from 'node:crypto'
import { StoreError } from '../protocol/errors.ts'
import { type Address, isNodeId, type Transport, type TransportEvents } from '../protocol/transport.ts'
import { badArgument, toPolicy, toTimeout } from './arguments.ts'
import { Client } from './client.ts'
import type { ReadPolicy } from './core/events.ts'
import { CLIENT_LIMITS, type ClientLimits } from './core/limits.ts'
import { createClientState } from './core/state.ts'
import { Engine } from './engine.ts'
import type { Credentials } from './transport/node-scram.ts'
import { openClientTransport } from './transport/open.ts'
import type { TlsSource } from './transport/tls-options.ts'

export interface ConnectOptions {
  /** Any of the data servers: `host:port` over tcp, ids over nats. One that answers is enough; the others are learnt from it. */
  readonly servers: readonly string[]
  /** Default: `tcp`. Otherwise `nats://host:port`. */
  readonly transport?: string
  /** The name under which the servers were started. Default: `catenary`. */
  readonly cluster?: string
  /**
   * Who this client is, where the servers ask: a user that `catenary user add` has made. With a user the servers have to prove that they know him, too: one that asks nobody is refused.
   * Over nats the broker's accounts decide instead.
   */
  readonly user?: string
  /** Of `user`. It is never sent. */
  readonly password?: string
  /**
   * How servers are spoken to, where they speak TLS: who must have signed their certificates, and our own where they ask for one. In PEM. A server must bear the name or address by which it
   * is dialled, unless `servername` says another. Default: in plain.
   */
  readonly tls?: TlsSource
  /** Which replica answers a read. Default: `spread`, all in turn. */
  readonly readPolicy?: ReadPolicy
  /** This machine's failure domain, for `readPolicy: 'nearest'`. */
  readonly zone?: string
  /** How long an operation may take, retries included, where it does not say. Default: 10,000. */
  readonly timeoutMs?: number
  /** How long `connect` looks for a server. Default: 5000. */
  readonly connectTimeoutMs?: number
  /**
   * Whether a write that got no answer is tried again, under an identity that makes it happen once. Default: true. Without it such a write
   * fails as indefinite, and the chain keeps no session for this client.
   */
  readonly exactlyOnce?: boolean
  readonly limits?: Partial<ClientLimits>
}

const CLUSTER = 'catenary'
const TIMEOUT_MS = 10_000
const CONNECT_TIMEOUT_MS = 5_000

/**
 * Connects to a store.
 *
 * @returns once a server has told which servers and chains there are.
 * @throws {StoreError} `BAD_ARGUMENT`. `TIMEOUT`: no server has answered in `connectTimeoutMs`. `UNAUTHENTICATED`, at once: not with these credentials, or not without any.
 *
 * @example
 * const client = await connect({ servers: ['127.0.0.1:7001', '127.0.0.1:7002'] })
 * await client.put('greeting', 'hello')
 * console.log((await client.get('greeting'))?.text())
 * await client.close()
 *
 * @example
 * const client = await connect({ servers: ['127.0.0.1:7001'], user: 'ann', password })
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const { transport = 'tcp', cluster = CLUSTER } = options
  const self = `client-${randomBytes(8).toString('hex')}`
  const proof = proofOf(options)
  const { tls } = options
  if (tls !== undefined && transport !== 'tcp')
    throw badArgument('tls is for tcp: over nats, ask the broker for it (nats://host:port?ca=FILE)')
  return connectOver(options, (events) =>
    openClientTransport({ transport, self, cluster, events, ...proof, ...(tls !== undefined && { tls }) }),
  )
}

/** Connects over a transport of the caller's making. */
export async function connectOver(
  options: ConnectOptions,
  open: (events: TransportEvents) => Promise<Transport> | Transport,
): Promise<Client> {
  const { transport: kind = 'tcp', zone = null, exactlyOnce = true, limits } = options
  const timeoutMs = toTimeout(options.timeoutMs ?? TIMEOUT_MS)
  const connectTimeoutMs = toTimeout(options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS)
  const readPolicy = toPolicy(options.readPolicy ?? 'spread')
  const addresses = kind === 'tcp' ? addressesOf(options.servers) : new Map<string, Address>()
  const bootstrap = kind === 'tcp' ? [...addresses.keys()] : options.servers.map(toServerName)
  if (bootstrap.length === 0) throw badArgument('servers: name at least one')
  const rng = { next: Math.random }
  const state = createClientState({
    bootstrap,
    rng,
    zone,
    exactlyOnce,
    limits: { ...CLIENT_LIMITS, ...limits },
  })
  const engine = new Engine({ state, bootstrap: addresses })
  const transport = await open(engine.events)
  try {
    if (await engine.start(transport, connectTimeoutMs))
      return new Client({ engine, timeoutMs, readPolicy, wallMs: Date.now })
    const message = `connect: none of ${options.servers.join(', ')} has told of any chain in ${connectTimeoutMs} ms`
    throw new StoreError('TIMEOUT', message, { outcome: 'definite', cause: engine.lastFailure })
  } catch (error) {
    await engine.close()
    throw error
  }
}

function proofOf({ user, password, transport = 'tcp' }: ConnectOptions): { credentials?: Credentials } {
  if (user === undefined && password === undefined) return {}
  if (user === undefined || password === undefined || user === '')
    throw badArgument('user and password belong together: give both, or neither')
  if (transport !== 'tcp')
    throw badArgument('user and password are for tcp: over nats, say who you are to the broker')
  return { credentials: { user, password } }
}

/** Servers of which only the address is known, under the names that the transport has for such. */
function addressesOf(servers: readonly string[]): Map<string, Address> {
  return new Map(servers.map((server) => [`@${server}`, toAddress(server)]))
}

function toAddress(server: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(server)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host !== undefined && port > 0 && port <= 0xffff) return { host, port }
  throw badArgument(`server ${JSON.stringify(server)}: use host:port, or [address]:port for IPv6`)
}

function toServerName(server: string): string {
  if (isNodeId(server)) return server
  throw badArgument(`server ${JSON.stringify(server)}: over nats, use the ids of servers`)
}
