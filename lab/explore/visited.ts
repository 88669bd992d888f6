/**
 * The states seen so far, by fingerprints of 64 bits: 16 bytes a state instead of hundreds. Two states may have the
 * same one, and then the second is taken for the first; `missChance` bounds how likely that has happened.
 */
export class Visited {
  #low = new Uint32Array(1 << 16)
  #high = new Uint32Array(1 << 16)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** An upper bound for the probability that any state was taken for another: pairs times 2^-64. */
  get missChance(): number {
    return (this.#size * this.#size) / 2 / 2 ** 64
  }

  /** True where the state is new. */
  add(state: Int32Array): boolean {
    if (this.#size * 1.6 > this.#low.length) this.#grow()
    return this.#put(lowOf(state), highOf(state))
  }

  has(state: Int32Array): boolean {
    return this.#high[this.#placeOf(lowOf(state), highOf(state))] !== 0
  }

  /** Where the fingerprint is, or would be. */
  #placeOf(low: number, high: number): number {
    const mask = this.#low.length - 1
    let at = (low ^ Math.imul(high, 0x27d4eb2f)) & mask
    while (this.#high[at] !== 0 && (this.#high[at] !== high || this.#low[at] !== low)) at = (at + 1) & mask
    return at
  }

  #put(low: number, high: number): boolean {
    const at = this.#placeOf(low, high)
    if (this.#high[at] !== 0) return false
    this.#low[at] = low
    this.#high[at] = high
    this.#size++
    return true
  }

  #grow(): void {
    const [low, high] = [this.#low, this.#high]
    this.#low = new Uint32Array(low.length * 2)
    this.#high = new Uint32Array(high.length * 2)
    this.#size = 0
    for (let i = 0; i < low.length; i++) if (high[i] !== 0) this.#put(low[i] ?? 0, high[i] ?? 0)
  }
}

const lowOf = (state: Int32Array): number => hash(state, 0x9e3779b9, 0xcc9e2d51, 0x1b873593)
/** Never 0, which marks a free place. */
const highOf = (state: Int32Array): number => hash(state, 0x7f4a7c15, 0x85ebca6b, 0xc2b2ae35) || 1

/** Murmur3 over whole words. */
function hash(state: Int32Array, seed: number, c1: number, c2: number): number {
  let h = seed
  for (let i = 0; i < state.length; i++) {
    let k = Math.imul(state[i] ?? 0, c1)
    k = (k << 15) | (k >>> 17)
    h ^= Math.imul(k, c2)
    h = (h << 13) | (h >>> 19)
    h = (Math.imul(h, 5) + 0xe6546b64) | 0
  }
  h ^= state.length
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
