import type { Machine } from '../machine.ts'
import type { Operation } from '../operations.ts'

/** Operations that are judged together, and alone: the operations of one key, or all. */
export interface Part {
  readonly name: string
  readonly operations: readonly Operation[]
}

/** A sequential object. An order of operations is right if it could be made by this object, one operation after the other. */
export interface Model {
  /** Parts that have no state in common: a history is linearizable if each of them is (Herlihy & Wing 1990, locality). */
  partition(operations: readonly Operation[]): readonly Part[]
  /** @param initial - what is there before the first operation; null: nothing. */
  machine(operations: readonly Operation[], initial: string | null): Machine
}
