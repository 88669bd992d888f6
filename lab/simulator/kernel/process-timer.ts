import type { Timer } from '../../../protocol/timers.ts'
import type { SimProcess } from './process.ts'

export interface TimerOptions {
  readonly ms: number
  readonly run: () => void
  readonly repeats: boolean
  /** Promises may be settled by what it does. */
  readonly settles: boolean
}

/** A timer of one life of a process, by the process's own clock. What repeats is planned anew each time, by one and the same object: nothing is more frequent in a run. */
export class ProcessTimer implements Timer {
  readonly #process: SimProcess
  readonly #life: number
  readonly #options: TimerOptions
  #cancelled = false
  #pending: Timer

  constructor(process: SimProcess, options: TimerOptions) {
    this.#process = process
    this.#life = process.life
    this.#options = options
    this.#pending = this.#plan()
  }

  cancel(): void {
    this.#cancelled = true
    this.#pending.cancel()
  }

  #plan(): Timer {
    const { kernel, clockRate } = this.#process
    return kernel.scheduler.after(Math.max(1, (this.#options.ms * 1000) / clockRate), this.#fire)
  }

  readonly #fire = (): void => {
    if (this.#process.life === this.#life) this.#process.run(this.#act)
  }

  readonly #act = (): void => {
    if (this.#cancelled) return
    const { run, repeats, settles } = this.#options
    // A process that was paused does not catch up: what it missed happens once.
    if (repeats) this.#pending = this.#plan()
    run()
    if (settles) this.#process.kernel.scheduler.promised()
  }
}
