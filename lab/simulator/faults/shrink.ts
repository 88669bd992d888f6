import type { FaultAction, FaultPlan } from './plan.ts'

export interface ShrinkOptions {
  /** Runs at most. Default: 400. */
  readonly runsMax?: number
  /** Called after each run that still failed. */
  readonly onProgress?: (plan: FaultPlan, runs: number) => void
  /** A run must be at least so long. Default: 500 ms. */
  readonly durationMsMin?: number
}

export interface Shrunk {
  readonly plan: FaultPlan
  readonly runs: number
  /** Nothing more can be left out: not one action, nor a client, nor a tenth of the time. */
  readonly smallest: boolean
}

/**
 * Makes a failing plan small: leaves out actions by delta debugging (Zeller & Hildebrandt, 2002: in halves, in quarters, at last one at a time), then shortens the run, then takes
 * clients away, and begins again while anything of that helps. A run is a function of its plan, so each try is one run and its answer is final.
 *
 * @param stillFails - runs a plan; true where it fails in the way that is looked for.
 * @returns the smallest failing plan found; the plan itself where nothing can be left out.
 *
 * @example
 * const { plan } = await shrink(failing, async (plan) => (await run(plan)).violation?.invariant === 'ReadUnderLease')
 */
export async function shrink(
  plan: FaultPlan,
  stillFails: (plan: FaultPlan) => Promise<boolean>,
  options: ShrinkOptions = {},
): Promise<Shrunk> {
  const runsMax = options.runsMax ?? 400
  const trial = new Trial(plan, stillFails, runsMax, options.onProgress ?? (() => {}))
  for (;;) {
    const before = trial.best
    await dropActions(trial)
    await shorten(trial, options.durationMsMin ?? 500)
    await dropClients(trial)
    if (trial.best === before || trial.over) break
  }
  return { plan: trial.best, runs: trial.runs, smallest: !trial.over }
}

class Trial {
  best: FaultPlan
  runs = 0
  readonly #stillFails: (plan: FaultPlan) => Promise<boolean>
  readonly #runsMax: number
  readonly #onProgress: (plan: FaultPlan, runs: number) => void

  constructor(
    plan: FaultPlan,
    stillFails: (plan: FaultPlan) => Promise<boolean>,
    runsMax: number,
    onProgress: (plan: FaultPlan, runs: number) => void,
  ) {
    this.best = plan
    this.#stillFails = stillFails
    this.#runsMax = runsMax
    this.#onProgress = onProgress
  }

  get over(): boolean {
    return this.runs >= this.#runsMax
  }

  /** Whether the best plan with these changes still fails. Then it is the best one. */
  async with(changes: Partial<FaultPlan>): Promise<boolean> {
    if (this.over) return false
    this.runs++
    const candidate = { ...this.best, ...changes }
    if (!(await this.#stillFails(candidate))) return false
    this.best = candidate
    this.#onProgress(candidate, this.runs)
    return true
  }
}

/** ddmin: tries to do without each of n parts; where none can be missed, with twice as many parts. */
async function dropActions(trial: Trial): Promise<void> {
  let parts = 1
  while (trial.best.actions.length > 0 && !trial.over) {
    const size = Math.ceil(trial.best.actions.length / parts)
    let dropped = false
    for (let start = 0; start < trial.best.actions.length; ) {
      const without: FaultAction[] = [...trial.best.actions]
      without.splice(start, size)
      if (await trial.with({ actions: without })) dropped = true
      else start += size
    }
    if (size === 1 && !dropped) return
    parts = dropped ? Math.max(1, parts - 1) : Math.min(parts * 2, trial.best.actions.length)
  }
}

/** Halves the time while that fails, then a tenth less each time. Actions that come later than the end are gone with it. */
async function shorten(trial: Trial, durationMsMin: number): Promise<void> {
  for (const share of [0.5, 0.9]) {
    for (;;) {
      const durationMs = Math.floor(trial.best.durationMs * share)
      if (durationMs < durationMsMin) break
      const actions = trial.best.actions.filter(({ atMs }) => atMs <= durationMs)
      if (!(await trial.with({ durationMs, actions }))) break
    }
  }
}

async function dropClients(trial: Trial): Promise<void> {
  for (const clients of [1, 2, 3, 4, 6]) {
    if (clients < trial.best.clients && (await trial.with({ clients }))) return
  }
}
