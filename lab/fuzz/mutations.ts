/** Ways to spoil bytes that were right. */
import type { Rng } from '../simulator/kernel/rng.ts'

/** What the bytes are like. */
export interface Matter {
  /** So many bytes at the front mostly stay as they are: a wrong header hides what is behind it. */
  readonly headerBytes: number
  /** What is written over four bytes. */
  readonly numbers: readonly number[]
  /** Bytes of the same kind, to be put into these. */
  readonly other: Uint8Array
}

/** Changes one thing. The bytes given may be written to; a longer or shorter result is a copy. */
export function changedOnce(rng: Rng, body: Uint8Array, { headerBytes, numbers, other }: Matter): Uint8Array {
  const at = rng.between(Math.min(headerBytes, body.length), body.length)
  switch (rng.below(8)) {
    case 0: // a bit
      if (at < body.length) body[at] = (body[at] ?? 0) ^ (1 << rng.below(8))
      return body
    case 1: // a byte
      if (at < body.length) body[at] = rng.below(256)
      return body
    case 2: // a length, a count or a number
    case 3:
      if (at + 4 <= body.length) putInt(body, at, rng.pick(numbers))
      return body
    case 4: // cut short, rarely in the header
      return body.slice(0, rng.chance(0.02) ? rng.below(headerBytes) : Math.max(headerBytes, at))
    case 5: // something behind it
      return joined(body, randomBytes(rng, rng.scale(1, 64)))
    case 6: // something of another one in it
      return joined(body.slice(0, at), other.subarray(rng.below(other.length)), body.slice(at))
    default: // a part twice
      return joined(body.slice(0, at), body.slice(rng.between(0, at)))
  }
}

export const randomBytes = (rng: Rng, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, () => rng.below(256))

export function putInt(bytes: Uint8Array, at: number, value: number): void {
  if (at + 4 > bytes.length) return
  new DataView(bytes.buffer, bytes.byteOffset).setInt32(at, value | 0)
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
