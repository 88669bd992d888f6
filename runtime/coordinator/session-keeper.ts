/**
 * Who decides that a session is over (the leader), and who tells it which sessions are alive (every member). Times are this
 * process's own, monotonic.
 */
import type { ApplyResult } from '../../coordinator/znodes/apply.ts'
import type { Command } from '../../coordinator/znodes/command.ts'
import { SessionClock } from '../../coordinator/znodes/session-clock.ts'
import type { Session } from '../../coordinator/znodes/tree.ts'

/**
 * A leader that stood still for so long cannot tell a session's silence from its own deafness: what was sent to it meanwhile may
 * still lie unread. All sessions then start anew; an expiry may always be late.
 */
const STALL_MS = 500

export class SessionKeeper {
  readonly #clock = new SessionClock()
  readonly #sessions: () => Iterable<Session>
  #leads = false
  #lookedMs = 0

  constructor(sessions: () => Iterable<Session>) {
    this.#sessions = sessions
  }

  becomeLeader(nowMs: number): void {
    this.#leads = true
    this.#lookedMs = nowMs
    this.#clock.restartAll(this.#sessions(), nowMs)
  }

  stopLeading(): void {
    this.#leads = false
  }

  heard(session: bigint, nowMs: number): void {
    if (this.#leads) this.#clock.touch(session, nowMs)
  }

  onApplied({ op }: Command, { opened, closed }: ApplyResult, nowMs: number): void {
    if (!this.#leads) return
    if (opened !== 0n && 'timeoutMs' in op) this.#clock.open(opened, op.timeoutMs, nowMs)
    for (const session of closed) this.#clock.close(session)
  }

  /** Sessions whose end is to be proposed now. Call often, and after the sockets have been read. */
  expired(nowMs: number): readonly bigint[] {
    if (!this.#leads) return []
    const stood = nowMs - this.#lookedMs > STALL_MS
    this.#lookedMs = nowMs
    if (stood) {
      this.#clock.restartAll(this.#sessions(), nowMs)
      return []
    }
    return this.#clock.expired(nowMs)
  }
}
