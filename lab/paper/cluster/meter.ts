import type { Outcome } from './cluster.ts'

/** What clients saw within a span of virtual time. */
export class Meter {
  readonly fromUs: number
  readonly untilUs: number
  readonly #timelineUs: number | null
  readonly #latencies = new Map<string, number[]>()
  readonly #timeline = new Map<string, number[][]>()

  /** `timelineUs`: completions are counted per so long, too, from `fromUs` on. */
  constructor(span: { readonly fromUs: number; readonly untilUs: number; readonly timelineUs?: number }) {
    this.fromUs = span.fromUs
    this.untilUs = span.untilUs
    this.#timelineUs = span.timelineUs ?? null
  }

  add(kind: string, { atUs, tookUs }: Outcome): void {
    if (atUs < this.fromUs || atUs >= this.untilUs) return
    listOf(this.#latencies, kind).push(tookUs)
    if (this.#timelineUs === null) return
    const pieces = listOf(this.#timeline, kind)
    const piece = Math.floor((atUs - this.fromUs) / this.#timelineUs)
    while (pieces.length <= piece) pieces.push([])
    pieces[piece]?.push(tookUs)
  }

  count(kind: string): number {
    return this.#latencies.get(kind)?.length ?? 0
  }

  perSecond(kind: string): number {
    return (this.count(kind) * 1e6) / (this.untilUs - this.fromUs)
  }

  meanMs(kind: string): number {
    const latencies = this.#latencies.get(kind) ?? []
    return latencies.reduce((sum, us) => sum + us, 0) / Math.max(1, latencies.length) / 1000
  }

  /** `share` 0.5 is the median. Zero where there was none. */
  quantileMs(kind: string, share: number): number {
    return quantile(this.#latencies.get(kind) ?? [], share) / 1000
  }

  /** Completions in each piece of the span, those without any included. */
  timeline(kind: string): readonly number[] {
    return this.#pieces(kind).map((piece) => piece.length)
  }

  /** Of the completions in each piece; null where there were none. */
  timelineMs(kind: string, share: number): readonly (number | null)[] {
    return this.#pieces(kind).map((piece) => (piece.length === 0 ? null : quantile(piece, share) / 1000))
  }

  #pieces(kind: string): readonly (readonly number[])[] {
    if (this.#timelineUs === null) return []
    const counted = this.#timeline.get(kind) ?? []
    const pieces = Math.ceil((this.untilUs - this.fromUs) / this.#timelineUs)
    return Array.from({ length: pieces }, (_, i) => counted[i] ?? [])
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

function listOf<T>(lists: Map<string, T[]>, kind: string): T[] {
  const found = lists.get(kind)
  if (found !== undefined) return found
  const made: T[] = []
  lists.set(kind, made)
  return made
}
