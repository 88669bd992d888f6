/** Sub-buckets of each power of two, as bits: a percentile is true to one part in sixteen. */
const SUB_BITS = 4
const BUCKETS = 32 << SUB_BITS

/** Latencies in milliseconds, told by their extremes and their mean. */
export class Latency {
  count = 0
  maxMs = 0
  #minMs = Number.POSITIVE_INFINITY
  #sumMs = 0

  /** @param count - how many took so long. */
  add(ms: number, count = 1): void {
    this.count += count
    this.#sumMs += ms * count
    if (ms > this.maxMs) this.maxMs = ms
    if (ms < this.#minMs) this.#minMs = ms
  }

  /** 0 where there is none. */
  get minMs(): number {
    return this.count === 0 ? 0 : this.#minMs
  }

  /** 0 where there is none. */
  get meanMs(): number {
    return this.count === 0 ? 0 : this.#sumMs / this.count
  }

  get sumMs(): number {
    return this.#sumMs
  }

  reset(): void {
    this.count = 0
    this.maxMs = 0
    this.#minMs = Number.POSITIVE_INFINITY
    this.#sumMs = 0
  }
}

/** As `Latency`, with percentiles. Takes 2 KiB, whatever comes. */
export class LatencyHistogram extends Latency {
  readonly #buckets = new Uint32Array(BUCKETS)

  override add(ms: number, count = 1): void {
    super.add(ms, count)
    const bucket = bucketOf(Math.min(0x7fffffff, Math.max(0, ms * 1000)) | 0)
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + count
  }

  /** @param part - 0.99 for the 99th. 0 where there is none. */
  percentileMs(part: number): number {
    let left = this.count * part
    for (const [bucket, count] of this.#buckets.entries()) {
      left -= count
      if (left <= 0 && count > 0) return Math.min(this.maxMs, (topOf(bucket) + 1) / 1000)
    }
    return this.maxMs
  }

  /** How many took at most so long, for each of these bounds, which ascend. */
  countsAtMost(boundsMs: readonly number[]): number[] {
    const counts: number[] = []
    let count = 0
    let bucket = 0
    for (const boundMs of boundsMs) {
      for (; bucket < BUCKETS && topOf(bucket) <= boundMs * 1000; bucket++)
        count += this.#buckets[bucket] ?? 0
      counts.push(count)
    }
    return counts
  }

  override reset(): void {
    super.reset()
    this.#buckets.fill(0)
  }
}

/** Of whole microseconds. Below 16 each has its own bucket. */
function bucketOf(micros: number): number {
  const shift = Math.max(0, 31 - SUB_BITS - Math.clz32(micros))
  return (shift << SUB_BITS) + (micros >> shift)
}

/** The largest number in a bucket. */
function topOf(bucket: number): number {
  if (bucket < 2 << SUB_BITS) return bucket
  const shift = (bucket >> SUB_BITS) - 1
  const leading = bucket - (shift << SUB_BITS)
  return (leading + 1) * 2 ** shift - 1
}
