import { coordinator } from '../client/coordinator/client.ts'
import { endWithBug } from '../client/node-bug.ts'
import { nodeTimers } from '../client/node-timers.ts'
import type { ControlPorts } from './control-ports.ts'
import type { Log } from './log.ts'

/** The control plane's ports in a real process. */
export const nodeControlPorts = (logger: Log): ControlPorts => ({
  openSession: coordinator,
  timers: nodeTimers,
  logger,
  onBug: endWithBug,
})
