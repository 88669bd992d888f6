import { intAt, JuteError } from './jute.ts'

/** ZooKeeper's `jute.maxbuffer`: bytes of a whole packet, without its length. */
export const PACKET_BYTES_MAX = 0xfffff

/** Cuts a byte stream into packets. Holds at most one packet that is not complete, plus the chunk last pushed. */
export class FrameSplitter {
  readonly #packetBytesMax: number
  #buffer = new Uint8Array(0)
  #length = 0

  constructor(packetBytesMax = PACKET_BYTES_MAX) {
    this.#packetBytesMax = packetBytesMax
  }

  /** Memory that is kept for the packet that is not complete. */
  get heldBytes(): number {
    return this.#buffer.length
  }

  /** Gives up the packet that is not complete: nothing more is taken. */
  forget(): void {
    this.#buffer = new Uint8Array(0)
    this.#length = 0
  }

  /**
   * Takes the next bytes of the stream and returns the packets they complete, without their lengths, as copies.
   *
   * @throws {JuteError} a length is negative or beyond the limit: close the connection, it cannot be resumed.
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const packets: Uint8Array[] = []
    if (this.#length === 0) {
      // Mostly a chunk is whole packets.
      const taken = this.#cut(chunk, chunk.length, packets)
      if (taken < chunk.length) this.#append(chunk.subarray(taken))
    } else {
      this.#append(chunk)
      this.#drop(this.#cut(this.#buffer, this.#length, packets))
    }
    return packets
  }

  /** @returns how many bytes the whole packets among them take. */
  #cut(bytes: Uint8Array, end: number, packets: Uint8Array[]): number {
    let at = 0
    while (end - at >= 4) {
      const length = intAt(bytes, at)
      if (length < 0 || length > this.#packetBytesMax) throw new JuteError(`bad packet length: ${length}`)
      if (end - at - 4 < length) break
      packets.push(new Uint8Array(bytes.subarray(at + 4, at + 4 + length))) // a copy: `slice` of a Node Buffer is none
      at += 4 + length
    }
    return at
  }

  // Doubling keeps a packet that arrives byte by byte linear in its size.
  #append(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2))
      grown.set(this.#buffer.subarray(0, this.#length))
      this.#buffer = grown
    }
    this.#buffer.set(chunk, this.#length)
    this.#length = needed
  }

  #drop(bytes: number): void {
    if (bytes === 0) return
    this.#length -= bytes
    // An idle connection keeps no buffer.
    if (this.#length === 0) this.#buffer = new Uint8Array(0)
    else this.#buffer.copyWithin(0, bytes, bytes + this.#length)
  }
}
