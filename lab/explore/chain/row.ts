/** The state of a chain as a row of numbers: servers, links, coordinator, judge, budgets, and what is held up. */

/** Budgets that are left, in four bits each, and who has lost the lease. */
export const CRASHES = 0
export const LAPSES = 4
export const RESTARTS = 8
export const HASTES = 12
export const TIMES = 16
export const LAPSED = 20
export const leftOf = (budget: number, which: number): number => (budget >> which) & 15

/** In so many rounds in which nothing but time moves things on, everything must be well again. */
export const TIMES_MAX = 6

export const at = (state: Int32Array, index: number): number => state[index] ?? 0

/** Where everything is. Server i is at place i. */
export class Row {
  readonly servers: number
  readonly width: number
  readonly treeAt: number
  readonly judgeAt: number
  readonly budgetAt: number
  /** A bit for each thing that is held up. */
  readonly heldAt: number
  readonly holdsLeftAt: number

  constructor(servers: number) {
    this.servers = servers
    this.treeAt = servers + servers * servers
    this.judgeAt = this.treeAt + 1
    this.budgetAt = this.treeAt + 2
    this.heldAt = this.treeAt + 3
    this.holdsLeftAt = this.treeAt + 4
    this.width = this.treeAt + 5
  }

  link(from: number, to: number): number {
    return this.servers * (1 + from) + to
  }

  isLapsed(state: Int32Array, server: number): boolean {
    return ((at(state, this.budgetAt) >> (LAPSED + server)) & 1) === 1
  }
}
