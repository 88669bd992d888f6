/** A body put together by hand: a number is one byte, a text its length and its characters, bytes are themselves. */
export function rawBody(...parts: readonly (number | string | Uint8Array)[]): Uint8Array {
  const bytes = parts.flatMap((part) => {
    if (typeof part === 'number') return [part]
    if (typeof part === 'string') return [part.length, ...Buffer.from(part, 'latin1')]
    return [...part]
  })
  return Uint8Array.from(bytes)
}

/** A count that never ends, and one above 2^53 - 1. */
export const ENDLESS_COUNT = new Uint8Array(9).fill(0xff)
export const HUGE_COUNT = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)

/** A time: not zero, then a double. */
export function rawTime(ms: number): Uint8Array {
  const bytes = new Uint8Array(9)
  bytes[0] = 1
  new DataView(bytes.buffer).setFloat64(1, ms)
  return bytes
}
