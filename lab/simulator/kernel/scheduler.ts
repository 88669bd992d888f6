import type { Timer } from '../../../protocol/timers.ts'

/** Something that happens at one moment of virtual time. */
class Occurrence implements Timer {
  readonly atUs: number
  readonly order: number
  run: (() => void) | null

  constructor(atUs: number, order: number, run: () => void) {
    this.atUs = atUs
    this.order = order
    this.run = run
  }

  cancel(): void {
    this.run = null
  }
}

/**
 * How many promises may follow from one another before virtual time goes on. A fixed number, because nothing tells when none is left: what is longer
 * goes on after a later event, the same one in every run.
 */
const HOPS = 64

/**
 * Virtual time, in whole microseconds, and what happens when. Events of one moment happen in the order in which they were scheduled, so a run is a function of
 * its seed. Promises are settled between events, and only where somebody said that there are any (`promised`): they cost more than most events.
 */
export class Scheduler {
  #nowUs = 0
  #order = 0
  #promised = false
  readonly #heap: Occurrence[] = []
  /** Events so far. */
  count = 0

  get nowUs(): number {
    return this.#nowUs
  }

  get pending(): number {
    return this.#heap.length
  }

  at(atUs: number, run: () => void): Timer {
    const occurrence = new Occurrence(Math.max(this.#nowUs, Math.round(atUs)), this.#order++, run)
    this.#push(occurrence)
    return occurrence
  }

  after(us: number, run: () => void): Timer {
    return this.at(this.#nowUs + us, run)
  }

  /** What just ran may have settled promises: those who wait for them go on before the next event. */
  promised(): void {
    this.#promised = true
  }

  /** Runs the next event. False where nothing is scheduled, or nothing up to `untilUs`. Follow with `settle`. */
  step(untilUs = Number.POSITIVE_INFINITY): boolean {
    for (;;) {
      const next = this.#heap[0]
      if (next === undefined || next.atUs > untilUs) return false
      this.#pop()
      const { run } = next
      if (run === null) continue
      this.#nowUs = next.atUs
      next.run = null
      this.count++
      run()
      return true
    }
  }

  get unsettled(): boolean {
    return this.#promised
  }

  async settle(): Promise<void> {
    this.#promised = false
    for (let hop = 0; hop < HOPS; hop++) await null
  }

  /** Runs everything up to this moment, and stands there; or stops early, where `stop` says so after an event. */
  async runUntil(untilUs: number, stop: () => boolean = () => false): Promise<void> {
    if (this.#promised) await this.settle()
    while (!stop() && this.step(untilUs)) if (this.#promised) await this.settle()
    if (!stop()) this.#nowUs = Math.max(this.#nowUs, untilUs)
  }

  /** Time goes on to this moment, or to the next event if that is before; nothing runs. */
  pass(untilUs: number): void {
    while (this.#heap[0]?.run === null) this.#pop()
    const nextUs = this.#heap[0]?.atUs ?? Number.POSITIVE_INFINITY
    this.#nowUs = Math.max(this.#nowUs, Math.min(untilUs, nextUs))
  }

  #push(occurrence: Occurrence): void {
    const heap = this.#heap
    let i = heap.length
    heap.push(occurrence)
    while (i > 0) {
      const parent = (i - 1) >> 1
      const above = heap[parent] as Occurrence
      if (!isBefore(occurrence, above)) break
      heap[i] = above
      i = parent
    }
    heap[i] = occurrence
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Occurrence
    const size = heap.length
    if (size === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= size) break
      if (child + 1 < size && isBefore(heap[child + 1] as Occurrence, heap[child] as Occurrence)) child++
      const below = heap[child] as Occurrence
      if (!isBefore(below, last)) break
      heap[i] = below
      i = child
    }
    heap[i] = last
  }
}

const isBefore = (a: Occurrence, b: Occurrence) => a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order)
