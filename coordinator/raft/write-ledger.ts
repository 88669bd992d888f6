import type { LogIndex, WriteId } from './ids.ts'
import { asLogIndex, asWriteId, NO_INDEX, NO_WRITE } from './ids.ts'

/** Which writes are on their way to the disk, and how much of the log would survive a power cut. */
export class WriteLedger {
  #issued = NO_WRITE
  #durable = NO_WRITE
  #durableLast: LogIndex
  /** Writes that extend the log, oldest first. */
  #pending: { readonly write: WriteId; last: LogIndex }[] = []

  /** What a restart found on disk is durable. */
  constructor(durableLast: LogIndex) {
    this.#durableLast = durableLast
  }

  /** The last entry of the log that is durable, as it stands now. */
  get durableLast(): LogIndex {
    return this.#durableLast
  }

  /** The newest write, unless all are durable. */
  get lastPending(): WriteId | null {
    return this.#issued > this.#durable ? this.#issued : null
  }

  issue(): WriteId {
    this.#issued = asWriteId(this.#issued + 1)
    return this.#issued
  }

  /** A write after which the log reaches to `last`. */
  issueLog(last: LogIndex): WriteId {
    const write = this.issue()
    this.#pending.push({ write, last })
    return write
  }

  /**
   * A truncated entry is durable no more, nor will an older write make it so: its place will be taken by
   * another.
   */
  truncated(last: LogIndex): void {
    this.#durableLast = asLogIndex(Math.min(this.#durableLast, last))
    for (const pending of this.#pending) pending.last = asLogIndex(Math.min(pending.last, last))
  }

  /** A snapshot replaces the log: nothing counts until its write is durable. */
  replaced(last: LogIndex): WriteId {
    this.#durableLast = NO_INDEX
    this.#pending = []
    return this.issueLog(last)
  }

  /** Stale and repeated reports are harmless. @throws {RangeError} a write that was never issued. */
  onDurable(write: WriteId): void {
    if (write > this.#issued)
      throw new RangeError(`durable: write ${write} was not issued; the last is ${this.#issued}`)
    if (write <= this.#durable) return
    this.#durable = write
    const done = this.#pending.findIndex((pending) => pending.write > write)
    for (const { last } of this.#pending.splice(0, done < 0 ? this.#pending.length : done)) {
      this.#durableLast = asLogIndex(Math.max(this.#durableLast, last))
    }
  }

  isDurable(write: WriteId): boolean {
    return write <= this.#durable
  }
}
