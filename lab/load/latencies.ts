import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js'
import type { LatencySummary } from './task.ts'

/** Histograms count tenths of microseconds: one digit more than is shown. */
const UNITS_PER_MS = 10_000
const UNITS_PER_US = 10
/** Two hundred seconds, within 32 bits: the histogram's fast path. What took longer counts as this. */
const UNITS_MAX = 2_000_000_000
const DIGITS = 3
const CDF_POINTS = 100
/** In base64, compressed: how histograms cross a process boundary. */
export type EncodedLatencies = string

/** Latencies of one kind of operation, to three digits. */
export class Latencies {
  readonly #histogram: Histogram

  constructor(histogram?: Histogram) {
    this.#histogram =
      histogram ??
      build({
        bitBucketSize: 32,
        autoResize: false,
        lowestDiscernibleValue: 1,
        highestTrackableValue: UNITS_MAX,
        numberOfSignificantValueDigits: DIGITS,
      })
  }

  static decode(encoded: EncodedLatencies): Latencies {
    return new Latencies(decodeFromCompressedBase64(encoded, 32, false, UNITS_MAX))
  }

  encode(): EncodedLatencies {
    return encodeIntoCompressedBase64(this.#histogram)
  }

  record(ms: number): void {
    const units = ms * UNITS_PER_MS
    this.#histogram.recordValue(units > UNITS_MAX ? UNITS_MAX : units < 1 ? 1 : Math.round(units))
  }

  add(other: Latencies): void {
    this.#histogram.add(other.#histogram)
  }

  get count(): number {
    return this.#histogram.totalCount
  }

  summary(): LatencySummary {
    const histogram = this.#histogram
    const count = histogram.totalCount
    const at = (percentile: number) =>
      count === 0 ? 0 : histogram.getValueAtPercentile(percentile) / UNITS_PER_US
    return {
      count,
      meanUs: count === 0 ? 0 : Math.round(histogram.mean) / UNITS_PER_US,
      minUs: count === 0 ? 0 : histogram.minNonZeroValue / UNITS_PER_US,
      p50Us: at(50),
      p90Us: at(90),
      p95Us: at(95),
      p99Us: at(99),
      p999Us: at(99.9),
      maxUs: count === 0 ? 0 : histogram.maxValue / UNITS_PER_US,
      cdf: count === 0 ? [] : cdf(at),
    }
  }
}

/** Every percent, and then the tail in ever smaller steps. */
function cdf(at: (percentile: number) => number): [number, number][] {
  const shares = Array.from({ length: CDF_POINTS - 1 }, (_, i) => (i + 1) / CDF_POINTS)
  shares.push(0.995, 0.999, 0.9995, 0.9999, 1)
  const points: [number, number][] = []
  for (const share of shares) {
    const us = at(share * 100)
    const last = points.at(-1)
    if (last !== undefined && last[0] === us) last[1] = share
    else points.push([us, share])
  }
  return points
}
