/**
 * Seeded dice (mulberry32): the same seed throws the same numbers on every machine. `fork` gives each part of a run its own, so that one more throw in one
 * part changes nothing in the others.
 */
export class Rng {
  readonly #seed: number
  #state: number

  constructor(seed: number) {
    this.#seed = seed >>> 0
    this.#state = this.#seed
  }

  /** Dice that depend on this seed and the name, and not on what has been thrown so far. */
  fork(name: string): Rng {
    let hash = this.#seed ^ 0x811c9dc5
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
    const forked = new Rng(hash)
    forked.fraction() // neighbouring seeds differ from the first throw on
    return forked
  }

  /** 0 to 1, without 1. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  /** The cores' name for `fraction`. */
  next(): number {
    return this.fraction()
  }

  /** A whole number below `count`. */
  below(count: number): number {
    return Math.floor(this.fraction() * count)
  }

  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1)
  }

  /** As likely between 1 and 10 as between 10 and 100: for durations of which nobody knows the scale. */
  scale(from: number, to: number): number {
    return Math.round(from * (to / from) ** this.fraction())
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<T>(choices: readonly T[]): T {
    const choice = choices[this.below(choices.length)]
    if (choice === undefined) throw new RangeError('pick: nothing to choose from')
    return choice
  }

  shuffled<T>(items: readonly T[]): T[] {
    const list = [...items]
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const [a, b] = [list[i] as T, list[j] as T]
      list[i] = b
      list[j] = a
    }
    return list
  }
}
