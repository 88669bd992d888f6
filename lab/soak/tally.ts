import type { SeedReport } from './task.ts'

const SECONDS_PER_HOUR = 3600

/** What many runs come to. */
export class Tally {
  seeds = 0
  failures: SeedReport[] = []
  virtualSeconds = 0
  events = 0
  ok = 0
  failed = 0
  unknown = 0
  faults = 0
  undecided = 0
  /** Time that threads spent, without their start. */
  workMs = 0

  add(report: SeedReport): void {
    this.seeds++
    if (report.failure !== null) this.failures.push(report)
    this.virtualSeconds += report.virtualSeconds
    this.events += report.events
    for (const { ok, failed, unknown } of [report.operations, report.znodeOperations]) {
      this.ok += ok
      this.failed += failed
      this.unknown += unknown
    }
    this.faults += report.faultsDone
    this.undecided += report.undecided
    this.workMs += report.wallMs
  }

  /** One line, for while it runs. */
  progress(elapsedMs: number, left: string): string {
    const perSecond = (this.seeds / elapsedMs) * 1000
    const hoursPerMinute = (this.virtualSeconds / SECONDS_PER_HOUR / elapsedMs) * 60_000
    const failed = this.failures.length === 0 ? 'none failed' : `${this.failures.length} FAILED`
    return `${this.seeds} seeds, ${perSecond.toFixed(1)} a second, ${hoursPerMinute.toFixed(1)} virtual hours a minute, ${failed}, ${left}`
  }

  /** Virtual seconds for each second that one core worked. */
  get speed(): number {
    return this.workMs === 0 ? 0 : (this.virtualSeconds / this.workMs) * 1000
  }
}
