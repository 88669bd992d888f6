/** One client session as a store keeps it: what makes a retry return the first result. */
import type { WriteResult } from '../protocol/commands.ts'
import { type Origin, resultBytes } from '../protocol/entry.ts'
import { NO_SEQ, type RequestNumber, type Seq, type SessionId } from '../protocol/ids.ts'
import type { SessionRecord, SessionResults } from './clean-store.ts'

type Kept = SessionRecord['origins'][number]

/**
 * A client may have thousands of requests on the way, and every one of them looks here for itself and leaves its result here: neither may cost
 * more the more there are, or a burst of writes costs the head its session.
 */
export class LiveSession implements SessionResults {
  readonly session: SessionId
  /** In the order of the log. */
  readonly #kept = new Map<RequestNumber, Kept>()
  lastSeq: Seq = NO_SEQ
  answeredBelow = 0
  bytes = 0
  /** None that is kept has a smaller number. */
  #lowest = 0

  constructor(session: SessionId) {
    this.session = session
  }

  static of({ session, lastSeq, origins }: SessionRecord): LiveSession {
    const live = new LiveSession(session)
    for (const { seq, origin } of origins) live.#keep(seq, origin)
    live.lastSeq = lastSeq
    return live
  }

  get count(): number {
    return this.#kept.size
  }

  result(request: RequestNumber): WriteResult | null {
    return this.#kept.get(request)?.origin.result ?? null
  }

  /** Does not change with later entries. */
  get record(): SessionRecord {
    return { session: this.session, lastSeq: this.lastSeq, origins: [...this.#kept.values()] }
  }

  apply(seq: Seq, origin: Origin): void {
    this.lastSeq = seq
    this.#forgetBelow(origin.answeredBelow)
    this.#keep(seq, origin)
  }

  #keep(seq: Seq, origin: Origin): void {
    if (this.#kept.size === 0 || origin.requestNumber < this.#lowest) this.#lowest = origin.requestNumber
    this.#kept.set(origin.requestNumber, { seq, origin })
    this.bytes += resultBytes(origin.result)
    this.answeredBelow = Math.max(this.answeredBelow, origin.answeredBelow)
  }

  #forgetBelow(below: number): void {
    if (below <= this.#lowest) return
    if (below - this.#lowest < this.#kept.size) {
      for (let number = this.#lowest; number < below; number++) this.#forget(number as RequestNumber)
    } else {
      for (const number of this.#kept.keys()) if (number < below) this.#forget(number)
    }
    this.#lowest = below
  }

  #forget(request: RequestNumber): void {
    const kept = this.#kept.get(request)
    if (kept === undefined) return
    this.#kept.delete(request)
    this.bytes -= resultBytes(kept.origin.result)
  }
}
