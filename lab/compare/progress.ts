/** What people see while a comparison runs: a bar where somebody watches, a line for each point where nobody does. */
import cliProgress from 'cli-progress'
import { durationText } from './estimate.ts'
import { latencyText, rateText } from './number-text.ts'
import type { Visit } from './plan.ts'
import type { Point, Run } from './results.ts'
import type { RunnerProgress } from './runner.ts'

export interface ProgressOptions {
  readonly totalMs: number
  readonly rounds: number
  /** A terminal that can be written over. */
  readonly isWatched: boolean
  readonly write: (text: string) => void
  readonly nowMs: () => number
}

export class ProgressBar implements RunnerProgress {
  readonly #options: ProgressOptions
  readonly #bar: cliProgress.SingleBar | null
  readonly #beganMs: number
  #doneMs = 0
  #skippedMs = 0
  #where = ''
  #points = 0

  constructor(options: ProgressOptions) {
    this.#options = options
    this.#beganMs = options.nowMs()
    this.#bar = options.isWatched
      ? new cliProgress.SingleBar(
          {
            format: '{bar} {percentage}%  {left} left  {where}  {doing}',
            barsize: 24,
            hideCursor: true,
            clearOnComplete: true,
            linewrap: false,
            // Ctrl-C is the runner's to handle: it stops what it has started.
            gracefulExit: false,
            forceRedraw: true,
          },
          cliProgress.Presets.shades_classic,
        )
      : null
    this.#bar?.start(Math.max(1, Math.round(options.totalMs)), 0, {
      left: durationText(options.totalMs),
      where: '',
      doing: '',
    })
  }

  visit(visit: Visit, title: string): void {
    const condition = [
      visit.durability === 'durable' ? '' : visit.durability,
      visit.replicas === 3 ? '' : `${visit.replicas} replicas`,
      visit.chains === 1 ? '' : `${visit.chains} chains`,
    ].filter((word) => word !== '')
    this.#where = `[${visit.round}/${this.#options.rounds}] ${[title, ...condition].join(', ')}`
    this.#bar?.update({ where: this.#where, doing: '' })
  }

  doing(text: string): void {
    this.#bar?.update({ doing: text, left: this.#leftText() })
  }

  measured({ workload, loop, variant, experiment, x }: Omit<Point, 'runs'>, { load }: Run): void {
    this.#points++
    if (this.#bar !== null) return
    const how = loop.type === 'closed' ? `${loop.outstanding} outstanding` : `${loop.perSecond}/s`
    const condition = `${workload.name}, ${workload.valueBytes} B, ${how}${x === null ? '' : ` (${x})`}`
    const found = `${rateText(load.perSecond)}, median ${latencyText(load.all.p50Us)}, p99 ${latencyText(load.all.p99Us)}`
    this.#line(`${this.#where}  ${experiment}: ${condition}, ${variant}: ${found}; ${this.#leftText()} left`)
  }

  spent(ms: number): void {
    this.#doneMs = Math.min(this.#options.totalMs, this.#doneMs + ms)
    this.#bar?.update(Math.round(this.#doneMs), { left: this.#leftText() })
  }

  skipped(ms: number): void {
    this.#skippedMs += ms
    this.spent(ms)
  }

  problem(system: string, what: string): void {
    this.#line(`PROBLEM  ${system}: ${what}`)
  }

  end(): void {
    this.#bar?.stop()
  }

  get points(): number {
    return this.#points
  }

  /** The plan's own estimate, corrected by how long things have taken here. */
  #leftText(): string {
    const { totalMs, nowMs } = this.#options
    const tookMs = nowMs() - this.#beganMs
    const doneMs = this.#doneMs - this.#skippedMs
    const pace = doneMs < 0.03 * totalMs ? 1 : tookMs / doneMs
    return durationText((totalMs - this.#doneMs) * pace)
  }

  #line(text: string): void {
    if (this.#bar !== null) this.#options.write('\r\x1b[2K')
    this.#options.write(`${text}\n`)
  }
}
