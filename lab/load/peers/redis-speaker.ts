/** RESP2 by hand: commands are written into the buffer of the turn, answers come in order. */
import { Remainder } from './remainder.ts'
import { ProtocolError, type Speaker, type Waiting, WaitingQueue, type Wire } from './speaker.ts'

const CR = 13
const LF = 10
/** How long WAIT waits before it tells how many replicas confirmed. */
const WAIT_TIMEOUT_MS = 5000

interface WaitingReply extends Waiting {
  /** WAIT's answer is still to come. */
  confirmations: boolean
}

export class RedisSpeaker implements Speaker {
  readonly exhausted = false
  readonly #wire: Wire
  readonly #replicas: number
  readonly #waitCommand: string
  readonly #waiting = new WaitingQueue<WaitingReply>()
  readonly #rest = new Remainder()
  #greeted = false

  /** @param replicas - that each write is confirmed by (WAIT), 0 for none. */
  constructor(wire: Wire, replicas: number) {
    this.#wire = wire
    this.#replicas = replicas
    this.#waitCommand = command('WAIT', String(replicas), String(WAIT_TIMEOUT_MS))
  }

  get pending(): number {
    return this.#waiting.length
  }

  begin(): void {
    this.#wire.out.text(command('PING'))
  }

  submit(waiting: Waiting): void {
    const { operation } = waiting
    const { out } = this.#wire
    if (operation.type === 'scan') {
      setImmediate(waiting.done, 'scan: redis has no range reads')
      return
    }
    if (operation.type === 'read') {
      out.text(`*2\r\n$3\r\nGET\r\n$${operation.key.length}\r\n${operation.key}\r\n`)
      this.#waiting.push({ ...waiting, confirmations: false })
      return
    }
    const { key, value } = operation
    out.text(`*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n`)
    out.put(value)
    out.text(this.#replicas === 0 ? '\r\n' : `\r\n${this.#waitCommand}`)
    this.#waiting.push({ ...waiting, confirmations: this.#replicas > 0 })
  }

  onBytes(chunk: Buffer): void {
    const bytes = this.#rest.with(chunk)
    let at = 0
    for (;;) {
      const end = this.#takeReply(bytes, at)
      if (end === -1) break
      at = end
    }
    this.#rest.keep(bytes, at)
  }

  onTick(overdueTick: number): void {
    const oldest = this.#waiting.peek()
    if (oldest !== undefined && oldest.beganTick <= overdueTick) this.#wire.fail('no answer in time')
  }

  fail(error: string): void {
    this.#waiting.failAll(error)
  }

  /** @returns where the next reply begins, -1 where this one is not complete. */
  #takeReply(bytes: Buffer, at: number): number {
    const lineEnd = bytes.indexOf(LF, at) - 1
    if (lineEnd < 0) return -1
    if (bytes[lineEnd] !== CR) throw new ProtocolError('a line of RESP must end in CR LF')
    const next = lineEnd + 2
    switch (bytes[at]) {
      case 0x2b: // + simple string
        this.#settle(null, null)
        return next
      case 0x2d: // - error
        this.#settle(bytes.toString('latin1', at + 1, lineEnd), null)
        return next
      case 0x3a: // : integer
        this.#onConfirmations(Number(bytes.toString('latin1', at + 1, lineEnd)))
        return next
      case 0x24: {
        // $ bulk string
        const length = decimal(bytes, at + 1, lineEnd)
        if (length === -1) {
          this.#settle(null, null)
          return next
        }
        const end = next + length
        if (bytes.length < end + 2) return -1
        this.#settle(null, this.#waiting.peek()?.onValue ? bytes.subarray(next, end) : null)
        return end + 2
      }
      default:
        throw new ProtocolError(
          `unexpected reply: ${bytes.toString('latin1', at, Math.min(lineEnd, at + 100))}`,
        )
    }
  }

  #settle(error: string | null, value: Uint8Array | null): void {
    if (!this.#greeted) {
      if (error !== null) throw new ProtocolError(error)
      this.#greeted = true
      this.#wire.ready()
      return
    }
    const waiting = this.#waiting.peek()
    if (waiting === undefined) throw new ProtocolError('a reply to no command')
    if (waiting.confirmations) {
      // Of SET and WAIT the second one's number answers. Where either is refused the two no longer tell apart: give the connection up.
      if (error !== null) throw new ProtocolError(error)
      return
    }
    this.#waiting.shift()
    waiting.onValue?.(value)
    waiting.done(error)
  }

  #onConfirmations(replicas: number): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) throw new ProtocolError('a number in reply to no WAIT')
    waiting.done(
      replicas >= this.#replicas ? null : `WAIT: ${replicas} of ${this.#replicas} replicas confirmed`,
    )
  }
}

function command(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`
}

function decimal(bytes: Buffer, from: number, to: number): number {
  if (bytes[from] === 0x2d) return -1
  let value = 0
  for (let i = from; i < to; i++) value = value * 10 + (bytes[i] ?? 0) - 0x30
  return value
}
