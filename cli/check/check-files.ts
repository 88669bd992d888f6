import { readFile, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { check } from '../../lab/checker/check.ts'
import { type History, HistoryError } from '../../lab/checker/formats/history.ts'
import { readHistory } from '../../lab/checker/formats/read-history.ts'
import type { ModelName } from '../../lab/checker/operations.ts'
import { renderPage } from '../../lab/checker/page/render.ts'
import type { Judgement, Verdict } from '../../lab/checker/verdict.ts'
import { note, say, sayJson } from '../output.ts'
import { SearchProgress } from './search-progress.ts'
import { jsonOf, verdictLines } from './verdict-text.ts'

export interface CheckFilesOptions {
  /** Null: what the file says. */
  readonly model: ModelName | null
  readonly partition: boolean
  readonly html: string | null
  readonly timeoutMs: number | null
  readonly cacheBytesMax: number
  readonly json: boolean
}

const STATUS: Readonly<Record<Judgement | 'unreadable', number>> = {
  linearizable: 0,
  'not-linearizable': 1,
  unreadable: 2,
  unknown: 3,
}
/** Which status tells most of several files. */
const WORST_FIRST = [1, 2, 3, 0]

/** Judges each file and prints what was found. Returns the status to end with. */
export async function checkFiles(files: readonly string[], options: CheckFilesOptions): Promise<number> {
  const statuses = new Set<number>()
  for (const file of files) statuses.add(STATUS[await checkFile(file, options)])
  return WORST_FIRST.find((status) => statuses.has(status)) ?? 0
}

async function checkFile(file: string, options: CheckFilesOptions): Promise<Judgement | 'unreadable'> {
  const name = file === '-' ? 'standard input' : file
  let history: History
  try {
    history = readHistory(file === '-' ? await textOf(process.stdin) : await readFile(file, 'utf8'))
    refuseOtherModel(history.model, options.model)
  } catch (error) {
    note(`catenary: ${name}: ${whyUnreadable(error)}`)
    return 'unreadable'
  }
  if (history.isTruncated)
    note(`${name}: the last line is cut off and was left out: the recording ended early`)
  const began = performance.now()
  const verdict = judge(history, options)
  const seconds = (performance.now() - began) / 1000
  if (options.json) sayJson(jsonOf(name, verdict, seconds))
  else for (const line of verdictLines(name, verdict, seconds)) say(line)
  if (options.html !== null) await writePage(options.html, name, verdict, history)
  return verdict.judgement
}

function judge(history: History, options: CheckFilesOptions): Verdict {
  const progress = new SearchProgress()
  const end = options.timeoutMs === null ? null : performance.now() + options.timeoutMs
  try {
    return check(history.operations, {
      model: options.model ?? history.model,
      partition: options.partition,
      initial: history.initial,
      limits: {
        cacheBytesMax: options.cacheBytesMax,
        progress: (now) => progress.show(now),
        ...(end === null ? {} : { expired: () => performance.now() > end }),
      },
    })
  } finally {
    progress.clear()
  }
}

async function writePage(path: string, name: string, verdict: Verdict, history: History): Promise<void> {
  const about = Object.entries(history.about).map(([key, value]) => `${key} ${value}`)
  const source = about.length === 0 ? {} : { source: about.join(', ') }
  await writeFile(path, renderPage(verdict, { title: basename(name), ...source }))
  note(`wrote ${path}`)
}

/** Operations of one model mean nothing to another; but a history of single keys may be judged as transactions. */
function refuseOtherModel(written: ModelName, asked: ModelName | null): void {
  if (asked === null || asked === written) return
  const hasKeys = (model: ModelName) => model === 'key-value' || model === 'transactions'
  if (hasKeys(asked) && hasKeys(written)) return
  throw new Error(`its operations are those of the model ${written}, which cannot be judged as ${asked}`)
}

function whyUnreadable(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof HistoryError) return error.message
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is no such file'
    case 'EISDIR':
      return 'is a directory: name the files in it'
    case 'EACCES':
      return 'permission denied'
    case 'ERR_STRING_TOO_LONG':
      return 'is too large: half a gigabyte is the limit'
    default:
      return error.message
  }
}
