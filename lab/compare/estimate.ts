/** How long a plan takes, before anything was measured: the progress bar counts in these, and corrects itself as it goes. */
import type { WorkloadSpec } from '../load/task.ts'
import type { Plan, PlannedPoint, Visit } from './plan.ts'
import { readShare } from './workloads.ts'

/** A load process comes up, connects, and ends. */
const AROUND_A_POINT_MS = 350
/** Records in a second while a store is filled, and bytes. */
const LOADED_PER_SECOND = 15_000
const LOADED_BYTES_PER_SECOND = 30_000_000
/** Of a system whose CPU is limited: its code becomes hot before. */
export const HEATING_MS = 1500

export function planMs(plan: Plan): number {
  return plan.visits.reduce((sum, visit) => sum + visitMs(visit), 0)
}

export function visitMs(visit: Visit): number {
  let sum = visit.effort.startMs
  let before: WorkloadSpec | null = null
  for (const point of visit.points) {
    if (before === null || needsLoading(before, point.workload)) sum += loadMs(point.workload)
    before = point.workload
    sum += pointMs(point) * (point.variants === 'all' && isRead(point) ? visit.effort.ways : 1)
    if (point.quotaPercent !== null) sum += HEATING_MS + AROUND_A_POINT_MS
  }
  return sum
}

export const pointMs = ({ warmUpMs, measureMs }: PlannedPoint): number =>
  AROUND_A_POINT_MS + warmUpMs + measureMs

const isRead = ({ workload }: PlannedPoint) => readShare(workload) > 0

/** Whether the records that one workload left are of no use to the next. */
export function needsLoading(before: WorkloadSpec, next: WorkloadSpec): boolean {
  return before.recordCount < next.recordCount || before.valueBytes !== next.valueBytes
}

function loadMs({ recordCount, valueBytes }: WorkloadSpec): number {
  return (
    300 +
    1000 * Math.max(recordCount / LOADED_PER_SECOND, (recordCount * valueBytes) / LOADED_BYTES_PER_SECOND)
  )
}

/** `35 s`, `4 min`, `1 h 10 min`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 90) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
