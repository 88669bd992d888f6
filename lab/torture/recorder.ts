/** Writes down what clients called and what they were told. */
import type { HistoryEvent, KvInput, KvOutput } from '../checker/operations.ts'

/** Histories of keys that nothing connects, each to be judged by itself. */
export type PartModel = 'key-value' | 'transactions'

export interface Part {
  readonly model: PartModel
  /** The key; of transactions, the tag that its keys share. */
  readonly name: string
  readonly events: HistoryEvent[]
}

/** An operation that has been called. Ends once, by one of the three. */
export interface Call {
  ok(output: KvOutput): void
  /** It did not happen and never will. */
  fail(reason: string): void
  /** It may have happened, or may yet. */
  info(reason: string): void
}

const nowUs = () => Math.round(performance.now() * 1000)

/**
 * All clients record here, in one process and by one clock, so that times compare. Every event has a time of its own, in the order in which events were seen: what
 * returned before another was called is seen to have done so.
 */
export class Recorder {
  readonly #parts = new Map<string, Part>()
  readonly #beganUs = nowUs()
  #lastUs = 0
  #operations = 0
  #open = 0

  get parts(): Part[] {
    return [...this.#parts.values()]
  }

  /** Operations called so far. */
  get operations(): number {
    return this.#operations
  }

  /** Those that have not ended. */
  get open(): number {
    return this.#open
  }

  /** Microseconds since this recorder was made. Grows with every call. */
  time(): number {
    this.#lastUs = Math.max(this.#lastUs + 1, nowUs() - this.#beganUs)
    return this.#lastUs
  }

  /** To be called before anything is sent. */
  invoke(where: { model: PartModel; name: string }, process: string, input: KvInput): Call {
    const part = this.#part(where)
    const op = this.#operations++
    this.#open++
    part.events.push({ type: 'invoke', op, process, time: this.time(), input })
    let ended = false
    const end = (event: HistoryEvent) => {
      if (ended) throw new Error(`operation ${op} ended twice`)
      ended = true
      this.#open--
      part.events.push(event)
    }
    return {
      ok: (output) => end({ type: 'ok', op, time: this.time(), output }),
      fail: (reason) => end({ type: 'fail', op, time: this.time(), reason }),
      info: (reason) => end({ type: 'info', op, time: this.time(), reason }),
    }
  }

  #part({ model, name }: { model: PartModel; name: string }): Part {
    const known = this.#parts.get(name)
    if (known !== undefined) return known
    const part: Part = { model, name, events: [] }
    this.#parts.set(name, part)
    return part
  }
}
