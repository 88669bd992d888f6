import type { KvInput, KvOutput } from '../../checker/operations.ts'

/** One picture of a stage: machines in a row, what each holds, what travels between them, and a sentence. Data only; the page draws it. */
export interface StageFrame {
  readonly caption: string
  /** `Raft §5.4.1`; null where nobody but us is to be cited. */
  readonly cites: string | null
  /** In the order in which they stand; the same ids in every frame of a scenario. */
  readonly nodes: readonly StageNode[]
  readonly arrows: readonly StageArrow[]
  /** What the frame shows is a failure (`bad`), a cure (`good`), or neither. */
  readonly tone: StageTone
  /** Operations of clients so far, for a space-time diagram beneath; empty where the stage has no clients. */
  readonly operations: readonly StageOperation[]
}

export type StageTone = 'plain' | 'good' | 'bad'

export interface StageNode {
  readonly id: string
  /** `leader`, `primary`, `client`. */
  readonly role: string
  readonly state: 'up' | 'down' | 'cut-off'
  /** Raft's term; null on other stages. */
  readonly term: number | null
  /** Slots of a log, first one first. Empty where it has none. */
  readonly slots: readonly StageSlot[]
  /** Slots that it threw away in this frame: to be shown struck out. */
  readonly dropped: readonly StageSlot[]
  /** What it knows or holds, a line each: `x = 2`. */
  readonly notes: readonly string[]
}

export interface StageSlot {
  /** From 1. */
  readonly index: number
  readonly text: string
  /** `new`: arrived in this frame. `snapshot`: its place is taken by a snapshot. */
  readonly mark: 'plain' | 'committed' | 'new' | 'snapshot'
}

export interface StageArrow {
  readonly from: string
  readonly to: string
  readonly label: string
  /** In the message's own words, for hover and for screen readers. */
  readonly fields: readonly string[]
  readonly outcome: 'delivered' | 'lost' | 'refused'
}

/** Called in frame `from`, answered in frame `to` (counted from 0); `to` and `output` null: no answer so far. */
export interface StageOperation {
  readonly client: string
  /** `put x = 1`, `get x`. */
  readonly text: string
  readonly input: KvInput
  readonly output: KvOutput | null
  readonly from: number
  readonly to: number | null
}
