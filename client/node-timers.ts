import type { Timer, Timers } from '../protocol/timers.ts'

/** The time of this very process. */
export const nodeTimers: Timers = {
  nowMs: () => performance.now(),
  after(ms: number, run: () => void): Timer {
    const timer = setTimeout(run, ms)
    return { cancel: () => clearTimeout(timer) }
  },
  every(ms: number, run: () => void): Timer {
    const timer = setInterval(run, ms)
    return { cancel: () => clearInterval(timer) }
  },
}
