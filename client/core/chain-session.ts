import type { RequestIdentity } from '../../protocol/client-messages.ts'
import {
  asRequestNumber,
  asSeq,
  NO_SEQ,
  type RequestNumber,
  type Seq,
  type SessionId,
} from '../../protocol/ids.ts'
import type { Request } from './state.ts'

/**
 * What this client remembers of one chain: its session, which makes a write that is tried twice happen once (DESIGN 3.2, trap 13),
 * and the newest seq it has seen, which keeps weak reads from going back in time (DESIGN 3.3).
 */
export class ChainSession {
  /** Null until it is open. A session is opened by the first write, and again after one has lapsed. */
  id: SessionId | null = null
  /** The request that opens it, while that is under way. */
  opening: Request | null = null
  /** Writes that wait for the session, or for room in its window, in the order in which they were issued. */
  readonly queue: Request[] = []
  readonly #windowMax: number
  #next = 1
  /** Every number below has been answered. */
  #answeredBelow = 1
  /** Answered numbers above the lowest unanswered one. */
  readonly #answered = new Set<number>()
  #seen: Seq = NO_SEQ
  #seenUncommitted: Seq = NO_SEQ

  constructor(windowMax: number) {
    this.#windowMax = windowMax
  }

  open(id: SessionId): void {
    this.id = id
    this.#next = 1
    this.#answeredBelow = 1
    this.#answered.clear()
  }

  get hasRoom(): boolean {
    return this.#next - this.#answeredBelow < this.#windowMax
  }

  takeNumber(): RequestNumber {
    return asRequestNumber(this.#next++)
  }

  /** As of now: a retry carries the same number, and a newer `answeredBelow`. */
  identity(session: SessionId, requestNumber: RequestNumber): RequestIdentity {
    return { session, requestNumber, answeredBelow: asRequestNumber(this.#answeredBelow) }
  }

  /** This number will not be tried again, whether it was answered or given up. */
  settle(session: SessionId, requestNumber: RequestNumber): void {
    if (session !== this.id) return // of a session that has lapsed
    this.#answered.add(requestNumber)
    while (this.#answered.delete(this.#answeredBelow)) this.#answeredBelow++
  }

  /** What a weak read must not be older than. */
  get atLeast(): Seq {
    return asSeq(Math.max(this.#seen, this.#seenUncommitted))
  }

  sawCommitted(at: Seq): void {
    if (at > this.#seen) this.#seen = at
  }

  sawUncommitted(at: Seq): void {
    if (at > this.#seenUncommitted) this.#seenUncommitted = at
  }

  /**
   * An uncommitted entry can vanish with its head (trap 19), and then no replica may reach its seq for long: a weak read that nobody
   * answers stops insisting on it.
   */
  forgetUncommitted(): void {
    this.#seenUncommitted = NO_SEQ
  }
}
