/** One line: what it is about, and the words; or the words alone. */
interface LogLine {
  (fields: object, text: string): void
  (text: string): void
}

/** Where a part says what it does; a pino logger is one. */
export interface Log {
  readonly debug: LogLine
  readonly info: LogLine
  readonly warn: LogLine
  readonly error: LogLine
}
