import { Worker } from 'node:worker_threads'
import type { SeedReport, SeedTask } from './task.ts'

/** Almost all that a run makes is soon of no use: with room for more of it, less is copied before that shows. */
const LIMITS = { maxYoungGenerationSizeMb: 64 }

export interface SoakOptions {
  /** Given to every run. */
  readonly options: SeedTask['options']
  readonly fromSeed: number
  /** How many; `Infinity` where time decides. */
  readonly seeds: number
  readonly untilMs: number
  readonly workers: number
  /** False: the first failure ends it. */
  readonly goOn: boolean
  readonly onReport: (report: SeedReport) => void
}

/**
 * Runs one simulation a seed, on several threads, until the seeds or the time are used up, or something fails. `stop` ends it early.
 *
 * @returns once the last thread has ended.
 */
export class Soak {
  readonly #options: SoakOptions
  #next: number
  #stopped = false
  readonly #workers = new Set<Worker>()

  constructor(options: SoakOptions) {
    this.#options = options
    this.#next = options.fromSeed
  }

  async run(): Promise<void> {
    const { workers } = this.#options
    await Promise.all(Array.from({ length: workers }, () => this.#work()))
  }

  stop(): void {
    this.#stopped = true
    for (const worker of this.#workers) void worker.terminate()
  }

  #task(): SeedTask | null {
    const { fromSeed, seeds, untilMs, options } = this.#options
    if (this.#stopped || this.#next >= fromSeed + seeds || performance.now() >= untilMs) return null
    return { seed: this.#next++, options }
  }

  #work(): Promise<void> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./worker.js', import.meta.url), { resourceLimits: LIMITS })
      this.#workers.add(worker)
      const give = () => {
        const task = this.#task()
        if (task === null) void worker.terminate()
        else worker.postMessage(task)
      }
      worker.on('message', (report: SeedReport) => {
        if (this.#stopped) return
        this.#options.onReport(report)
        if (report.failure !== null && !this.#options.goOn) this.stop()
        else give()
      })
      worker.on('error', reject)
      worker.on('exit', () => {
        this.#workers.delete(worker)
        resolve()
      })
      give()
    })
  }
}
