import type { Scheduler } from '../../simulator/kernel/scheduler.ts'

interface Job {
  readonly costUs: number
  readonly run: () => void
}

/**
 * One processor and one network card: each does one thing after the other. Work that arrives while the processor is busy waits; as many
 * jobs as a turn may have are then done together, and what they cause happens when all of them are paid for.
 */
export class Machine {
  readonly #scheduler: Scheduler
  readonly #bytesPerUs: number
  readonly #jobsPerTurn: number
  readonly #endTurn: () => void
  #jobs: Job[] = []
  #busy = false
  #cpuFreeUs = 0
  #cardFreeUs = 0
  #life = 0
  /** CPU time so far. */
  busyUs = 0

  constructor(
    scheduler: Scheduler,
    options: {
      readonly bytesPerUs: number
      readonly jobsPerTurn: number
      readonly endTurn?: () => void
    },
  ) {
    this.#scheduler = scheduler
    this.#bytesPerUs = options.bytesPerUs
    this.#jobsPerTurn = options.jobsPerTurn
    this.#endTurn = options.endTurn ?? (() => {})
  }

  /** `run` is called when the processor has come to it and spent `costUs` on it. */
  work(costUs: number, run: () => void): void {
    this.#jobs.push({ costUs, run })
    if (!this.#busy) this.#begin(Math.max(this.#scheduler.nowUs, this.#cpuFreeUs))
  }

  /** Sends so many bytes behind everything else, and says when the last of them will have left. */
  sentAtUs(bytes: number): number {
    this.#cardFreeUs = Math.max(this.#scheduler.nowUs, this.#cardFreeUs) + bytes / this.#bytesPerUs
    return this.#cardFreeUs
  }

  /** Power off: nothing that waits is ever done. */
  stop(): void {
    this.#life++
    this.#jobs = []
    this.#busy = false
    this.#cpuFreeUs = 0
    this.#cardFreeUs = 0
  }

  #begin(fromUs: number): void {
    this.#busy = true
    const count = Math.min(this.#jobs.length, this.#jobsPerTurn)
    let costUs = 0
    for (let i = 0; i < count; i++) costUs += this.#jobs[i]?.costUs ?? 0
    this.#cpuFreeUs = fromUs + costUs
    this.busyUs += costUs
    const life = this.#life
    this.#scheduler.at(this.#cpuFreeUs, () => {
      if (life === this.#life) this.#turn(count)
    })
  }

  #turn(count: number): void {
    const life = this.#life
    const jobs = this.#jobs.splice(0, count)
    for (const job of jobs) job.run()
    this.#endTurn()
    if (life !== this.#life) return
    // From where it stood: the scheduler's whole microseconds would change a rate by a percent.
    if (this.#jobs.length > 0) this.#begin(this.#cpuFreeUs)
    else this.#busy = false
  }
}
