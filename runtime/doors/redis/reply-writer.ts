/** Replies of RESP2 and RESP3 as bytes, one behind the other. */

const FIRST_BYTES = 64 * 1024
const KEPT_BYTES_MAX = 1024 * 1024
const SHORT_BYTES = 64
const [CR, LF, DOLLAR, COLON, STAR, MINUS, ZERO] = [13, 10, 36, 58, 42, 45, 48]

export class ReplyWriter {
  /** RESP version that the client has asked for. */
  protocol: 2 | 3 = 2
  #buffer: Buffer
  #length = 0

  constructor(bytes = FIRST_BYTES) {
    this.#buffer = Buffer.allocUnsafeSlow(bytes)
  }

  get length(): number {
    return this.#length
  }

  /** What has been written. The next reply may overwrite it, unless `abandon` is called. */
  get written(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Forgets what was written behind this length. */
  rewind(length: number): void {
    this.#length = length
  }

  /** Starts again. @param keeps - somebody still reads what was written. */
  reset(keeps: boolean): void {
    if (keeps || this.#buffer.length > KEPT_BYTES_MAX) this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
    this.#length = 0
  }

  #room(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** One character a byte, as it is. */
  #latin(text: string): void {
    this.#room(text.length)
    this.#length += this.#buffer.write(text, this.#length, 'latin1')
  }

  /** A type's mark, a number, and the line's end. */
  #head(mark: number, number: number): void {
    this.#room(32)
    const buffer = this.#buffer
    let at = this.#length
    buffer[at++] = mark
    if (number >= 0 && number < 10) buffer[at++] = ZERO + number
    else if (number >= 10 && number < 100) {
      buffer[at++] = ZERO + Math.floor(number / 10)
      buffer[at++] = ZERO + (number % 10)
    } else at += buffer.write(String(number), at, 'latin1')
    buffer[at++] = CR
    buffer[at++] = LF
    this.#length = at
  }

  simple(text: string): void {
    this.#latin(`+${text}\r\n`)
  }

  ok(): void {
    this.#latin('+OK\r\n')
  }

  /** `ERR what`: the first word is its code. */
  error(text: string): void {
    this.#latin(`-${text.replace(/[\r\n]/g, ' ')}\r\n`)
  }

  integer(number: number | bigint): void {
    if (typeof number === 'bigint') this.#latin(`:${number}\r\n`)
    else this.#head(COLON, number)
  }

  boolean(yes: boolean): void {
    if (this.protocol === 3) this.#latin(yes ? '#t\r\n' : '#f\r\n')
    else this.integer(yes ? 1 : 0)
  }

  null(): void {
    this.#latin(this.protocol === 3 ? '_\r\n' : '$-1\r\n')
  }

  nullArray(): void {
    this.#latin(this.protocol === 3 ? '_\r\n' : '*-1\r\n')
  }

  bulk(bytes: Uint8Array): void {
    const { length } = bytes
    this.#head(DOLLAR, length)
    this.#room(length + 2)
    const buffer = this.#buffer
    let at = this.#length
    if (length <= SHORT_BYTES) for (let i = 0; i < length; i++) buffer[at++] = bytes[i] as number
    else {
      buffer.set(bytes, at)
      at += length
    }
    buffer[at++] = CR
    buffer[at++] = LF
    this.#length = at
  }

  bulkOrNull(bytes: Uint8Array | null): void {
    if (bytes === null) this.null()
    else this.bulk(bytes)
  }

  /** One character a byte. */
  text(text: string): void {
    this.#head(DOLLAR, text.length)
    this.#latin(text)
    this.#latin('\r\n')
  }

  /** Text of our own, with whatever characters. */
  unicode(text: string): void {
    this.bulk(Buffer.from(text, 'utf8'))
  }

  /** Lines for people to read. */
  verbatim(text: string): void {
    if (this.protocol === 2) return this.unicode(text)
    const bytes = Buffer.from(`txt:${text}`, 'utf8')
    this.#latin(`=${bytes.length}\r\n`)
    this.raw(bytes)
    this.#latin('\r\n')
  }

  array(count: number): void {
    this.#head(STAR, count)
  }

  /** Count pairs follow. */
  map(count: number): void {
    if (this.protocol === 3) this.#latin(`%${count}\r\n`)
    else this.array(2 * count)
  }

  set(count: number): void {
    if (this.protocol === 3) this.#latin(`~${count}\r\n`)
    else this.array(count)
  }

  /** Says something that is no reply. */
  push(count: number): void {
    if (this.protocol === 3) this.#latin(`>${count}\r\n`)
    else this.array(count)
  }

  texts(texts: readonly string[]): void {
    this.array(texts.length)
    for (const text of texts) this.text(text)
  }
}

export const isErrorReply = (bytes: Uint8Array): boolean => bytes[0] === MINUS
