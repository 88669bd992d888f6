/** A run as a text that fits into an address: options, actions, and how far it had come. */
import type { TimedAction } from './action.ts'
import { fromBase64, toBase64 } from './base64url.ts'
import { type BoardOptions, DEFAULT_OPTIONS } from './options.ts'
import { checkActions, checkOptions, checkUntil, isWrong, type Wrong } from './validate.ts'

/** What a link, or a scenario, holds. */
export interface Recording {
  readonly options: BoardOptions
  readonly actions: readonly TimedAction[]
  /** How far the run had come. */
  readonly untilMs: number
}

const VERSION = '1'
const LENGTH_MAX = 200_000

/** `1.` and base64url of JSON: options that are not the default, and per action the time since the one before in µs, the events since it, and the action. */
export function encodeLink({ options, actions, untilMs }: Recording): string {
  const said = Object.fromEntries(
    Object.entries(options).filter(([name, value]) => DEFAULT_OPTIONS[name as keyof BoardOptions] !== value),
  )
  let [lastUs, lastAfter] = [0, 0]
  const rows = actions.map(({ atMs, after, action }) => {
    const atUs = Math.round(atMs * 1000)
    const row = [atUs - lastUs, after === undefined ? null : after - lastAfter, action]
    lastUs = atUs
    lastAfter = after ?? lastAfter
    return row
  })
  const json = JSON.stringify([said, rows, Math.round(untilMs * 1000)])
  return `${VERSION}.${toBase64(new TextEncoder().encode(json))}`
}

/** The reverse, for whatever stands in an address. Never throws. */
export function decodeLink(text: string): Recording | Wrong {
  if (text.length > LENGTH_MAX)
    return { error: `This link is ${text.length} characters long; at most ${LENGTH_MAX} are possible.` }
  const [version, body = ''] = text.split('.', 2)
  if (version !== VERSION)
    return { error: 'This link is of another version of the page, or was cut: it must begin with “1.”.' }
  const bytes = fromBase64(body)
  let data: unknown = null
  try {
    data = bytes === null ? null : JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    data = null
  }
  if (!Array.isArray(data) || data.length !== 3)
    return { error: 'This link is damaged: a part of it may be missing. Copy it again, whole.' }
  return checkRecording(data[0], timed(data[1]), typeof data[2] === 'number' ? data[2] / 1000 : data[2])
}

/** What a link or a scenario says, once it is data. */
export function checkRecording(said: unknown, rows: unknown, untilMs: unknown): Recording | Wrong {
  const options = checkOptions(said)
  if (isWrong(options)) return { error: `This run cannot be shown: ${options.error}.` }
  const actions = checkActions(rows)
  if (isWrong(actions)) return { error: `This run cannot be shown: ${actions.error}.` }
  const wrong = checkUntil(untilMs)
  if (wrong !== null) return { error: `This run cannot be shown: ${wrong}.` }
  return { options, actions, untilMs: untilMs as number }
}

/** Absolute times and counts again; what is not of the right form is left for the check to name. */
function timed(rows: unknown): unknown {
  if (!Array.isArray(rows)) return rows
  let [atUs, after] = [0, 0]
  return rows.map((row: unknown) => {
    if (!Array.isArray(row) || typeof row[0] !== 'number') return row
    atUs += row[0]
    if (row[1] === null) return { atMs: atUs / 1000, action: row[2] }
    after += Number(row[1])
    return { atMs: atUs / 1000, after, action: row[2] }
  })
}
