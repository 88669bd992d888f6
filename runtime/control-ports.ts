import type { CoordinatorClient, CoordinatorOptions } from '../client/coordinator/api.ts'
import type { Timers } from '../protocol/timers.ts'
import type { Log } from './log.ts'

/** What the control plane's part of a process takes from the world: the real one, or the simulator's. */
export interface ControlPorts {
  /** A session of its own. */
  readonly openSession: (options: CoordinatorOptions) => CoordinatorClient
  readonly timers: Timers
  readonly logger: Log
  /** An error that nobody waits for and nobody expects. It must end the process. */
  readonly onBug: (error: unknown) => void
}
