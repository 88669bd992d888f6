/** One data server in this process, with everything in memory: the real cores and the real Redis door, and no coordinators. */
import { MemoryStore } from '../../../chain/memory-store.ts'
import { nodeTimers } from '../../../client/node-timers.ts'
import type { ChainConfig } from '../../../protocol/chain-config.ts'
import type { Position } from '../../../protocol/entry.ts'
import { asChainId, asEpoch, asIncarnation, asServerId, type ServerId } from '../../../protocol/ids.ts'
import { evenSlotRanges } from '../../../protocol/slots.ts'
import { LeaseClock } from '../../../runtime/clock.ts'
import type { Access } from '../../../runtime/doors/redis/access.ts'
import { type Door, openRedisDoor, type RedisDoorOptions } from '../../../runtime/doors/redis/door.ts'
import { LocalStore } from '../../../runtime/doors/redis/local-store.ts'
import type { LinkProof } from '../../../runtime/security/link-proof.ts'
import { DataServer } from '../../../runtime/server/data-server.ts'
import { batchOf, carrierOver } from '../../../runtime/server/open-data-server.ts'
import type { DurableStore } from '../../../runtime/storage/durable-store.ts'
import { openTcp } from '../../../runtime/transport/tcp.ts'

export interface SoloServer {
  readonly server: DataServer
  readonly door: Door
  /** Bugs and complaints since the start. */
  readonly bugs: readonly unknown[]
  readonly protocolErrors: { count: number }
  close(): Promise<void>
}

export interface SoloOptions {
  readonly proxies?: boolean
  /** Chains that share the slots, all led by this server. Default: 1. */
  readonly chains?: number
  /** Of the Redis door, where they are not the usual ones. */
  readonly bounds?: Pick<RedisDoorOptions, 'connectionsPerAddressMax' | 'unreadBytesMax'>
  /** Whether clients and servers of this cluster's name reach it over tcp, too. */
  readonly native?: {
    readonly cluster: string
    /** What is asked of who comes in. Default: nothing. */
    readonly proof?: LinkProof | null
    onProtocolError(remote: string, reason: string): void
  }
  /** Another server that leads them instead: this one follows. */
  readonly head?: { readonly server: ServerId; readonly redisPort: number }
  /** Who comes in. Default: everybody. */
  readonly access?: Access
}

const ID = asServerId('n1')
const NEVER_MS = Number.MAX_SAFE_INTEGER

/** A store that needs no disk. */
class VolatileStore extends MemoryStore {
  flush(): Promise<Position> {
    return Promise.resolve(this.meta.applied)
  }
  close(): Promise<void> {
    return Promise.resolve()
  }
  readonly overlayBytes = 0
}

export async function startSoloServer(options: SoloOptions = {}): Promise<SoloServer> {
  const bugs: unknown[] = []
  const protocolErrors = { count: 0 }
  const onBug = (error: unknown) => void bugs.push(error)
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  let position = 0
  const server = new DataServer(
    {
      id: ID,
      incarnation: asIncarnation(1),
      clusterId: 'solo',
      fsync: 'never',
      onReport: () => {},
      onStorageFailed: onBug,
    },
    {
      clock: new LeaseClock(),
      timers: nodeTimers,
      log: silent,
      atTurnEnd: setImmediate,
      onBug,
      openWal: (events) => {
        let written = 0
        const wal = {
          get durablePosition() {
            return written
          },
          get lastPosition() {
            return position
          },
          append: () => ++position,
          appendHint: () => ++position,
          write: () => {
            if (written === position) return
            written = position
            setImmediate(() => events.onDurable())
          },
          writeHints: () => {},
          dropBefore: () => {},
          close: () => Promise.resolve(),
        }
        return { wal, records: [] }
      },
      storedChains: () => [],
      openStore: (): DurableStore => new VolatileStore(),
      resources: () => ({ residentBytes: 0, uptimeMs: 0 }),
    },
  )
  if (options.native === undefined) server.listen(DEAF_CARRIER, null)
  else await listenOverTcp(server, options.native)
  const door = await openRedisDoor({
    store: new LocalStore(server),
    host: '127.0.0.1',
    port: 0,
    proxies: options.proxies ?? false,
    ...(options.access !== undefined && { access: options.access }),
    version: 'test',
    onProtocolError: () => void protocolErrors.count++,
    onBug,
    ...options.bounds,
  })
  server.renewLease(NEVER_MS)
  register(server, ID, door.port)
  if (options.head !== undefined) register(server, options.head.server, options.head.redisPort)
  for (const [i, slots] of evenSlotRanges(options.chains ?? 1).entries())
    await server.learnConfig(configOf(i, slots, options.head?.server ?? null))
  return {
    server,
    door,
    bugs,
    protocolErrors,
    close: async () => {
      await door.close()
      await server.stop()
    },
  }
}

/** Nobody is there to whom it could carry anything. */
const DEAF_CARRIER = {
  toServer: () => {},
  toClient: () => true,
  flush: () => {},
  setAddress: () => {},
  close: () => Promise.resolve(),
}

async function listenOverTcp(
  server: DataServer,
  { cluster, proof, onProtocolError }: NonNullable<SoloOptions['native']>,
): Promise<void> {
  const transport = await openTcp({
    ...{ self: server.id, cluster, host: '127.0.0.1', port: 0, ...proof },
    events: {
      onBody: (from, body, principal) => server.onBatch(from, batchOf(body), principal),
      onDown: (peer) => server.onDown(peer),
      onProtocolError,
    },
  })
  server.listen(carrierOver(transport, { messages: 0, bodies: 0, bytes: 0 }), transport.address)
}

function configOf(number: number, slots: ChainConfig['slots'][number], head: ServerId | null): ChainConfig {
  const member = (server: ServerId) => ({
    server,
    incarnation: asIncarnation(1),
    serving: true,
    leaving: false,
  })
  return {
    chain: asChainId(`c${number}`),
    epoch: asEpoch(1),
    members: head === null ? [member(ID)] : [member(head), member(ID)],
    joining: null,
    slots: [slots],
  }
}

function register(server: DataServer, id: ServerId, redisPort: number): void {
  server.learnServer({
    server: id,
    incarnation: asIncarnation(1),
    host: '127.0.0.1',
    port: server.address?.port ?? 1,
    httpPort: 1,
    redisPort,
    zone: '',
    dataId: id,
    holds: {},
    draining: false,
  })
}
