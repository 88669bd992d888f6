import type { DataDirectory } from '../storage/data-directory.ts'

/** One durable number of the directory is good for so many connections. */
const BLOCK = 1000

/**
 * Numbers of client connections that grow for ever, also across restarts: the state machine tells by them which of two connections
 * of one session is the older one. An incarnation of the data directory stands for a block of them.
 */
export class ConnectionNumbers {
  readonly #data: Pick<DataDirectory, 'nextIncarnation'>
  #next = 0
  #end = 0

  constructor(data: Pick<DataDirectory, 'nextIncarnation'>) {
    this.#data = data
  }

  next(): number {
    if (this.#next === this.#end) {
      this.#next = this.#data.nextIncarnation() * BLOCK
      this.#end = this.#next + BLOCK
    }
    const number = this.#next
    this.#next += 1
    return number
  }
}
