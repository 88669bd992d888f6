import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { ClusterOptions, ReplicaReport, ServerRegistration } from '../../protocol/cluster.ts'
import type { ChainId, Incarnation, Millis, ServerId } from '../../protocol/ids.ts'
import { PLANNER_LIMITS, type PlannerLimits } from './limits.ts'

/** An operator's order, in the chain's `reset` znode: let this server seed the chain with whatever it holds. */
export interface ResetOrder {
  readonly server: ServerId
  /** The life that the operator looked at; null = whichever is registered. */
  readonly incarnation: Incarnation | null
}

export interface ChainView {
  /** Null where there is none yet, or where the znode holds something that is no configuration. */
  readonly config: ChainConfig | null
  /** dataVersion of the config znode; -1 = there is no such znode. */
  readonly dataVersion: number
  readonly reports: readonly ReplicaReport[]
  readonly reset: ResetOrder | null
}

/**
 * What the manager sees. The servers are never older than the configurations: a member whose life is not registered *now* was
 * registered when it was admitted, so its session has ended since, and a life that has ended never comes back. The other way
 * round, a server that was admitted a moment ago would look dead.
 */
export interface ManagerView {
  /** Of the manager's monotonic clock. */
  readonly nowMs: Millis
  readonly electedAtMs: Millis
  readonly options: ClusterOptions
  readonly servers: ReadonlyMap<ServerId, ServerRegistration>
  readonly chains: ReadonlyMap<ChainId, ChainView>
  /** Servers with a drain marker. */
  readonly drains: ReadonlySet<ServerId>
}

export type ProposalStep =
  | 'create'
  | 'join'
  | 'cancel-join'
  | 'append'
  | 'serve'
  | 'drop-gone'
  | 'drop-failed'
  | 'drop-left'
  | 'leave'
  | 'stay'
  | 'return'
  | 'reset'

/** One configuration to be written by compare-and-set. */
export interface Proposal {
  readonly chain: ChainId
  readonly config: ChainConfig
  /** The dataVersion that the config znode must still have; -1 = it must not exist. */
  readonly expectedVersion: number
  readonly step: ProposalStep
  /** A sentence that tells the story. */
  readonly reason: string
}

export interface ChainNote {
  readonly chain: ChainId
  readonly reason: string
}

export interface Plan {
  /** At most one for each chain. */
  readonly proposals: readonly Proposal[]
  /** Chains that need something which the planner cannot give them. */
  readonly waiting: readonly ChainNote[]
  /** Reset orders that must not be obeyed, now or later: their znodes are to be deleted. */
  readonly refusedResets: readonly ChainNote[]
}

/** When a server may join a chain again. */
export interface Backoff {
  readonly untilMs: Millis
  /** While one member carries the chain alone: whom suspicion has demoted may be well, and a second copy matters more. */
  readonly whileAloneMs: Millis
}

/** What one manager remembers between rounds. Losing it is harmless: suspicions and backoffs start again. */
export interface PlannerState {
  readonly limits: PlannerLimits
  /** Since when servers have been registered although chains are missing. */
  settlingSinceMs: number | null
  /** `chain/by/suspect` -> since when. */
  readonly suspicions: Map<string, number>
  /** `chain/server` -> not to join before. */
  readonly backoffs: Map<string, Backoff>
  /** When a demoted member was last seen leaving. */
  readonly demotions: Map<ChainId, number>
}

export const newPlannerState = (limits: Partial<PlannerLimits> = {}): PlannerState => ({
  limits: { ...PLANNER_LIMITS, ...limits },
  settlingSinceMs: null,
  suspicions: new Map(),
  backoffs: new Map(),
  demotions: new Map(),
})

export const isDraining = (view: ManagerView, server: ServerId) =>
  view.drains.has(server) || view.servers.get(server)?.draining === true

/** Its session lives, and it is still the life that was admitted. */
export const isLive = (
  view: ManagerView,
  who: { readonly server: ServerId; readonly incarnation: Incarnation },
) => view.servers.get(who.server)?.incarnation === who.incarnation

/** The report of this life about this epoch. Every other one is void (trap 14). */
export const validReport = (
  reports: readonly ReplicaReport[],
  config: ChainConfig,
  who: { readonly server: ServerId; readonly incarnation: Incarnation },
): ReplicaReport | null =>
  reports.find(
    (report) =>
      report.server === who.server && report.incarnation === who.incarnation && report.epoch === config.epoch,
  ) ?? null

/** Order of ids and of tuples, the same on every machine (`localeCompare` is not). */
export function compareKeys(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  for (const [i, x] of a.entries()) {
    const y = b[i]
    if (y === undefined || x > y) return 1
    if (x < y) return -1
  }
  return 0
}
