/** Puts records with many outstanding, and knows at any moment up to where all are stored. */
import type { Client } from '../../client/index.ts'
import { quoted } from '../bytes.ts'
import type { ImportRecord } from './record.ts'

export interface ImportLimits {
  /** Puts without an answer yet. */
  readonly outstandingMax: number
  /** Their keys and values: below what a client takes. */
  readonly outstandingBytesMax: number
  /** What is counted, for messages. Default: line. */
  readonly unit?: string
}

export const OUTSTANDING_BYTES_MAX = 16 * 1024 * 1024

export class Importer {
  readonly #client: Pick<Client, 'put'>
  readonly #limits: ImportLimits
  /** By line, in the order in which they began. */
  readonly #outstanding = new Map<number, Promise<void>>()
  readonly #byKey = new Map<string, Promise<void>>()
  #bytes = 0
  #next = 1
  #onRoom: () => void = () => {}
  #failedLine: number | null = null
  #error: Error | null = null
  /** Records that the store has acknowledged. */
  stored = 0

  constructor(client: Pick<Client, 'put'>, limits: ImportLimits) {
    this.#client = client
    this.#limits = limits
  }

  /** The first put that failed. */
  get error(): Error | null {
    return this.#error
  }

  /** Every line below this one is stored, or was passed over. */
  get storedBelow(): number {
    const [first = this.#next] = this.#outstanding.keys()
    return Math.min(first, this.#failedLine ?? first)
  }

  /** Says that all below `line` have been given to this importer, or are not to be stored. */
  reach(line: number): void {
    this.#next = line
  }

  /** Begins one put, as soon as there is room for it. */
  async put(line: number, record: ImportRecord): Promise<void> {
    const bytes = record.key.length + record.value.length
    const name = record.key.toString('latin1')
    // Of one key the later line must win, also where the first try of the earlier one is lost and repeated.
    await this.#byKey.get(name)
    while (this.#isFull(bytes)) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve
      })
    }
    if (this.#error !== null) return
    const done = this.#store(line, record).finally(() => {
      this.#outstanding.delete(line)
      if (this.#byKey.get(name) === done) this.#byKey.delete(name)
      this.#bytes -= bytes
      this.#onRoom()
    })
    this.#outstanding.set(line, done)
    this.#byKey.set(name, done)
    this.#bytes += bytes
    this.#next = line + 1
  }

  /** Resolves when every put that was begun has ended. */
  async settle(): Promise<void> {
    await Promise.all(this.#outstanding.values())
  }

  #isFull(bytes: number): boolean {
    const { outstandingMax, outstandingBytesMax } = this.#limits
    if (this.#outstanding.size === 0) return false
    return this.#outstanding.size >= outstandingMax || this.#bytes + bytes > outstandingBytesMax
  }

  async #store(line: number, { key, value, expiresAt }: ImportRecord): Promise<void> {
    try {
      await this.#client.put(key, value, expiresAt === null ? {} : { expiresAt })
      this.stored++
    } catch (error) {
      this.#failedLine = Math.min(line, this.#failedLine ?? line)
      this.#error ??= new Error(
        `${this.#limits.unit ?? 'line'} ${line}, key ${quoted(key)}: ${(error as Error).message}`,
        {
          cause: error,
        },
      )
    }
  }
}
