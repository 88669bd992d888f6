import { spawn } from 'node:child_process'

/** How a mutant was noticed. */
export interface Kill {
  readonly seed: number
  /** Seeds that were run, this one included. */
  readonly seeds: number
  readonly kind: string
  readonly what: string
}

interface SimReport {
  readonly seeds: number
  readonly failures: readonly { readonly seed: number; readonly failure: { kind: string; what: string } }[]
}

/**
 * Runs seeds, from 1, through a built command line until one fails.
 *
 * @returns null where none does.
 * @throws where the command itself breaks: that is no kill.
 */
export async function hunt(
  cli: string,
  { seeds, from = 1, faults }: { readonly seeds: number; readonly from?: number; readonly faults?: string },
): Promise<Kill | null> {
  const chosen = faults === undefined ? [] : ['--faults', faults]
  const { status, out, err } = await run(cli, ['--seeds', `${seeds}`, '--from', `${from}`, ...chosen])
  const report = status === 0 || status === 1 ? parse(out) : null
  if (report === null) throw new Error(`${cli} sim ended with status ${status}: ${err.slice(-2000)}`)
  const [first] = report.failures
  if (first === undefined) return null
  return { seed: first.seed, seeds: report.seeds, kind: first.failure.kind, what: first.failure.what }
}

function parse(out: string): SimReport | null {
  try {
    return JSON.parse(out) as SimReport
  } catch {
    return null
  }
}

function run(cli: string, words: readonly string[]) {
  return new Promise<{ status: number | null; out: string; err: string }>((resolve, reject) => {
    const child = spawn(process.execPath, [cli, 'sim', '--json', ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text
    })
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, out, err }))
  })
}
