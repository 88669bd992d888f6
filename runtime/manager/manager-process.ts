/** A manager in a process of its own, and its http door. */
import type { Logger } from 'pino'
import type { Address } from '../../protocol/transport.ts'
import { openHttpDoor } from '../doors/http.ts'
import { nodeControlPorts } from '../node-control-ports.ts'
import { followUsers, guardOf } from '../security/guard.ts'
import type { ClusterSecret } from '../security/secret.ts'
import { NodeTls, type TlsFiles } from '../security/tls.ts'
import type { ManagerOptions } from './manager-loop.ts'
import { startManager } from './start-manager.ts'

/** @throws where the http port is taken. */
export async function startManagerProcess(
  options: ManagerOptions & {
    readonly logger: Logger
    readonly http: Address
    /** Of the cluster; null: it has none. Default: null. */
    readonly secret?: ClusterSecret | null
    /** The secret before: what the tree is closed by until this process's manager has given it to the new one. Default: null. */
    readonly formerSecret?: ClusterSecret | null
    /** Null: in plain. Default: null. */
    readonly tls?: TlsFiles | null
  },
): Promise<{ stop(): Promise<void> }> {
  const { http: listen, secret = null, formerSecret = null, tls: files = null, ...managerOptions } = options
  const tls = NodeTls.of(files, options.logger)
  const guard = guardOf({ secret, former: formerSecret, tls, log: options.logger })
  const access = { ...guard.tree, ...(tls && { tls: tls.dial }) }
  const manager = startManager({ ...managerOptions, access })
  const ports = nodeControlPorts(options.logger, access)
  const session = followUsers(guard, [options.coordinator].flat(), ports)
  const stop = async () => {
    await manager.stop()
    await session?.close()
    tls?.close()
  }
  const status = () => manager.status()
  try {
    const http = await openHttpDoor({
      ...listen,
      logins: guard.logins,
      certificates: guard.certificates,
      tls,
      status,
      unhealthy: () => null, // a bug ends the process
      unready: () => {
        const { session, cluster } = status()
        if (session !== 'connected') return `no session with the coordinators: ${session}`
        return cluster === null ? 'the options of the cluster are not known yet' : null
      },
      metrics: async () => {
        const { managerMetrics } = await import('../metrics/manager-metrics.ts')
        return managerMetrics(() => ({ manager: status() }))
      },
    })
    options.logger.info({ name: options.name, http: http.port }, 'manager is up')
    return {
      stop: async () => {
        await stop()
        await http.close()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}
