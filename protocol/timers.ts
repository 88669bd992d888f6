/** Ends a timer. Idempotent. */
export interface Timer {
  cancel(): void
}

/**
 * Time, as a part of a process is given it: the process's own in production, virtual time in the simulator. What runs on it takes no
 * other clock, so that the same code runs in both. Callbacks are called from the event loop, never from inside these methods.
 */
export interface Timers {
  /** Milliseconds of this process's monotonic clock. */
  nowMs(): number
  after(ms: number, run: () => void): Timer
  every(ms: number, run: () => void): Timer
}
