import type { Raft } from '../../../coordinator/raft/state.ts'
import type { Deed } from './plan.ts'
import type { FaultTarget } from './target.ts'
import { leaderOf } from './targets.ts'

export type OldLeaderDeed = Extract<Deed, { readonly type: 'old-leader' }>

/** What the nemesis does for it, and undoes when it heals. */
export interface OldLeaderTools {
  readonly cluster: FaultTarget
  after(ms: number, run: () => void): void
  cut(pairs: readonly (readonly [string, string])[]): void
  restore(pairs: readonly (readonly [string, string])[]): void
  crash(name: string, downMs: number): void
}

/** How often it looks: more often than a message arrives, so that what a new leader says first can still be caught. */
const LOOK_MS = 0.2
const TAIL_WITHIN_MS = 600
const ELECTED_WITHIN_MS = 6_000
const HELD_WITHIN_MS = 1_000
const STALLED = 10_000

/**
 * What Raft's rules about old entries are for, and what dice alone hardly ever lead to:
 *
 * 1. A leader A is heard no more, and clients go on: it holds entries of its term that nobody else has.
 * 2. The others elect C. Either C commits something in its term, and A has the longer log (Raft §5.4.1). Or what C says as a leader reaches nobody (Raft Figure 8).
 * 3. Now C is cut off, and A returns to as many as it needs for a majority.
 * 4. In Figure 8, A's disk stalls: a majority holds A's old entries before it holds what A appended in its new term. At that moment A crashes, and comes back where C is.
 */
export class OldLeader {
  readonly #tools: OldLeaderTools
  readonly #deed: OldLeaderDeed
  readonly #names: readonly string[]
  over = false
  #pairs: readonly [string, string][] = []

  constructor(tools: OldLeaderTools, deed: OldLeaderDeed) {
    this.#tools = tools
    this.#deed = deed
    this.#names = tools.cluster.sight.coordinators.map(({ name }) => name)
  }

  begin(): void {
    const { cluster } = this.#tools
    const a = leaderOf(cluster.sight)
    const raft = a === null ? null : this.#raft(a)
    if (a === null || raft === null || this.#names.length < 3) return this.#end()
    const { term } = raft
    // It still hears what the others' clients want.
    this.#cutPairs(this.#names.filter((name) => name !== a).map((name) => [a, name]))
    for (const client of cluster.clients) cluster.burst(client, this.#deed.tail)
    const hasTail = () => raft.log.last - raft.commit >= this.#deed.tail
    this.#when(
      hasTail,
      TAIL_WITHIN_MS,
      () => this.#elect(a, term),
      () => this.#elect(a, term),
    )
  }

  #elect(a: string, term: number): void {
    const settled = () => {
      const c = this.#leaderAbove(term)
      if (c === null) return false
      const raft = this.#raft(c)
      if (raft?.role.type !== 'leader') return false
      return this.#deed.meanwhile === 'nothing' || raft.commit >= raft.role.noopIndex
    }
    this.#when(settled, ELECTED_WITHIN_MS, () => this.#return(a, this.#leaderAbove(term)))
  }

  /** A, and no more than it needs. */
  #return(a: string, c: string | null): void {
    if (c === null) return this.#end()
    this.#tools.cluster.note(`old leader ${a} returns, ${c} is cut off`)
    const term = this.#raft(c)?.term ?? 0
    const helpers = this.#names.filter((name) => name !== a && name !== c)
    const majority = [a, ...helpers.slice(0, Math.floor(this.#names.length / 2))]
    this.#only(majority)
    if (this.#deed.meanwhile === 'commits')
      return this.#when(
        () => this.#leaderAbove(term) !== null,
        ELECTED_WITHIN_MS,
        () => this.#end(),
      )
    // Its vote for itself is the last thing that its disk takes in time.
    const hasVoted = () => this.#raft(a)?.role.type === 'candidate' && this.#isDurable(a)
    this.#when(
      () => hasVoted() || this.#leaderAbove(term) === a,
      ELECTED_WITHIN_MS,
      () => this.#stall(a, term, majority),
    )
  }

  #stall(a: string, term: number, majority: readonly string[]): void {
    this.#slow(a, STALLED)
    this.#when(
      () => this.#leaderAbove(term) === a,
      HELD_WITHIN_MS,
      () => this.#spread(a, majority),
      () => this.#strike(a, majority),
    )
  }

  /** All helpers hold what A appended in its new term; A itself does not yet. */
  #spread(a: string, majority: readonly string[]): void {
    const isSpread = () => {
      const raft = this.#raft(a)
      if (raft?.role.type !== 'leader') return true
      const { noopIndex, progress } = raft.role
      return [...progress].every(([name, { match }]) => !majority.includes(name) || match >= noopIndex)
    }
    const strike = () => this.#strike(a, majority)
    this.#when(isSpread, HELD_WITHIN_MS, strike, strike)
  }

  #strike(a: string, majority: readonly string[]): void {
    const { cluster } = this.#tools
    cluster.note(`old leader ${a} crashes`)
    const term = this.#raft(a)?.term ?? 0
    this.#slow(a, 1)
    this.#tools.crash(a, this.#deed.downMs)
    this.#only([a, ...this.#names.filter((name) => !majority.includes(name))])
    this.#when(
      () => this.#leaderAbove(term) !== null,
      ELECTED_WITHIN_MS,
      () => this.#end(),
    )
  }

  #end(): void {
    this.#cutPairs([])
    this.over = true
  }

  /** These coordinators hear each other, and the others hear each other. */
  #only(side: readonly string[]): void {
    const others = this.#names.filter((name) => !side.includes(name))
    this.#cutPairs(
      side.flatMap((a) =>
        others.flatMap((b): [string, string][] => [
          [a, b],
          [b, a],
        ]),
      ),
    )
  }

  /** In place of what was cut before. Nothing slips through between the two. */
  #cutPairs(pairs: readonly [string, string][]): void {
    this.#tools.cut(pairs)
    this.#tools.restore(this.#pairs)
    this.#pairs = pairs
  }

  #slow(name: string, factor: number): void {
    const disk = this.#tools.cluster.disk(name)
    if (disk !== null) disk.slowness = factor
  }

  #raft(name: string): Raft | null {
    return this.#tools.cluster.sight.coordinators.find((one) => one.name === name)?.raft ?? null
  }

  #isDurable(name: string): boolean {
    return this.#raft(name)?.writes.lastPending === null
  }

  #leaderAbove(term: number): string | null {
    const name = leaderOf(this.#tools.cluster.sight)
    return name !== null && (this.#raft(name)?.term ?? 0) > term ? name : null
  }

  #when(holds: () => boolean, leftMs: number, then: () => void, inVain = () => this.#end()): void {
    if (holds()) then()
    else if (leftMs <= 0) inVain()
    else this.#tools.after(LOOK_MS, () => this.#when(holds, leftMs - LOOK_MS, then, inVain))
  }
}
