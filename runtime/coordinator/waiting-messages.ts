import type { MemberId, WriteId } from '../../coordinator/raft/ids.ts'
import { NO_WRITE } from '../../coordinator/raft/ids.ts'
import type { RaftMessage } from '../../coordinator/raft/messages.ts'

interface WaitingMessage {
  readonly to: MemberId
  readonly message: RaftMessage
  readonly after: WriteId
}

/** Messages that promise what is not yet on the disk: each leaves once its write, and all before it, are (Raft §5.1). */
export class WaitingMessages {
  readonly #send: (to: MemberId, message: RaftMessage) => void
  #durable = NO_WRITE
  /** Oldest first. */
  #waiting: WaitingMessage[] = []

  constructor(send: (to: MemberId, message: RaftMessage) => void) {
    this.#send = send
  }

  send(to: MemberId, message: RaftMessage, after: WriteId): void {
    if (after <= this.#durable) this.#send(to, message)
    else this.#waiting.push({ to, message, after })
  }

  onDurable(write: WriteId): void {
    this.#durable = write
    let count = 0
    for (const { to, message, after } of this.#waiting) {
      if (after > write) break
      this.#send(to, message)
      count += 1
    }
    if (count > 0) this.#waiting = this.#waiting.slice(count)
  }
}
