/**
 * The leader's way from the members that are to those that a `reconfig` wants: learners first, each gets its vote once it has caught
 * up, and only then does anybody lose his; one voter at a time (Raft thesis §4.2).
 */
import type { LogIndex, MemberId } from '../../coordinator/raft/ids.ts'
import type { MemberRow } from '../../coordinator/raft/membership.ts'
import { newestOf } from '../../coordinator/raft/membership.ts'
import type { Leader, Raft } from '../../coordinator/raft/state.ts'
import { rowsIn } from '../../coordinator/znodes/ensemble-rows.ts'
import { memberRowOf } from './member-addresses.ts'

export type ReconfigStep =
  | { readonly type: 'change'; readonly members: readonly MemberRow[] }
  /** What is wanted cannot be had. */
  | { readonly type: 'abandon' }

/** A learner that takes in, within so long, all that the log held when that began keeps pace with it. */
const ROUND_MS = 500

export class Reconfigurer {
  /** What has not come about by then is given up: a member that does not catch up, one that cannot go because the rest could not go on. */
  readonly #patienceMs: number
  #wanted: string | null = null
  #sinceMs = 0
  #abandoned = false
  /** The voter that is to go, and the round of heartbeats in which that was thought of. */
  #retires: { readonly id: MemberId; readonly term: number; readonly round: number } | null = null
  readonly #rounds = new Map<MemberId, { readonly goal: LogIndex; readonly sinceMs: number }>()

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  /** What the leader should do now, if anything. Call it often. */
  next(raft: Raft, wanted: string | null, nowMs: number): ReconfigStep | null {
    const { role, commit, memberships } = raft
    const current = newestOf(memberships)
    if (wanted === null || role.type !== 'leader') {
      this.#wanted = null
      this.#retires = null
      this.#rounds.clear()
      return null
    }
    if (this.#wanted !== wanted) {
      this.#wanted = wanted
      this.#sinceMs = nowMs
      this.#abandoned = false
    }
    if (this.#abandoned) return null
    if (current.index > commit || role.noopIndex > commit || role.transfer !== null) return null
    const goal = (rowsIn(wanted) ?? []).map((row) => memberRowOf(row, current.members))
    const step = this.#step(raft, role, { goal, now: current.members }, nowMs)
    this.#abandoned = step?.type === 'abandon'
    return step
  }

  #step(
    raft: Raft,
    leader: Leader,
    { goal, now }: { readonly goal: readonly MemberRow[]; readonly now: readonly MemberRow[] },
    nowMs: number,
  ): ReconfigStep | null {
    const prepared = withLearners(now, goal)
    if (!isSame(prepared, now)) return { type: 'change', members: prepared }
    const coming = now.filter(({ id, voter }) => !voter && isVoterIn(goal, id))
    const ready = coming.find(({ id }) => this.#keepsPace(raft, leader, id, nowMs))
    if (ready !== undefined) return { type: 'change', members: replaced(now, { ...ready, voter: true }) }
    if (coming.length > 0) return nowMs - this.#sinceMs > this.#patienceMs ? { type: 'abandon' } : null
    return this.#retirement(raft, leader, { goal, now }, nowMs)
  }

  /** One voter fewer, the leader itself last; once most of those who stay have answered since that was thought of. */
  #retirement(
    raft: Raft,
    leader: Leader,
    { goal, now }: { readonly goal: readonly MemberRow[]; readonly now: readonly MemberRow[] },
    nowMs: number,
  ): ReconfigStep | null {
    const leaving = now.filter(({ id, voter }) => voter && !isVoterIn(goal, id))
    const out = leaving.find(({ id }) => id !== raft.self) ?? leaving[0]
    if (out === undefined) return null
    if (this.#retires?.id !== out.id || this.#retires.term !== raft.term)
      this.#retires = { id: out.id, term: raft.term, round: leader.round }
    const { round } = this.#retires
    const voters = raft.voters.filter((id) => id !== out.id)
    const there = voters.filter((id) => id === raft.self || (leader.progress.get(id)?.round ?? 0) > round)
    if (there.length * 2 <= voters.length)
      return nowMs - this.#sinceMs > this.#patienceMs ? { type: 'abandon' } : null // they could not go on
    this.#retires = null
    const wanted = goal.find(({ id }) => id === out.id)
    const others = now.filter(({ id }) => id !== out.id)
    return { type: 'change', members: wanted === undefined ? others : [...others, wanted] }
  }

  #keepsPace(raft: Raft, leader: Leader, id: MemberId, nowMs: number): boolean {
    const progress = leader.progress.get(id)
    if (progress === undefined || progress.mode.type === 'snapshot') return false
    const round = this.#rounds.get(id)
    if (round !== undefined && progress.match < round.goal) return false
    this.#rounds.set(id, { goal: raft.log.last, sinceMs: nowMs })
    return round !== undefined && progress.match > 0 && nowMs - round.sinceMs <= ROUND_MS
  }
}

/** New members without a vote, new addresses; learners that nobody wants are gone. Votes stay as they are. */
function withLearners(now: readonly MemberRow[], goal: readonly MemberRow[]): readonly MemberRow[] {
  const kept = now.filter(({ id, voter }) => voter || goal.some((row) => row.id === id))
  const moved = kept.map((row) => {
    const wanted = goal.find(({ id }) => id === row.id)
    return wanted === undefined ? row : { ...row, address: wanted.address }
  })
  const added = goal.filter(({ id }) => !now.some((row) => row.id === id))
  return [...moved, ...added.map((row) => ({ ...row, voter: false }))]
}

const isVoterIn = (rows: readonly MemberRow[], id: MemberId): boolean =>
  rows.some((row) => row.id === id && row.voter)

const replaced = (rows: readonly MemberRow[], by: MemberRow): readonly MemberRow[] =>
  rows.map((row) => (row.id === by.id ? by : row))

const isSame = (a: readonly MemberRow[], b: readonly MemberRow[]): boolean =>
  a.length === b.length &&
  a.every((row) => b.some((o) => o.id === row.id && o.voter === row.voter && o.address === row.address))
