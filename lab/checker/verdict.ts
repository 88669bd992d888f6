import type { ModelName, Operation } from './operations.ts'

export type Judgement = 'linearizable' | 'not-linearizable' | 'unknown'

/** What was found out about a history. `unknown` is honest: a limit ended the search, and `reason` names it. */
export interface Verdict {
  readonly judgement: Judgement
  readonly model: ModelName
  readonly operations: number
  /** In order; one for each part that was judged on its own (a key, or the whole). */
  readonly parts: readonly PartVerdict[]
}

export interface PartVerdict {
  /** The key, or `all`. */
  readonly name: string
  readonly judgement: Judgement
  /** Of `unknown`: which limit. Of `not-linearizable`: in words, what is wrong. Null where all is well. */
  readonly reason: string | null
  readonly operations: readonly Operation[]
  /** Ids in an order that explains as many operations as were found to be explainable: all of them, where it is linearizable. */
  readonly longestPrefix: readonly number[]
  /** The state after `longestPrefix`, in words. */
  readonly stateAfter: string
  /** Where it is not linearizable: the smallest history that was found which is not either. */
  readonly smallest: readonly Operation[] | null
  readonly configurationsVisited: number
}
