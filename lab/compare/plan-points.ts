/** The measurements of a plan: their times and their defaults. */
import type { Loop, WorkloadSpec } from '../load/task.ts'
import type { PlannedPoint, PlanOptions, SystemShape } from './plan.ts'
import type { Experiment } from './results.ts'

export interface PointShape {
  readonly experiments: readonly Experiment[]
  readonly workload: WorkloadSpec
  readonly outstanding?: number
  readonly loop?: Loop
  readonly x?: number
  readonly variants?: 'all' | 'first'
  readonly beside?: PlannedPoint['beside']
  readonly spanMs?: number
  readonly quotaPercent?: number
}

export function pointMaker(options: PlanOptions): (shape: PointShape) => PlannedPoint {
  return (shape) => {
    const isHeadline = shape.experiments.includes('headline')
    return {
      experiments: shape.experiments,
      workload: shape.workload,
      loop: shape.loop ?? closed(shape.outstanding ?? options.outstanding),
      x: shape.x ?? null,
      variants: shape.variants ?? 'first',
      warmUpMs: options.quick ? 400 : 500,
      measureMs:
        options.seconds !== null
          ? options.seconds * 1000
          : (shape.spanMs ?? (isHeadline && !options.quick && shape.outstanding !== 1 ? 1300 : 1000)),
      bucketMs: null,
      fault: null,
      quotaPercent: shape.quotaPercent ?? null,
      beside: shape.beside ?? null,
    }
  }
}

export const closed = (outstanding: number): Loop => ({ type: 'closed', outstanding })

export const named = (workload: WorkloadSpec, name: string): WorkloadSpec => ({ ...workload, name })

/** Who takes part in an experiment that is not for all: the ones meant, or whom somebody has named. */
export function isIn(
  { id, kind }: Pick<SystemShape, 'id' | 'kind'>,
  ids: readonly string[],
  { systems }: PlanOptions,
): boolean {
  return kind !== 'yardstick' && (ids.includes(id) || (systems?.includes(id) ?? false))
}
