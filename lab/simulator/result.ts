import type { HistoryEvent } from '../checker/operations.ts'
import type { Verdict } from '../checker/verdict.ts'
import type { FaultPlan } from './faults/plan.ts'
import type { ReadyCounts } from './znode-client/ready-file.ts'

/**
 * What went wrong. `invariant`: an observer, or an assertion in the code itself. `history`: clients saw what no order of their operations explains.
 * `stuck`: after everything was healed the cluster did not come back in time. `bug`: something threw that nobody expects.
 */
export interface SimulationFailure {
  readonly kind: 'invariant' | 'history' | 'stuck' | 'bug'
  /** In a line. */
  readonly what: string
  /** Whatever helps to understand it. */
  readonly details: string
  /** Where it is a history: what the checker says of it. */
  readonly verdict: Verdict | null
}

export interface Counts {
  /** Operations that clients were told the result of; that were definitely refused; of which nobody knows. */
  readonly ok: number
  readonly failed: number
  readonly unknown: number
}

export interface SimulationResult {
  readonly seed: number
  readonly failure: SimulationFailure | null
  /** Two runs are the same if and only if these are. */
  readonly traceHash: string
  readonly virtualSeconds: number
  readonly events: number
  readonly operations: Counts
  /** Of the coordinator's own clients. */
  readonly znodeOperations: Counts
  /** How readings of a configuration behind a ready file ended. */
  readonly readings: ReadyCounts
  readonly plan: FaultPlan
  readonly faultsDone: number
  /** Keys, or groups of keys, whose history the checker gave up on. */
  readonly undecided: number
  readonly history: readonly HistoryEvent[]
  readonly znodeHistory: readonly HistoryEvent[]
}
