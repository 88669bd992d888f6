/**
 * The base of every body: one msgpack array whose elements are read one after another. Messages are written flat, without an array or a map of
 * their own, because that costs least to encode and to decode; a list is its length and then its items.
 *
 * Nothing that arrives is trusted: whatever is not exactly what the reader asks for is a `CodecError`.
 */
import { Packr, Unpackr } from 'msgpackr'
import type { Key, Millis } from '../ids.ts'
import { asKey, asMillis } from '../ids.ts'

/** These bytes are not a body of ours. The connection that brought them is closed. */
export class CodecError extends Error {
  override readonly name = 'CodecError'
}

/** What a body is made of. */
export type Field = number | string | boolean | null | Uint8Array

const packr = new Packr({ useRecords: false })
const unpackr = new Unpackr({
  useRecords: false,
  // A BigInt would pass for no number; an integer that is not exact is refused by the reader.
  int64AsType: 'number',
  // A decoded value lives longer than the buffer of the socket, and must not hold on to a whole batch.
  copyBuffers: true,
})

/** The result is the caller's to keep: msgpackr writes the next body behind it, or into other memory. */
export const packFields = (fields: readonly Field[]): Uint8Array => packr.pack(fields)

/** @throws {CodecError} not a msgpack array, or one with bytes after its end. */
export function unpackFields(body: Uint8Array): FieldReader {
  // msgpackr copies in the class of its source, and a value is a Uint8Array for everybody, not sometimes one of Node's own buffers.
  const source =
    body.constructor === Uint8Array ? body : new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  let fields: unknown
  try {
    fields = unpackr.unpack(source)
  } catch (cause) {
    throw new CodecError('not a msgpack body', { cause })
  }
  if (!Array.isArray(fields)) throw new CodecError('a body is an array')
  return new FieldReader(fields)
}

/** Reads the fields of a body in order, and checks each. */
export class FieldReader {
  readonly #fields: readonly unknown[]
  #at = 0

  constructor(fields: readonly unknown[]) {
    this.#fields = fields
  }

  get done(): boolean {
    return this.#at >= this.#fields.length
  }

  /** A whole number from 0 to 2^53 - 1. */
  count(): number {
    const field = this.#fields[this.#at++]
    if (typeof field === 'number' && field >= 0 && Number.isSafeInteger(field)) return field
    return this.#refuse('a count')
  }

  integer(): number {
    const field = this.#fields[this.#at++]
    if (typeof field === 'number' && Number.isSafeInteger(field)) return field
    return this.#refuse('an integer')
  }

  /** Not negative; clocks may have fractions. */
  millis(): Millis {
    const field = this.#fields[this.#at++]
    if (typeof field === 'number' && field >= 0 && field < Number.MAX_SAFE_INTEGER) return asMillis(field)
    return this.#refuse('a time')
  }

  flag(): boolean {
    const field = this.#fields[this.#at++]
    if (typeof field === 'boolean') return field
    return this.#refuse('a boolean')
  }

  text(): string {
    const field = this.#fields[this.#at++]
    if (typeof field === 'string') return field
    return this.#refuse('a text')
  }

  /** A text of which each character is one byte. */
  key(): Key {
    const field = this.#fields[this.#at++]
    if (typeof field !== 'string') return this.#refuse('a key')
    for (let i = 0; i < field.length; i++) if (field.charCodeAt(i) > 0xff) return this.#refuse('a key')
    return asKey(field)
  }

  bytes(): Uint8Array {
    const field = this.#fields[this.#at++]
    if (field instanceof Uint8Array) return field
    return this.#refuse('bytes')
  }

  bytesOrNull(): Uint8Array | null {
    const field = this.#fields[this.#at++]
    if (field === null || field instanceof Uint8Array) return field
    return this.#refuse('bytes or null')
  }

  /** Takes a null where one is next: `reader.isNull() ? null : reader.key()`. */
  isNull(): boolean {
    if (this.#fields[this.#at] !== null) return false
    this.#at++
    return true
  }

  /** A length, then so many items. The length is no larger than what is left, so that a lie allocates nothing. */
  list<Item>(readItem: (reader: FieldReader) => Item): Item[] {
    const length = this.count()
    if (length > this.#fields.length - this.#at) return this.#refuse('a list that long')
    const items: Item[] = []
    for (let i = 0; i < length; i++) items.push(readItem(this))
    return items
  }

  /** Everything must have been read. */
  end(): void {
    if (!this.done) this.#refuse('the end')
  }

  #refuse(expected: string): never {
    const field = this.#at > this.#fields.length ? 'the end' : typeof this.#fields[this.#at - 1]
    throw new CodecError(`field ${this.#at - 1}: expected ${expected}, found ${field}`)
  }
}

/** Writes what `FieldReader.list` reads. */
export function writeList<Item>(
  fields: Field[],
  items: readonly Item[],
  writeItem: (fields: Field[], item: Item) => void,
): void {
  fields.push(items.length)
  for (const item of items) writeItem(fields, item)
}

/** For the `default` of a switch over a kind that arrived. */
export function unknownKind(what: string, kind: number): never {
  throw new CodecError(`unknown ${what} kind ${kind}`)
}
