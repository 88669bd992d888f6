import type { Operation } from './operations.ts'

/**
 * A history as the search wants it: completed operations first, in the order of their calls, then those whose outcome is unknown; and its calls
 * and returns in the order of time, as numbers from 1 on.
 */
export interface Plan {
  readonly operations: readonly Operation[]
  readonly completedCount: number
  /** Per operation: its call, its return (0: none). */
  readonly calls: Int32Array
  readonly returns: Int32Array
  /** Per event: its operation; of a return, `-1 - operation`. */
  readonly events: Int32Array
  /** Per operation: one of the same process that ended at the very moment of its call and so comes before it; -1: none. */
  readonly predecessors: Int32Array
  /** Per open operation: an earlier one with the same input, which may as well take effect first; -1: none. */
  readonly twins: Int32Array
}

interface TimedEvent {
  readonly time: number
  readonly isReturn: boolean
  readonly operation: number
}

/** Events of the same moment are taken as overlapping: calls come first. Only one process's own order holds within a moment. */
export function planOf(history: readonly Operation[]): Plan {
  const byCall = [...history].sort((a, b) => a.call - b.call || a.id - b.id)
  const completed = byCall.filter(isCompleted)
  const operations = [...completed, ...byCall.filter((operation) => !isCompleted(operation))]
  const timed: TimedEvent[] = operations.map(({ call }, i) => ({ time: call, isReturn: false, operation: i }))
  for (const [i, operation] of completed.entries())
    timed.push({ time: operation.return, isReturn: true, operation: i })
  timed.sort(
    (a, b) => a.time - b.time || Number(a.isReturn) - Number(b.isReturn) || a.operation - b.operation,
  )
  const calls = new Int32Array(operations.length)
  const returns = new Int32Array(operations.length)
  const events = new Int32Array(timed.length + 1)
  for (const [i, { isReturn, operation }] of timed.entries()) {
    ;(isReturn ? returns : calls)[operation] = i + 1
    events[i + 1] = isReturn ? -1 - operation : operation
  }
  return {
    operations,
    completedCount: completed.length,
    calls,
    returns,
    events,
    predecessors: predecessorsOf(operations),
    twins: twinsOf(operations),
  }
}

export const isCompleted = (operation: Operation): boolean => operation.return !== Number.POSITIVE_INFINITY

function predecessorsOf(operations: readonly Operation[]): Int32Array {
  const ends = new Map<string, number>()
  for (const [i, operation] of operations.entries())
    if (operation.call < operation.return) ends.set(momentOf(operation, operation.return), i)
  return Int32Array.from(operations, (operation) => ends.get(momentOf(operation, operation.call)) ?? -1)
}

const momentOf = (operation: Operation, time: number): string => `${time} ${operation.process}`

/** Of two open operations with the same effect, the one called first can stand for the other wherever that is taken. */
function twinsOf(operations: readonly Operation[]): Int32Array {
  const last = new Map<string, number>()
  return Int32Array.from(operations, (operation, i) => {
    if (isCompleted(operation)) return -1
    const print = JSON.stringify(operation.input)
    const twin = last.get(print) ?? -1
    last.set(print, i)
    return twin
  })
}

/** Two rings of events that are not in order yet: calls and returns of completed operations, and calls of open ones. */
export class EventList {
  /** Where each ring begins and ends. */
  readonly completed = 0
  readonly open: number
  readonly #next: Int32Array
  readonly #previous: Int32Array
  readonly #plan: Plan

  constructor(plan: Plan) {
    const size = plan.events.length + 1
    this.#plan = plan
    this.open = plan.events.length
    this.#next = new Int32Array(size)
    this.#previous = new Int32Array(size)
    let [completed, open] = [this.completed, this.open]
    for (let event = 1; event < plan.events.length; event++) {
      const operation = plan.events[event] ?? 0
      if (operation >= plan.completedCount) open = this.#link(open, event)
      else completed = this.#link(completed, event)
    }
    this.#link(completed, this.completed)
    this.#link(open, this.open)
  }

  after(event: number): number {
    return this.#next[event] ?? 0
  }

  /** Takes an operation's events out; they remember their neighbours. */
  lift(operation: number): void {
    this.#takeOut(this.#plan.calls[operation] ?? 0)
    const end = this.#plan.returns[operation] ?? 0
    if (end !== 0) this.#takeOut(end)
  }

  /** Undoes the newest `lift` that has not been undone. */
  unlift(operation: number): void {
    const end = this.#plan.returns[operation] ?? 0
    if (end !== 0) this.#putBack(end)
    this.#putBack(this.#plan.calls[operation] ?? 0)
  }

  #link(from: number, to: number): number {
    this.#next[from] = to
    this.#previous[to] = from
    return to
  }

  #takeOut(event: number): void {
    this.#link(this.#previous[event] ?? 0, this.#next[event] ?? 0)
  }

  #putBack(event: number): void {
    this.#next[this.#previous[event] ?? 0] = event
    this.#previous[this.#next[event] ?? 0] = event
  }
}
