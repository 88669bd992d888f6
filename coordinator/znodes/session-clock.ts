/**
 * When each session was last heard. Only the leader keeps one, and only it decides that a session is over, by
 * proposing `expire-session`; the log then orders that against everything else the session did.
 */

/** Timeout between bounds, as the server grants it. All in milliseconds. */
export const negotiateTimeout = (
  askedMs: number,
  bounds: { readonly minMs: number; readonly maxMs: number },
) => Math.min(bounds.maxMs, Math.max(bounds.minMs, askedMs))

interface Deadline {
  timeoutMs: number
  heardMs: number
}

export class SessionClock {
  readonly #sessions = new Map<bigint, Deadline>()

  /** A new leader knows nothing of what its predecessor heard: every session starts at full length. */
  restartAll(sessions: Iterable<{ readonly id: bigint; readonly timeoutMs: number }>, nowMs: number): void {
    this.#sessions.clear()
    for (const { id, timeoutMs } of sessions) this.#sessions.set(id, { timeoutMs, heardMs: nowMs })
  }

  /** A session was created or resumed. */
  open(session: bigint, timeoutMs: number, nowMs: number): void {
    this.#sessions.set(session, { timeoutMs, heardMs: nowMs })
  }

  /** The session ended. */
  close(session: bigint): void {
    this.#sessions.delete(session)
  }

  /** A member heard the session. Unknown ones are ignored: they ended meanwhile. */
  touch(session: bigint, nowMs: number): void {
    const deadline = this.#sessions.get(session)
    if (deadline !== undefined && nowMs > deadline.heardMs) deadline.heardMs = nowMs
  }

  /**
   * Sessions not heard for longer than their timeout: propose their end. One that does not end (the proposal got
   * lost) comes again after another timeout.
   */
  expired(nowMs: number): bigint[] {
    const expired: bigint[] = []
    for (const [session, deadline] of this.#sessions) {
      // Strictly longer: whole milliseconds may hide that almost one of them has not passed.
      if (nowMs - deadline.heardMs <= deadline.timeoutMs) continue
      expired.push(session)
      deadline.heardMs = nowMs
    }
    return expired
  }
}
