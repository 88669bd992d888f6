import type { Timers } from '../../../protocol/timers.ts'
import { ProcessTimer } from './process-timer.ts'
import type { Rng } from './rng.ts'
import type { Scheduler } from './scheduler.ts'
import type { Trace } from './trace.ts'

/** Wall clock at the beginning of every run. */
const WALL_START_MS = 1_700_000_000_000
/** How long a turn gathers what arrives together, where nobody says otherwise. */
const TURN_US = 20
/** More turns than this, each asked for by the one before it and no time between them: it would never end. */
const TURNS_MAX = 1000

/** What processes share. */
export interface Kernel {
  readonly scheduler: Scheduler
  readonly trace: Trace
  /** How long a turn gathers what arrives together. 0: each event is a turn of its own, which costs one event less. Default: 20. */
  readonly turnUs?: number
  /** Something threw that nobody expects: an invariant, or a bug. The process is gone. */
  onBug(process: SimProcess, error: unknown): void
  /** A process has just done something: who watches, looks now. */
  ran?(process: SimProcess): void
}

/**
 * A process of the simulated cluster: it lives, crashes, lives again, pauses while its clock runs on, is slow, and has a clock of its own rate. Everything that it does
 * is done in `run`; what was planned by a life ends with that life.
 */
export class SimProcess {
  readonly name: string
  readonly kernel: Kernel
  readonly rng: Rng
  /** Counts lives; a callback of an earlier one does nothing. */
  life = 0
  #alive = false
  #crashListeners: (() => void)[] = []
  #held: (() => void)[] | null = null
  /** Paused until then; slow processes are busy until then. */
  #busyUntilUs = 0
  #costUs = 0
  #clockRate = 1
  #clockUs = 0
  #clockSinceUs = 0
  #wallSkewMs = 0
  readonly #turnUs: number
  #turnEnds: (() => void)[] = []
  /** Something is being done; what it leaves for the end of the turn follows at once where turns gather nothing. */
  #acting = false

  constructor(kernel: Kernel, name: string, rng: Rng) {
    this.kernel = kernel
    this.#turnUs = kernel.turnUs ?? TURN_US
    this.name = name
    this.rng = rng
  }

  get alive(): boolean {
    return this.#alive
  }

  get paused(): boolean {
    return this.#held !== null
  }

  /** What everything that it handles takes of its time, beyond the usual. */
  get costUs(): number {
    return this.#costUs
  }

  // Life and death.

  /** Begins a life. `main` builds it from what the disks hold. */
  start(main: () => void): void {
    if (this.#alive) throw new Error(`${this.name} lives already`)
    this.#alive = true
    this.life++
    this.note('start')
    this.#guarded(main)
  }

  /** Ends this life in whatever state it is: nothing is said, nothing is written. Those who listen (links, disks) do what the system does then. */
  crash(why = 'crash'): void {
    if (!this.#alive) return
    this.note(why)
    this.#alive = false
    this.#held = null
    this.#turnEnds = []
    this.#busyUntilUs = 0
    this.#costUs = 0
    for (const listener of this.#crashListeners.splice(0)) listener()
  }

  /** Called once, when this life ends. */
  onCrash(listener: () => void): void {
    this.#crashListeners.push(listener)
  }

  /** The process stops; what comes meanwhile waits; its clock runs on. */
  pause(): void {
    if (!this.#alive || this.#held !== null) return
    this.note('pause')
    this.#held = []
  }

  resume(): void {
    const held = this.#held
    if (held === null) return
    this.note('resume')
    this.#held = null
    for (const run of held) this.run(run)
  }

  /** Gray failure: from now on everything that it handles takes this much of its time. 0: as fast as ever. */
  slowDown(costUs: number): void {
    this.#costUs = costUs
    this.note('cost', () => `${costUs} us`)
  }

  // Doing things.

  /** Does something now, or when it is no longer paused or busy; never, if this life ends before. A throw ends the process and is a bug. */
  run(action: () => void): void {
    if (!this.#alive) return
    if (this.#held !== null) {
      this.#held.push(action)
      return
    }
    const { nowUs } = this.kernel.scheduler
    if (this.#costUs === 0 && this.#busyUntilUs <= nowUs) {
      this.#guarded(action)
      return
    }
    this.#busyUntilUs = Math.max(this.#busyUntilUs, nowUs) + this.#costUs
    const { life } = this
    this.kernel.scheduler.at(this.#busyUntilUs, () => {
      if (this.life !== life || !this.#alive) return
      if (this.#held !== null) this.#held.push(action)
      else this.#guarded(action)
    })
  }

  #guarded(action: () => void): void {
    const outermost = !this.#acting
    this.#acting = true
    try {
      action()
      this.kernel.ran?.(this)
      if (outermost && this.#turnUs === 0 && this.#turnEnds.length > 0) this.#endTurns()
    } catch (error) {
      this.bug(error)
    } finally {
      if (outermost) this.#acting = false
    }
  }

  /** What nobody expects ends the process, as it does in production. */
  bug(error: unknown): void {
    if (this.#alive) this.crash('bug')
    this.kernel.onBug(this, error)
  }

  /** At the end of the turn: after all that arrives at about this moment. What is asked for twice in one turn is done once. */
  atTurnEnd(run: () => void): void {
    if (!this.#alive || this.#turnEnds.includes(run)) return
    this.#turnEnds.push(run)
    if (this.#turnEnds.length > 1 || (this.#acting && this.#turnUs === 0)) return
    const { life } = this
    this.kernel.scheduler.after(this.#turnUs, () => {
      if (this.life === life) this.run(this.#endTurn)
    })
  }

  readonly #endTurn = (): void => {
    const { life } = this
    const ends = this.#turnEnds
    this.#turnEnds = []
    for (const end of ends) {
      if (this.life !== life || !this.#alive) return
      end()
    }
  }

  #endTurns(): void {
    for (let turns = 0; this.#turnEnds.length > 0; turns++) {
      if (turns === TURNS_MAX) throw new Error(`${this.name}: ${turns} turns, and no end to them`)
      this.#endTurn()
      this.kernel.ran?.(this)
    }
  }

  // Time.

  /** Monotonic, of this process's own clock. */
  nowMs(): number {
    return (this.#clockUs + (this.kernel.scheduler.nowUs - this.#clockSinceUs) * this.#clockRate) / 1000
  }

  wallMs(): number {
    return Math.floor(WALL_START_MS + this.#wallSkewMs + this.nowMs())
  }

  get clockRate(): number {
    return this.#clockRate
  }

  /** From now on its clock runs this much faster (1.1) or slower (0.9) than true time. */
  setClockRate(rate: number): void {
    const { nowUs } = this.kernel.scheduler
    this.#clockUs += (nowUs - this.#clockSinceUs) * this.#clockRate
    this.#clockSinceUs = nowUs
    this.#clockRate = rate
    this.note('clock rate', () => `${rate}`)
  }

  skewWallClock(ms: number): void {
    this.#wallSkewMs += ms
  }

  /** Timers of this life for synchronous code: they end with it, wait while it is paused, and count by its own clock. */
  readonly timers: Timers = this.#timersThat(false)

  /** The same for code that works with promises. */
  readonly promiseTimers: Timers = this.#timersThat(true)

  #timersThat(settles: boolean): Timers {
    return {
      nowMs: () => this.nowMs(),
      after: (ms, run) => new ProcessTimer(this, { ms, run, repeats: false, settles }),
      every: (ms, run) => new ProcessTimer(this, { ms, run, repeats: true, settles }),
    }
  }

  note(what: string, details?: () => string): void {
    this.kernel.trace.add(this.kernel.scheduler.nowUs, this.name, what, details)
  }
}
