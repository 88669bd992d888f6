/** Writes what a `FieldReader` reads. One writer serves the whole process: a body is begun, filled and ended without a pause. */
import type { Key, Millis } from '../ids.ts'

/** Bodies are written one behind the other into memory of this size; it lives as long as any of them. */
const CHUNK_BYTES = 64 * 1024
/** A whole number takes at most so many bytes. */
const COUNT_BYTES_MAX = 8
/** Below this a loop copies faster than a call of `set`. */
const SHORT_BYTES = 24

export class FieldWriter {
  #bytes = new Uint8Array(CHUNK_BYTES)
  #view = new DataView(this.#bytes.buffer)
  #start = 0
  #at = 0

  /** Begins a body. One that was begun and not ended is forgotten. */
  begin(): void {
    this.#at = this.#start
  }

  /** Bytes of this body so far. */
  get length(): number {
    return this.#at - this.#start
  }

  /** Ends it. The result is the caller's to keep: the next body goes behind it, or into other memory. */
  end(): Uint8Array {
    const body = this.#bytes.subarray(this.#start, this.#at)
    if (this.#bytes.length > CHUNK_BYTES) this.#useMemory(new Uint8Array(CHUNK_BYTES), 0)
    this.#start = this.#at
    return body
  }

  /** One byte: a kind, or bits. */
  byte(n: number): void {
    this.#makeRoom(1)
    this.#bytes[this.#at++] = n
  }

  flag(is: boolean): void {
    this.byte(is ? 1 : 0)
  }

  /** A whole number from 0 to 2^53 - 1: seven bits a byte, the lowest first, and a bit that says whether more follow. */
  count(n: number): void {
    this.#makeRoom(COUNT_BYTES_MAX)
    const bytes = this.#bytes
    if ((n & 0x7f) === n) {
      bytes[this.#at++] = n
      return
    }
    if (n < 0 || !Number.isSafeInteger(n)) throw new RangeError(`${n} is not a count`)
    let at = this.#at
    let high = n
    while (high >= 2 ** 28) {
      bytes[at++] = (high % 0x80) | 0x80
      high = Math.floor(high / 0x80)
    }
    let low = high | 0
    while (low >= 0x80) {
      bytes[at++] = (low & 0x7f) | 0x80
      low >>>= 7
    }
    bytes[at++] = low
    this.#at = at
  }

  integer(n: number): void {
    this.flag(n < 0)
    this.count(Math.abs(n))
  }

  /** Most times that travel are 0: one byte. Clocks may have fractions: all others take nine. */
  millis(ms: Millis): void {
    this.#makeRoom(9)
    if (ms === 0) {
      this.#bytes[this.#at++] = 0
      return
    }
    this.#bytes[this.#at++] = 1
    this.#view.setFloat64(this.#at, ms)
    this.#at += 8
  }

  /** Each character is one byte. */
  key(key: Key): void {
    const { length } = key
    this.count(length)
    this.#makeRoom(length)
    const bytes = this.#bytes
    let at = this.#at
    let all = 0
    for (let i = 0; i < length; i++) {
      const code = key.charCodeAt(i)
      all |= code
      bytes[at++] = code
    }
    if (all > 0xff) throw new RangeError('a key has a character that is more than one byte')
    this.#at = at
  }

  /** UTF-8. */
  text(text: string): void {
    this.bytes(new TextEncoder().encode(text))
  }

  /** As `text`, for what is short and nearly always ASCII, as names are. */
  name(name: string): void {
    const { length } = name
    if (length >= 0x80) return this.text(name)
    this.#makeRoom(length + 1)
    const bytes = this.#bytes
    let at = this.#at
    bytes[at++] = length
    for (let i = 0; i < length; i++) {
      const code = name.charCodeAt(i)
      if (code >= 0x80) return this.text(name)
      bytes[at++] = code
    }
    this.#at = at
  }

  bytes(value: Uint8Array): void {
    this.count(value.length)
    this.#copy(value)
  }

  bytesOrNull(value: Uint8Array | null): void {
    if (value === null) return this.byte(0)
    this.count(value.length + 1)
    this.#copy(value)
  }

  list<Item>(items: readonly Item[], writeItem: (writer: FieldWriter, item: Item) => void): void {
    this.count(items.length)
    for (const item of items) writeItem(this, item)
  }

  #copy(value: Uint8Array): void {
    const { length } = value
    this.#makeRoom(length)
    if (length > SHORT_BYTES) this.#bytes.set(value, this.#at)
    else for (let i = 0; i < length; i++) this.#bytes[this.#at + i] = value[i] as number
    this.#at += length
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length) this.#move(bytes)
  }

  /** What has been written of this body moves to memory of its own, and to twice as much each time that it grows further. */
  #move(bytes: number): void {
    const used = this.#at - this.#start
    const needed = used + bytes
    const memory = new Uint8Array(needed <= CHUNK_BYTES / 2 ? CHUNK_BYTES : 2 * needed)
    memory.set(this.#bytes.subarray(this.#start, this.#at))
    this.#useMemory(memory, used)
  }

  #useMemory(memory: Uint8Array<ArrayBuffer>, used: number): void {
    this.#bytes = memory
    this.#view = new DataView(memory.buffer)
    this.#start = 0
    this.#at = used
  }
}

const writer = new FieldWriter()

/** The writer, at the beginning of a body. */
export function beginBody(): FieldWriter {
  writer.begin()
  return writer
}
