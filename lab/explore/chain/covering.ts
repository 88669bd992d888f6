/**
 * Which states of a chain another one covers, so that they need not be visited. Both have the same servers, links,
 * coordinator and history; one has more left of what may still happen. Whatever happens from the other happens from it:
 *
 * - Rounds of time: the more there are left, the more orders there are. A round is spent by nothing else.
 * - A read that has ended is as one that was never sent: the record of it is empty, the commit point that it showed is
 *   in `floor`, which is the same. The next read has another number, which no core looks into.
 * - Holds. Let `(s, H, l)` be a state with the things H held up and l holds left. `(s, G, m)` can do what it can where G
 *   is a part of H and m >= l + |H - G|: it holds up what H holds beyond G as late as possible, when its turn comes.
 *   1. A request or a fault does not look at H: the same in both.
 *   2. `release b`: where b is in G both do it; otherwise the second state stays as it is.
 *   3. `hold b`: the second state stays as it is; H - G and m - l each grow by one.
 *   4. A step of the first thing that H does not hold. Whatever comes before it and is not in G is in H - G: the second
 *      state first holds it up, which costs one of m and makes H - G smaller by one; then it takes the same step.
 *   After each step it can still do what the first can. But it must not be the second itself that makes us pass over the state
 *   to which its own hold leads. So it *covers* the first only where the same thing comes first in both. Then the hold of 4.
 *   leads to a state that was visited, or is covered by one in which the same thing comes first, which is one further on: so 4. ends.
 *
 * Invariants do not look at holds, rounds or ended reads, and neither does the question of what heals; so nothing that is
 * judged is lost. Only the number of steps to it may grow, by the holds.
 */
import { type Row, TIMES, TIMES_MAX } from './row.ts'

export interface CoveringOptions {
  readonly row: Row
  /** Of the scope. */
  readonly holds: number
  /** Things that can go on by themselves, in the order in which they do. */
  readonly things: (state: Int32Array) => readonly number[]
  readonly withoutEndedReads: (judged: number) => number
}

const TIMES_MASK = 15 << TIMES

export class Covering {
  readonly #options: CoveringOptions
  #other = new Int32Array(0)

  constructor(options: CoveringOptions) {
    this.#options = options
  }

  isCovered(state: Int32Array, isVisited: (other: Int32Array) => boolean): boolean {
    const { row, things, withoutEndedReads } = this.#options
    const { judgeAt, budgetAt, heldAt } = row
    if (this.#other.length !== state.length) this.#other = new Int32Array(state.length)
    const other = this.#other
    other.set(state)
    const [judged, budget, held] = [state[judgeAt] ?? 0, state[budgetAt] ?? 0, state[heldAt] ?? 0]
    const readless = withoutEndedReads(judged)
    const order = held === 0 ? [] : things(state)
    const first = firstOf(order, held)
    for (const judge of readless === judged ? [judged] : [judged, readless]) {
      other[judgeAt] = judge
      for (let times = (budget & TIMES_MASK) >> TIMES; times <= TIMES_MAX; times++) {
        other[budgetAt] = (budget & ~TIMES_MASK) | (times << TIMES)
        // Every part of what is held, the whole of it included.
        for (let part = held; ; part = (part - 1) & held) {
          if (firstOf(order, part) === first && this.#isHeldLess(state, part, isVisited)) return true
          if (part === 0) break
        }
      }
    }
    return false
  }

  /** With `part` of the things held, and at least as many holds left as cover the difference. */
  #isHeldLess(state: Int32Array, part: number, isVisited: (other: Int32Array) => boolean): boolean {
    const { row, holds } = this.#options
    const { heldAt, holdsLeftAt } = row
    const other = this.#other
    other[heldAt] = part
    const least = (state[holdsLeftAt] ?? 0) + bits((state[heldAt] ?? 0) & ~part)
    for (let left = least; left <= holds - bits(part); left++) {
      other[holdsLeftAt] = left
      if (isVisited(other)) return true
    }
    return false
  }
}

const firstOf = (things: readonly number[], held: number): number =>
  things.find((thing) => ((held >> thing) & 1) === 0) ?? -1

function bits(word: number): number {
  let count = 0
  for (let rest = word; rest !== 0; rest &= rest - 1) count++
  return count
}
