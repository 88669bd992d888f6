/** The text protocol of NATS, as far as a JetStream key-value bucket needs it: direct gets, and publishes with their acknowledgement. */
import { Remainder } from './remainder.ts'
import { ProtocolError, type Speaker, type Waiting, type Wire } from './speaker.ts'

const CR = 13
const LF = 10
const SPACE = 32
/** Headers of an answer begin so; a status follows only where it is not the message itself. */
const HEADER_VERSION = 'NATS/1.0'
const STATUS_NOT_FOUND = 404
const STATUS_NO_RESPONDERS = 503
/** While a bucket has no leader its servers refuse at once. The official clients wait so long before they try again; a load that did not would only count refusals. */
const NO_RESPONDERS_PAUSE_MS = 250
const PUB_ACK = '{"stream"'

export class JetStreamSpeaker implements Speaker {
  readonly exhausted = false
  readonly #wire: Wire
  readonly #getPrefix: string
  readonly #putPrefix: string
  readonly #inbox: string
  readonly #waiting = new Map<number, Waiting>()
  readonly #rest = new Remainder()
  #nextId = 0

  /** @param inbox - a subject that nobody else uses. */
  constructor(wire: Wire, options: { readonly bucket: string; readonly inbox: string }) {
    this.#wire = wire
    this.#putPrefix = `$KV.${options.bucket}.`
    this.#getPrefix = `$JS.API.DIRECT.GET.KV_${options.bucket}.${this.#putPrefix}`
    this.#inbox = `${options.inbox}.`
  }

  get pending(): number {
    return this.#waiting.size
  }

  begin(): void {
    const options = {
      verbose: false,
      pedantic: false,
      headers: true,
      no_responders: true,
      lang: 'catenary',
      version: '1',
    }
    this.#wire.out.text(`CONNECT ${JSON.stringify(options)}\r\nSUB ${this.#inbox}* 1\r\nPING\r\n`)
  }

  submit(waiting: Waiting): void {
    const { operation } = waiting
    if (operation.type === 'scan') {
      setImmediate(waiting.done, 'scan: jetstream has no range reads')
      return
    }
    const { out } = this.#wire
    const id = this.#nextId++
    const token = tokenOf(operation.key)
    this.#waiting.set(id, waiting)
    if (operation.type === 'read') {
      out.text(`PUB ${this.#getPrefix}${token} ${this.#inbox}${id} 0\r\n\r\n`)
      return
    }
    out.text(`PUB ${this.#putPrefix}${token} ${this.#inbox}${id} ${operation.value.length}\r\n`)
    out.put(operation.value)
    out.text('\r\n')
  }

  onBytes(chunk: Buffer): void {
    const bytes = this.#rest.with(chunk)
    let at = 0
    for (;;) {
      const end = this.#takeItem(bytes, at)
      if (end === -1) break
      at = end
    }
    this.#rest.keep(bytes, at)
  }

  /** An answer can get lost on its way without any connection having broken: each operation is given up by itself. */
  onTick(overdueTick: number): void {
    for (const [id, waiting] of this.#waiting) {
      if (waiting.beganTick > overdueTick) return
      this.#settle(id, 'no answer in time', null)
    }
  }

  fail(error: string): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { done } of waiting) done(error)
  }

  /** @returns where the next item begins, -1 where this one is not complete. */
  #takeItem(bytes: Buffer, at: number): number {
    const lineEnd = bytes.indexOf(LF, at) - 1
    if (lineEnd < 0) return -1
    if (bytes[lineEnd] !== CR) throw new ProtocolError('a line of NATS must end in CR LF')
    const next = lineEnd + 2
    const line = bytes.toString('latin1', at, lineEnd)
    if (line.startsWith('MSG ') || line.startsWith('HMSG ')) return this.#takeMessage(bytes, next, line)
    if (line === 'PING') {
      this.#wire.out.text('PONG\r\n')
      this.#wire.wantsFlush()
    } else if (line === 'PONG') this.#wire.ready()
    else if (line.startsWith('-ERR')) throw new ProtocolError(line)
    return next
  }

  /** `MSG subject sid [reply] bytes`, or `HMSG subject sid [reply] header-bytes bytes`. */
  #takeMessage(bytes: Buffer, from: number, line: string): number {
    const words = line.split(' ')
    const length = Number(words[words.length - 1])
    const end = from + length
    if (!(length >= 0)) throw new ProtocolError(line)
    if (bytes.length < end + 2) return -1
    const id = Number((words[1] ?? '').slice(this.#inbox.length))
    if (words[0] === 'MSG') this.#onAcknowledgement(id, bytes, from, end)
    else this.#onHeaders(id, bytes, from, from + Number(words[words.length - 2]), end)
    return end + 2
  }

  #onAcknowledgement(id: number, bytes: Buffer, from: number, end: number): void {
    const isAcknowledged = bytes.toString('latin1', from, from + PUB_ACK.length) === PUB_ACK
    this.#settle(id, isAcknowledged ? null : bytes.toString('utf8', from, end), null)
  }

  #onHeaders(id: number, bytes: Buffer, from: number, headersEnd: number, end: number): void {
    const statusAt = from + HEADER_VERSION.length
    if (bytes[statusAt] !== SPACE) {
      this.#settle(id, null, bytes.subarray(headersEnd, end))
      return
    }
    const status = bytes.toString('latin1', statusAt + 1, bytes.indexOf(CR, statusAt))
    const code = Number(status.slice(0, 3))
    if (code === STATUS_NOT_FOUND) this.#settle(id, null, null)
    else if (code !== STATUS_NO_RESPONDERS) this.#settle(id, `jetstream answers ${status}`, null)
    else
      setTimeout(() => this.#settle(id, 'jetstream has nobody to answer (503)', null), NO_RESPONDERS_PAUSE_MS)
  }

  #settle(id: number, error: string | null, value: Uint8Array | null): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return // given up before
    this.#waiting.delete(id)
    waiting.onValue?.(value)
    waiting.done(error)
  }
}

const PLAIN = /^[\w/-]+$/

/** A key as one token of a subject: what a token cannot hold, and `=` itself, is written as `=` and two hexadecimal digits. */
export function tokenOf(key: string): string {
  if (PLAIN.test(key)) return key
  return key.replace(/[^\w/-]/g, (char) => `=${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
