/** A power of two, as every size. */
const FIRST_SIZE = 256

/** Calls in flight by their number. Numbers are consecutive, so that a ring does what a map would, without hashing and without garbage. */
export class CallTable<Call> {
  #ring: (Call | null)[]
  #numbers: Float64Array
  #mask: number
  #next = 1
  #count = 0

  constructor() {
    this.#ring = new Array<Call | null>(FIRST_SIZE).fill(null)
    this.#numbers = new Float64Array(FIRST_SIZE)
    this.#mask = FIRST_SIZE - 1
  }

  get count(): number {
    return this.#count
  }

  /** @returns its number, which no other call had or will have. */
  add(call: Call): number {
    while (this.#ring[this.#next & this.#mask] !== null) this.#grow()
    this.#ring[this.#next & this.#mask] = call
    this.#numbers[this.#next & this.#mask] = this.#next
    this.#count++
    return this.#next++
  }

  /** Takes a call out; null where there is none of this number any more. */
  take(number: number): Call | null {
    const at = number & this.#mask
    const call = this.#ring[at]
    if (call === null || call === undefined || this.#numbers[at] !== number) return null
    this.#ring[at] = null
    this.#count--
    return call
  }

  /** Takes out all of which this holds, oldest first. */
  takeWhere(holds: (call: Call) => boolean): Call[] {
    const found = this.#inOrder().filter(([, call]) => holds(call))
    for (const [number] of found) this.take(number)
    return found.map(([, call]) => call)
  }

  #inOrder(): [number, Call][] {
    const found: [number, Call][] = []
    this.#ring.forEach((call, at) => {
      if (call !== null) found.push([this.#numbers[at] ?? 0, call])
    })
    return found.sort(([a], [b]) => a - b)
  }

  #grow(): void {
    const calls = this.#inOrder()
    const size = 2 * this.#ring.length
    this.#ring = new Array<Call | null>(size).fill(null)
    this.#numbers = new Float64Array(size)
    this.#mask = size - 1
    for (const [number, call] of calls) {
      this.#ring[number & this.#mask] = call
      this.#numbers[number & this.#mask] = number
    }
  }
}
