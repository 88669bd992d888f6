/** Everything that a data server consists of, started in order and stopped in reverse. */
import type { Logger } from 'pino'
import { parseServers } from '../../client/coordinator/addresses.ts'
import { isCoordinatorError } from '../../client/coordinator/errors.ts'
import { endWithBug } from '../../client/node-bug.ts'
import { checkTransport } from '../../client/transport/open.ts'
import type { ClusterOptions, Replication } from '../../protocol/cluster.ts'
import { asServerId } from '../../protocol/ids.ts'
import { checkNodeName } from '../../protocol/transport.ts'
import { closedLines } from '../closed-lines.ts'
import { clusterOptionsFromJson } from '../cluster-znodes.ts'
import type { ControlPorts } from '../control-ports.ts'
import type { HttpDoor } from '../doors/http.ts'
import { openRedisDoor, type Door as RedisDoor } from '../doors/redis/door.ts'
import { LocalStore } from '../doors/redis/local-store.ts'
import { ProxyStore } from '../doors/redis/proxy-store.ts'
import { accessOf } from '../doors/redis/user-access.ts'
import { LatencyHistogram } from '../latency.ts'
import { nodeControlPorts } from '../node-control-ports.ts'
import { type Guard, guardOf } from '../security/guard.ts'
import { linkProof, memberCredentials, noteBroker } from '../security/link-proof.ts'
import type { ClusterSecret } from '../security/secret.ts'
import { NodeTls, type TlsFiles } from '../security/tls.ts'
import { type DataDirectory, openDataDirectory } from '../storage/data-directory.ts'
import type { DataServer } from './data-server.ts'
import { Membership, SHUT_OUT } from './membership.ts'
import { openDataServer } from './open-data-server.ts'
import type { MakeHost } from './replica-host.ts'
import { openServerHttp } from './server-http.ts'

export interface ServerProcessOptions {
  readonly id: string
  readonly dataPath: string
  /** As peers and clients dial it. */
  readonly host: string
  readonly port: number
  readonly httpPort: number
  readonly zone: string
  readonly sessionTimeoutMs: number
  /** How late the ensemble's leader may hear of a renewal: a tick of Apache ZooKeeper; ours at once. */
  readonly touchLagMs: number
  readonly coordinators: readonly string[]
  readonly clusterName: string
  readonly transport: string
  /** Entries of so many bytes go from the head to all members at once. Default: null. */
  readonly fanOutBytes?: number | null
  /** Of the Redis door; 0 takes a free one; null: there is none. */
  readonly redisPort?: number | null
  /** Whether the Redis door answers for other servers, too. */
  readonly redisProxy?: boolean
  /** Of the cluster; null: it has none, and nobody is asked who he is. Default: null. */
  readonly secret?: ClusterSecret | null
  /** Null: every door and link is in plain. Default: null. */
  readonly tls?: TlsFiles | null
  /** Of this program, as doors tell it. */
  readonly version?: string
  readonly logger: Logger
  /** Brings what keeps copies alike in a cluster that is not a chain's. Absent: such a cluster is refused. */
  readonly makeHosts?: (replication: Replication) => Promise<MakeHost | null>
}

const FSYNC = { sync: 'sync', interval: 'interval', memory: 'never' } as const

/**
 * Starts a data server. Resolves once it listens; it takes part in chains when the manager gives it one.
 *
 * @throws where the directory is another's, a port is taken, the log is corrupt, or SIGTERM came first.
 */
export async function startServerProcess(options: ServerProcessOptions): Promise<{ stop(): Promise<void> }> {
  const { id, logger } = options
  checkNodeName('node', id)
  checkNodeName('cluster', options.clusterName)
  checkTransport(options.transport)
  parseServers(options.coordinators)
  const data = openDataDirectory({ path: options.dataPath, kind: 'server', id })
  const secret = options.secret ?? null
  const tls = NodeTls.of(options.tls ?? null, logger)
  const guard = guardOf({ secret, tls, log: logger })
  if (secret !== null) noteBroker(options.transport, logger)
  const ports = nodeControlPorts(logger, { ...guard.tree, ...(tls && { tls: tls.dial }) })
  const cluster = await clusterOptions(options, ports)
  data.adoptCluster(cluster.clusterId)
  const { durability, replication } = cluster
  const makeHost = (await options.makeHosts?.(replication)) ?? null
  const incarnation = data.nextIncarnation()
  let membership: Membership | null = null
  const syncTimes = new LatencyHistogram()
  const server = await openDataServer({
    id: asServerId(id),
    data,
    incarnation,
    clusterName: options.clusterName,
    clusterId: cluster.clusterId,
    fsync: FSYNC[durability],
    replication,
    fanOutBytes: options.fanOutBytes ?? null,
    ...(makeHost !== null && { makeHost }),
    transport: options.transport,
    listen: { host: options.host, port: options.port },
    ...(secret !== null && { proof: linkProof(secret, guard.users) }),
    tls,
    certificates: guard.certificates,
    logger,
    syncTimes,
    onReport: (chain, report) => membership?.report(chain, report),
    onStorageFailed: () => void membership?.abandon(),
  })
  const http: HttpDoor = await openServerHttp({
    server,
    cluster,
    listen: { host: options.host, port: options.httpPort },
    guard,
    tls,
    syncTimes,
    logger,
  })
  const redis = await openRedis(options, server, guard, tls)
  membership = new Membership({
    server,
    coordinators: options.coordinators,
    sessionTimeoutMs: options.sessionTimeoutMs,
    touchLagMs: options.touchLagMs,
    registration: {
      server: asServerId(id),
      host: options.host,
      port: server.address?.port ?? 0,
      httpPort: http.port,
      redisPort: redis?.port ?? 0,
      zone: options.zone,
      dataId: data.dataId,
    },
    nextIncarnation: () => data.nextIncarnation(),
    onSession: (session) => guard.users?.follow(session),
    ports,
  })
  membership.start(incarnation)
  logger.info(
    { id, address: server.address, http: http.port, redis: redis?.port ?? null, durability, replication },
    'data server is up',
  )
  return { stop: () => stopAll({ server, membership, redis, http, tls, data, logger }) }
}

interface Parts {
  readonly server: DataServer
  readonly membership: Membership | null
  readonly redis: RedisDoor | null
  readonly http: HttpDoor
  readonly tls: NodeTls | null
  readonly data: DataDirectory
  readonly logger: Logger
}

async function stopAll({ server, membership, redis, http, tls, data, logger }: Parts): Promise<void> {
  server.loseSession() // serves nothing from here on, so that the session may end
  await membership?.stop()
  await redis?.close()
  await server.stop()
  await http.close()
  tls?.close()
  data.close()
  logger.info('data server has stopped')
}

async function openRedis(
  options: ServerProcessOptions,
  server: DataServer,
  guard: Guard,
  tls: NodeTls | null,
): Promise<RedisDoor | null> {
  const { redisPort = null, redisProxy = false, secret = null, host, logger } = options
  const { transport, clusterName: cluster } = options
  if (redisPort === null) return null
  const local = new LocalStore(server)
  // As its certificate has it, and as all others dial it.
  const address = server.address === null ? null : { host, port: server.address.port }
  const credentials = secret === null ? null : memberCredentials(secret)
  return openRedisDoor({
    store: redisProxy
      ? new ProxyStore({ local, transport, cluster, address, credentials, tls: tls?.dial ?? null })
      : local,
    host,
    port: redisPort,
    proxies: redisProxy,
    access: accessOf(guard),
    tls,
    version: options.version ?? '',
    onProtocolError: closedLines(logger, 'redis: connection closed'),
    onBug: endWithBug,
  })
}

/** Waits for the cluster to exist: its first manager writes the options. */
async function clusterOptions(
  options: ServerProcessOptions,
  { openSession }: Pick<ControlPorts, 'openSession'>,
): Promise<ClusterOptions> {
  const client = openSession({ servers: options.coordinators, sessionTimeoutMs: options.sessionTimeoutMs })
  const waiting = setInterval(() => {
    options.logger.warn(
      { coordinators: options.coordinators },
      'waiting for the coordinators and the cluster options',
    )
  }, 5000)
  let complainedOf = -1
  let shutOut = false
  try {
    for (;;) {
      const found = await client.getData('/catenary/cluster').catch((error: unknown) => {
        if (isCoordinatorError(error, 'NO_AUTH') && !shutOut) options.logger.error(SHUT_OUT)
        shutOut ||= isCoordinatorError(error, 'NO_AUTH')
        return null
      })
      const cluster = found === null ? null : clusterOptionsFromJson(Buffer.from(found.data).toString('utf8'))
      if (cluster !== null) return cluster
      if (found !== null && found.stat.version !== complainedOf) {
        complainedOf = found.stat.version
        options.logger.error('/catenary/cluster holds no cluster options: waiting until somebody corrects it')
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  } finally {
    clearInterval(waiting)
    await client.close()
  }
}
