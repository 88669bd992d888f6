/** `catenary torture` as people see it: a line of progress, a table, a verdict, an exit status. */
import { clearLine, cursorTo } from 'node:readline'
import { faultTable, verdictTable } from '../../lab/torture/report.ts'
import {
  type TortureOptions,
  TortureRefusal,
  type TortureResult,
  torture,
} from '../../lab/torture/torture.ts'
import { UsageError } from '../arguments.ts'

const INTERRUPTED = 130
const UNKNOWN = 3
/** Where nobody watches, a line now and then is enough. */
const QUIET_PROGRESS_MS = 10_000

/** @returns the exit status. */
export async function runTorture(options: TortureOptions): Promise<number> {
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(INTERRUPTED) // asked twice; what must not stay is removed all the same
      stopping.abort()
    })
  }
  const screen = new Screen()
  try {
    const result = await torture(options, {
      say: (text) => screen.say(text),
      progress: (text) => screen.progress(text),
      signal: stopping.signal,
    })
    screen.clear()
    return report(result, options)
  } catch (error) {
    screen.clear()
    if (stopping.signal.aborted) {
      screen.say('stopped; every process has ended')
      return INTERRUPTED
    }
    throw error instanceof TortureRefusal ? new UsageError(error.message) : error
  }
}

function report({ figures, judged, problems, out }: TortureResult, { command }: TortureOptions): number {
  console.log(`${faultTable(figures)}\n\n${verdictTable(judged)}`)
  for (const problem of problems) console.log(`\nPROBLEM: ${problem}`)
  if (out !== null) {
    console.log(`\nHistory and logs: ${out}\nJudge it again:   catenary check ${out}/history.ndjson`)
    for (const { part, verdict } of judged.doubtful)
      console.log(`${verdict.judgement}: ${part.name}: catenary check ${out}/${part.name}.ndjson`)
  }
  const isWrong = judged.judgement === 'not-linearizable' || problems.length > 0
  const status = isWrong ? 1 : judged.judgement === 'unknown' ? UNKNOWN : 0
  const words = ['linearizable, and back to full strength', 'WRONG', '', 'the checker could not tell'][status]
  console.log(`\nVerdict: ${words}. Once more: ${command}`)
  return status
}

class Screen {
  readonly #began = performance.now()
  readonly #isWatched = process.stdout.isTTY === true
  #progressAt = 0

  say(text: string): void {
    this.clear()
    console.log(`${this.#seconds()}  ${text}`)
  }

  progress(text: string): void {
    if (this.#isWatched) {
      this.clear()
      process.stdout.write(`${this.#seconds()}  ${text}`)
      return
    }
    if (performance.now() - this.#progressAt < QUIET_PROGRESS_MS) return
    this.#progressAt = performance.now()
    console.log(`${this.#seconds()}  ${text}`)
  }

  clear(): void {
    if (!this.#isWatched) return
    clearLine(process.stdout, 0)
    cursorTo(process.stdout, 0)
  }

  #seconds(): string {
    return `${((performance.now() - this.#began) / 1000).toFixed(1).padStart(6)} s`
  }
}
