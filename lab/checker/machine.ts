/** The answer of `step` where an operation cannot have been answered as it was. */
export const IMPOSSIBLE = -1

/**
 * A sequential object, made for the operations of one history: states are small whole numbers, the same number for equal states, so
 * that the search compares and remembers them cheaply.
 */
export interface Machine {
  readonly start: number
  /** The state after the operation with that index, or IMPOSSIBLE where its answer does not fit. An open operation has no answer to fit. */
  step(state: number, operation: number): number
  /** Whether that operation, answered as it was, changes nothing in any state. */
  isRead(operation: number): boolean
  /**
   * Whether `next`, taken right after an open operation, may have noticed it. An open operation need not be taken before somebody notices it, and
   * not at all if nobody does.
   */
  mayNotice(next: number, open: number): boolean
  /** An operation that comes before this one in every order that is right, as their answers tell; -1: none is known. */
  after(operation: number): number
  /** A state in words. */
  describe(state: number): string
}

/** Gives equal values equal numbers. */
export class Interned<Value> {
  readonly #ids = new Map<string, number>()
  readonly #values: Value[] = []
  /** Rough size of what is kept. */
  bytes = 0

  /** `print` must differ where values differ. */
  idOf(value: Value, print: string): number {
    const known = this.#ids.get(print)
    if (known !== undefined) return known
    const id = this.#values.length
    this.#ids.set(print, id)
    this.#values.push(value)
    this.bytes += 100 + 2 * print.length
    return id
  }

  at(id: number): Value {
    const value = this.#values[id]
    if (value === undefined) throw new RangeError(`no state ${id}`)
    return value
  }
}

/** A machine's steps, remembered for as long as their place in a small table is not needed for others. */
export class StepCache {
  readonly #step: (state: number, operation: number) => number
  readonly #shift: number
  readonly #states: Int32Array
  readonly #operations: Int32Array
  readonly #results: Int32Array

  constructor(operationCount: number, step: (state: number, operation: number) => number) {
    const bits = Math.min(BITS_MAX, Math.max(BITS_MIN, Math.ceil(Math.log2(operationCount * 64 + 1))))
    this.#step = step
    this.#shift = 32 - bits
    this.#states = new Int32Array(1 << bits).fill(-1)
    this.#operations = new Int32Array(1 << bits)
    this.#results = new Int32Array(1 << bits)
  }

  step(state: number, operation: number): number {
    const at = (Math.imul(state, 0x9e3779b1) ^ Math.imul(operation, 0x85ebca6b)) >>> this.#shift
    if (this.#states[at] === state && this.#operations[at] === operation)
      return this.#results[at] ?? IMPOSSIBLE
    const result = this.#step(state, operation)
    this.#states[at] = state
    this.#operations[at] = operation
    this.#results[at] = result
    return result
  }
}

const BITS_MIN = 6
const BITS_MAX = 16
