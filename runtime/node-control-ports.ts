import type { CoordinatorOptions } from '../client/coordinator/api.ts'
import { coordinator } from '../client/coordinator/client.ts'
import { endWithBug } from '../client/node-bug.ts'
import { nodeTimers } from '../client/node-timers.ts'
import type { ControlPorts } from './control-ports.ts'
import type { Log } from './log.ts'

/** How a process comes to the coordinators, and as whom. */
export type SessionAccess = Pick<CoordinatorOptions, 'auth' | 'acl' | 'tls'>

/** The control plane's ports in a real process; all its sessions are opened as `access` says. */
export const nodeControlPorts = (logger: Log, access: SessionAccess = {}): ControlPorts => ({
  openSession: (options) => coordinator({ ...access, ...options }),
  timers: nodeTimers,
  logger,
  onBug: endWithBug,
})
