import { closeSync, fdatasync, openSync, writeSync } from 'node:fs'

/** A file that reports how much of what was appended is on the disk: one fdatasync for all that arrived during the one before. */
export class GroupCommit {
  readonly #fd: number
  readonly #onDurable: (appended: number) => void
  #appended = 0
  #running = false

  /** @param onDurable - with the sum of the counts that are on the disk. */
  constructor(file: string, onDurable: (appended: number) => void) {
    this.#fd = openSync(file, 'w')
    this.#onDurable = onDurable
    process.on('exit', () => closeSync(this.#fd))
  }

  append(bytes: Uint8Array, count = 1): void {
    writeSync(this.#fd, bytes)
    this.#appended += count
    if (!this.#running) this.#sync()
  }

  #sync(): void {
    const upTo = this.#appended
    this.#running = true
    fdatasync(this.#fd, (error) => {
      if (error) throw error
      this.#running = false
      this.#onDurable(upTo)
      if (this.#appended > upTo) this.#sync()
    })
  }
}
