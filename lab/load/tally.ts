import { type EncodedLatencies, Latencies } from './latencies.ts'
import type { OperationType } from './target.ts'
import type { LatencySummary, LoadResult, OpenLoopSummary } from './task.ts'

/** What one process counted: plain data, and in a form that can be added up. */
export interface Count {
  readonly seconds: number
  /** Completed in the span. */
  readonly done: number
  readonly errors: number
  readonly firstError: string | null
  readonly latencies: Readonly<Partial<Record<OperationType, EncodedLatencies>>>
  readonly cpuSeconds: number
  readonly timeline: readonly { readonly done: number; readonly errors: number }[] | null
  readonly open: Omit<OpenLoopSummary, 'problem'> | null
  readonly wantedPerSecond: number | null
}

/** Both ends of a span are sums of fractions: 200 ms may be a hair longer, and are four buckets of 50 ms all the same. */
const bucketsOf = (spanMs: number, bucketMs: number) => Math.ceil(spanMs / bucketMs - 1e-6)

/** Counts while a run goes on. Times are of `performance.now()`. */
export class Tally {
  readonly #latencies = new Map<OperationType, Latencies>()
  readonly #bucketMs: number | null
  readonly #timeline: { done: number; errors: number }[] = []
  #beganMs = 0
  #endMs = 0
  #done = 0
  #errors = 0
  #firstError: string | null = null

  constructor(bucketMs: number | null) {
    this.#bucketMs = bucketMs
  }

  get done(): number {
    return this.#done
  }

  get errors(): number {
    return this.#errors
  }

  get firstError(): string | null {
    return this.#firstError
  }

  /** The span: completions outside of it are not counted. */
  begin(beganMs: number, endMs: number): void {
    this.#beganMs = beganMs
    this.#endMs = endMs
  }

  isIn(nowMs: number): boolean {
    return nowMs >= this.#beganMs && nowMs < this.#endMs
  }

  isPast(nowMs: number): boolean {
    return nowMs >= this.#endMs
  }

  completed(nowMs: number): void {
    if (!this.isIn(nowMs)) return
    this.#done++
    if (this.#bucketMs !== null) this.#bucket(nowMs).done++
  }

  latency(type: OperationType, ms: number): void {
    let latencies = this.#latencies.get(type)
    if (latencies === undefined) {
      latencies = new Latencies()
      this.#latencies.set(type, latencies)
    }
    latencies.record(ms)
  }

  failed(nowMs: number, error: string): void {
    this.#firstError ??= error
    if (!this.isIn(nowMs)) return
    this.#errors++
    if (this.#bucketMs !== null) this.#bucket(nowMs).errors++
  }

  #bucket(nowMs: number): { done: number; errors: number } {
    const bucketMs = this.#bucketMs ?? 1
    const index = Math.min(
      Math.floor((nowMs - this.#beganMs) / bucketMs),
      bucketsOf(this.#endMs - this.#beganMs, bucketMs) - 1,
    )
    while (this.#timeline.length <= index) this.#timeline.push({ done: 0, errors: 0 })
    return this.#timeline[index] as { done: number; errors: number }
  }

  /** @param endedMs - where the run ended before its span did, else null. */
  count(options: {
    endedMs: number | null
    cpuSeconds: number
    open: Count['open']
    wantedPerSecond: number | null
  }): Count {
    const endMs = Math.min(options.endedMs ?? this.#endMs, this.#endMs)
    const buckets = this.#bucketMs === null ? 0 : bucketsOf(endMs - this.#beganMs, this.#bucketMs)
    while (this.#timeline.length < buckets) this.#timeline.push({ done: 0, errors: 0 })
    return {
      seconds: Math.max(0, endMs - this.#beganMs) / 1000,
      done: this.#done,
      errors: this.#errors,
      firstError: this.#firstError,
      latencies: Object.fromEntries([...this.#latencies].map(([type, found]) => [type, found.encode()])),
      cpuSeconds: options.cpuSeconds,
      timeline: this.#bucketMs === null ? null : this.#timeline,
      open: options.open,
      wantedPerSecond: options.wantedPerSecond,
    }
  }
}

/** The result of one process, or of several that ran at the same time: rates and counts add up, latencies are one distribution. */
export function resultOf(counts: readonly Count[]): LoadResult {
  const all = new Latencies()
  const byType = new Map<OperationType, Latencies>()
  for (const { latencies } of counts) {
    for (const [type, encoded] of Object.entries(latencies) as [OperationType, EncodedLatencies][]) {
      const found = Latencies.decode(encoded)
      all.add(found)
      const before = byType.get(type)
      if (before === undefined) byType.set(type, found)
      else before.add(found)
    }
  }
  const sum = (pick: (count: Count) => number) => counts.reduce((total, count) => total + pick(count), 0)
  const perSecond = sum(({ done, seconds }) => (seconds > 0 ? done / seconds : 0))
  const summaries = [...byType].map(([type, found]): [OperationType, LatencySummary] => [
    type,
    found.summary(),
  ])
  return {
    seconds: Math.max(0, ...counts.map(({ seconds }) => seconds)),
    perSecond,
    errors: sum(({ errors }) => errors),
    firstError: counts.find(({ firstError }) => firstError !== null)?.firstError ?? null,
    all: all.summary(),
    byType: Object.fromEntries(summaries),
    clientCpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
    timeline: timelineOf(counts),
    open: openOf(counts, perSecond),
  }
}

function timelineOf(counts: readonly Count[]): LoadResult['timeline'] {
  const timelines = counts.flatMap(({ timeline }) => (timeline === null ? [] : [timeline]))
  if (timelines.length === 0) return null
  const length = Math.max(...timelines.map((timeline) => timeline.length))
  return Array.from({ length }, (_, i) => ({
    done: timelines.reduce((sum, timeline) => sum + (timeline[i]?.done ?? 0), 0),
    errors: timelines.reduce((sum, timeline) => sum + (timeline[i]?.errors ?? 0), 0),
  }))
}

/** Of the wanted rate: what is lost to chance at the ends of a span is no failure to reach it. */
const REACHED = 0.98

function openOf(counts: readonly Count[], perSecond: number): OpenLoopSummary | null {
  const opens = counts.flatMap(({ open }) => (open === null ? [] : [open]))
  if (opens.length === 0) return null
  const due = opens.reduce((sum, open) => sum + open.due, 0)
  const overrun = opens.reduce((sum, open) => sum + open.overrun, 0)
  const unanswered = opens.reduce((sum, open) => sum + open.unanswered, 0)
  const wanted = counts.reduce((sum, { wantedPerSecond }) => sum + (wantedPerSecond ?? 0), 0)
  const problem =
    perSecond >= REACHED * wanted && unanswered === 0
      ? null
      : `${Math.round(wanted)}/s were due and ${Math.round(perSecond)}/s were completed: ${overrun} operations began late because as many as allowed were in flight, ${unanswered} had no answer long after the end`
  return { due, overrun, unanswered, problem }
}
