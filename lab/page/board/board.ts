import type { Action, TimedAction } from './action.ts'
import { type Frame, Frames } from './frames.ts'
import { decodeLink, encodeLink, type Recording } from './link.ts'
import { Looker } from './look.ts'
import type { BoardOptions } from './options.ts'
import { type Breathe, Run } from './run.ts'
import { scenarioText } from './scenario-text.ts'
import {
  ACTIONS_MAX,
  checkActions,
  checkOptions,
  isWrong,
  RUN_MS_MAX,
  type Wrong,
  wrongAction,
} from './validate.ts'
import type { ArrowView, BoardHistory, BoardVerdict, BoardView, MarkKind } from './view.ts'

/** What `runUntil` can wait for. `violation`: also a history that no order explains. `answer`: a client hears how its operation ended. */
export type Interesting = 'reconfiguration' | 'dirty-read' | 'election' | 'crash' | 'violation' | 'answer'

const STEP_AT_MOST_US = 60_000_000

/**
 * One run of the real cores under the visitor's hand. Deterministic: options and actions decide everything, in Node and in every browser.
 *
 * @example
 * const board = await Board.open({ seed: 7 })
 * board.act({ type: 'client', client: 'client-1', op: { type: 'put', key: 'x', value: '5' } })
 * await board.runFor(500)
 * board.view.clients[0]?.operations // put x=5: ok
 */
export class Board {
  readonly options: BoardOptions
  #run: Run
  #looker: Looker
  #frames = new Frames()
  #actions: TimedAction[] = []
  /** What `seek` shows; null: now. */
  #shown: Frame | null = null
  /** One thing at a time: a second call waits for the first. */
  #busy: Promise<unknown> = Promise.resolve()
  readonly #breathe: Breathe | null
  /** Something was done since the last frame. Recorded when time goes on: much may be done in one moment. */
  #recordDue = false

  private constructor(options: BoardOptions, breathe: Breathe | null) {
    this.options = options
    this.#breathe = breathe
    this.#run = new Run(options, breathe)
    this.#looker = new Looker(this.#run)
  }

  /**
   * Boots a cluster, lets it run until every chain is formed (some virtual seconds; that is moment 0), and replays the actions up to `untilMs`, or the last of them.
   *
   * @param breathe - called now and then during long runs, so that a page can draw: for example a promise of the next animation frame.
   * @throws {RangeError} options or actions that make no sense: `checkOptions` and `fromLink` tell so without throwing.
   */
  static async open(
    said: Partial<BoardOptions>,
    actions: readonly TimedAction[] = [],
    { untilMs = 0, breathe = null }: { readonly untilMs?: number; readonly breathe?: Breathe | null } = {},
  ): Promise<Board> {
    const options = checkOptions(said)
    if (isWrong(options)) throw new RangeError(options.error)
    const checked = checkActions(actions)
    if (isWrong(checked)) throw new RangeError(checked.error)
    const board = new Board(options, breathe)
    await board.#replay(checked, untilMs)
    return board
  }

  static fromLink(text: string): Recording | Wrong {
    return decodeLink(text)
  }

  // What is seen.

  get actions(): readonly TimedAction[] {
    return this.#actions
  }

  /** Of now, or of the moment that `seek` shows. The same object as long as nothing has happened. */
  get view(): BoardView {
    return this.#shown?.view ?? this.#looker.look()
  }

  /** False after `seek` to the past, until `resume`: nothing can be run or done then. */
  get isLive(): boolean {
    return this.#shown === null
  }

  get history(): BoardHistory {
    return { spanMs: this.#run.atMs, marks: this.#run.marks }
  }

  /** Of the whole run so far, whatever `seek` shows. */
  get verdict(): BoardVerdict {
    return this.#run.verdict
  }

  /** Two runs are the same if and only if theirs are. */
  get hash(): string {
    return this.#run.hash
  }

  /** Arrows of the space-time diagram that touch this span, oldest first. */
  arrows(fromMs: number, toMs: number): readonly ArrowView[] {
    return this.#run.arrows.between(fromMs, toMs)
  }

  // Time.

  /** One event that matters: a message handled, or a timer or a disk that changed something. `everything`: whichever event comes next. */
  step(everything = false): Promise<void> {
    return this.#alone(async () => {
      if (this.#recordDue) this.#record()
      await this.#run.step(everything, STEP_AT_MOST_US)
      if (this.#frames.isDue(this.#run.atMs)) this.#record()
    })
  }

  /** Lets virtual time pass. */
  runFor(virtualMs: number): Promise<void> {
    return this.#alone(async () => {
      const { nowUs } = this.#run.cluster.scheduler
      const ms = Math.min(virtualMs, RUN_MS_MAX - this.#run.atMs)
      if (ms > 0) await this.#advance(Math.round(nowUs + ms * 1000), () => false)
    })
  }

  /** Stops right after the next one. @returns false where none came within `atMostMs`. */
  async runUntil(what: Interesting, atMostMs: number): Promise<boolean> {
    let found = false
    await this.#alone(async () => {
      const run = this.#run
      const { answers } = run
      const seen = run.marks.at(-1) ?? null
      const wanted: readonly MarkKind[] =
        what === 'violation' ? ['violation', 'not-linearizable'] : what === 'answer' ? [] : [what]
      found = await this.#advance(Math.round(run.cluster.scheduler.nowUs + atMostMs * 1000), () => {
        if (what === 'answer') return run.answers > answers
        for (let i = run.marks.length - 1; i >= 0 && run.marks[i] !== seen; i--)
          if (wanted.includes(run.marks[i]?.kind ?? 'action')) return true
        return false
      })
    })
    return found
  }

  /** Does this now, and records it. @returns null where it was done; else why not, in words for the visitor: then nothing has happened. */
  act(action: Action): string | null {
    if (!this.isLive) return 'This moment is past. Go on from here first.'
    if (this.#actions.length >= ACTIONS_MAX) return `This run has ${ACTIONS_MAX} actions, and takes no more.`
    const run = this.#run
    const refusal = wrongAction(action) ?? run.act(action)
    if (refusal !== null) return refusal
    this.#actions.push({ atMs: run.atMs, after: run.events, action })
    this.#recordDue = true
    return null
  }

  /** Shows the newest recorded view that is not after this moment; from the end of the span on: now. */
  seek(atMs: number): void {
    this.#record()
    this.#shown = atMs >= this.#run.atMs ? null : this.#frames.at(Number.isFinite(atMs) ? atMs : 0)
  }

  /** Makes the moment that is shown the present: replays up to there, and forgets what came after. */
  resume(): Promise<void> {
    const shown = this.#shown
    if (shown === null) return Promise.resolve()
    return this.#alone(
      async () => {
        const { atMs, events } = shown.view
        const actions = this.#actions.slice(0, shown.actions)
        const frames = this.#frames
        // What comes now was recorded before.
        this.#frames = new Frames({ records: false })
        this.#run = new Run(this.options, this.#breathe)
        this.#looker = new Looker(this.#run)
        this.#actions = []
        await this.#replay(actions, 0)
        await this.#reach(atMs, events)
        frames.cutAfter(shown)
        this.#frames = frames
        this.#shown = null
        this.#record()
      },
      { evenPast: true },
    )
  }

  // To take away.

  get recording(): Recording {
    return { options: this.options, actions: this.#actions, untilMs: this.#run.atMs }
  }

  toLink(): string {
    return encodeLink(this.recording)
  }

  /** As a text that `runScenario` runs: with what was seen, to be expected again. */
  toScenario(): string {
    return scenarioText(this.recording, { verdict: this.verdict, hash: this.hash })
  }

  // Within.

  async #replay(actions: readonly TimedAction[], untilMs: number): Promise<void> {
    await this.#run.boot()
    this.#record()
    for (const timed of actions) {
      await this.#reach(timed.atMs, timed.after ?? null)
      // What cannot be done (a message of another version's run) is left out, as it would have been by hand.
      if (this.#run.act(timed.action) !== null) continue
      this.#actions.push({ atMs: this.#run.atMs, after: this.#run.events, action: timed.action })
      this.#recordDue = true
    }
    const untilUs = this.#run.startUs + Math.round(untilMs * 1000)
    if (untilUs > this.#run.cluster.scheduler.nowUs) await this.#advance(untilUs, () => false)
    this.#record()
  }

  /** Exactly so many events, then that moment. */
  async #reach(atMs: number, events: number | null): Promise<void> {
    const run = this.#run
    const atUs = run.startUs + Math.round(atMs * 1000)
    // A count that is not reached by then is of another version of the code: time decides.
    if (events !== null && run.events < events) await this.#advance(atUs, () => run.events >= events)
    const { scheduler } = run.cluster
    if (events === null) await this.#advance(atUs, () => false)
    else await run.pass(Math.max(atUs, scheduler.nowUs))
  }

  #advance(untilUs: number, stop: () => boolean): Promise<boolean> {
    const run = this.#run
    if (this.#recordDue) this.#record()
    return run.advance(untilUs, () => {
      if (this.#frames.isDue(run.atMs)) this.#record()
      return stop()
    })
  }

  #record(): void {
    this.#recordDue = false
    if (this.#frames.records) this.#frames.add({ view: this.#looker.look(), actions: this.#actions.length })
  }

  #alone(work: () => Promise<unknown>, { evenPast = false } = {}): Promise<void> {
    const done = this.#busy.then(async () => {
      if (this.isLive || evenPast) await work()
    })
    this.#busy = done.catch(() => null)
    return done
  }
}
