import type { BoardView } from './view.ts'

/** One recorded moment: what was shown, and after how many actions. */
export interface Frame {
  readonly view: BoardView
  readonly actions: number
}

const EVERY_MS = 100
const FRAMES_MAX = 8_000

/** Recorded views, for scrubbing: every tenth of a second, and where something was done. Of a long run every second one is forgotten, again and again. */
export class Frames {
  /** False: nobody will ask for what happens now. */
  readonly records: boolean
  #frames: Frame[] = []
  #everyMs = EVERY_MS
  #dueMs = 0

  constructor({ records = true } = {}) {
    this.records = records
  }

  get last(): Frame | null {
    return this.#frames.at(-1) ?? null
  }

  get length(): number {
    return this.#frames.length
  }

  isDue(atMs: number): boolean {
    return this.records && atMs >= this.#dueMs
  }

  add(frame: Frame): void {
    const last = this.last
    if (last?.view === frame.view && last.actions === frame.actions) return
    this.#frames.push(frame)
    this.#dueMs = frame.view.atMs + this.#everyMs
    if (this.#frames.length < FRAMES_MAX) return
    this.#frames = this.#frames.filter((_, i) => i % 2 === 0)
    this.#everyMs *= 2
  }

  /** Forgets what came after this one. */
  cutAfter(frame: Frame): void {
    this.#frames = this.#frames.slice(0, this.#frames.indexOf(frame) + 1)
    this.#dueMs = frame.view.atMs + this.#everyMs
  }

  /** The newest one that is not after this moment; the first one, where there is none. */
  at(atMs: number): Frame | null {
    let [low, high] = [0, this.#frames.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#frames[middle]?.view.atMs ?? 0) <= atMs) low = middle
      else high = middle - 1
    }
    return this.#frames[low] ?? null
  }
}
