/**
 * Bytes on their way to one socket: everything of a turn in one piece. What was taken is never written to again, because the socket may still hold
 * it; so pieces are cut from a slab, and a full slab is left to the garbage collector.
 */

const SLAB_BYTES = 256 * 1024

export class OutBuffer {
  /** The slab, and where the next byte goes. Writers that know their size use both directly, after `reserve`. */
  bytes = Buffer.allocUnsafeSlow(SLAB_BYTES)
  end = 0
  #start = 0

  get length(): number {
    return this.end - this.#start
  }

  /** Makes room for so many bytes at `end`. */
  reserve(bytes: number): void {
    if (this.bytes.length - this.end >= bytes) return
    const pending = this.bytes.subarray(this.#start, this.end)
    this.bytes = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, 2 * (pending.length + bytes)))
    this.bytes.set(pending, 0)
    this.#start = 0
    this.end = pending.length
  }

  put(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.end)
    this.end += bytes.length
  }

  /** One byte per character. */
  text(text: string): void {
    this.reserve(text.length)
    this.end += this.bytes.write(text, this.end, 'latin1')
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.end++] = value
  }

  /** Big-endian. */
  int32(value: number): void {
    this.reserve(4)
    this.end = this.bytes.writeInt32BE(value | 0, this.end)
  }

  /** All that was put since the last time. */
  take(): Buffer {
    const taken = this.bytes.subarray(this.#start, this.end)
    this.#start = this.end
    return taken
  }

  /** Forgets what was not taken: it was meant for a connection that is gone. */
  clear(): void {
    this.#start = this.end
  }
}
