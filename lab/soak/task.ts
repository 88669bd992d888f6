import type { FaultPlan } from '../simulator/faults/plan.ts'
import type { SimulationFailure, SimulationResult } from '../simulator/result.ts'
import type { SimulationOptions } from '../simulator/simulate.ts'

/** What a worker is asked for. */
export interface SeedTask {
  readonly seed: number
  readonly options: Omit<SimulationOptions, 'seed' | 'trace'>
}

/** What a worker answers: the result without its history. */
export interface SeedReport {
  readonly seed: number
  readonly failure: Omit<SimulationFailure, 'verdict'> | null
  readonly traceHash: string
  readonly virtualSeconds: number
  readonly events: number
  readonly operations: SimulationResult['operations']
  readonly znodeOperations: SimulationResult['znodeOperations']
  readonly faultsDone: number
  readonly undecided: number
  /** Of a failure. */
  readonly plan: FaultPlan | null
  readonly wallMs: number
}

export function reportOf(result: SimulationResult, wallMs: number): SeedReport {
  const { failure, plan, history: _, ...numbers } = result
  const told = failure === null ? null : { kind: failure.kind, what: failure.what, details: failure.details }
  return { ...numbers, failure: told, plan: failure === null ? null : plan, wallMs }
}
