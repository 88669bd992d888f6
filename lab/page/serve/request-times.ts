/** Rates and latencies out of what Prometheus would read: two readings of a histogram that only grows, and what came between them. */
import type { LiveRates } from './snapshot.ts'

interface Buckets {
  readonly count: number
  /** How many took at most so many seconds, by bound. */
  readonly atMost: ReadonlyMap<number, number>
}

export interface RequestTimes {
  readonly reads: Buckets
  readonly writes: Buckets
}

const READS = new Set(['get', 'scan'])
/** A client's own housekeeping is no write of a key. */
const NEITHER = new Set(['open-session'])
const LINE = /^catenary_request_seconds_(bucket|count)\{([^}]*)\} ([0-9.e+]+)/

export function readRequestTimes(metrics: string): RequestTimes {
  const tallies = {
    reads: { count: 0, atMost: new Map<number, number>() },
    writes: { count: 0, atMost: new Map<number, number>() },
  }
  for (const line of metrics.split('\n')) {
    const [, what, labels = '', number] = LINE.exec(line) ?? []
    const operation = /operation="([^"]*)"/.exec(labels)?.[1]
    if (operation === undefined || NEITHER.has(operation)) continue
    const tally = READS.has(operation) ? tallies.reads : tallies.writes
    if (what === 'count') tally.count += Number(number)
    const bound = /le="([^"]*)"/.exec(labels)?.[1]
    if (what !== 'bucket' || bound === undefined || bound === '+Inf') continue
    tally.atMost.set(Number(bound), (tally.atMost.get(Number(bound)) ?? 0) + Number(number))
  }
  return tallies
}

/** @returns null where the process has started anew in between. */
export function ratesBetween(before: RequestTimes, after: RequestTimes, seconds: number): LiveRates | null {
  const reads = difference(before.reads, after.reads)
  const writes = difference(before.writes, after.writes)
  if (reads === null || writes === null || !(seconds > 0)) return null
  return ratesOf({ reads, writes }, seconds)
}

export function ratesOf({ reads, writes }: RequestTimes, seconds: number): LiveRates {
  return {
    readsPerSecond: reads.count / seconds,
    writesPerSecond: writes.count / seconds,
    readP50Ms: percentileMs(reads, 0.5),
    readP99Ms: percentileMs(reads, 0.99),
    writeP50Ms: percentileMs(writes, 0.5),
    writeP99Ms: percentileMs(writes, 0.99),
  }
}

export function difference(before: Buckets, after: Buckets): Buckets | null {
  const count = after.count - before.count
  if (count < 0) return null
  return {
    count,
    atMost: new Map([...after.atMost].map(([bound, n]) => [bound, n - (before.atMost.get(bound) ?? 0)])),
  }
}

export function sumOf(all: readonly Buckets[]): Buckets {
  const atMost = new Map<number, number>()
  for (const one of all) for (const [bound, n] of one.atMost) atMost.set(bound, (atMost.get(bound) ?? 0) + n)
  return { count: all.reduce((sum, one) => sum + one.count, 0), atMost }
}

/** Within a bucket, as if it were evenly filled. Null: there were none. */
function percentileMs({ count, atMost }: Buckets, share: number): number | null {
  if (count <= 0) return null
  const rank = count * share
  let [below, from] = [0, 0]
  for (const [bound, n] of [...atMost].sort(([a], [b]) => a - b)) {
    if (n >= rank) return 1000 * (from + (bound - from) * ((rank - below) / Math.max(1, n - below)))
    below = n
    from = bound
  }
  return 1000 * from
}
