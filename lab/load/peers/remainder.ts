/** Of what is gathered, at least so much at once. */
const ROOM_MIN = 64 * 1024

/** The beginning of something whose end has not arrived yet. What was handed out is never written to again: somebody may still hold a part of it. */
export class Remainder {
  #room: Buffer | null = null
  #from = 0
  #end = 0

  /** What was kept, and the chunk after it. */
  with(chunk: Buffer): Buffer {
    if (this.#room === null) return chunk
    const room = this.#roomFor(this.#room, chunk.length)
    chunk.copy(room, this.#end)
    this.#end += chunk.length
    return room.subarray(this.#from, this.#end)
  }

  /** Keeps what begins at `from` of what `with` gave. */
  keep(bytes: Buffer, from: number): void {
    if (from >= bytes.length) {
      this.#room = null
      return
    }
    if (this.#room === null) {
      this.#room = bytes
      this.#end = bytes.length
      this.#from = from
    } else this.#from += from
  }

  /** Twice what is needed: large messages arrive in many pieces, and are not copied again for each. */
  #roomFor(room: Buffer, bytes: number): Buffer {
    if (room.length - this.#end >= bytes) return room
    const kept = room.subarray(this.#from, this.#end)
    const larger = Buffer.allocUnsafeSlow(Math.max(ROOM_MIN, 2 * (kept.length + bytes)))
    kept.copy(larger)
    this.#room = larger
    this.#from = 0
    this.#end = kept.length
    return larger
  }
}
