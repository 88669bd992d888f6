import type { Done, Operation, Target } from '../../lab/load/target.ts'
import type { LoadTask, Loop } from '../../lab/load/task.ts'
import { ycsb } from '../../lab/workload/ycsb.ts'

/** Answers each flush after `delayMs`, unless it stalls: then when the stall ends. */
export class FakeTarget implements Target {
  readonly submitted: Operation[] = []
  flushes = 0
  inFlight = 0
  inFlightMax = 0
  closed = false
  /** What becomes of an operation: an error, null, or no answer at all. */
  outcome: (operation: Operation) => string | null | 'never' = () => null
  readonly #delayMs: number
  #queue: { operation: Operation; done: Done }[] = []
  #stalledUntilMs = 0

  constructor(delayMs = 0) {
    this.#delayMs = delayMs
  }

  stall(ms: number): void {
    this.#stalledUntilMs = performance.now() + ms
  }

  submit(operation: Operation, done: Done): void {
    this.submitted.push(operation)
    this.#queue.push({ operation, done })
    this.inFlight++
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight)
  }

  flush(): void {
    this.flushes++
    const batch = this.#queue
    this.#queue = []
    const answer = () => {
      const leftMs = this.#stalledUntilMs - performance.now()
      if (leftMs > 0) {
        setTimeout(answer, Math.ceil(leftMs))
        return
      }
      for (const { operation, done } of batch) {
        const outcome = this.outcome(operation)
        if (outcome === 'never') continue
        this.inFlight--
        done(outcome)
      }
    }
    if (this.#delayMs === 0) setImmediate(answer)
    else setTimeout(answer, this.#delayMs)
  }

  async close(): Promise<void> {
    this.closed = true
  }
}

/** A short closed loop of reads, changed as told. */
export function loadTask(change: Partial<LoadTask> & { loop?: Loop } = {}): LoadTask {
  return {
    target: { kind: 'bare', port: 1, codec: 'fixed' },
    workload: ycsb('C', { recordCount: 100, valueBytes: 10 }),
    loop: { type: 'closed', outstanding: 4 },
    warmUpMs: 50,
    measureMs: 200,
    seed: 1,
    bucketMs: null,
    tolerateErrors: false,
    ...change,
  }
}
