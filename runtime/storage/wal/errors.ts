/** The log is damaged where data may have been acknowledged. The process must not go on with it. */
export class WalCorruptError extends Error {
  readonly file: string
  readonly offset: number

  constructor(file: string, offset: number, what: string) {
    super(
      `log segment ${file} is corrupt at byte ${offset}: ${what}. Records that were already acknowledged may be lost, ` +
        'so this server refuses to start with it. Repair: check the disk, move the whole data directory away, and start the ' +
        'server again with an empty one: it rejoins and copies everything from the others. (A coordinator only while all others ' +
        'are up and stay up until it has caught up: it has also forgotten how it voted. See docs/OPERATIONS.md.)',
    )
    this.name = 'WalCorruptError'
    this.file = file
    this.offset = offset
  }
}

/** The segment belongs to another log, or another version of the program wrote it. */
export class WalForeignError extends Error {
  readonly file: string

  constructor(file: string, what: string) {
    super(`log segment ${file} cannot be used here: ${what}. Point this server at its own data directory.`)
    this.name = 'WalForeignError'
    this.file = file
  }
}

/** A write or sync of the log failed. Nothing is durable after it: a failed fsync must never be tried again. */
export class WalFailedError extends Error {
  constructor(directory: string, cause: unknown) {
    super(
      `the log in ${directory} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
    this.name = 'WalFailedError'
  }
}
