import type { Action, TimedAction } from './action.ts'
import type { BoardOptions } from './options.ts'
import type { ArrowView, BoardHistory, BoardVerdict, BoardView } from './view.ts'

/** What `runUntil` can wait for. */
export type Interesting = 'reconfiguration' | 'dirty-read' | 'election' | 'crash' | 'violation' | 'answer'

/** What a link, or a scenario, holds. */
export interface Recording {
  readonly options: BoardOptions
  readonly actions: readonly TimedAction[]
  /** How far the run had come. */
  readonly untilMs: number
}

/** One run of the real cores under the visitor's hand. Deterministic: options and actions decide everything. */
export class Board {
  /** Boots the cluster and lets it run until every chain is formed (virtual seconds, a few real ms); then replays the actions, up to the last one, or to `untilMs`. */
  static open(
    options: Partial<BoardOptions>,
    actions: readonly TimedAction[] = [],
    untilMs = 0,
  ): Promise<Board> {
    void [options, actions, untilMs]
    throw new Error('not yet')
  }

  declare readonly options: BoardOptions
  declare readonly actions: readonly TimedAction[]
  /** Of now, or of the moment that `seek` shows. The same object as long as nothing has happened. */
  declare readonly view: BoardView
  declare readonly history: BoardHistory
  declare readonly verdict: BoardVerdict
  /** Of everything that has happened: two runs are the same if and only if theirs are. */
  declare readonly hash: string
  /** False after `seek` to the past, until `resume`: then nothing can be run or done. */
  declare readonly isLive: boolean

  /** One event that matters: a message handled, or a timer or a disk that changed something. `everything`: also heartbeats. */
  declare step: (everything?: boolean) => Promise<void>
  declare runFor: (virtualMs: number) => Promise<void>
  /** @returns false where it did not come within `atMostMs`. */
  declare runUntil: (what: Interesting, atMostMs: number) => Promise<boolean>
  /** @returns null where it was done (and recorded); else why not, in words for the visitor. */
  declare act: (action: Action) => string | null
  /** Shows a recorded view: the newest one not after `atMs`. To the end of the span: now, live. */
  declare seek: (atMs: number) => void
  /** Makes the moment that is shown the present: replays to there and forgets what came after. */
  declare resume: () => Promise<void>
  /** Arrows of the space-time diagram that touch this span, oldest first. */
  declare arrows: (fromMs: number, toMs: number) => readonly ArrowView[]
  declare toLink: () => string
  declare toScenario: () => string
  declare static fromLink: (text: string) => Recording | { readonly error: string }
}
