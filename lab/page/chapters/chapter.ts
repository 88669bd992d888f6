/**
 * What one chapter of the guide is, as the page's left side shows it. The text is docs/guide/<file>; the rest is here: a question to predict, and scenarios that
 * run with one click. The scenario that fails comes before the one that is cured.
 *
 * Three kinds, and so three ways to show one: the cluster on the Board, a stage (frames that were computed beforehand, stepped through like slides), and a
 * history that the reader may change and have judged.
 */
import type { TimedAction } from '../board/action.ts'
import type { BoardOptions } from '../board/options.ts'
import type { StageFrame } from '../stage/frame.ts'

export interface Chapter {
  /** The file's name without `.md`: `03-chain-replication`. Part of links to the page; never changes. */
  readonly id: string
  readonly number: number
  readonly title: string
  /** One sentence, for the list of chapters. */
  readonly summary: string
  /** The text, in docs/guide. */
  readonly file: string
  readonly question: Question
  /** In the order in which to run them. Never empty. */
  readonly scenarios: readonly Scenario[]
}

/** Asked before the scenario runs. */
export interface Question {
  readonly text: string
  readonly choices: readonly string[]
  /** Index in `choices`. */
  readonly answer: number
  /** Why, for after the reader has chosen. */
  readonly because: string
}

export type Scenario = BoardScenario | StageScenario | HistoryScenario

interface Named {
  /** Unique in its chapter; in links. */
  readonly id: string
  /** On the button. */
  readonly title: string
  /** What to look at while it runs, one sentence each. */
  readonly watch: readonly string[]
  /** What the reader will have seen at the end, in one sentence; test/page-chapters holds it to that. */
  readonly outcome: string
}

/** The real cores on the Board. A failure that a rule prevents is shown with `options.mutant`: the rule left out. */
export interface BoardScenario extends Named {
  readonly kind: 'board'
  /** Over `DEFAULT_OPTIONS`, as `Board.open` takes them. */
  readonly options: Partial<BoardOptions>
  readonly actions: readonly TimedAction[]
  /** Where the story is over; the run may go on. */
  readonly untilMs: number
  /** Begin here instead of at 0: the time before is played at once. */
  readonly fromMs: number
  /** Good speed to watch it at: 0.1 is ten times slower than life. One of those that the page offers. */
  readonly speed: 0.02 | 0.05 | 0.1 | 0.25 | 1 | 10 | 100
  readonly expect: {
    readonly verdict: 'linearizable' | 'not-linearizable'
    /** Invariants (docs/INVARIANTS.md) that are seen broken on the way, in any order. None, where it is not said. */
    readonly violations?: readonly string[]
  }
}

/** Computed beforehand; the same frames every time. */
export interface StageScenario extends Named {
  readonly kind: 'stage'
  frames(): readonly StageFrame[]
  /** What lab/page/stage/judge.ts says of the clients' operations; null where no client does anything. */
  readonly expect: 'linearizable' | 'not-linearizable' | null
  /** Logs that the reader may change before the frames are computed again, where the scenario takes any. */
  readonly logs?: EditableLogs
}

/** One text per server, terms separated by spaces: `5 6 7`. */
export interface EditableLogs {
  readonly initial: Readonly<Record<string, string>>
  /** @throws {RangeError} with a sentence for the reader, where the logs are not possible. */
  frames(logs: Readonly<Record<string, string>>): readonly StageFrame[]
}

/** Judged by lab/checker. In our own format (docs/CHECKER.md), so that it can be edited, saved and given to `catenary check`. */
export interface HistoryScenario extends Named {
  readonly kind: 'history'
  readonly ndjson: string
  readonly expect: 'linearizable' | 'not-linearizable'
}
