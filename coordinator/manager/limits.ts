/** Times and caps of the planner. All durations in milliseconds. */
export interface PlannerLimits {
  /** After its own election a manager removes nobody for this long; null = one session timeout (trap 17). */
  readonly graceMs: number | null
  /** How long to wait for `replicationFactor` servers before chains are created with fewer. */
  readonly settleMs: number
  /** A suspicion must last this long before anybody is demoted for it. */
  readonly suspicionMs: number
  /** At most one demotion a chain in this time (trap 16). */
  readonly demotionEveryMs: number
  /** A server that failed to join a chain is not tried again there before this has passed. */
  readonly rejoinBackoffMs: number
  /** A server that was demoted from a chain does not rejoin it before this has passed. */
  readonly demotedBackoffMs: number
  /** At most so many chains fill one server at a time: a restart must not become a repair storm. */
  readonly joinsPerServerMax: number
}

export const PLANNER_LIMITS: PlannerLimits = {
  graceMs: null,
  settleMs: 10_000,
  suspicionMs: 3_000,
  demotionEveryMs: 30_000,
  rejoinBackoffMs: 5_000,
  demotedBackoffMs: 60_000,
  joinsPerServerMax: 8,
}
