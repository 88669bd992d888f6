/** What one load process is told to do, and what it answers. Plain data: both cross a process boundary. */
import type { OperationType, TargetSpec } from './target.ts'

export type KeyChooser =
  /** All records alike. */
  | { readonly type: 'uniform' }
  /** YCSB's scrambled zipfian. */
  | { readonly type: 'zipfian'; readonly constant: number }
  /** YCSB's `latest`: zipfian, the newest record the most popular. */
  | { readonly type: 'latest'; readonly constant: number }
  /** All operations on so many keys: 1 is one hot key. */
  | { readonly type: 'hot'; readonly keys: number }

export interface WorkloadSpec {
  readonly name: string
  /** Shares of the operations; they add up to 1. */
  readonly shares: Readonly<Partial<Record<OperationType, number>>>
  readonly keys: KeyChooser
  readonly recordCount: number
  readonly valueBytes: number
  /** Of scans: lengths are uniform from 1 to this. */
  readonly scanLengthMax: number
}

/** Closed: so many operations are always in flight. Open: they begin at a fixed rate, whatever becomes of them, and latency counts from the moment at which each was due. */
export type Loop =
  | { readonly type: 'closed'; readonly outstanding: number }
  | { readonly type: 'open'; readonly perSecond: number; readonly outstandingMax: number }

export interface LoadTask {
  readonly target: TargetSpec
  readonly workload: WorkloadSpec
  readonly loop: Loop
  readonly warmUpMs: number
  readonly measureMs: number
  readonly seed: number
  /** Counts per so many milliseconds, for timelines of failures; null for none. */
  readonly bucketMs: number | null
  /** Go on where operations fail (a failure experiment), or end with the first error. */
  readonly tolerateErrors: boolean
}

export interface LatencySummary {
  readonly count: number
  readonly meanUs: number
  readonly minUs: number
  readonly p50Us: number
  readonly p90Us: number
  readonly p95Us: number
  readonly p99Us: number
  readonly p999Us: number
  readonly maxUs: number
  /** Points of the cumulative distribution: [latency in us, share of the operations at or below it], ascending. At most about 100. */
  readonly cdf: readonly (readonly [number, number])[]
}

export interface LoadResult {
  /** Of the measured span, as it really was. */
  readonly seconds: number
  readonly perSecond: number
  readonly errors: number
  readonly firstError: string | null
  readonly all: LatencySummary
  readonly byType: Readonly<Partial<Record<OperationType, LatencySummary>>>
  /** CPU time of the load process in the measured span (of several: their sum): near `seconds` (times the processes), the client is the bottleneck. */
  readonly clientCpuSeconds: number
  /** Completed operations and errors in each bucket from the beginning of the span; null where no `bucketMs` was given. */
  readonly timeline: readonly { readonly done: number; readonly errors: number }[] | null
  /** Of an open loop, else null. */
  readonly open?: OpenLoopSummary | null
}

/** Whether an open loop held its rate. */
export interface OpenLoopSummary {
  /** Operations that were due in the measured span. */
  readonly due: number
  /** Of these, the ones that began late because `outstandingMax` were in flight already. */
  readonly overrun: number
  /** Of these, the ones without an answer some time after the span had ended. They count in the latencies with the time that had passed by then. */
  readonly unanswered: number
  /** What to say beside the figures where the rate was not reached; null where it was. */
  readonly problem: string | null
}
