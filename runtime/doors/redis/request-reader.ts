/**
 * Cuts what a connection sends into requests: arrays of bulk strings, or lines as people type them. Its cost is linear in the bytes that arrive, in whatever
 * pieces they come, and it holds no more than the one request that is not complete yet.
 */
import { RequestError } from './reply-error.ts'

export interface RequestLimits {
  /** Longest single argument (`proto-max-bulk-len`). */
  readonly bulkBytesMax: number
  /** All of a request together. */
  readonly requestBytesMax: number
}

/** Of who has not logged in yet, and has to. */
const STRANGERS_ARGUMENTS_MAX = 10
const STRANGERS_BULK_BYTES_MAX = 16_384

const LINE_BYTES_MAX = 64 * 1024
const ARGUMENTS_MAX = 1024 * 1024
const [CR, LF, STAR, DOLLAR, MINUS, ZERO, NINE] = [13, 10, 42, 36, 45, 48, 57]
const NOTHING = Buffer.alloc(0)
/** Places of so many arguments stay allocated between requests. */
const ARGUMENTS_KEPT = 1024
/** What the place of an argument costs. */
const PLACE_BYTES = 16

/** The arguments of one request, the command's name first: places in a buffer, made into strings or bytes only where somebody asks. */
export class Args {
  buffer: Buffer = NOTHING
  readonly starts: number[] = []
  readonly ends: number[] = []
  count = 0

  static of(parts: readonly (string | Uint8Array)[]): Args {
    const args = new Args()
    const buffers = parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part))
    args.buffer = Buffer.concat(buffers)
    let at = 0
    for (const { length } of buffers) {
      args.add(at, at + length)
      at += length
    }
    return args
  }

  add(start: number, end: number): void {
    this.starts[this.count] = start
    this.ends[this.count] = end
    this.count++
  }

  length(index: number): number {
    return (this.ends[index] ?? 0) - (this.starts[index] ?? 0)
  }

  /** One character a byte. */
  text(index: number): string {
    return this.buffer.toString('latin1', this.starts[index] ?? 0, this.ends[index] ?? 0)
  }

  lower(index: number): string {
    return this.text(index).toLowerCase()
  }

  upper(index: number): string {
    return this.text(index).toUpperCase()
  }

  /** A copy: it may be kept. */
  bytes(index: number): Uint8Array {
    const start = this.starts[index] ?? 0
    const length = (this.ends[index] ?? 0) - start
    const bytes = new Uint8Array(length)
    // A short loop beats the call into the engine.
    if (length <= 48) for (let i = 0; i < length; i++) bytes[i] = this.buffer[start + i] ?? 0
    else bytes.set(this.buffer.subarray(start, start + length))
    return bytes
  }

  /** From `first` on, as text. */
  texts(first: number): string[] {
    const texts: string[] = []
    for (let i = first; i < this.count; i++) texts.push(this.text(i))
    return texts
  }

  /** A copy of its own, which the reader does not overwrite. */
  keep(): Args {
    const kept = new Args()
    const [start, end] = this.#span()
    kept.buffer = Buffer.from(this.buffer.subarray(start, end))
    for (let i = 0; i < this.count; i++) kept.add((this.starts[i] ?? 0) - start, (this.ends[i] ?? 0) - start)
    return kept
  }

  get byteLength(): number {
    const [start, end] = this.#span()
    return end - start
  }

  #span(): [number, number] {
    return this.count === 0 ? [0, 0] : [this.starts[0] ?? 0, this.ends[this.count - 1] ?? 0]
  }

  shift(by: number): void {
    for (let i = 0; i < this.count; i++) {
      this.starts[i] = (this.starts[i] ?? 0) - by
      this.ends[i] = (this.ends[i] ?? 0) - by
    }
  }

  clear(): void {
    this.count = 0
    if (this.starts.length <= ARGUMENTS_KEPT) return
    this.starts.length = 0
    this.ends.length = 0
  }
}

export class RequestReader {
  /** The request that `next` has found; the next call overwrites it. */
  readonly args = new Args()
  /** Whether they come from somebody who has not logged in yet. */
  isStrangers = false
  readonly #limits: RequestLimits
  #buffer: Buffer = NOTHING
  /** Whether it may be written to behind `#end`. */
  #own = false
  /** Where the request begins, how far it has been read, and where the bytes end. */
  #start = 0
  #at = 0
  #end = 0
  /** Arguments that are still to come; 0 between requests. */
  #missing = 0
  /** Length of the argument that is coming; -1: not known yet. */
  #bulk = -1
  /** The request in `args` has been handed out. */
  #complete = true

  constructor(limits: RequestLimits) {
    this.#limits = limits
  }

  /** What waits: bytes, and what is known of a request that is not complete. */
  get pendingBytes(): number {
    return this.#end - this.#start + (this.#complete ? 0 : PLACE_BYTES * this.args.count)
  }

  push(chunk: Buffer): void {
    const rest = this.#end - this.#start
    if (rest === 0) {
      this.#buffer = chunk
      this.#own = false
      this.#start = 0
      this.#at = 0
      this.#end = chunk.length
      return
    }
    if (!this.#own || this.#end + chunk.length > this.#buffer.length) this.#move(rest, chunk.length)
    chunk.copy(this.#buffer, this.#end)
    this.#end += chunk.length
  }

  /** To a buffer with room for more: twice as much as needed where a long request is coming, so that each byte is moved seldom. */
  #move(rest: number, more: number): void {
    const room = rest > more ? 2 * (rest + more) : rest + more
    const buffer = Buffer.allocUnsafeSlow(room)
    this.#buffer.copy(buffer, 0, this.#start, this.#end)
    if (!this.#complete) {
      this.args.shift(this.#start)
      this.args.buffer = buffer
    }
    this.#buffer = buffer
    this.#own = true
    this.#at -= this.#start
    this.#end = rest
    this.#start = 0
  }

  /**
   * @returns whether `args` holds another request.
   * @throws {RequestError} what came is no request: nothing more can be read from this connection.
   */
  next(): boolean {
    while (this.#at < this.#end || this.#bulk === 0) {
      if (this.#missing > 0) {
        if (!this.#arguments()) return false
        return this.#finish()
      }
      if (this.#complete) {
        this.#complete = false
        this.args.clear()
        this.args.buffer = this.#buffer
      }
      if (this.#buffer[this.#at] === STAR) {
        if (!this.#header()) return false
        if (this.#missing === 0) this.#skip() // `*0` and `*-1` are no requests
      } else {
        if (!this.#line()) return false
        if (this.args.count > 0) return this.#finish()
        this.#skip()
      }
    }
    if (this.#complete && this.#at === this.#end) this.#forget()
    return false
  }

  /** All has been read: an idle connection holds nothing. */
  #forget(): void {
    this.args.clear()
    this.args.buffer = NOTHING
    this.#buffer = NOTHING
    this.#own = false
    this.#start = this.#at = this.#end = 0
  }

  #finish(): true {
    this.#start = this.#at
    this.#complete = true
    return true
  }

  #skip(): void {
    this.#start = this.#at
  }

  #header(): boolean {
    const end = this.#lineEnd('too big mbulk count string')
    if (end < 0) return false
    const count = this.#integer(this.#at + 1, end)
    if (Number.isNaN(count) || count > ARGUMENTS_MAX) throw new RequestError('invalid multibulk length')
    if (this.isStrangers && count > STRANGERS_ARGUMENTS_MAX)
      throw new RequestError('unauthenticated multibulk length')
    this.#at = end + 2
    this.#missing = Math.max(0, count)
    this.#bulk = -1
    return true
  }

  #arguments(): boolean {
    const { args } = this
    args.buffer = this.#buffer
    while (this.#missing > 0) {
      if (this.#bulk < 0) {
        if (this.#at >= this.#end) return false
        const end = this.#lineEnd('too big bulk count string')
        if (end < 0) return false
        const first = this.#buffer[this.#at] ?? 0
        if (first !== DOLLAR) throw new RequestError(`expected '$', got '${printable(first)}'`)
        const length = this.#integer(this.#at + 1, end)
        if (Number.isNaN(length) || length < 0 || length > this.#limits.bulkBytesMax)
          throw new RequestError('invalid bulk length')
        if (this.isStrangers && length > STRANGERS_BULK_BYTES_MAX)
          throw new RequestError('unauthenticated bulk length')
        this.#at = end + 2
        this.#bulk = length
        if (this.#at - this.#start + length > this.#limits.requestBytesMax)
          throw new RequestError('too big request')
      }
      if (this.#end - this.#at < this.#bulk + 2) return false
      args.add(this.#at, this.#at + this.#bulk)
      this.#at += this.#bulk + 2
      this.#bulk = -1
      this.#missing--
    }
    return true
  }

  /** Where the line's CR is; -1 while the line is incomplete. */
  #lineEnd(tooLong: string): number {
    const buffer = this.#buffer
    // Lengths are short: a loop finds the end before a search has begun.
    const near = Math.min(this.#end - 1, this.#at + 12)
    let at = this.#at
    while (at < near && buffer[at] !== CR) at++
    if (buffer[at] !== CR) {
      at = buffer.indexOf(CR, at)
      if (at < 0 || at >= this.#end) {
        if (this.#end - this.#at > LINE_BYTES_MAX) throw new RequestError(tooLong)
        return -1
      }
    }
    return at + 1 < this.#end ? at : -1
  }

  /** As Redis reads a length: no sign but a minus, no leading zero. NaN: none. */
  #integer(start: number, end: number): number {
    const buffer = this.#buffer
    const negative = buffer[start] === MINUS
    let at = negative ? start + 1 : start
    if (at >= end || end - at > 15) return Number.NaN
    if (buffer[at] === ZERO && (end - at > 1 || negative)) return Number.NaN
    let number = 0
    for (; at < end; at++) {
      const digit = buffer[at] ?? 0
      if (digit < ZERO || digit > NINE) return Number.NaN
      number = number * 10 + (digit - ZERO)
    }
    return negative ? -number : number
  }

  #line(): boolean {
    const newline = this.#buffer.indexOf(LF, this.#at)
    if (newline < 0 || newline >= this.#end) {
      if (this.#end - this.#at > LINE_BYTES_MAX) throw new RequestError('too big inline request')
      return false
    }
    if (newline - this.#at > LINE_BYTES_MAX) throw new RequestError('too big inline request')
    const end = newline > this.#at && this.#buffer[newline - 1] === CR ? newline - 1 : newline
    const words = splitLine(this.#buffer.toString('latin1', this.#at, end))
    if (words === null) throw new RequestError('unbalanced quotes in request')
    const line = Args.of(words)
    this.args.buffer = line.buffer
    for (let i = 0; i < line.count; i++) this.args.add(line.starts[i] ?? 0, line.ends[i] ?? 0)
    this.#at = newline + 1
    return true
  }
}

const printable = (byte: number) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '?')

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' }
const isBlank = (c: string | undefined) =>
  c === ' ' || c === '\n' || c === '\r' || c === '\t' || c === '\v' || c === '\f' || c === '\0'

/** Words of a line; `"a b\x00\n"` and `'a b'` are one each. Null: quotes that do not close, or that text follows at once. */
export function splitLine(line: string): string[] | null {
  const words: string[] = []
  let at = 0
  for (;;) {
    while (at < line.length && isBlank(line[at])) at++
    if (at >= line.length) return words
    let word = ''
    while (at < line.length && !isBlank(line[at])) {
      const quote = line[at]
      if (quote !== '"' && quote !== "'") {
        word += quote
        at++
        continue
      }
      const quoted = quote === '"' ? doubleQuoted(line, at + 1) : singleQuoted(line, at + 1)
      if (quoted === null || (quoted.end < line.length && !isBlank(line[quoted.end]))) return null
      word += quoted.text
      at = quoted.end
      break
    }
    words.push(word)
  }
}

interface Quoted {
  readonly text: string
  /** Behind the closing quote. */
  readonly end: number
}

function doubleQuoted(line: string, start: number): Quoted | null {
  let text = ''
  for (let at = start; at < line.length; at++) {
    const c = line[at] ?? ''
    if (c === '"') return { text, end: at + 1 }
    if (c !== '\\' || at + 1 >= line.length) {
      text += c
      continue
    }
    const hex = /^x([0-9a-f]{2})/i.exec(line.slice(at + 1, at + 4))
    if (hex?.[1] !== undefined) {
      text += String.fromCharCode(Number.parseInt(hex[1], 16))
      at += 3
      continue
    }
    at++
    text += ESCAPES[line[at] ?? ''] ?? line[at] ?? ''
  }
  return null
}

function singleQuoted(line: string, start: number): Quoted | null {
  let text = ''
  for (let at = start; at < line.length; at++) {
    if (line[at] === "'") return { text, end: at + 1 }
    if (line[at] === '\\' && line[at + 1] === "'") at++
    text += line[at]
  }
  return null
}
