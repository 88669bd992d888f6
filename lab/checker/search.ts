/**
 * The search of Wing & Gong (1993) with Lowe's memory of configurations (2017), as in Porcupine: which order of the operations agrees with real
 * time and with a sequential object? It takes operations whose call has no other's return before it, one after the other, and goes back where none
 * fits. A configuration (what is taken, and the state) that was visited once is never visited again.
 *
 * Three things make it fast. A read that fits is taken at once, without an alternative: an order that has it later is as good with it here. (Not so a
 * write that changes nothing here: later it might.) Of open operations with the same input the earliest is taken first, and none
 * before the very operation that notices it.
 */
import { ConfigurationCache } from './configuration-cache.ts'
import { EventList, type Plan } from './event-list.ts'
import type { Budget } from './limits.ts'
import { IMPOSSIBLE, type Machine } from './machine.ts'
import { TakenSet } from './taken-set.ts'

export interface SearchResult {
  readonly outcome: 'linearizable' | 'not-linearizable' | 'unknown'
  /** Which limit ended it, of `unknown`. */
  readonly limit: string | null
  /** The longest order found: indices into the plan's operations. All completed ones, where it is linearizable. */
  readonly path: readonly number[]
  readonly stateAfter: number
  readonly configurations: number
}

export function search(plan: Plan, machine: Machine, budget: Budget, name: string): SearchResult {
  return new Search(plan, machine, budget, name).run()
}

class Search {
  readonly #plan: Plan
  readonly #machine: Machine
  readonly #budget: Budget
  readonly #name: string
  readonly #list: EventList
  readonly #cache = new ConfigurationCache()
  readonly #taken: TakenSet

  // The path: one entry for each operation taken. Kept in arrays, because a history of 100,000 operations is a path of that depth.
  readonly #path: Int32Array
  readonly #states: Int32Array
  readonly #isForced: Uint8Array
  readonly #boundaries: Int32Array
  #depth = 0
  #completedTaken = 0
  #configurations = 0

  /** The longest path so far, and how much of its beginning is that of the present path: only the rest needs to be copied. */
  readonly #best: Int32Array
  #bestDepth = 0
  #inCommon = 0
  #bestCompleted = -1
  #bestState: number

  constructor(plan: Plan, machine: Machine, budget: Budget, name: string) {
    const count = plan.operations.length
    this.#plan = plan
    this.#machine = machine
    this.#budget = budget
    this.#name = name
    this.#list = new EventList(plan)
    this.#taken = new TakenSet(plan)
    this.#path = new Int32Array(count)
    this.#states = new Int32Array(count + 1)
    this.#states[0] = machine.start
    this.#isForced = new Uint8Array(count)
    this.#boundaries = new Int32Array(count)
    this.#best = new Int32Array(count)
    this.#bestState = machine.start
  }

  run(): SearchResult {
    const { events, completedCount } = this.#plan
    let at = this.#list.after(this.#list.completed)
    /** The first return in the list, once it was met: only calls before it may be taken. Then come the open operations. */
    let boundary = 0
    while (this.#completedTaken < completedCount) {
      if (at === this.#list.open || (boundary > 0 && at > boundary)) {
        const resumed = this.#back()
        if (resumed === null) return this.#result('not-linearizable', null)
        at = resumed.at
        boundary = resumed.boundary
        continue
      }
      const operation = events[at] ?? 0
      if (operation < 0) {
        boundary = at
        at = this.#list.after(this.#list.open)
      } else if (this.#take(operation, boundary)) {
        const limit = this.#budget.spend(this.#cache.bytes, this.#progress)
        if (limit !== null) return this.#result('unknown', limit)
        at = this.#list.after(this.#list.completed)
        boundary = 0
      } else at = this.#list.after(at)
    }
    return this.#result('linearizable', null)
  }

  /** Puts an operation next in the order, unless it does not fit there or what results was visited before. */
  #take(operation: number, boundary: number): boolean {
    const { predecessors, twins, completedCount } = this.#plan
    const before = predecessors[operation] ?? -1
    const twin = twins[operation] ?? -1
    if ((before >= 0 && !this.#taken.has(before)) || (twin >= 0 && !this.#taken.has(twin))) return false
    const after = this.#machine.after(operation)
    if (after >= 0 && !this.#taken.has(after)) return false
    if (this.#unnoticed >= 0 && !this.#machine.mayNotice(operation, this.#unnoticed)) return false
    const state = this.#states[this.#depth] ?? 0
    const next = this.#machine.step(state, operation)
    const isOpen = operation >= completedCount
    if (next === IMPOSSIBLE || (isOpen && next === state)) return false
    this.#list.lift(operation)
    this.#taken.add(operation)
    const isForced = next === state && this.#machine.isRead(operation)
    if (!isForced && !this.#isNew(next, isOpen ? operation + 1 : 0)) {
      this.#taken.delete(operation)
      this.#list.unlift(operation)
      return false
    }
    this.#path[this.#depth] = operation
    this.#isForced[this.#depth] = isForced ? 1 : 0
    this.#boundaries[this.#depth] = boundary
    this.#depth++
    this.#states[this.#depth] = next
    if (!isOpen) this.#completedTaken++
    this.#configurations++
    return true
  }

  /** The open operation that was taken last, which the next one must notice; -1: none. */
  get #unnoticed(): number {
    const last = this.#depth === 0 ? -1 : (this.#path[this.#depth - 1] ?? -1)
    return last >= this.#plan.completedCount ? last : -1
  }

  #isNew(state: number, unnoticed: number): boolean {
    const first = this.#list.after(this.#list.completed)
    const low = first === this.#list.completed ? this.#plan.completedCount : (this.#plan.events[first] ?? 0)
    const length = this.#taken.writeKey({ low, state, unnoticed })
    return this.#cache.add(this.#taken.hash(state), this.#taken.key, length)
  }

  /** Undoes the newest choice. Null: none is left. */
  #back(): { readonly at: number; readonly boundary: number } | null {
    this.#keepBest()
    for (;;) {
      if (this.#depth === 0) return null
      this.#depth--
      if (this.#depth < this.#inCommon) this.#inCommon = this.#depth
      const operation = this.#path[this.#depth] ?? 0
      this.#list.unlift(operation)
      this.#taken.delete(operation)
      if (operation < this.#plan.completedCount) this.#completedTaken--
      if (this.#isForced[this.#depth] === 1) continue
      const at = this.#list.after(this.#plan.calls[operation] ?? 0)
      return { at, boundary: this.#boundaries[this.#depth] ?? 0 }
    }
  }

  #keepBest(): void {
    if (this.#completedTaken <= this.#bestCompleted) return
    this.#bestCompleted = this.#completedTaken
    this.#best.set(this.#path.subarray(this.#inCommon, this.#depth), this.#inCommon)
    this.#bestDepth = this.#depth
    this.#inCommon = this.#depth
    this.#bestState = this.#states[this.#depth] ?? 0
  }

  #result(outcome: SearchResult['outcome'], limit: string | null): SearchResult {
    this.#keepBest()
    const path = [...this.#best.subarray(0, this.#bestDepth)]
    return { outcome, limit, path, stateAfter: this.#bestState, configurations: this.#configurations }
  }

  readonly #progress = () => ({
    part: this.#name,
    explained: Math.max(this.#bestCompleted, this.#completedTaken),
    operations: this.#plan.completedCount,
    configurations: this.#budget.configurations,
  })
}
