import type { ModelName, Operation } from '../operations.ts'

export type HistoryFormat = 'catenary' | 'jepsen' | 'edn'

/** A history as it was read, ready for `check`. */
export interface History {
  readonly format: HistoryFormat
  readonly model: ModelName
  /** What is there before the first operation; null: nothing. */
  readonly initial: string | null
  /** Without those that failed: they did not happen. */
  readonly operations: readonly Operation[]
  /** How it came about, as the file says. */
  readonly about: Readonly<Record<string, string | number>>
  /** The last line was cut off in the middle and is left out: the recording ended early. */
  readonly isTruncated: boolean
}

/** A file that is no history, or a broken one. Names the line, from 1, and the field where there is one. */
export class HistoryError extends Error {
  readonly line: number
  readonly field: string | null

  constructor(where: { readonly line: number; readonly field?: string }, what: string) {
    const { line, field = null } = where
    super(`line ${line}${field === null ? '' : `, ${field}`}: ${what}`)
    this.name = 'HistoryError'
    this.line = line
    this.field = field
  }
}

/** A line with text on it. */
export interface Line {
  readonly number: number
  readonly text: string
  /** The last one of the file, and no line end behind it. */
  readonly isUnfinished: boolean
}

export function linesOf(text: string): readonly Line[] {
  const raw = text.split('\n')
  return raw
    .map((line, i) => ({
      number: i + 1,
      text: line.endsWith('\r') ? line.slice(0, -1) : line,
      isUnfinished: i === raw.length - 1,
    }))
    .filter((line) => line.text.trim() !== '')
}

/** Shortens what is quoted in a message. */
export function quote(text: string): string {
  const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text
  return JSON.stringify(shown)
}
