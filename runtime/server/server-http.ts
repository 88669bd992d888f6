/** A data server's http door: whether it is well, whether it is ready, its numbers, and copies of its chains. */
import type { Logger } from 'pino'
import type { ClusterOptions } from '../../protocol/cluster.ts'
import type { ChainId } from '../../protocol/ids.ts'
import type { Address } from '../../protocol/transport.ts'
import { backupRoute } from '../backup/backup-door.ts'
import { type HttpDoor, openHttpDoor } from '../doors/http.ts'
import type { LatencyHistogram } from '../latency.ts'
import type { Guard } from '../security/guard.ts'
import type { NodeTls } from '../security/tls.ts'
import type { DataServer } from './data-server.ts'
import { unreadyReason } from './readiness.ts'

/** @throws where the port is taken. */
export function openServerHttp(options: {
  readonly server: DataServer
  readonly cluster: ClusterOptions
  readonly listen: Address
  readonly guard: Pick<Guard, 'logins' | 'certificates'>
  readonly tls: NodeTls | null
  readonly syncTimes: LatencyHistogram
  readonly logger: Logger
}): Promise<HttpDoor> {
  const { server, cluster, listen, guard, tls, syncTimes, logger } = options
  const unready = (status = server.status()) => unreadyReason(status, cluster.replicationFactor)
  return openHttpDoor({
    ...listen,
    ...{ logins: guard.logins, certificates: guard.certificates, tls },
    status: () => server.status(),
    unhealthy: () => server.storageError?.message ?? null,
    unready,
    metrics: async () => {
      const { serverMetrics } = await import('../metrics/server-metrics.ts')
      return serverMetrics(() => {
        const status = server.status()
        const configurationsOf = (chain: ChainId) => server.configurationsOf(chain)
        return { status, doors: server.doorTimes, syncTimes, configurationsOf, unready: unready(status) }
      })
    },
    routes: { '/backup': backupRoute({ server, clusterId: cluster.clusterId, logger }) },
  })
}
