/** What a lean client needs of a protocol: one object for the life of one connection, without promises. */
import type { Done, Operation } from '../target.ts'
import type { OutBuffer } from './out-buffer.ts'

/** The operations that a protocol has to know: a read-modify-write is a read and then an update. */
export type WireOperation = Exclude<Operation, { type: 'read-modify-write' }>

/** An operation that waits for its answer. */
export interface Waiting {
  readonly operation: WireOperation
  readonly done: Done
  /** Who wants to see the value that was read (tests), or null: then it is not even looked for. Called before `done`. */
  readonly onValue: ((value: Uint8Array | null) => void) | null
  /** The tick in which it was begun: what waits for too long is given up. */
  beganTick: number
}

export interface Speaker {
  /** Greets; operations may follow once `Connection.ready` was called. */
  begin(): void
  submit(waiting: Waiting): void
  /** @throws {ProtocolError} the connection is then given up. */
  onBytes(chunk: Buffer): void
  /** Once a second. Keeps the connection alive, and gives up what was begun at `overdueTick` or before. */
  onTick(overdueTick: number): void
  /** The connection is gone: everything that waits fails. */
  fail(error: string): void
  /** Operations without an answer. */
  readonly pending: number
  /** Takes no more operations; once none is pending, a new connection is made. */
  readonly exhausted: boolean
}

/** What a speaker sees of its connection. */
export interface Wire {
  readonly out: OutBuffer
  ready(): void
  /** Something was put into `out` while no operation was submitted: an answer of the protocol's own. */
  wantsFlush(): void
  /** Gives the connection up. */
  fail(error: string): void
}

export type SpeakerFactory = (wire: Wire) => Speaker

/** The other side said what it must not, or that it will not go on. */
export class ProtocolError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ProtocolError'
  }
}

/** First in, first out: what the in-order protocols wait for. */
export class WaitingQueue<Item extends Waiting = Waiting> {
  #items: (Item | undefined)[] = new Array(1024)
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  push(item: Item): void {
    const size = this.#items.length
    if (this.#length === size) this.#grow()
    this.#items[(this.#head + this.#length++) & (this.#items.length - 1)] = item
  }

  shift(): Item | undefined {
    if (this.#length === 0) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#items.length - 1)
    this.#length--
    return item
  }

  peek(): Item | undefined {
    return this.#length === 0 ? undefined : this.#items[this.#head]
  }

  failAll(error: string): void {
    for (let left = this.#length; left > 0; left--) this.shift()?.done(error)
  }

  #grow(): void {
    const size = this.#items.length
    const grown: (Item | undefined)[] = new Array(2 * size)
    for (let i = 0; i < size; i++) grown[i] = this.#items[(this.#head + i) & (size - 1)]
    this.#items = grown
    this.#head = 0
  }
}
