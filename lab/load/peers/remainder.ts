/** The beginning of something whose end has not arrived yet. */
export class Remainder {
  #bytes: Buffer | null = null

  /** What was kept, and the chunk after it. */
  with(chunk: Buffer): Buffer {
    if (this.#bytes === null) return chunk
    const joined = Buffer.concat([this.#bytes, chunk])
    this.#bytes = null
    return joined
  }

  /** Keeps what begins at `from`. */
  keep(bytes: Buffer, from: number): void {
    this.#bytes = from < bytes.length ? bytes.subarray(from) : null
  }
}
