import { coordinator } from '../client/coordinator/client.ts'
import { endWithBug } from '../client/node-bug.ts'
import { nodeTimers } from '../client/node-timers.ts'
import type { ControlPorts } from './control-ports.ts'
import type { Log } from './log.ts'
import type { TreeAccess } from './security/tree-access.ts'

/** The control plane's ports in a real process; all its sessions are opened as `access` says. */
export const nodeControlPorts = (logger: Log, access: TreeAccess = {}): ControlPorts => ({
  openSession: (options) => coordinator({ ...access, ...options }),
  timers: nodeTimers,
  logger,
  onBug: endWithBug,
})
