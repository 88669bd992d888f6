import { Worker } from 'node:worker_threads'

/** Timers of the event loop have whole milliseconds; a thread that sleeps wakes its owner to a tenth of one, and burns nothing meanwhile. */
const SOURCE = `
const { workerData, parentPort } = require('node:worker_threads')
const { flags, periodNs, originNs } = workerData
let next = originNs
for (;;) {
  const now = Number(process.hrtime.bigint())
  if (next <= now) next = originNs + (Math.floor((now - originNs) / periodNs) + 1) * periodNs
  Atomics.wait(flags, 0, 0, (next - now) / 1e6)
  if (Atomics.load(flags, 0) === 1) break
  if (Atomics.exchange(flags, 1, 1) === 0) parentPort.postMessage(null)
}
`
const STOP = 0
/** Set while a tick has been sent and not been heard: a busy owner gets one, not a thousand. */
const PENDING = 1

/** Calls `onTick` every `periodMs` from now on, as nearly as the system's sleep allows; ticks that nobody had time for are left out. */
export class Ticker {
  readonly #flags = new Int32Array(new SharedArrayBuffer(8))
  readonly #worker: Worker

  constructor(periodMs: number, onTick: () => void) {
    const workerData = {
      flags: this.#flags,
      periodNs: periodMs * 1e6,
      originNs: Number(process.hrtime.bigint()),
    }
    this.#worker = new Worker(SOURCE, { eval: true, workerData })
    this.#worker.on('message', () => {
      Atomics.store(this.#flags, PENDING, 0)
      onTick()
    })
  }

  async stop(): Promise<void> {
    Atomics.store(this.#flags, STOP, 1)
    Atomics.notify(this.#flags, STOP)
    await this.#worker.terminate()
  }
}
