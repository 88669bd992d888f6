import type { Loop, OpenLoopSummary } from './task.ts'

/** When the operations of an open loop are due: every `1 / perSecond`, whatever becomes of those before. Times are of one clock, in milliseconds. */
export class OpenSchedule {
  readonly #periodMs: number
  readonly #outstandingMax: number
  #startMs = 0
  #span = { beganMs: 0, endMs: 0 }
  /** Operations due before the end, and the number of the first one in the span. */
  #count = 0
  #firstInSpan = 0
  /** Number of the operation that begins next. */
  #next = 0
  /** Those below have been looked at for an overrun. */
  #looked = 0
  #overrun = 0
  /** Of the span, answered in one way or another. */
  ended = 0

  constructor({ perSecond, outstandingMax }: Loop & { type: 'open' }) {
    if (!(perSecond > 0)) throw new RangeError(`an open loop of ${perSecond} operations a second`)
    if (!(outstandingMax >= 1)) throw new RangeError('an open loop needs at least one operation in flight')
    this.#periodMs = 1000 / perSecond
    this.#outstandingMax = outstandingMax
  }

  begin(startMs: number, span: { beganMs: number; endMs: number }): void {
    this.#startMs = startMs
    this.#span = span
    this.#count = this.#firstFrom(span.endMs)
    this.#firstInSpan = this.#firstFrom(span.beganMs)
  }

  /** Number of the first operation due at this time or later, by the very arithmetic that tells when it is due: rounding must not lose one. */
  #firstFrom(atMs: number): number {
    let number = Math.ceil((atMs - this.#startMs) / this.#periodMs)
    while (this.#dueMs(number) < atMs) number++
    while (number > 0 && this.#dueMs(number - 1) >= atMs) number--
    return number
  }

  #dueMs(number: number): number {
    return this.#startMs + number * this.#periodMs
  }

  isIn(dueMs: number): boolean {
    return dueMs >= this.#span.beganMs && dueMs < this.#span.endMs
  }

  /** Whether all that were due before the end have begun. */
  get isExhausted(): boolean {
    return this.#next >= this.#count
  }

  /** When the operation was due that may begin now; null where none is due, or too many are in flight. */
  take(nowMs: number, inFlight: number): number | null {
    const dueMs = this.#dueMs(this.#next)
    if (this.isExhausted || dueMs > nowMs) return null
    if (inFlight >= this.#outstandingMax) {
      this.#noteOverrun(nowMs)
      return null
    }
    this.#next++
    return dueMs
  }

  /** All that are due by now wait because of those in flight. */
  #noteOverrun(nowMs: number): void {
    const dueBelow = Math.min(this.#count, Math.floor((nowMs - this.#startMs) / this.#periodMs) + 1)
    const from = Math.max(this.#next, this.#looked, this.#firstInSpan)
    this.#overrun += Math.max(0, dueBelow - from)
    this.#looked = Math.max(this.#looked, dueBelow)
  }

  /** Gives up the next one that has not begun: when it was due, or null where there is none. */
  skip(): number | null {
    return this.isExhausted ? null : this.#dueMs(this.#next++)
  }

  summary(): Omit<OpenLoopSummary, 'problem'> {
    const due = Math.max(0, this.#count - this.#firstInSpan)
    return { due, overrun: this.#overrun, unanswered: due - this.ended }
  }
}
