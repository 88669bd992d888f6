import { Soak } from '../../lab/soak/soak.ts'
import { Tally } from '../../lab/soak/tally.ts'
import type { SeedReport } from '../../lab/soak/task.ts'
import { interrupted, note, say, sayJson } from '../output.ts'
import { codeVersion } from './commit.ts'
import type { SimChoice } from './one.ts'
import { repeatCommand } from './repeat.ts'

/** Between progress lines: on a terminal, and in a log. */
const TERMINAL_MS = 500
const LOG_MS = 10_000

export async function simulateMany(
  amount: { readonly from: number; readonly seeds: number; readonly minutes: number },
  choice: SimChoice,
): Promise<void> {
  const began = performance.now()
  const untilMs = began + amount.minutes * 60_000
  const tally = new Tally()
  const left = () => {
    if (amount.minutes !== Number.POSITIVE_INFINITY)
      return `${Math.max(0, Math.round((untilMs - performance.now()) / 1000))} s left`
    return `${amount.seeds - tally.seeds} seeds left`
  }
  const terminal = process.stderr.isTTY === true
  const show = () => {
    const line = tally.progress(performance.now() - began, left())
    process.stderr.write(terminal ? `\r\x1b[K${line}` : `${line}\n`)
  }
  const soak = new Soak({
    options: choice.options,
    fromSeed: amount.from,
    seeds: amount.seeds,
    untilMs,
    workers: choice.workers,
    goOn: choice.goOn,
    onReport: (report) => {
      tally.add(report)
      if (report.failure === null || choice.json) return
      if (terminal) process.stderr.write('\r\x1b[K')
      tell(report, choice)
    },
  })
  const ticker = setInterval(show, terminal ? TERMINAL_MS : LOG_MS)
  void interrupted().then(() => soak.stop())
  try {
    await soak.run()
  } finally {
    clearInterval(ticker)
    if (terminal) process.stderr.write('\r\x1b[K')
  }
  finish(tally, performance.now() - began, choice)
}

function tell(report: SeedReport, { options }: SimChoice): void {
  const { failure, seed } = report
  say(`seed ${seed} FAILED: ${failure?.kind}: ${failure?.what}`)
  if (failure !== null && failure.details !== '') say(failure.details)
  say(`commit: ${codeVersion()}`)
  say(`again:  ${repeatCommand(seed, options)}`)
}

function finish(tally: Tally, elapsedMs: number, choice: SimChoice): void {
  if (tally.failures.length > 0) process.exitCode = 1
  if (choice.json) {
    const { failures, ...numbers } = tally
    sayJson({ ...numbers, speed: tally.speed, elapsedMs, failures, commit: codeVersion() })
    return
  }
  const perSecond = ((tally.seeds / elapsedMs) * 1000).toFixed(1)
  note('')
  say(
    `${tally.seeds} seeds in ${(elapsedMs / 1000).toFixed(0)} s (${perSecond} a second): ${
      tally.failures.length === 0 ? 'all is well' : `${tally.failures.length} failed`
    }`,
  )
  say(
    `${tally.virtualSeconds.toFixed(0)} virtual seconds, ${tally.speed.toFixed(0)} virtual seconds a second of one core, ${tally.events} events`,
  )
  say(
    `${tally.ok} operations done, ${tally.failed} refused, ${tally.unknown} with an unknown outcome; ${tally.faults} faults`,
  )
  if (tally.undecided > 0) say(`${tally.undecided} histories of keys were not decided by the checker`)
}
