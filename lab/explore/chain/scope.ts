/** How much happens in an exploration of a chain, and what is wrong with it. */
import type { ManagerFaults } from './coordinator.ts'
import type { ServerFaults } from './server.ts'

export interface ChainScope {
  /** Of the first configuration. */
  readonly members: number
  readonly writes: number
  readonly reads: number
  /** How many servers may crash. */
  readonly crashes: number
  /** How many leases may run out under a living server, which is then cut off from the coordinator. */
  readonly lapses: number
  /** Spare servers, which the manager wants in the chain from the beginning. */
  readonly joins: number
  /** How often a crashed server may start again, or one whose session has ended open the next. */
  readonly restarts: number
  /** How often the clock of one server may run ahead by one retry. */
  readonly hasty: number
  /** Committed entries are forgotten at once, so that who is behind needs a snapshot. */
  readonly snapshots: boolean
  /**
   * Null: every order. A number: at most so many things (a link, a disk, a watch, the manager, a session's end) are held
   * up, each from any moment to any other; what is not held up happens in one fixed order. Client requests and faults come
   * at any moment either way. This goes as deep as the protocol does, where every order of so much cannot be visited.
   */
  readonly holds: number | null
}

export const CHAIN_SCOPE: ChainScope = {
  members: 3,
  writes: 2,
  reads: 1,
  crashes: 1,
  lapses: 0,
  joins: 1,
  restarts: 0,
  hasty: 0,
  snapshots: false,
  holds: null,
}

export interface ChainFaults {
  readonly server?: ServerFaults
  readonly manager?: ManagerFaults
  /** Where a lease would run out, the coordinator ends the session at once, and the lease lives on. */
  readonly expiresEarly?: boolean
}
