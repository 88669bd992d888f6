/**
 * Reads at the leader without a round of messages (Raft §6.4.1 of the thesis): whoever has heard the leader of late helps nobody else to lead, so for that long after a
 * quorum has heard it, no other leader can have committed anything.
 *
 * Departs: the core forgets its leader with its term (a message of a higher term, an answer of a candidate that is late, is enough), and a restart forgets all. So
 * votes are held back here by the clock alone, whatever the term, and for as long after the start of a life.
 */
import type { MemberId } from '../../coordinator/raft/ids.ts'
import type { RaftMessage } from '../../coordinator/raft/messages.ts'
import { type Raft, reachedByQuorum } from '../../coordinator/raft/state.ts'
import type { Millis } from '../../protocol/ids.ts'
import { DRIFT_BOUND, ELECTION_MIN_MS } from './limits.ts'

/** When each heartbeat round was begun, and so how long ago a quorum followed. */
export class LeaderLease {
  /** Of the leader's present term, ascending; the first one is the newest that is known to be confirmed. */
  #rounds: { readonly round: number; readonly atMs: number }[] = []
  #term = -1
  #confirmed = 0

  /** After each step of the core. `nowMs` was read before anything of that step was sent. */
  observe(raft: Raft, nowMs: Millis): void {
    const { role, term } = raft
    if (role.type !== 'leader') return
    if (term !== this.#term) {
      this.#term = term
      this.#rounds = []
      this.#confirmed = 0
    }
    if ((this.#rounds.at(-1)?.round ?? 0) < role.round) this.#rounds.push({ round: role.round, atMs: nowMs })
    const confirmed = reachedByQuorum(raft, (voter) =>
      voter === raft.self ? role.round : (role.progress.get(voter)?.round ?? 0),
    )
    if (confirmed <= this.#confirmed) return
    this.#confirmed = confirmed
    let known = 0
    while ((this.#rounds[known + 1]?.round ?? Number.POSITIVE_INFINITY) <= confirmed) known++
    if (known > 0) this.#rounds = this.#rounds.slice(known)
  }

  /** When the newest round began that a quorum has followed; null where none is known. */
  confirmedAtMs(raft: Raft): number | null {
    const [oldest] = this.#rounds
    if (raft.role.type !== 'leader' || raft.term !== this.#term || oldest === undefined) return null
    return oldest.round <= this.#confirmed ? oldest.atMs : null
  }

  /** Until when no other leader can have committed anything, on this process's clock. */
  endsAtMs(raft: Raft): number {
    const confirmedAtMs = this.confirmedAtMs(raft)
    return confirmedAtMs === null ? 0 : confirmedAtMs + ELECTION_MIN_MS * (1 - DRIFT_BOUND)
  }
}

/** What a voter owes to the leases of leaders that it has followed. */
export class Loyalty {
  /** The last word of a leader, or the beginning of this life. */
  #heardAtMs: number
  #leaderHeard = false

  /** A life begins. What an earlier one has heard is forgotten: it may have been just now. */
  constructor(nowMs: Millis) {
    this.#heardAtMs = nowMs
  }

  /** When the leader was last heard in this life. */
  get leaderHeardAtMs(): number | null {
    return this.#leaderHeard ? this.#heardAtMs : null
  }

  /** The core took this message. */
  took(raft: Raft, from: MemberId, message: RaftMessage, nowMs: Millis): void {
    const leads = message.type === 'append-entries' || message.type === 'snapshot-chunk'
    if (!leads || raft.leader !== from || raft.term !== message.term) return
    this.#heardAtMs = nowMs
    this.#leaderHeard = true
  }

  /** Whether a message may not be heeded yet, because it asks for help against a leader that may hold a lease. */
  forbids(message: RaftMessage, nowMs: Millis): boolean {
    const asks = message.type === 'vote-request' || message.type === 'pre-vote-request'
    return asks && nowMs - this.#heardAtMs < ELECTION_MIN_MS
  }
}
