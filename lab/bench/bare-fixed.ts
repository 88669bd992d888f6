/**
 * The cheapest bytes that a Node process can speak: fields at fixed places, no frames, nothing to interpret.
 * Request: u32 call, u8 kind, u8 0, u16 bytes of the key, u32 bytes of the value, key, value. Reply: u32 call, u8 status, 3 bytes 0, u32 bytes of the value, value.
 * Little-endian. A connection begins with one byte that says who speaks.
 */
import type { Socket } from 'node:net'

export const HEADER_BYTES = 12
export const KIND = { read: 1, write: 2 } as const
export const STATUS = { ok: 0, missing: 1 } as const
/** First byte of a connection: a client, or the process before in a row, which wants only a u32 count of the writes that are done. */
export const SPEAKER = { client: 0x63, relay: 0x72 } as const

const FIRST_BYTES = 64 * 1024
/** Up to here a loop over the characters beats the call of a native method. */
const SHORT_KEY = 48

/** Bytes on their way to a socket: one buffer and one write for all that a turn has to say. */
export class BareWriter {
  readonly #socket: Socket
  #buffer = Buffer.allocUnsafe(FIRST_BYTES)
  #length = 0

  constructor(socket: Socket) {
    this.#socket = socket
  }

  request(kind: number, call: number, key: string, value: Uint8Array | null): void {
    const valueBytes = value === null ? 0 : value.length
    const at = this.#room(HEADER_BYTES + key.length + valueBytes)
    const buffer = this.#buffer
    putU32(buffer, at, call)
    buffer[at + 4] = kind
    buffer[at + 5] = 0
    buffer[at + 6] = key.length
    buffer[at + 7] = key.length >>> 8
    putU32(buffer, at + 8, valueBytes)
    putKey(buffer, at + HEADER_BYTES, key)
    if (value !== null) buffer.set(value, at + HEADER_BYTES + key.length)
  }

  reply(call: number, status: number, value: Uint8Array | null): void {
    const valueBytes = value === null ? 0 : value.length
    const at = this.#room(HEADER_BYTES + valueBytes)
    const buffer = this.#buffer
    putU32(buffer, at, call)
    putU32(buffer, at + 4, status)
    putU32(buffer, at + 8, valueBytes)
    if (value !== null) buffer.set(value, at + HEADER_BYTES)
  }

  u32(number: number): void {
    putU32(this.#buffer, this.#room(4), number)
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#room(bytes.length)
    this.#buffer.set(bytes, at)
  }

  flush(): void {
    if (this.#length === 0) return
    this.#socket.write(this.#buffer.subarray(0, this.#length))
    this.#length = 0
    // What the kernel did not take at once still lies in the buffer.
    if (this.#socket.writableLength > 0) this.#buffer = Buffer.allocUnsafe(this.#buffer.length)
  }

  #room(bytes: number): number {
    const at = this.#length
    if (at + bytes > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, at + bytes))
      larger.set(this.#buffer.subarray(0, at))
      this.#buffer = larger
    }
    this.#length = at + bytes
    return at
  }
}

/** Bytes of a socket, cut into messages; what is cut off at the end of a chunk waits for the next. */
export class BareReader {
  readonly #bytesOf: (chunk: Buffer, at: number) => number
  #rest: Buffer[] = []
  #restBytes = 0
  /** Until so many are there, another look is in vain. */
  #wanted = 0

  /** @param bytesOf - length of the message whose header is at this place. */
  constructor(bytesOf: (chunk: Buffer, at: number) => number) {
    this.#bytesOf = bytesOf
  }

  /** @returns whole messages, and perhaps the beginning of one more behind `end`; null where there is none. */
  push(chunk: Buffer): { chunk: Buffer; end: number } | null {
    let whole = chunk
    if (this.#restBytes > 0) {
      this.#rest.push(chunk)
      this.#restBytes += chunk.length
      if (this.#restBytes < this.#wanted) return null
      whole = Buffer.concat(this.#rest, this.#restBytes)
      this.#rest = []
      this.#restBytes = 0
    }
    let end = 0
    let wanted = HEADER_BYTES
    while (end + HEADER_BYTES <= whole.length) {
      const bytes = this.#bytesOf(whole, end)
      if (end + bytes > whole.length) {
        wanted = bytes
        break
      }
      end += bytes
    }
    if (end < whole.length) {
      // A copy: the chunk may be the socket's own buffer, which it fills again.
      this.#rest.push(Buffer.from(whole.subarray(end)))
      this.#restBytes = whole.length - end
      this.#wanted = wanted
    }
    return end === 0 ? null : { chunk: whole, end }
  }
}

export const requestBytes = (chunk: Buffer, at: number) =>
  HEADER_BYTES + keyBytesAt(chunk, at) + valueBytesAt(chunk, at)
export const replyBytes = (chunk: Buffer, at: number) => HEADER_BYTES + valueBytesAt(chunk, at)
export const keyBytesAt = (chunk: Buffer, at: number) => (chunk[at + 6] ?? 0) | ((chunk[at + 7] ?? 0) << 8)
export const valueBytesAt = (chunk: Buffer, at: number) => u32At(chunk, at + 8)

export function u32At(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  )
}

function putU32(bytes: Uint8Array, at: number, number: number): void {
  bytes[at] = number
  bytes[at + 1] = number >>> 8
  bytes[at + 2] = number >>> 16
  bytes[at + 3] = number >>> 24
}

function putKey(buffer: Buffer, at: number, key: string): void {
  if (key.length > SHORT_KEY) {
    buffer.write(key, at, 'latin1')
    return
  }
  for (let i = 0; i < key.length; i++) buffer[at + i] = key.charCodeAt(i)
}
