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

/** In one body. A message is small, and what becomes of it is not. */
export const tooManyMessages = (max: number) => new CodecError(`a body of more than ${max} messages`)

/** What a body is made of. */
export type Field = number | string | boolean | null | Uint8Array

const packr = new Packr({ useRecords: false })
const unpackr = new Unpackr({
  useRecords: false,
  // A BigInt would pass for no number; an integer that is not exact is refused by the reader.
  int64AsType: 'number',
  copyBuffers: false, // the reader copies (see `keep`)
})

/** The result is the caller's to keep: msgpackr writes the next body behind it, or into other memory. */
export const packFields = (fields: readonly Field[]): Uint8Array => packr.pack(fields)

/**
 * A longer body is looked through before it is decoded. A short one cannot hurt; a long one could hold a map of millions of keys,
 * which would take gigabytes before anybody saw that no map is wanted. What makes honest bodies long are values, and those are skipped.
 */
const UNCHECKED_BYTES = 64 * 1024
/** In one body: far more than a turn has to say. */
const FIELDS_MAX = 2 ** 23

/** @throws {CodecError} anything else than one array of numbers, texts, flags, nulls and bytes. */
function checkFlat(body: Uint8Array): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const first = body[0] ?? 0
  const count =
    (first & 0xf0) === 0x90
      ? first & 0x0f
      : first === 0xdc
        ? view.getUint16(1)
        : first === 0xdd
          ? view.getUint32(1)
          : -1
  if (count < 0) throw new CodecError('a body is an array')
  if (count > FIELDS_MAX) throw new CodecError(`a body of ${count} fields; at most ${FIELDS_MAX} are allowed`)
  let at = first === 0xdd ? 5 : first === 0xdc ? 3 : 1
  for (let field = 0; field < count; field++) {
    if (at >= body.length) throw new CodecError('a body is cut short')
    at += fieldBytes(view, at)
  }
  if (at !== body.length) throw new CodecError('a body ends elsewhere than its array')
}

/** Length of a field with its header. */
function fieldBytes(view: DataView, at: number): number {
  const kind = view.getUint8(at)
  if (kind < 0x80 || kind >= 0xe0) return 1
  if (kind >= 0xa0 && kind < 0xc0) return 1 + kind - 0xa0
  if (kind === 0xc0 || kind === 0xc2 || kind === 0xc3) return 1
  const fixed = FIXED_BYTES[kind]
  if (fixed !== undefined) return fixed
  const left = view.byteLength - at
  if ((kind === 0xc4 || kind === 0xd9) && left > 1) return 2 + view.getUint8(at + 1)
  if ((kind === 0xc5 || kind === 0xda) && left > 2) return 3 + view.getUint16(at + 1)
  if ((kind === 0xc6 || kind === 0xdb) && left > 4) return 5 + view.getUint32(at + 1)
  throw new CodecError(`a field of kind ${kind}`)
}

/** Floats and whole numbers: kind and content. */
const FIXED_BYTES: Readonly<Record<number, number>> = {
  202: 5,
  203: 9,
  204: 2,
  205: 3,
  206: 5,
  207: 9,
  208: 2,
  209: 3,
  210: 5,
  211: 9,
}

/** @throws {CodecError} not a msgpack array, or one with bytes after its end. */
export function unpackFields(body: Uint8Array): FieldReader {
  // msgpackr copies in the class of its source, and a value is a Uint8Array for everybody, not sometimes one of Node's own buffers.
  const source =
    body.constructor === Uint8Array ? body : new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  if (source.length > UNCHECKED_BYTES) checkFlat(source)
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
    if (field instanceof Uint8Array) return keep(field)
    return this.#refuse('bytes')
  }

  bytesOrNull(): Uint8Array | null {
    const field = this.#fields[this.#at++]
    if (field === null) return null
    if (field instanceof Uint8Array) return keep(field)
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
    if (length === 1) return [readItem(this)] // a first `push` makes room for sixteen more, which would be kept
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

/** One value that stays keeps no more than this alive. */
const SLAB_BYTES = 2048
let slab = new Uint8Array(SLAB_BYTES)
let slabUsed = 0

/**
 * A copy, since a decoded value lives longer than the buffer of the socket, and must not hold on to a whole batch. Small ones share memory: an ArrayBuffer for
 * each costs more to make and to collect than all else about an entry.
 */
function keep(bytes: Uint8Array): Uint8Array {
  const { length } = bytes
  if (length > SLAB_BYTES / 4) return bytes.slice()
  if (slabUsed + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES)
    slabUsed = 0
  }
  const copy = new Uint8Array(slab.buffer, slabUsed, length)
  copy.set(bytes)
  slabUsed += length
  return copy
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
