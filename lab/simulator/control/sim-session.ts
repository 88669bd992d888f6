import type { CoordinatorClient, CoordinatorOptions } from '../../../client/coordinator/api.ts'
import { coordinatorOver } from '../../../client/coordinator/session-client.ts'
import { type SimPlace, sessionPlatform } from './session-platform.ts'

/**
 * The real coordinator client in the present life of a simulated process. `servers` are names of coordinators' processes.
 *
 * What is asked outside of the client's own events (of the scheduler, of another part of the process) must say `scheduler.promised()`.
 */
export const simSession = (place: SimPlace, options: CoordinatorOptions): CoordinatorClient =>
  coordinatorOver(options, sessionPlatform(place))
