/** A manager in a process of its own, and its http door. */
import type { Logger } from 'pino'
import type { Address } from '../../protocol/transport.ts'
import { openHttpDoor } from '../doors/http.ts'
import { managerMetrics } from '../metrics/manager-metrics.ts'
import type { ManagerOptions } from './manager-loop.ts'
import { startManager } from './start-manager.ts'

/** @throws where the http port is taken. */
export async function startManagerProcess(
  options: ManagerOptions & { readonly logger: Logger; readonly http: Address },
): Promise<{ stop(): Promise<void> }> {
  const { http: listen, ...managerOptions } = options
  const manager = startManager(managerOptions)
  const status = () => manager.status()
  try {
    const http = await openHttpDoor({
      ...listen,
      status,
      unhealthy: () => null, // a bug ends the process
      unready: () => {
        const { session, cluster } = status()
        if (session !== 'connected') return `no session with the coordinators: ${session}`
        return cluster === null ? 'the options of the cluster are not known yet' : null
      },
      metrics: managerMetrics(() => ({ manager: status() })),
    })
    options.logger.info({ name: options.name, http: http.port }, 'manager is up')
    return {
      stop: async () => {
        await manager.stop()
        await http.close()
      },
    }
  } catch (error) {
    await manager.stop()
    throw error
  }
}
