import type { Action, TimedAction } from '../../board/action.ts'
import { Board, type Interesting } from '../../board/board.ts'
import type { BoardOptions } from '../../board/options.ts'
import type { BoardHistory, BoardView } from '../../board/view.ts'

/** Of real time and frame, so that a frame is drawn in 16 ms whatever the run does. */
const BUDGET_MS = 9
/** Of virtual time, at a time: how finely the budget is kept. */
const CHUNK_MS = 25
/** A frame that came late is not made up for. */
const FRAME_MAX_MS = 100
const JUMP_MAX_MS = 60_000
const JUMP_CHUNK_MS = 500

export interface RunSetup {
  readonly options: Partial<BoardOptions>
  /** Played at once. */
  readonly actions?: readonly TimedAction[]
  readonly untilMs?: number
  /** Done when the run gets there, before the eyes of the visitor. */
  readonly script?: readonly TimedAction[]
  readonly speed?: number
  readonly play?: boolean
}

const breathe = () => new Promise<void>((resolve) => setTimeout(resolve))

/** Called whenever the shown moment moves, up to once a frame. */
export type Painter = (nowMs: number) => void

/** Moves a Board through time: by itself once a frame, or as the visitor says. What it is asked for is done one after the other. */
export class Runner {
  board: Board | null = null
  /** What could not be done, in words for the visitor. */
  error: string | null = null
  playing = false
  loading = false
  speed = 0.1
  /** The moment that is shown. */
  nowMs = 0
  #script: TimedAction[] = []
  #queue: Promise<void> = Promise.resolve()
  #advancing = false
  #lastFrame = 0
  #shown: unknown = null
  readonly #listeners = new Set<() => void>()
  readonly #painters = new Set<Painter>()

  get view(): BoardView | null {
    return this.board?.view ?? null
  }

  get history(): BoardHistory {
    return this.board?.history ?? { spanMs: 0, marks: [] }
  }

  get isLive(): boolean {
    return this.board?.isLive ?? true
  }

  get scriptLeft(): number {
    return this.#script.length
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  onPaint(painter: Painter): () => void {
    this.#painters.add(painter)
    painter(this.nowMs)
    return () => this.#painters.delete(painter)
  }

  load({ options, actions = [], untilMs = 0, script = [], speed, play = false }: RunSetup): Promise<void> {
    this.playing = false
    this.loading = true
    this.#tell(true)
    return this.#do(async () => {
      this.board = await Board.open(options, actions, { untilMs, breathe })
      this.#script = [...script].sort((a, b) => a.atMs - b.atMs)
      this.nowMs = this.history.spanMs
      this.speed = speed ?? this.speed
      if (play) this.play()
    }).finally(() => {
      this.loading = false
      this.#tell(true)
    })
  }

  play(): void {
    if (this.playing || this.board === null) return
    this.playing = true
    this.#lastFrame = performance.now()
    requestAnimationFrame(this.#frame)
    this.#tell(true)
  }

  pause(): void {
    this.playing = false
    this.#tell(true)
  }

  setSpeed(speed: number): void {
    this.speed = speed
    this.#tell(true)
  }

  /** One event that matters; in the past, a bit further. */
  step(): Promise<void> {
    this.playing = false
    return this.#onBoard(async (board) => {
      if (board.isLive) {
        await board.step()
        this.nowMs = this.history.spanMs
        this.#actScript(board)
      } else this.#seek(board, this.nowMs + 5)
    })
  }

  /** Runs to the next such thing, or far enough to say that there is none. @returns whether it came. */
  jump(what: Interesting): Promise<boolean> {
    this.playing = false
    let found = false
    return this.#onBoard(async (board) => {
      const later = board.history.marks.find(({ atMs, kind }) => atMs > this.nowMs + 0.001 && kind === what)
      if (!board.isLive && later !== undefined) {
        found = true
        return this.#seek(board, later.atMs)
      }
      if (!board.isLive) this.#seek(board, board.history.spanMs)
      const endMs = this.history.spanMs + JUMP_MAX_MS
      while (!found && this.history.spanMs < endMs) {
        found = await board.runUntil(what, Math.min(JUMP_CHUNK_MS, this.#untilScript()))
        this.nowMs = this.history.spanMs
        this.#actScript(board)
        this.#tell(false)
        await new Promise((resolve) => setTimeout(resolve))
      }
    }).then(() => found)
  }

  seek(atMs: number): Promise<void> {
    return this.#onBoard(async (board) => this.#seek(board, atMs))
  }

  /** To a moment that is worth looking at: there it stands still. */
  goTo(atMs: number): Promise<void> {
    this.playing = false
    return this.seek(atMs)
  }

  /** What came after the moment that is shown is forgotten, since something else is about to happen. */
  act(action: Action): Promise<void> {
    return this.#onBoard(async (board) => {
      if (!board.isLive) {
        const atMs = this.nowMs
        this.#script = []
        await board.resume()
        this.nowMs = Math.max(atMs, this.history.spanMs)
      }
      this.error = board.act(action)
    })
  }

  dismiss(): void {
    this.error = null
    this.#tell(true)
  }

  fail(text: string): void {
    this.error = text
    this.#tell(true)
  }

  readonly #frame = (now: number): void => {
    if (!this.playing) return
    requestAnimationFrame(this.#frame)
    const passedMs = Math.min(FRAME_MAX_MS, now - this.#lastFrame)
    this.#lastFrame = now
    if (this.#advancing) return
    this.#advancing = true
    void this.#onBoard((board) => this.#advance(board, passedMs * this.speed)).finally(() => {
      this.#advancing = false
    })
  }

  async #advance(board: Board, ms: number): Promise<void> {
    if (!board.isLive) return this.#seek(board, this.nowMs + ms)
    const end = performance.now() + BUDGET_MS
    let left = ms
    while (left > 0 && this.playing) {
      const chunk = Math.min(left, CHUNK_MS, this.#untilScript())
      if (chunk > 0) await board.runFor(chunk)
      left -= chunk
      this.#actScript(board)
      if (performance.now() > end) break
    }
    this.nowMs = this.history.spanMs
  }

  #untilScript(): number {
    const next = this.#script[0]
    return next === undefined ? Infinity : Math.max(0, next.atMs - this.history.spanMs)
  }

  #actScript(board: Board): void {
    for (let next = this.#script[0]; next !== undefined; next = this.#script[0]) {
      if (next.atMs > board.history.spanMs + 1e-6) return
      this.#script.shift()
      board.act(next.action)
    }
  }

  #seek(board: Board, atMs: number): void {
    const span = board.history.spanMs
    this.nowMs = Math.max(0, Math.min(atMs, span))
    board.seek(this.nowMs)
  }

  /** Before the first run is there, nothing can be done. */
  #onBoard(what: (board: Board) => Promise<void>): Promise<void> {
    return this.#do(async () => {
      if (this.board !== null) await what(this.board)
    })
  }

  #do(what: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(async () => {
      try {
        await what()
      } catch (error) {
        this.playing = false
        this.error = error instanceof Error ? error.message : String(error)
      }
      this.#tell(false)
    })
    this.#queue = done
    return done
  }

  /** Paints always; what is drawn by the tree only where something in it has changed. */
  #tell(always: boolean): void {
    const { view, error } = this
    const shown = `${error} ${this.playing} ${this.isLive}`
    if (always || view !== this.#lastView || shown !== this.#shown) {
      this.#lastView = view
      this.#shown = shown
      for (const listener of this.#listeners) listener()
    }
    for (const painter of this.#painters) painter(this.nowMs)
  }

  #lastView: BoardView | null = null
}
