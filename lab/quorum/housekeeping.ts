/** What time causes at the leader, as at a chain's head: keys expire and client sessions lapse, by commands of its own. */
import type { CleanStore } from '../../chain/clean-store.ts'
import type { ChainLimits } from '../../chain/limits.ts'
import { asSessionId, type Millis, type SessionId } from '../../protocol/ids.ts'
import type { QuorumCommand } from './commands.ts'

const EXPIRED_PER_COMMAND = 256
const SESSIONS_PER_PAGE = 1_000

export class Housekeeping {
  readonly #heard = new Map<SessionId, Millis>()
  #scannedAt: Millis | null = null
  /** Commands that were proposed and are not applied yet: no other ones before that, or they would say the same. */
  #pending = 0

  heard(session: SessionId, nowMs: Millis): void {
    this.#heard.set(session, nowMs)
  }

  /** A command was applied, or refused; perhaps that of an earlier leader. */
  done(): void {
    if (this.#pending > 0) this.#pending--
  }

  /** The leader resigns: the next one gives all sessions the full time again. */
  forget(): void {
    this.#heard.clear()
    this.#pending = 0
    this.#scannedAt = null
  }

  due(store: CleanStore, limits: ChainLimits, nowMs: Millis, wallMs: Millis): QuorumCommand[] {
    if (this.#pending > 0) return []
    const commands: QuorumCommand[] = []
    const keys = store.expired(wallMs, EXPIRED_PER_COMMAND)
    if (keys.length > 0) commands.push({ type: 'expire', wallMs, keys })
    const sessions = this.#idleSessions(store, limits, nowMs)
    if (sessions.length > 0) commands.push({ type: 'lapse', sessions })
    this.#pending = commands.length
    return commands
  }

  #idleSessions(store: CleanStore, { sessionIdleMs }: ChainLimits, nowMs: Millis): SessionId[] {
    const idle: SessionId[] = []
    if (this.#scannedAt !== null && nowMs - this.#scannedAt < sessionIdleMs / 60) return idle
    this.#scannedAt = nowMs
    for (let after = asSessionId(0); idle.length < SESSIONS_PER_PAGE; ) {
      const page = store.sessionsAfter(after, SESSIONS_PER_PAGE)
      for (const { session } of page) {
        const heard = this.#heard.get(session)
        if (heard === undefined) this.#heard.set(session, nowMs)
        else if (nowMs - heard >= sessionIdleMs) idle.push(session)
      }
      const last = page.at(-1)
      if (last === undefined) break
      after = last.session
    }
    for (const session of idle) this.#heard.delete(session)
    return idle
  }
}
