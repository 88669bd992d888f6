/**
 * Looks a msgpack body over before it is unpacked. The unpacker makes room for as many items as a header claims, and follows arrays within arrays by
 * recursion: a few bytes from anybody would cost gigabytes or the stack.
 */
import { FrameError } from '../../protocol/frame.ts'
import { BODY_ITEMS_MAX } from '../../protocol/limits.ts'

/** Bodies have arrays of messages, of fields, of entries, of their parts: four, and one to spare. */
const DEPTH_MAX = 5

/** Bytes behind the first of a value that is no array: a number of them, or how many bytes tell that number. */
type Rest = { readonly bytes: number } | { readonly lengthBytes: number }

const NONE: Rest = { bytes: 0 }
/** Of what coordinators say, by first byte: numbers, texts, bytes, flags and null. No maps, no extensions. */
const PLAIN: ReadonlyMap<number, Rest> = new Map<number, Rest>([
  ...[0xc0, 0xc2, 0xc3].map((byte): [number, Rest] => [byte, NONE]),
  ...[1, 2, 4].map((lengthBytes, i): [number, Rest] => [0xc4 + i, { lengthBytes }]),
  ...[4, 8].map((bytes, i): [number, Rest] => [0xca + i, { bytes }]),
  ...[1, 2, 4, 8, 1, 2, 4, 8].map((bytes, i): [number, Rest] => [0xcc + i, { bytes }]),
  ...[1, 2, 4].map((lengthBytes, i): [number, Rest] => [0xd9 + i, { lengthBytes }]),
])

/** @throws {FrameError} it is not exactly one value of a kind that coordinators send, or its arrays claim more than is there. */
export function checkShape(body: Uint8Array): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  /** Of each array that is open: what is still to come. */
  const open: number[] = []
  let items = 0
  let at = 0
  const lengthAt = (bytes: number): number => {
    if (at + bytes > body.length) throw cut()
    const length = bytes === 1 ? view.getUint8(at) : bytes === 2 ? view.getUint16(at) : view.getUint32(at)
    at += bytes
    return length
  }
  do {
    if (open.length > 0) open[open.length - 1] = (open.at(-1) ?? 0) - 1
    const first = lengthAt(1)
    const count = arrayLength(first, lengthAt)
    if (count === null) {
      const bytes = skipped(first, lengthAt) // moves `at` itself
      at += bytes
    } else {
      items += count
      if (count > body.length - at || items > BODY_ITEMS_MAX) throw new FrameError('an array that long')
      if (open.push(count) > DEPTH_MAX) throw new FrameError('arrays within arrays')
    }
    if (at > body.length) throw cut()
    while (open.at(-1) === 0) open.pop()
  } while (open.length > 0)
  if (at !== body.length) throw new FrameError('a body has bytes after its end')
}

/** Null: it is no array. */
function arrayLength(first: number, lengthAt: (bytes: number) => number): number | null {
  if (first >= 0x90 && first <= 0x9f) return first & 0x0f
  if (first === 0xdc) return lengthAt(2)
  return first === 0xdd ? lengthAt(4) : null
}

function skipped(first: number, lengthAt: (bytes: number) => number): number {
  if (first <= 0x7f || first >= 0xe0) return 0
  if (first >= 0xa0 && first <= 0xbf) return first & 0x1f
  const rest = PLAIN.get(first)
  if (rest === undefined) throw new FrameError(`a value of kind 0x${first.toString(16)}`)
  return 'bytes' in rest ? rest.bytes : lengthAt(rest.lengthBytes)
}

const cut = () => new FrameError('a body is cut short')
