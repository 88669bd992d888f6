import { setTimeout as sleep } from 'node:timers/promises'
import { Rng } from '../simulator/kernel/rng.ts'
import { OperationStream } from '../workload/operation-stream.ts'
import { openTarget } from './open-target.ts'
import type { Operation, Target, TargetSpec } from './target.ts'
import type { WorkloadSpec } from './task.ts'

const OUTSTANDING = 256
/** Of large records fewer are in flight, so that no queue of a store overflows. */
const BYTES_IN_FLIGHT_MAX = 4 * 1024 * 1024
/** Overload, a redirect after a start: what passes by itself. */
const TRIES_MAX = 20
const PAUSE_MS = 50

export interface LoadRecordsOptions {
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal
  /** Of the values. Default: 1. */
  readonly seed?: number
  /** Default: 256. */
  readonly outstanding?: number
}

/**
 * Writes every record with which a workload begins, once.
 *
 * @throws the last error, where a record was refused again and again; the signal's reason.
 *
 * @example
 * await loadRecords(variant.target, workload, { onProgress: (done, total) => bar.update(done / total) })
 */
export async function loadRecords(
  target: TargetSpec | Target,
  workload: WorkloadSpec,
  options: LoadRecordsOptions = {},
): Promise<void> {
  options.signal?.throwIfAborted()
  if (!('kind' in target)) return new RecordLoad(target, workload, options).run()
  const opened = await openTarget(target, { retries: true })
  try {
    await new RecordLoad(opened, workload, options).run()
  } finally {
    await opened.close()
  }
}

class RecordLoad {
  readonly #target: Target
  readonly #options: LoadRecordsOptions
  readonly #stream: OperationStream
  readonly #total: number
  readonly #inFlightMax: number
  #next = 0
  #done = 0
  #flushWanted = false
  #finish: () => void = () => {}
  #fail: (error: Error) => void = () => {}

  constructor(target: Target, workload: WorkloadSpec, options: LoadRecordsOptions) {
    this.#target = target
    this.#options = options
    this.#total = workload.recordCount
    this.#stream = new OperationStream(workload, new Rng(options.seed ?? 1))
    const fitting = Math.floor(BYTES_IN_FLIGHT_MAX / Math.max(1, workload.valueBytes))
    this.#inFlightMax = Math.max(1, Math.min(options.outstanding ?? OUTSTANDING, fitting))
  }

  async run(): Promise<void> {
    const { signal } = this.#options
    const finished = new Promise<void>((resolve, reject) => {
      this.#finish = resolve
      this.#fail = reject
    })
    const abort = () => this.#fail(signal?.reason as Error)
    signal?.addEventListener('abort', abort)
    try {
      while (this.#next < Math.min(this.#total, this.#inFlightMax)) this.#insertNext()
      await finished
    } finally {
      signal?.removeEventListener('abort', abort)
      this.#next = this.#total
    }
  }

  #insertNext(): void {
    this.#submit(this.#stream.insertOf(this.#next++), 1)
  }

  #submit(operation: Operation, tries: number): void {
    this.#target.submit(operation, (error) => {
      if (error !== null) void this.#retry(operation, tries, error)
      else this.#inserted()
    })
    if (this.#flushWanted) return
    this.#flushWanted = true
    setImmediate(() => {
      this.#flushWanted = false
      this.#target.flush()
    })
  }

  async #retry(operation: Operation, tries: number, error: string): Promise<void> {
    if (tries >= TRIES_MAX) {
      return this.#fail(
        new Error(
          `loading: "${operation.key}" was refused ${tries} times after ${this.#done} records; the last time: ${error}`,
        ),
      )
    }
    await sleep(PAUSE_MS)
    if (this.#options.signal?.aborted !== true) this.#submit(operation, tries + 1)
  }

  #inserted(): void {
    this.#done++
    this.#options.onProgress?.(this.#done, this.#total)
    if (this.#done === this.#total) this.#finish()
    else if (this.#next < this.#total) this.#insertNext()
  }
}
