import { Visited } from './visited.ts'

/** What follows from a state. */
export interface Visitor {
  /** `state` is the visitor's to read until it returns. */
  next(action: number, state: Int32Array): void
  /** The action breaks a promise. */
  violation(action: number, message: string): void
}

export interface Wrong {
  readonly message: string
  /** What happened after the state, until it showed. */
  readonly after: readonly number[]
}

/** A world in which things can happen one at a time, in any order. A state is a row of numbers. */
export interface Model {
  readonly width: number
  initial(): Int32Array
  /** Everything that can happen next. Deterministic. */
  expand(state: Int32Array, visitor: Visitor): void
  /** What must hold in every state: null, or what does not. */
  check(state: Int32Array): Wrong | null
  /** What follows from `state`; as far as it comes, where the action breaks a promise. */
  take(state: Int32Array, action: number): Int32Array
  /**
   * Whether a state that `isVisited` covers this one: whatever can happen from here can happen from there, with the same
   * consequences, after at most some steps that change nothing that is judged; and `check` says the same of both. Such a
   * state need not be visited. Absent: no state covers another.
   */
  isCovered?(state: Int32Array, isVisited: (other: Int32Array) => boolean): boolean
  /** A step in words: what happened, and below it what that caused. */
  describe(state: Int32Array, action: number): readonly string[]
}

export interface SearchLimits {
  /** Steps from the beginning. */
  readonly depthMax: number
  readonly statesMax: number
}

export interface FoundViolation {
  readonly message: string
  /** Shortest way to it, one block of lines a step. */
  readonly steps: readonly (readonly string[])[]
}

const CHUNK_STATES = 1 << 14

/** Rows of numbers, one after the other, in pieces: no piece is ever copied. */
class Rows {
  readonly #width: number
  #chunks: Int32Array[] = []
  count = 0

  constructor(width: number) {
    this.#width = width
  }

  push(row: Int32Array): void {
    const offset = this.count % CHUNK_STATES
    if (offset === 0) this.#chunks.push(new Int32Array(CHUNK_STATES * this.#width))
    this.#chunks.at(-1)?.set(row, offset * this.#width)
    this.count++
  }

  read(index: number, into: Int32Array): void {
    const offset = (index % CHUNK_STATES) * this.#width
    const chunk = this.#chunks[Math.floor(index / CHUNK_STATES)]
    if (chunk === undefined) throw new RangeError(`no row ${index}`)
    into.set(chunk.subarray(offset, offset + this.#width))
  }
}

/** How each state was reached first: one parent and one action. */
class Origins {
  #parents = new Uint32Array(1 << 12)
  #actions = new Int32Array(1 << 12)
  #count = 0

  push(parent: number, action: number): void {
    if (this.#count === this.#parents.length) {
      const [parents, actions] = [this.#parents, this.#actions]
      this.#parents = new Uint32Array(parents.length * 2)
      this.#actions = new Int32Array(actions.length * 2)
      this.#parents.set(parents)
      this.#actions.set(actions)
    }
    this.#parents[this.#count] = parent
    this.#actions[this.#count] = action
    this.#count++
  }

  /** Actions from the beginning to this state. */
  wayTo(state: number): number[] {
    const way: number[] = []
    for (let at = state; at !== 0; at = this.#parents[at] ?? 0) way.push(this.#actions[at] ?? 0)
    return way.reverse()
  }
}

/**
 * Visits every state of a model, nearest first: after the steps of one depth all states within it have been seen, and a
 * violation is found by a shortest way. Knows no clock: `advance` does as much as it is told.
 *
 * @example
 * const search = new Search(model, { depthMax: 40, statesMax: 1e6 })
 * while (!search.done) search.advance(10_000)
 */
export class Search {
  readonly #model: Model
  readonly #limits: SearchLimits
  readonly #visited = new Visited()
  readonly #origins = new Origins()
  readonly #state: Int32Array
  #level: Rows
  #next: Rows
  #at = 0
  #levelStart = 0
  transitions = 0
  /** Steps to states that were not visited, because one that covers them was. */
  covered = 0
  /** Every state that can be reached in so many steps has been visited. */
  completeDepth = 0
  violation: FoundViolation | null = null
  #stopped = false

  constructor(model: Model, limits: Partial<SearchLimits> = {}) {
    this.#model = model
    this.#limits = { depthMax: Number.POSITIVE_INFINITY, statesMax: Number.POSITIVE_INFINITY, ...limits }
    this.#level = new Rows(model.width)
    this.#next = new Rows(model.width)
    this.#state = new Int32Array(model.width)
    const initial = model.initial()
    this.#visited.add(initial)
    this.#origins.push(0, 0)
    this.#level.push(initial)
    const wrong = model.check(initial)
    if (wrong !== null) this.#found([], wrong)
  }

  get states(): number {
    return this.#visited.size
  }

  /** States that were found and whose consequences were not looked at. 0 at the end: nothing is left to visit. */
  get frontier(): number {
    return this.#level.count - this.#at + this.#next.count
  }

  get missChance(): number {
    return this.#visited.missChance
  }

  /** Nothing more will be visited: everything was, or a bound was reached, or a promise was broken. */
  get done(): boolean {
    return this.#stopped || this.violation !== null || this.frontier === 0
  }

  /** Looks at what follows from so many states. */
  advance(count: number): void {
    for (let i = 0; i < count && !this.done; i++) {
      if (this.#at === this.#level.count && !this.#descend()) return
      const index = this.#at++
      this.#level.read(index, this.#state)
      this.#expand(this.#levelStart + index)
      if (this.states >= this.#limits.statesMax) this.#stopped = true
    }
    if (this.#at === this.#level.count && !this.done) this.#descend()
    if (this.frontier === 0 && this.violation === null) this.completeDepth = this.#depth
  }

  #depth = 0

  /** False at the bound. */
  #descend(): boolean {
    this.#depth++
    this.completeDepth = this.#depth
    if (this.#depth >= this.#limits.depthMax) {
      this.#stopped = true
      return false
    }
    this.#levelStart += this.#level.count
    this.#level = this.#next
    this.#next = new Rows(this.#model.width)
    this.#at = 0
    return true
  }

  #expand(parent: number): void {
    this.#model.expand(this.#state, {
      next: (action, state) => {
        this.transitions++
        if (this.violation !== null || this.#isCovered(state) || !this.#visited.add(state)) return
        this.#origins.push(parent, action)
        this.#next.push(state)
        const wrong = this.#model.check(state)
        if (wrong !== null) this.#found([...this.#origins.wayTo(parent), action], wrong)
      },
      violation: (action, message) => {
        this.transitions++
        if (this.violation === null)
          this.#found([...this.#origins.wayTo(parent), action], { message, after: [] })
      },
    })
  }

  readonly #isVisited = (state: Int32Array): boolean => this.#visited.has(state)

  #isCovered(state: Int32Array): boolean {
    if (this.#model.isCovered?.(state, this.#isVisited) !== true) return false
    this.covered++
    return true
  }

  #found(way: readonly number[], { message, after }: Wrong): void {
    const steps: (readonly string[])[] = []
    let state = this.#model.initial()
    for (const action of [...way, ...after]) {
      steps.push(this.#model.describe(state, action))
      state = this.#model.take(state, action)
    }
    this.violation = { message, steps }
  }
}
