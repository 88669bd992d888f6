/**
 * Zipfian numbers (Gray et al., "Quickly Generating Billion-Record Synthetic Databases", SIGMOD 1994): item i, from 0, is drawn with a probability in
 * proportion to 1 / (i + 1)^constant. Two draws are exact, item 0 and item 1; the others follow Gray's approximation, as YCSB's do.
 */

export interface Dice {
  /** 0 to 1, without 1. */
  fraction(): number
}

/** YCSB's, and with it everybody's. */
export const ZIPFIAN_CONSTANT = 0.99

/** Up to here the sum is made term by term. */
const EXACT_TERMS = 100_000

/** Sum of 1 / i^constant for i from `from` + 1 to `to`. What is beyond the first hundred thousand terms is summed by Euler and Maclaurin's formula, exact to about 1e-12. */
export function zeta(to: number, constant: number, from = 0): number {
  let sum = 0
  const exact = Math.min(to, Math.max(from, EXACT_TERMS))
  for (let i = from + 1; i <= exact; i++) sum += 1 / i ** constant
  if (to <= exact) return sum
  const power = 1 - constant
  const integral = power === 0 ? Math.log(to / exact) : (to ** power - exact ** power) / power
  const ends = (to ** -constant - exact ** -constant) / 2
  const slopes = (constant / 12) * (exact ** (-constant - 1) - to ** (-constant - 1))
  return sum + integral + ends + slopes
}

export class Zipfian {
  readonly #constant: number
  readonly #alpha: number
  readonly #zetaTwo: number
  /** Up to here it is item 1, where it is not item 0. */
  readonly #second: number
  #count: number
  #zeta: number
  #eta = 0

  /**
   * @param count - of the items, at least 1.
   * @param options.constant - above 0 and not 1. Default: 0.99.
   * @param options.zeta - the sum for so many items, where it is known. Default: computed.
   */
  constructor(count: number, options: { constant?: number; zeta?: number } = {}) {
    const { constant = ZIPFIAN_CONSTANT } = options
    if (!(count >= 1)) throw new RangeError(`zipfian: ${count} items; at least 1 is needed`)
    if (!(constant > 0) || constant === 1)
      throw new RangeError(`zipfian: a constant of ${constant}; above 0 and not 1`)
    this.#constant = constant
    this.#alpha = 1 / (1 - constant)
    this.#zetaTwo = zeta(2, constant)
    this.#second = 1 + 0.5 ** constant
    this.#count = count
    this.#zeta = options.zeta ?? zeta(count, constant)
    this.#prepare()
  }

  get count(): number {
    return this.#count
  }

  get zeta(): number {
    return this.#zeta
  }

  /** More items than before: the sum goes on where it stood. */
  grow(count: number): void {
    if (count <= this.#count) return
    this.#zeta += zeta(count, this.#constant, this.#count)
    this.#count = count
    this.#prepare()
  }

  next(dice: Dice): number {
    const fraction = dice.fraction()
    const share = fraction * this.#zeta
    if (share < 1) return 0
    if (share < this.#second) return Math.min(1, this.#count - 1)
    const item = Math.floor(this.#count * (this.#eta * fraction - this.#eta + 1) ** this.#alpha)
    return Math.min(item, this.#count - 1)
  }

  #prepare(): void {
    const shareOfTwo = this.#zetaTwo / this.#zeta
    // Of one or two items each draw ends before it is needed.
    this.#eta = this.#count <= 2 ? 0 : (1 - (2 / this.#count) ** (1 - this.#constant)) / (1 - shareOfTwo)
  }
}
