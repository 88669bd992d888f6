/**
 * The clock that leases are measured with. Monotonic, in milliseconds; and where the wall clock has gone ahead of the monotonic one by more than a second
 * (a suspended machine stops the latter), it jumps by as much: a lease must not sleep through the time in which the others gave it up.
 */
export class LeaseClock {
  #offset = 0
  #monotonic = performance.now()
  #wall = Date.now()

  /** Call often: what happens between two calls is what a jump is measured over. */
  nowMs(): number {
    const monotonic = performance.now()
    const wall = Date.now()
    const ahead = wall - this.#wall - (monotonic - this.#monotonic)
    if (ahead > JUMP_MS) this.#offset += ahead
    this.#monotonic = monotonic
    this.#wall = wall
    return monotonic + this.#offset
  }

  /** Wall-clock milliseconds as of the last `nowMs`. */
  get wallMs(): number {
    return this.#wall
  }
}

const JUMP_MS = 1000
