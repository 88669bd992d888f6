import type { ManagerView, Plan, PlannerState } from './view.ts'

/**
 * Whether only a change of the tree can change the next plan: nothing was left to be done, and no time runs that ends by itself. Call it after `plan`, with what that
 * was given and what it returned.
 */
export function isAtRest(
  { nowMs, electedAtMs, options }: ManagerView,
  { suspicions, backoffs, limits }: PlannerState,
  { proposals, waiting, refusedResets }: Plan,
): boolean {
  if (proposals.length + waiting.length + refusedResets.length > 0) return false
  const inGrace = nowMs - electedAtMs < (limits.graceMs ?? options.sessionTimeoutMs)
  return !inGrace && suspicions.size === 0 && backoffs.size === 0
}
