/**
 * Frames of the tcp transport: u32 big-endian length, then the body. The first frame in each direction of a connection is a hello; where both say so,
 * those of a proof follow (scram.ts).
 * Knows nothing of sockets, and nothing of what a body means.
 */

export const FRAME_HEADER_BYTES = 4
/** Up to here a body that arrives in pieces gets its memory at once; a longer one as its bytes arrive. */
const TRUSTED_BYTES = 1024 * 1024

/** The remote does not speak our protocol, or not our version of it. Its connection is closed. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/** Writes the length that precedes a body of `bodyBytes` bytes. */
export function writeFrameHeader(target: Uint8Array, at: number, bodyBytes: number): void {
  target[at] = bodyBytes >>> 24
  target[at + 1] = bodyBytes >>> 16
  target[at + 2] = bodyBytes >>> 8
  target[at + 3] = bodyBytes
}

export function encodeFrame(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + body.length)
  writeFrameHeader(frame, 0, body.length)
  frame.set(body, FRAME_HEADER_BYTES)
  return frame
}

/**
 * Cuts a stream of bytes into bodies. A body that lies whole in one chunk is a view of it; one that spans chunks is copied once,
 * or, where it is long, into memory that doubles, so that work stays linear and a length that is a lie costs nothing.
 *
 * @example
 * splitter.push(chunk)
 * for (let body = splitter.next(); body !== null; body = splitter.next()) handle(body)
 */
export class FrameSplitter {
  /** Longest body accepted. May change between bodies: a hello is short, what follows it is not. */
  frameBytesMax: number
  #chunk: Uint8Array = new Uint8Array(0)
  #at = 0
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES)
  #headerCount = 0
  /** Of the body being received; -1 while its header is. */
  #length = -1
  #partial: Uint8Array | null = null
  #partialCount = 0

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax
  }

  /** Whether a frame has begun and not ended. For when `next` has returned null. */
  get isInside(): boolean {
    return this.#length >= 0 || this.#headerCount > 0
  }

  /** Memory that is kept for the body being received. */
  get partialBytes(): number {
    return this.#partial?.length ?? 0
  }

  /** Adds bytes. The chunk must not be written to afterwards. Call `next` until it returns null before the next push. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk
    this.#at = 0
  }

  /**
   * @returns the next whole body, or null where more bytes are needed.
   * @throws {FrameError} a length above `frameBytesMax`. The stream is lost: there is no next frame to find.
   */
  next(): Uint8Array | null {
    if (this.#length < 0 && !this.#readHeader()) return null
    const length = this.#length
    const available = this.#chunk.length - this.#at
    if (this.#partial === null && available >= length) {
      const body = this.#chunk.subarray(this.#at, this.#at + length)
      this.#at += length
      this.#length = -1
      return body
    }
    return this.#readPiece(length, available)
  }

  #readHeader(): boolean {
    const header = this.#header
    while (this.#headerCount < FRAME_HEADER_BYTES) {
      const byte = this.#chunk[this.#at]
      if (byte === undefined) return false
      header[this.#headerCount++] = byte
      this.#at++
    }
    this.#headerCount = 0
    const length = readU32(header, 0)
    if (length > this.frameBytesMax) {
      throw new FrameError(`frame of ${length} bytes; at most ${this.frameBytesMax} are allowed here`)
    }
    this.#length = length
    return true
  }

  #readPiece(length: number, available: number): Uint8Array | null {
    const take = Math.min(available, length - this.#partialCount)
    const partial = this.#roomFor(this.#partialCount + take, length)
    partial.set(this.#chunk.subarray(this.#at, this.#at + take), this.#partialCount)
    this.#partialCount += take
    this.#at += take
    if (this.#partialCount < length) return null
    this.#partial = null
    this.#partialCount = 0
    this.#length = -1
    return partial
  }

  #roomFor(bytes: number, length: number): Uint8Array {
    const old = this.#partial
    if (old !== null && old.length >= bytes) return old
    const size = Math.min(length, Math.max(TRUSTED_BYTES, bytes, 2 * (old?.length ?? 0)))
    const partial = new Uint8Array(size)
    if (old !== null) partial.set(old.subarray(0, this.#partialCount))
    this.#partial = partial
    return partial
  }
}

/** The first frame of each side of a connection. */
export interface Hello {
  /** Who is speaking. */
  readonly from: string
  /** Whom the dialler wants; '' where it knows only the address. The other side closes the connection if it is not that node. */
  readonly to: string
  /** Name of the cluster: nodes of two clusters that share a port range must not mix. */
  readonly cluster: string
  /** Whether the speaker can be dialled. If not, it is answered over this connection. */
  readonly listens: boolean
  /** `scram`: the speaker proves who it is, and speaks on only with somebody who does. Both sides must say the same. */
  readonly auth: 'none' | 'scram'
}

/** Raised whenever a body of the new version would be misread by the old. Both sides must agree. */
export const PROTOCOL_VERSION = 3
/** "CTNY": chosen so that, read as a length, the first bytes of HTTP, TLS, RESP or ZooKeeper do not pass for a hello. */
const MAGIC = 0x43544e59
/** Until the hello has been read, and the proof where there is one, no longer frame is accepted. */
export const HELLO_BYTES_MAX = 1024
const FIXED_BYTES = 6
const FLAGS = { listens: 1, scram: 2 } as const

export function encodeHello(hello: Hello): Uint8Array {
  const texts = [hello.from, hello.to, hello.cluster].map((text) => new TextEncoder().encode(text))
  const body = new Uint8Array(texts.reduce((bytes, text) => bytes + 1 + text.length, FIXED_BYTES))
  writeFrameHeader(body, 0, MAGIC)
  body[4] = PROTOCOL_VERSION
  body[5] = (hello.listens ? FLAGS.listens : 0) | (hello.auth === 'scram' ? FLAGS.scram : 0)
  let at = FIXED_BYTES
  for (const text of texts) {
    if (text.length > 255) throw new RangeError(`hello: a name of ${text.length} bytes; at most 255`)
    body[at] = text.length
    body.set(text, at + 1)
    at += 1 + text.length
  }
  return body
}

/** @throws {FrameError} not a hello, or one of another protocol version. */
export function decodeHello(body: Uint8Array): Hello {
  if (body.length < FIXED_BYTES || readU32(body, 0) !== MAGIC) throw new FrameError('not a hello')
  const version = body[4] ?? 0
  if (version !== PROTOCOL_VERSION) {
    throw new FrameError(`protocol version ${version}; this node speaks version ${PROTOCOL_VERSION}`)
  }
  const flags = body[5] ?? 0
  if ((flags & ~(FLAGS.listens | FLAGS.scram)) !== 0)
    throw new FrameError('hello has flags that nobody knows')
  const texts: string[] = []
  let at = FIXED_BYTES
  while (texts.length < 3) {
    const end = at + 1 + (body[at] ?? 0)
    if (at >= body.length || end > body.length) throw new FrameError('hello is cut short')
    texts.push(new TextDecoder().decode(body.subarray(at + 1, end)))
    at = end
  }
  if (at !== body.length) throw new FrameError('hello has bytes after its end')
  const [from = '', to = '', cluster = ''] = texts
  const auth = (flags & FLAGS.scram) !== 0 ? 'scram' : 'none'
  return { from, to, cluster, listens: (flags & FLAGS.listens) !== 0, auth }
}

export function readU32(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
  return a * 0x1000000 + ((b << 16) | (c << 8) | d)
}
