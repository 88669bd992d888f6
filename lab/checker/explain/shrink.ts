/**
 * Looks for a small part of a history that is wrong for the same reason (delta debugging, Zeller 1999). Only what keeps a right history right is
 * done to it: to cut it off at some time, to leave out reads, and to leave out writes together with whatever may have seen them. So whoever
 * believes that the small history is impossible must believe it of the whole.
 */
import { isCompleted } from '../event-list.ts'
import type { Operation } from '../operations.ts'
import { Dependence } from './dependence.ts'
import { factsOf } from './facts.ts'

/** Says whether a history is known to be wrong; false, too, where the effort is used up. */
export type Fails = (operations: readonly Operation[]) => boolean

/** Histories tried, at most. */
const TRIES_MAX = 3000

export function shrink(operations: readonly Operation[], fails: Fails): readonly Operation[] {
  let tries = 0
  const test: Fails = (candidate) => ++tries <= TRIES_MAX && fails(candidate)
  const cut = shortestPrefix(operations, test)
  const small = withoutMost(cut, test)
  // What was cut off is shown as it was recorded: more is known of it than the reader needs.
  const ids = new Set(small.map(({ id }) => id))
  return operations.filter(({ id }) => ids.has(id))
}

/** What was recorded up to the first moment at which it was wrong. */
function shortestPrefix(operations: readonly Operation[], fails: Fails): readonly Operation[] {
  const ends = [...new Set(operations.filter(isCompleted).map((operation) => operation.return))].sort(
    (a, b) => a - b,
  )
  let best = operations
  let [low, high] = [0, ends.length - 1]
  while (low < high) {
    const middle = (low + high) >>> 1
    const candidate = until(operations, ends[middle] ?? 0)
    if (fails(candidate)) {
      best = candidate
      high = middle
    } else low = middle + 1
  }
  return best
}

function until(operations: readonly Operation[], end: number): readonly Operation[] {
  return operations
    .filter(({ call }) => call <= end)
    .map((operation) =>
      operation.return <= end ? operation : { ...operation, output: null, return: Number.POSITIVE_INFINITY },
    )
    .filter((operation) => isCompleted(operation) || !factsOf(operation).isRead)
}

/** Tries to leave out large groups first, then smaller ones, until no single operation can go. */
function withoutMost(operations: readonly Operation[], fails: Fails): readonly Operation[] {
  const dependence = new Dependence(operations.map(factsOf))
  let present = operations.map((_, i) => i)
  let size = Math.max(1, present.length >>> 1)
  for (;;) {
    let isSmaller = false
    for (let from = 0; from < present.length; ) {
      const kept = new Set(present)
      const group = present.slice(from, from + size)
      const dropped = dependence.closure(group, (i) => kept.has(i))
      const rest = present.filter((i) => !dropped.has(i))
      if (rest.length > 0 && fails(pick(operations, rest))) {
        present = rest
        isSmaller = true
      } else from += size
    }
    if (size === 1 && !isSmaller) return pick(operations, present)
    size = Math.max(1, size >>> 1)
  }
}

const pick = (operations: readonly Operation[], indices: readonly number[]): readonly Operation[] =>
  indices.flatMap((i) => operations[i] ?? [])
