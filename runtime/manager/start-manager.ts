import { randomUUID } from 'node:crypto'
import type { Log } from '../log.ts'
import { nodeControlPorts, type SessionAccess } from '../node-control-ports.ts'
import { type Manager, ManagerLoop, type ManagerOptions } from './manager-loop.ts'

/**
 * Starts a manager. Several may run: one leads, the others wait. Survives outages of the coordinator by waiting for its return.
 *
 * @example
 * const manager = startManager({ coordinator: '127.0.0.1:2181', name: 'coordinator-1', options, logger })
 * await manager.stop()
 */
export function startManager({
  logger,
  access = {},
  ...options
}: ManagerOptions & { readonly logger: Log; readonly access?: SessionAccess }): Manager {
  const ports = nodeControlPorts(logger, access)
  return new ManagerLoop(options, { ...ports, newClusterId: randomUUID, treeAcl: access.acl ?? null })
}
