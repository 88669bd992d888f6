import type { ParcelSight } from '../../simulator/kernel/parcel.ts'
import type { MessageWords } from './message-words.ts'
import type { ArrowView } from './view.ts'

const ARROWS_MAX = 40_000
/** Nothing stays on its way for longer, unless somebody holds it. */
const LONGEST_MS = 30_000

/** The space-time diagram: who sent what when. Without what is routine; of a long run the oldest are forgotten. */
export class Arrows {
  #arrows: ArrowView[] = []
  #forgotten = 0
  /** Places of those that are on their way, counted with the forgotten ones. */
  readonly #places = new Map<number, number>()

  get count(): number {
    return this.#forgotten + this.#arrows.length
  }

  sent({ id, from, to }: ParcelSight, words: MessageWords, sentMs: number): void {
    if (words.routine) return
    if (this.#arrows.length >= ARROWS_MAX) this.#forget()
    const { plane, kind, label, routine } = words
    this.#places.set(id, this.count)
    this.#arrows.push({ id, from, to, plane, kind, label, sentMs, receivedMs: null, lost: false, routine })
  }

  received(id: number, receivedMs: number): void {
    this.#change(id, { receivedMs })
  }

  lost(id: number, receivedMs: number): void {
    this.#change(id, { receivedMs, lost: true })
  }

  #change(id: number, what: Partial<ArrowView>): void {
    const place = this.#places.get(id)
    if (place === undefined) return
    this.#places.delete(id)
    const arrow = this.#arrows[place - this.#forgotten]
    if (arrow !== undefined) this.#arrows[place - this.#forgotten] = { ...arrow, ...what }
  }

  #forget(): void {
    const count = ARROWS_MAX / 4
    this.#arrows = this.#arrows.slice(count)
    this.#forgotten += count
  }

  /** Those that touch this span of time, oldest first. */
  between(fromMs: number, toMs: number): readonly ArrowView[] {
    const found: ArrowView[] = []
    for (let i = this.#firstFrom(fromMs - LONGEST_MS); i < this.#arrows.length; i++) {
      const arrow = this.#arrows[i]
      if (arrow === undefined || arrow.sentMs > toMs) break
      if (arrow.receivedMs === null || arrow.receivedMs >= fromMs) found.push(arrow)
    }
    return found
  }

  #firstFrom(ms: number): number {
    let [low, high] = [0, this.#arrows.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#arrows[middle]?.sentMs ?? 0) < ms) low = middle + 1
      else high = middle
    }
    return low
  }
}
