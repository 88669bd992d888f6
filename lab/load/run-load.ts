/** One load, from this process, on a target that is open. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Rng } from '../simulator/kernel/rng.ts'
import { OperationStream } from '../workload/operation-stream.ts'
import { Flight, type Slot } from './flight.ts'
import { OpenSchedule } from './open-schedule.ts'
import { type Count, Tally } from './tally.ts'
import type { Target } from './target.ts'
import type { LoadTask } from './task.ts'
import { Ticker } from './ticker.ts'

/** How long operations that are in flight at the end may take: this since the last answer, for a deep queue of large values moves slowly; and in all. */
const GRACE_MS = 2000
const GRACE_MS_MAX = 15_000
const GRACE_STEP_MS = 5
/** A closed loop whose operation failed begins the next one so much later: a dead target must not be asked a million times a second. */
const AFTER_ERROR_MS = 10
/** An open loop looks so often at least what is due, and not oftener: a finer sleep does not exist. */
const TICK_MS_MIN = 0.1

/** A run that ended before its time. `count`: what had been done by then. */
export class LoadError extends Error {
  override readonly name = 'LoadError'
  readonly count: Count

  constructor(message: string, count: Count) {
    super(message)
    this.count = count
  }
}

/** Which of several processes that run the same task this is: each inserts other records and throws other dice. */
export interface Part {
  readonly index: number
  readonly of: number
}

/**
 * Drives the target for the task's warm-up and its measured span. Does not close it.
 *
 * @throws {LoadError} an operation failed and the task does not tolerate it, or nothing was answered.
 */
export function runLoad(task: LoadTask, target: Target, part: Part = { index: 0, of: 1 }): Promise<Count> {
  return new LoadRun(task, target, part).run()
}

class LoadRun {
  readonly #task: LoadTask
  readonly #tally: Tally
  readonly #flight: Flight
  readonly #stream: OperationStream
  readonly #schedule: OpenSchedule | null
  readonly #broken: Promise<never>
  #break: (error: Error) => void = () => {}
  #over = false
  #answered = 0
  #cpuBefore: NodeJS.CpuUsage | null = null
  #cpuSeconds = 0

  constructor(task: LoadTask, target: Target, part: Part) {
    const { loop, workload } = task
    this.#task = task
    this.#tally = new Tally(task.bucketMs)
    const dice = new Rng(task.seed).fork(`load process ${part.index}`)
    this.#stream = new OperationStream(workload, dice, { first: part.index, step: part.of })
    this.#flight = new Flight(target, this.#stream, (slot, error) => this.#onEnd(slot, error))
    this.#schedule = loop.type === 'open' ? new OpenSchedule(loop) : null
    this.#broken = new Promise<never>((_, reject) => {
      this.#break = reject
    })
    this.#broken.catch(() => {}) // it is raced for; where nobody races any more, it is over anyway
  }

  async run(): Promise<Count> {
    const { warmUpMs, measureMs } = this.#task
    const startMs = performance.now()
    const [beganMs, endMs] = [startMs + warmUpMs, startMs + warmUpMs + measureMs]
    this.#tally.begin(beganMs, endMs)
    this.#schedule?.begin(startMs, { beganMs, endMs })
    const ticker = this.#start(startMs)
    try {
      await this.#until(beganMs)
      this.#cpuBefore = process.cpuUsage()
      await this.#until(endMs)
      this.#cpuSeconds = this.#cpuSince()
      await Promise.race([this.#broken, this.#drain()])
    } finally {
      this.#over = true
      await ticker?.stop()
    }
    return this.#count(null)
  }

  #start(startMs: number): Ticker | null {
    const { loop } = this.#task
    if (loop.type === 'closed') {
      for (let i = 0; i < loop.outstanding; i++) this.#flight.issue(this.#flight.take(), startMs)
      return null
    }
    return new Ticker(Math.max(TICK_MS_MIN, 1000 / loop.perSecond), () => {
      if (this.#over || !this.#issueDue(performance.now())) return
      this.#flight.flush()
    })
  }

  #until(atMs: number): Promise<void> {
    return Promise.race([this.#broken, sleep(Math.max(0, atMs - performance.now()))])
  }

  /** Issues what is due and may be in flight. Whether there was any. */
  #issueDue(nowMs: number): boolean {
    const schedule = this.#schedule
    if (schedule === null) return false
    let issued = false
    while (!this.#over) {
      const dueMs = schedule.take(nowMs, this.#flight.inFlight)
      if (dueMs === null) break
      this.#flight.issue(this.#flight.take(), dueMs)
      issued = true
    }
    return issued
  }

  #onEnd(slot: Slot, error: string | null): void {
    const nowMs = performance.now()
    if (error !== null) return this.#onError(slot, error, nowMs)
    this.#answered++
    const counted = this.#schedule === null ? this.#tally.isIn(nowMs) : this.#schedule.isIn(slot.startedMs)
    this.#tally.completed(nowMs)
    if (counted && !this.#over) this.#tally.latency(slot.type, nowMs - slot.startedMs)
    if (this.#schedule !== null) {
      if (counted) this.#schedule.ended++
      this.#flight.release(slot)
      this.#issueDue(nowMs)
    } else this.#again(slot, nowMs)
  }

  #again(slot: Slot, nowMs: number): void {
    if (this.#isPast(nowMs)) this.#flight.release(slot)
    else this.#flight.issue(slot, nowMs)
  }

  #isPast(nowMs: number): boolean {
    return this.#over || this.#tally.isPast(nowMs)
  }

  #onError(slot: Slot, error: string, nowMs: number): void {
    if (this.#over) return
    this.#tally.failed(nowMs, error)
    if (this.#schedule?.isIn(slot.startedMs)) this.#schedule.ended++
    if (!this.#task.tolerateErrors) {
      this.#over = true
      this.#cpuSeconds = this.#cpuSince()
      return this.#fail(`a ${slot.type} failed: ${error}`, nowMs)
    }
    if (this.#schedule !== null) this.#flight.release(slot)
    else setTimeout(() => this.#again(slot, performance.now()), AFTER_ERROR_MS)
  }

  /** Waits for what is in flight; in an open loop also for what was due and could not begin in time. */
  async #drain(): Promise<void> {
    const schedule = this.#schedule
    const endedMs = performance.now()
    const isDone = () => this.#flight.inFlight === 0 && (schedule === null || schedule.isExhausted)
    let [answered, answeredMs] = [this.#answered, endedMs]
    while (!isDone()) {
      const nowMs = performance.now()
      if (nowMs - answeredMs > GRACE_MS || nowMs - endedMs > GRACE_MS_MAX) break
      // What an open loop cannot answer soon counts as unanswered.
      if (schedule === null && this.#answered > answered) [answered, answeredMs] = [this.#answered, nowMs]
      await sleep(GRACE_STEP_MS)
    }
    if (schedule !== null) return this.#countUnanswered(schedule)
    if (this.#task.tolerateErrors) return
    const nowMs = performance.now()
    if (this.#flight.inFlight > 0)
      this.#fail(
        `${this.#flight.inFlight} operations had no answer ${GRACE_MS} ms after the last one that had`,
        nowMs,
      )
    else if (this.#tally.done === 0) this.#fail('no operation was completed in the measured span', nowMs)
  }

  /** Operations of an open loop without an answer have waited so long at least: to leave them out would flatter. */
  #countUnanswered(schedule: OpenSchedule): void {
    const nowMs = performance.now()
    for (const { type, startedMs } of this.#flight.busySlots)
      if (schedule.isIn(startedMs)) this.#tally.latency(type, nowMs - startedMs)
    for (let dueMs = schedule.skip(); dueMs !== null; dueMs = schedule.skip())
      if (schedule.isIn(dueMs)) this.#tally.latency(this.#stream.next().type, nowMs - dueMs)
  }

  #fail(what: string, nowMs: number): void {
    const { target, workload, warmUpMs, measureMs } = this.#task
    const message = `${workload.name} on ${target.kind}: ${what} (${this.#answered} operations had succeeded, warm-up included; ${warmUpMs} ms of warm-up, ${measureMs} ms to measure)`
    this.#break(new LoadError(message, this.#count(nowMs)))
  }

  #cpuSince(): number {
    if (this.#cpuBefore === null) return 0
    const { user, system } = process.cpuUsage(this.#cpuBefore)
    return (user + system) / 1e6
  }

  #count(endedMs: number | null): Count {
    const { loop } = this.#task
    return this.#tally.count({
      endedMs,
      cpuSeconds: this.#cpuSeconds,
      open: this.#schedule?.summary() ?? null,
      wantedPerSecond: loop.type === 'open' ? loop.perSecond : null,
    })
  }
}
