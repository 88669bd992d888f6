/**
 * The base of every body: fields one behind the other, without a type of their own, because both ends know what comes next. That is the least
 * to write, to carry and to read; a list is its length and then its items.
 *
 * Nothing that arrives is trusted: whatever is not exactly what the reader asks for is a `CodecError`.
 */
import type { Key, Millis } from '../ids.ts'
import { asKey, asMillis } from '../ids.ts'
import { BODY_ITEMS_MAX } from '../limits.ts'

/** These bytes are not a body of ours. The connection that brought them is closed. */
export class CodecError extends Error {
  override readonly name = 'CodecError'
}

/** In one body. A message is small, and what becomes of it is not. */
export const tooManyMessages = (max: number) => new CodecError(`a body of more than ${max} messages`)

/** For the `default` of a switch over a kind that arrived. */
export function unknownKind(what: string, kind: number): never {
  throw new CodecError(`unknown ${what} kind ${kind}`)
}

/** Keys and values up to here are copied by a loop: faster than a view and a call. */
const SHORT_BYTES = 64
/** What `String.fromCharCode` is given at once. */
const CHARACTERS_MAX = 4096
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const { fromCharCode } = String
/** The newest name read: nearly all messages speak of the same chain. */
let lastName = ''

/** Reads the fields of a body in order, and checks each. */
export class FieldReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0
  /** Of all lists so far. */
  #items = 0

  constructor(body: Uint8Array) {
    // One class of arrays, or the engine makes ready for several at each access; and values are cut from it.
    this.#bytes =
      body.constructor === Uint8Array ? body : new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
    this.#view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  byte(): number {
    if (this.#at >= this.#bytes.length) return this.#refuse('a byte')
    return this.#bytes[this.#at++] as number
  }

  flag(): boolean {
    const byte = this.byte()
    return byte <= 1 ? byte === 1 : this.#refuse('a flag')
  }

  /** A whole number from 0 to 2^53 - 1. */
  count(): number {
    const byte = this.byte()
    return byte < 0x80 ? byte : this.#longCount(byte & 0x7f)
  }

  #longCount(first: number): number {
    let value = first
    for (let scale = 0x80; scale <= 2 ** 49; scale *= 0x80) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte >= 0x80) continue
      return value <= Number.MAX_SAFE_INTEGER ? value : this.#refuse('a count')
    }
    return this.#refuse('a count')
  }

  integer(): number {
    const negative = this.flag()
    const size = this.count()
    return negative && size !== 0 ? -size : size
  }

  /** Not negative; clocks may have fractions. */
  millis(): Millis {
    if (!this.flag()) return asMillis(0)
    const at = this.#take(8)
    const value = this.#view.getFloat64(at)
    return value >= 0 && value < Number.MAX_SAFE_INTEGER ? asMillis(value) : this.#refuse('a time')
  }

  /** A text of which each character is one byte. */
  key(): Key {
    const length = this.count()
    const at = this.#take(length)
    return asKey(latin1(this.#bytes, at, at + length))
  }

  /** @param bytesMax - for what is parsed: a parser needs many times what it is given. */
  text(bytesMax = Number.POSITIVE_INFINITY): string {
    const length = this.count()
    if (length > bytesMax) return this.#refuse(`a text of at most ${bytesMax} bytes`)
    const at = this.#take(length)
    try {
      return utf8.decode(this.#bytes.subarray(at, at + length))
    } catch {
      return this.#refuse('a text')
    }
  }

  /** As `text`, for what is short and nearly always the same. */
  name(): string {
    const from = this.#at
    const length = this.count()
    if (length !== lastName.length) return this.#newName(from)
    const at = this.#take(length)
    for (let i = 0; i < length; i++)
      if (this.#bytes[at + i] !== lastName.charCodeAt(i)) return this.#newName(from)
    return lastName
  }

  #newName(from: number): string {
    this.#at = from
    const name = this.text()
    if (name.length < SHORT_BYTES && isAscii(name)) lastName = name
    return name
  }

  /** A copy: what is decoded lives longer than the buffer of the socket, and must not hold on to a whole batch. */
  bytes(): Uint8Array {
    const length = this.count()
    return keep(this.#bytes, this.#take(length), length)
  }

  bytesOrNull(): Uint8Array | null {
    const length = this.count() - 1
    return length < 0 ? null : keep(this.#bytes, this.#take(length), length)
  }

  /** A length, then so many items. Each has a byte at least, so that a length that is a lie allocates nothing. */
  list<Item>(readItem: (reader: FieldReader) => Item): Item[] {
    const length = this.count()
    if (length > this.#bytes.length - this.#at) return this.#refuse('a list that long')
    this.#items += length
    if (this.#items > BODY_ITEMS_MAX) throw new CodecError(`a body of more than ${BODY_ITEMS_MAX} items`)
    if (length === 1) return [readItem(this)] // a first `push` makes room for sixteen more, which would be kept
    const items: Item[] = []
    for (let i = 0; i < length; i++) items.push(readItem(this))
    return items
  }

  /** Everything must have been read. */
  end(): void {
    if (!this.done) this.#refuse('the end')
  }

  #take(bytes: number): number {
    const at = this.#at
    if (bytes > this.#bytes.length - at) return this.#refuse(`${bytes} bytes`)
    this.#at = at + bytes
    return at
  }

  #refuse(expected: string): never {
    throw new CodecError(`byte ${this.#at} of ${this.#bytes.length}: expected ${expected}`)
  }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
  return true
}

/** Eight at a time: twice as fast as one by one, and as the array's own way. */
function latin1(bytes: Uint8Array, from: number, end: number): string {
  if (end - from > SHORT_BYTES) return longLatin1(bytes, from, end)
  const code = (at: number) => bytes[at] as number
  let text = ''
  let at = from
  for (; at + 8 <= end; at += 8)
    text += fromCharCode(
      code(at),
      code(at + 1),
      code(at + 2),
      code(at + 3),
      code(at + 4),
      code(at + 5),
      code(at + 6),
      code(at + 7),
    )
  if (at + 4 <= end) {
    text += fromCharCode(code(at), code(at + 1), code(at + 2), code(at + 3))
    at += 4
  }
  switch (end - at) {
    case 3:
      return text + fromCharCode(code(at), code(at + 1), code(at + 2))
    case 2:
      return text + fromCharCode(code(at), code(at + 1))
    case 1:
      return text + fromCharCode(code(at))
    default:
      return text
  }
}

function longLatin1(bytes: Uint8Array, from: number, end: number): string {
  let text = ''
  for (let at = from; at < end; at += CHARACTERS_MAX)
    text += fromCharCode(...bytes.subarray(at, Math.min(end, at + CHARACTERS_MAX)))
  return text
}

/** One value that stays keeps no more than this alive. */
const SLAB_BYTES = 2048
let slab = new Uint8Array(SLAB_BYTES)
let slabUsed = 0

/** Small ones share memory: an ArrayBuffer for each costs more to make and to collect than all else about an entry. */
function keep(bytes: Uint8Array, at: number, length: number): Uint8Array {
  if (length > SLAB_BYTES / 4) return bytes.slice(at, at + length)
  if (slabUsed + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES)
    slabUsed = 0
  }
  if (length > SHORT_BYTES) slab.set(bytes.subarray(at, at + length), slabUsed)
  else for (let i = 0; i < length; i++) slab[slabUsed + i] = bytes[at + i] as number
  slabUsed += length
  return new Uint8Array(slab.buffer, slabUsed - length, length)
}
