/** Which operations an order has placed, which it could not, and where in its interval each placed one is drawn. */

import type { ModelName, Operation } from '../operations.ts'
import { canFollow, type FollowedState, follow, stateText } from './states.ts'
import type { Timeline } from './timeline.ts'

/**
 * `placed`: has a position in the order. `stuck`: could come next, by the time line, but its answer contradicts the state. `beyond`: answered, and
 * begun only after something stuck had ended. `open`: no answer came, so that it need not have happened. `involved`: there is no order to speak of, and
 * this is one of those that contradict each other.
 */
export type Placement = 'placed' | 'stuck' | 'beyond' | 'open' | 'involved'

const SEARCHED_OPERATIONS_MAX = 24
const SEARCHED_STATES_MAX = 20_000

/** Those that could come next are the ones called before the first of the unplaced had ended (Wing & Gong 1993, §3). */
export function placementsOf(
  operations: readonly Operation[],
  order: readonly number[],
): readonly Placement[] {
  const placed = new Set(order)
  let firstEnd = Infinity
  for (const operation of operations) {
    if (!placed.has(operation.id)) firstEnd = Math.min(firstEnd, operation.return)
  }
  return operations.map((operation) => {
    if (placed.has(operation.id)) return 'placed'
    if (operation.return === Infinity) return 'open'
    return operation.call <= firstEnd ? 'stuck' : 'beyond'
  })
}

/**
 * The longest order that explains a small history, found anew: the verdict gives one for the whole history only, and operations that shrinking took
 * out are missing from that. Null where the history is too large, the model cannot be followed, or everything seems explainable after all.
 */
export function longestOrder(model: ModelName, operations: readonly Operation[]): readonly number[] | null {
  if (!canFollow(model) || operations.length > SEARCHED_OPERATIONS_MAX) return null
  const search = { model, operations, best: [] as readonly number[], seen: new Set<string>() }
  extend(search, new Map(), [])
  const answered = operations.filter((operation) => operation.return !== Infinity)
  const best = new Set(search.best)
  return answered.every(({ id }) => best.has(id)) ? null : search.best
}

interface Search {
  readonly model: ModelName
  readonly operations: readonly Operation[]
  readonly seen: Set<string>
  best: readonly number[]
}

function extend(search: Search, state: FollowedState, order: readonly number[]): void {
  const key = `${[...order].sort((a, b) => a - b).join()}|${stateText(state, search.model, Infinity)}`
  if (search.seen.has(key) || search.seen.size >= SEARCHED_STATES_MAX) return
  search.seen.add(key)
  if (answeredCount(search, order) > answeredCount(search, search.best)) search.best = order
  const placements = placementsOf(search.operations, order)
  search.operations.forEach((operation, i) => {
    if (placements[i] !== 'stuck' && placements[i] !== 'open') return
    if (!mayComeNext(search, placements, operation)) return
    const next = new Map(state)
    if (follow(next, operation) === null) extend(search, next, [...order, operation.id])
  })
}

function mayComeNext(search: Search, placements: readonly Placement[], operation: Operation): boolean {
  return search.operations.every((other, i) => placements[i] === 'placed' || other.return >= operation.call)
}

/** What is open counts for nothing: placing it is allowed, but explains no answer. */
function answeredCount(search: Search, order: readonly number[]): number {
  const placed = new Set(order)
  return search.operations.filter(({ id, return: end }) => placed.has(id) && end !== Infinity).length
}

/** Room that a point keeps from the ends of its bar, in steps of the time line. */
const MARGIN = 0.22
const LEAST_STEP = 0.001
const ROUNDS = 40

/**
 * A place for each operation of `order`, in steps of the time line: inside its interval, and each right of the one before. Each may lie between the
 * latest call so far and the earliest return still to come; both bounds only grow, so pulling every point towards the middle of its neighbours,
 * within its bounds, keeps the order and spreads the points.
 */
export function pointsOf(timeline: Timeline, order: readonly number[]): readonly number[] {
  const lows: number[] = []
  const highs: number[] = []
  order.forEach((index, i) => {
    lows[i] = Math.max(lows[i - 1] ?? 0, timeline.calls[index] ?? 0)
  })
  // What is not placed had to be before its return: an order that stops for it has all its points before that.
  const placed = new Set(order)
  let limit = timeline.times.length
  timeline.returns.forEach((end, index) => {
    if (end !== null && !placed.has(index)) limit = Math.min(limit, end)
  })
  for (let i = order.length - 1; i >= 0; i--) {
    const end = timeline.returns[order[i] ?? 0] ?? timeline.times.length
    highs[i] = Math.max(Math.min(highs[i + 1] ?? limit, end), lows[i] ?? 0)
  }
  const points = order.map((_, i) => ((lows[i] ?? 0) + (highs[i] ?? 0)) / 2)
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < points.length; i++) {
      const low = (lows[i] ?? 0) + MARGIN
      const high = (highs[i] ?? 0) - MARGIN
      const middle = ((points[i - 1] ?? low) + (points[i + 1] ?? high)) / 2
      points[i] = Math.min(Math.max(middle, low), Math.max(high, low))
    }
  }
  for (let i = 1; i < points.length; i++) {
    points[i] = Math.max(points[i] ?? 0, (points[i - 1] ?? 0) + LEAST_STEP)
  }
  return points.map((point) => Math.round(point * 1e4) / 1e4)
}
