/** What commands write: data to standard output, everything else to standard error. */
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import Table from 'cli-table3'

/** As of a program that SIGPIPE has ended: a script with `pipefail` must see that not everything was written. */
const BROKEN_PIPE = 141
const BUFFERED_MAX = 64 * 1024

/** Ends quietly when the reader of standard output has seen enough, as `head` does. */
export function endOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(BROKEN_PIPE)
      throw error
    })
  }
}

/** Lines for a stream, joined into few writes, and never more of them in memory than the reader takes. */
export class Lines {
  readonly #stream: Writable
  #buffer: string[] = []
  #length = 0
  #flush: NodeJS.Immediate | null = null
  #error: Error | null = null

  constructor(stream: Writable = process.stdout) {
    this.#stream = stream
    if (stream !== process.stdout) {
      stream.on('error', (error) => {
        this.#error = error
      })
    }
  }

  /** Await it where there may be many: it waits for a slow reader. */
  async line(text: string): Promise<void> {
    if (this.#error !== null) throw this.#error
    this.#buffer.push(text, '\n')
    this.#length += text.length + 1
    if (this.#length >= BUFFERED_MAX) await this.flush()
    else this.#flush ??= setImmediate(() => this.#write())
  }

  async flush(): Promise<void> {
    if (!this.#write()) await once(this.#stream, 'drain')
    if (this.#error !== null) throw this.#error
  }

  #write(): boolean {
    if (this.#flush !== null) clearImmediate(this.#flush)
    this.#flush = null
    if (this.#buffer.length === 0) return true
    const text = this.#buffer.join('')
    this.#buffer = []
    this.#length = 0
    return this.#stream.write(text)
  }
}

export const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

export const sayJson = (data: unknown): void => say(JSON.stringify(data))

/** For people, besides the data. */
export const note = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

/** What was asked for is not so; the command goes on and ends with status 1. */
export function fail(text: string): void {
  note(`catenary: ${text}`)
  process.exitCode = 1
}

export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const isNumber = head.map((_, column) =>
    rows.every((row) => typeof row[column] === 'number' || row[column] === ''),
  )
  const built = new Table({
    head: [...head],
    style: { head: [], border: [] },
    colAligns: isNumber.map((number) => (number && rows.length > 0 ? 'right' : 'left')),
  })
  built.push(...rows.map((row) => [...row]))
  return built.toString()
}

/** Resolves at Ctrl-C or SIGTERM; the next one ends the process at once. For commands that go on until then. */
export function interrupted(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143))
        resolve(signal)
      })
    }
  })
}
