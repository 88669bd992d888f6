import { isEdn, readEdn } from './edn.ts'
import { type History, HistoryError, linesOf, quote } from './history.ts'
import { isJepsen, readJepsen } from './jepsen.ts'
import { isNdjson, readNdjson } from './ndjson.ts'

/**
 * Reads a history in any of the formats that docs/CHECKER.md shows; the first line tells which it is.
 *
 * @throws {HistoryError} where it is none of them, or broken: an answer without its call, an id used twice, a field that is missing or of the wrong type.
 *
 * @example
 * const { operations, model, initial } = readHistory(text)
 * const verdict = check(operations, { model, initial })
 */
export function readHistory(text: string): History {
  const lines = linesOf(text.startsWith('\uFEFF') ? text.slice(1) : text)
  const first = lines[0]
  if (first === undefined) throw new HistoryError({ line: 1 }, 'nothing is there')
  if (isJepsen(first.text)) return readJepsen(lines)
  if (isEdn(first.text)) return readEdn(lines)
  if (isNdjson(first.text)) return readNdjson(lines)
  throw new HistoryError(
    { line: first.number },
    `no format that is known begins like this: ${quote(first.text)}`,
  )
}
