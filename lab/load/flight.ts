import type { OperationStream } from '../workload/operation-stream.ts'
import type { Done, Operation, OperationType, Target } from './target.ts'

/** One operation in flight. Used again for the next, with the same callback: an operation costs no closure. */
export class Slot {
  type: OperationType = 'read'
  /** When it was issued, or, in an open loop, due. */
  startedMs = 0
  /** Of a read-modify-write whose read is under way, else null. */
  update: Operation | null = null
  busy = false
  readonly done: Done

  constructor(onDone: (slot: Slot, error: string | null) => void) {
    this.done = (error) => onDone(this, error)
  }
}

/** What an open or a closed loop does with a target: issues operations, hears of their end once both halves of a pair are over, and flushes once a turn. */
export class Flight {
  readonly #target: Target
  readonly #stream: OperationStream
  readonly #onEnd: (slot: Slot, error: string | null) => void
  readonly #slots: Slot[] = []
  readonly #free: Slot[] = []
  #flushWanted = false

  constructor(target: Target, stream: OperationStream, onEnd: (slot: Slot, error: string | null) => void) {
    this.#target = target
    this.#stream = stream
    this.#onEnd = onEnd
  }

  get inFlight(): number {
    return this.#slots.length - this.#free.length
  }

  get busySlots(): readonly Slot[] {
    return this.#slots.filter(({ busy }) => busy)
  }

  /** A slot that carries nothing. */
  take(): Slot {
    const free = this.#free.pop()
    if (free !== undefined) return free
    const slot = new Slot((ended, error) => this.#onDone(ended, error))
    this.#slots.push(slot)
    return slot
  }

  release(slot: Slot): void {
    this.#free.push(slot)
  }

  /** Issues the next operation of the stream. It leaves at the end of the turn. */
  issue(slot: Slot, startedMs: number): void {
    const operation = this.#stream.next()
    slot.type = operation.type
    slot.startedMs = startedMs
    slot.busy = true
    if (operation.type === 'read-modify-write') {
      const { key, value } = operation
      slot.update = { type: 'update', key, value }
      this.#target.submit({ type: 'read', key }, slot.done)
    } else this.#target.submit(operation, slot.done)
    this.#flushSoon()
  }

  #onDone(slot: Slot, error: string | null): void {
    const { update } = slot
    if (update !== null) {
      slot.update = null
      if (error === null) {
        this.#target.submit(update, slot.done)
        this.#flushSoon()
        return
      }
    }
    slot.busy = false
    if (slot.type === 'insert' && error === null) this.#stream.inserted()
    this.#onEnd(slot, error)
  }

  /** After the callbacks of all sockets that were readable in this turn: what their answers set free leaves together. */
  #flushSoon(): void {
    if (this.#flushWanted) return
    this.#flushWanted = true
    setImmediate(() => this.flush())
  }

  flush(): void {
    this.#flushWanted = false
    this.#target.flush()
  }
}
