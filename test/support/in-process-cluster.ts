/** A coordinator and a data server in the process of the test: for what is said at their doors. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { startCoordinatorProcess } from '../../runtime/coordinator/coordinator-process.ts'
import { freePorts } from '../../runtime/processes/free-ports.ts'
import type { ClusterSecret } from '../../runtime/security/secret.ts'
import type { TlsFiles } from '../../runtime/security/tls.ts'
import { startServerProcess } from '../../runtime/server/server-process.ts'

export const HOST = '127.0.0.1'

export interface InProcessCluster {
  /** `native`, `http` and `redis` of the data server; `client`, `peer` and `admin`, its http port, of the coordinator. */
  readonly ports: Readonly<Record<'client' | 'peer' | 'admin' | 'native' | 'http' | 'redis', number>>
  stop(): Promise<void>
}

/** @param options.directory - there, and empty as far as its parts are concerned. */
export async function startInProcessCluster(options: {
  readonly directory: string
  readonly secret: ClusterSecret | null
  readonly tls: TlsFiles
  readonly logger: Logger
}): Promise<InProcessCluster> {
  const { directory, ...security } = options
  const [client = 0, peer = 0, admin = 0, native = 0, http = 0, redis = 0] = await freePorts(6, HOST)
  for (const name of ['coordinator-1', 'n1']) mkdirSync(join(directory, name))
  const shared = { ...security, clusterName: 'test', transport: 'tcp' }
  const coordinator = await startCoordinatorProcess({
    ...shared,
    id: 'coordinator-1',
    members: [{ id: 'coordinator-1', host: HOST, peerPort: peer, clientPort: client }],
    dataPath: join(directory, 'coordinator-1'),
    ...{ httpHost: HOST, httpPort: admin },
    manager: {
      ...{ chainCount: 1, replicationFactor: 1, replication: 'craq', durability: 'memory' },
      sessionTimeoutMs: 2000,
    },
  })
  const server = await startServerProcess({
    ...shared,
    id: 'n1',
    dataPath: join(directory, 'n1'),
    ...{ host: HOST, port: native, httpPort: http, redisPort: redis, redisProxy: true, zone: '' },
    ...{ sessionTimeoutMs: 2000, touchLagMs: 0 },
    coordinators: [`${HOST}:${client}`],
  })
  return {
    ports: { client, peer, admin, native, http, redis },
    stop: async () => {
      await server.stop()
      await coordinator.stop()
    },
  }
}
