import type { Plan } from './event-list.ts'

/**
 * Which operations are taken, as bits. A key of the cache holds only the bits that tell something: from the first completed operation that is not
 * taken to the last that is, and the open ones; so a configuration of a long history takes no more room than one of a short history.
 */
export class TakenSet {
  /** What `writeKey` wrote last. */
  readonly key: Uint32Array
  readonly #completed: Uint32Array
  readonly #open: Uint32Array
  readonly #completedCount: number
  readonly #salts: Int32Array
  /** No word of completed operations above this one has a bit set. */
  #top = 0
  #hash = 0

  constructor(plan: Plan) {
    this.#completedCount = plan.completedCount
    this.#completed = new Uint32Array((plan.completedCount >>> 5) + 1)
    this.#open = new Uint32Array(((plan.operations.length - plan.completedCount) >>> 5) + 1)
    this.key = new Uint32Array(4 + this.#completed.length + this.#open.length)
    this.#salts = Int32Array.from(plan.operations, (_, i) => scramble(i + 1))
  }

  has(operation: number): boolean {
    const isOpen = operation >= this.#completedCount
    const bit = isOpen ? operation - this.#completedCount : operation
    return (((isOpen ? this.#open : this.#completed)[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0
  }

  add(operation: number): void {
    this.#flip(operation)
    if (operation < this.#completedCount && operation >>> 5 > this.#top) this.#top = operation >>> 5
  }

  delete(operation: number): void {
    this.#flip(operation)
    while (this.#top > 0 && this.#completed[this.#top] === 0) this.#top--
  }

  /** Writes what tells this set, with a state, from others: `low` is the first completed operation that is not taken. Returns how many words. */
  writeKey({ low, state, unnoticed }: { low: number; state: number; unnoticed: number }): number {
    const key = this.key
    key[0] = state
    key[1] = low
    key[2] = unnoticed
    let length = 3
    for (let word = low >>> 5; word <= this.#top; word++) key[length++] = this.#completed[word] ?? 0
    key[length] = length
    length++
    for (let word = 0; word < this.#open.length; word++) key[length++] = this.#open[word] ?? 0
    return length
  }

  hash(state: number): number {
    return scramble(this.#hash ^ Math.imul(state, 0x9e3779b1)) >>> 0
  }

  #flip(operation: number): void {
    const isOpen = operation >= this.#completedCount
    const bit = isOpen ? operation - this.#completedCount : operation
    const words = isOpen ? this.#open : this.#completed
    words[bit >>> 5] = (words[bit >>> 5] ?? 0) ^ (1 << (bit & 31))
    this.#hash ^= this.#salts[operation] ?? 0
  }
}

/** Spreads a number over 32 bits (the end of MurmurHash3). */
function scramble(number: number): number {
  let bits = number ^ (number >>> 16)
  bits = Math.imul(bits, 0x85ebca6b)
  bits ^= bits >>> 13
  bits = Math.imul(bits, 0xc2b2ae35)
  return bits ^ (bits >>> 16)
}
