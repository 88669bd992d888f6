/**
 * Jute, ZooKeeper's binary encoding: big-endian, no tags, a record is the concatenation of its fields.
 * Layouts are data; one reader and one writer walk them, and the static types are derived from them.
 */

/** Bytes that are no such record. The door answers MarshallingError or closes the connection. */
export class JuteError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'JuteError'
  }
}

/** What a scalar field reads as. */
export interface ScalarValues {
  bool: boolean
  /** A bool that may be missing at the very end of a packet: `null` when it is. */
  'bool?': boolean | null
  int: number
  /** 64 bits as a number: zxids, times. Values outside ±(2^53 - 1) are malformed. */
  long: number
  /** 64 bits as a bigint: session ids, whose upper byte is in use. */
  id: bigint
  /** Null (-1) and empty are kept apart. Reads as a view into the packet: copy what must outlive it. */
  buffer: Uint8Array | null
  /** Null (-1) reads as the empty string, because kazoo writes the empty string so. */
  ustring: string
}
export type Scalar = keyof ScalarValues

/** A vector; null (-1) reads as the empty one. */
export interface VectorOf<Item extends FieldType = FieldType> {
  readonly vectorOf: Item
}

/** A field whose layout depends on its own content (only `multi` needs that). */
export interface CustomField<Value> {
  readonly read: (reader: JuteReader) => Value
  readonly write: (writer: JuteWriter, value: Value) => void
}
/** Any custom field: what it reads is unknown, and nothing may be written to it unseen. */
interface AnyCustomField {
  readonly read: (reader: JuteReader) => unknown
  readonly write: (writer: JuteWriter, value: never) => void
}

export type FieldType = Scalar | VectorOf | Layout | AnyCustomField
export type Field = readonly [name: string, type: FieldType]

export interface Layout<Fields extends readonly Field[] = readonly Field[]> {
  readonly name: string
  readonly fields: Fields
}

export type ValueOf<Type> = Type extends Scalar
  ? ScalarValues[Type]
  : Type extends VectorOf<infer Item>
    ? readonly ValueOf<Item>[]
    : Type extends Layout
      ? RecordOf<Type>
      : Type extends CustomField<infer Value>
        ? Value
        : never

/** The record type that a layout describes. */
export type RecordOf<L extends Layout> = {
  readonly [F in L['fields'][number] as F[0]]: ValueOf<F[1]>
}

/** Declares a layout: `record('Id', [['scheme', 'ustring'], ['id', 'ustring']])`. */
export function record<const Fields extends readonly Field[]>(name: string, fields: Fields): Layout<Fields> {
  return { name, fields }
}

export const vectorOf = <const Item extends FieldType>(item: Item): VectorOf<Item> => ({ vectorOf: item })

const TWO_TO_32 = 0x1_0000_0000
// A byte order mark is an ordinary character here; malformed UTF-8 becomes U+FFFD, which no path may hold.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()

/** A big-endian signed int. Packets are small and many: a `DataView` for each would cost more than all that is read through it. */
export const intAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 24) |
  ((bytes[at + 1] as number) << 16) |
  ((bytes[at + 2] as number) << 8) |
  (bytes[at + 3] as number)

function putInt(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

/** Puts 64 bits, as `long` does, over eight bytes that are there already. */
export function putLong(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / TWO_TO_32)
  putInt(bytes, at, high)
  putInt(bytes, at + 4, value - high * TWO_TO_32)
}

/** Reads fields from one packet, with every bound checked. Throws `JuteError` and nothing else. */
export class JuteReader {
  readonly #bytes: Uint8Array
  #offset = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  bool(): boolean {
    return this.#bytes[this.#advance(1)] !== 0
  }

  int(): number {
    return intAt(this.#bytes, this.#advance(4))
  }

  long(): number {
    const at = this.#advance(8)
    const value = intAt(this.#bytes, at) * TWO_TO_32 + (intAt(this.#bytes, at + 4) >>> 0)
    if (!Number.isSafeInteger(value)) throw new JuteError(`long out of range: ${value}`)
    return value
  }

  id(): bigint {
    const at = this.#advance(8)
    const high = intAt(this.#bytes, at)
    const low = intAt(this.#bytes, at + 4) >>> 0
    return high === 0 && low === 0 ? 0n : (BigInt(high) << 32n) | BigInt(low)
  }

  buffer(): Uint8Array | null {
    const length = this.int()
    if (length === -1) return null
    if (length < 0) throw new JuteError(`negative length: ${length}`)
    const at = this.#advance(length)
    return this.#bytes.subarray(at, at + length)
  }

  ustring(): string {
    const bytes = this.buffer()
    return bytes === null || bytes.length === 0 ? '' : decoder.decode(bytes)
  }

  /** The element count of a vector. An element takes at least one byte, so a count beyond what is left is a lie. */
  count(): number {
    const count = this.int()
    if (count === -1) return 0
    if (count < 0 || count > this.remaining) throw new JuteError(`bad element count: ${count}`)
    return count
  }

  #advance(bytes: number): number {
    const at = this.#offset
    if (bytes > this.#bytes.length - at) {
      throw new JuteError(`packet ends early: ${bytes} bytes wanted at ${at} of ${this.#bytes.length}`)
    }
    this.#offset = at + bytes
    return at
  }
}

/** Writes fields into a buffer that grows as needed. */
export class JuteWriter {
  #bytes: Uint8Array
  #length = 0

  constructor(capacity = 128) {
    this.#bytes = new Uint8Array(capacity)
  }

  get length(): number {
    return this.#length
  }

  /** Begins anew, in the same buffer. */
  clear(): void {
    this.#length = 0
  }

  bool(value: boolean): void {
    const at = this.#reserve(1) // first: it may replace the buffer
    this.#bytes[at] = value ? 1 : 0
  }

  int(value: number): void {
    const at = this.#reserve(4)
    putInt(this.#bytes, at, value)
  }

  long(value: number): void {
    const at = this.#reserve(8)
    putLong(this.#bytes, at, value)
  }

  id(value: bigint): void {
    const at = this.#reserve(8)
    putInt(this.#bytes, at, Number(BigInt.asIntN(32, value >> 32n)))
    putInt(this.#bytes, at + 4, Number(BigInt.asIntN(32, value)))
  }

  buffer(value: Uint8Array | null): void {
    this.int(value === null ? -1 : value.length)
    if (value === null) return
    const at = this.#reserve(value.length)
    this.#bytes.set(value, at)
  }

  ustring(value: string): void {
    const lengthAt = this.#reserve(4)
    const at = this.#reserve(value.length * 3) // UTF-8 takes at most three bytes per UTF-16 unit
    const written = this.#putAscii(value, at)
      ? value.length
      : encoder.encodeInto(value, this.#bytes.subarray(at)).written
    this.#length = at + written
    putInt(this.#bytes, lengthAt, written)
  }

  /** Almost all strings are short paths. False: it is not ASCII. */
  #putAscii(value: string, at: number): boolean {
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i)
      if (unit > 0x7f) return false
      this.#bytes[at + i] = unit
    }
    return true
  }

  /** Puts `value` over an int written earlier. */
  patchInt(at: number, value: number): void {
    putInt(this.#bytes, at, value)
  }

  /** A copy of all that was written. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #reserve(bytes: number): number {
    const at = this.#length
    const needed = at + bytes
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
    }
    this.#length = needed
    return at
  }
}

let shared = new JuteWriter()
/** A buffer that one long packet has made larger than this is not kept. */
const KEPT_BYTES_MAX = 64 * 1024

/** What `write` writes, in a buffer of its own. `write` encodes nothing else in between. */
export function encoded(write: (writer: JuteWriter) => void): Uint8Array {
  if (shared.length > KEPT_BYTES_MAX) shared = new JuteWriter()
  shared.clear()
  write(shared)
  return shared.take()
}

/** Reads one record. Bytes left over in the packet are the caller's affair. */
export function readRecord<L extends Layout>(reader: JuteReader, layout: L): RecordOf<L> {
  const values: Record<string, unknown> = {}
  for (const [name, type] of layout.fields) values[name] = readField(reader, type)
  return values as RecordOf<L>
}

export function writeRecord<L extends Layout>(writer: JuteWriter, layout: L, value: RecordOf<L>): void {
  writeFields(writer, layout, value)
}

function readField(reader: JuteReader, type: FieldType): unknown {
  if (typeof type === 'string') {
    if (type === 'bool?') return reader.remaining === 0 ? null : reader.bool()
    return reader[type]()
  }
  if ('fields' in type) return readRecord(reader, type)
  if ('read' in type) return type.read(reader)
  const items: unknown[] = []
  for (let left = reader.count(); left > 0; left -= 1) items.push(readField(reader, type.vectorOf))
  return items
}

/** As `writeRecord`, for a layout picked from a table at run time, where the compiler cannot see that they fit. */
export function writeFields(writer: JuteWriter, layout: Layout, value: object): void {
  const values = value as Record<string, unknown>
  for (const [name, type] of layout.fields) {
    if (typeof type === 'string') writeScalar(writer, type, values[name])
    else writeNested(writer, type, values[name])
  }
}

// The value was checked against the layout at compile time: hence the assertions below.
function writeNested(writer: JuteWriter, type: Exclude<FieldType, Scalar>, value: unknown): void {
  if ('fields' in type) {
    writeFields(writer, type, value as object)
  } else if ('write' in type) {
    type.write(writer, value as never)
  } else {
    const items = value as readonly unknown[]
    const { vectorOf: itemType } = type
    writer.int(items.length)
    for (const item of items) {
      if (typeof itemType === 'string') writeScalar(writer, itemType, item)
      else writeNested(writer, itemType, item)
    }
  }
}

function writeScalar(writer: JuteWriter, type: Scalar, value: unknown): void {
  switch (type) {
    case 'bool':
      writer.bool(value as boolean)
      break
    case 'bool?':
      if (value !== null) writer.bool(value as boolean)
      break
    case 'int':
      writer.int(value as number)
      break
    case 'long':
      writer.long(value as number)
      break
    case 'id':
      writer.id(value as bigint)
      break
    case 'buffer':
      writer.buffer(value as Uint8Array | null)
      break
    case 'ustring':
      writer.ustring(value as string)
      break
  }
}
