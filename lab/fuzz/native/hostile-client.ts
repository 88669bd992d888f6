/** Carries out one visit, and looks at how it ends. */
import { connect, type Socket } from 'node:net'
import { decodeServerBatch } from '../../../protocol/codec/client-codec.ts'
import { FrameSplitter } from '../../../protocol/frame.ts'
import { TRANSPORT_LIMITS } from '../../../protocol/transport.ts'
import { FuzzError } from '../fuzz-error.ts'
import type { Visit } from './visit-maker.ts'

const PATIENCE_MS = 20_000
/** Not all from one: a port that was used a moment ago cannot be used again. */
const ADDRESSES = 100

export interface Visited {
  /** As the other side calls this client. */
  readonly remote: string
  /** Whether the other side closed the connection. */
  readonly closed: boolean
}

/** @throws {FuzzError} the connection ended otherwise than it must, or not at all. */
export function visit(of: Visit, port: number, number: number): Promise<Visited> {
  return new HostileClient(of, port, number).ended
}

class HostileClient {
  readonly ended: Promise<Visited>
  readonly #visit: Visit
  readonly #socket: Socket
  readonly #replies = new FrameSplitter(TRANSPORT_LIMITS.frameBytesMax)
  readonly #timer: NodeJS.Timeout
  #greeted = false
  #first = ''
  #remote = ''
  #isOver = false
  #resolve: (visited: Visited) => void = () => {}
  #reject: (error: Error) => void = () => {}

  constructor(of: Visit, port: number, number: number) {
    this.#visit = of
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#timer = setTimeout(() => this.#fail('nothing happens any more'), PATIENCE_MS)
    const localAddress = `127.0.0.${2 + (number % ADDRESSES)}`
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true })
    this.#socket = socket
    socket.on('connect', () => void this.#say())
    socket.on('data', (chunk: Uint8Array) => this.#onData(chunk))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A reset is one way to close: what was written behind the fault was never read.
      if (!['ECONNRESET', 'EPIPE'].includes(error.code ?? '')) this.#fail(error.message)
    })
    socket.on('close', () => this.#onClosed())
  }

  async #say(): Promise<void> {
    this.#remote = `${this.#socket.localAddress}:${this.#socket.localPort}`
    const { pieces, ending } = this.#visit
    for (const [i, piece] of pieces.entries()) {
      if (i > 0) await new Promise((resolve) => setImmediate(resolve))
      if (this.#socket.destroyed) return
      this.#socket.write(piece)
    }
    if (ending.type === 'http') this.#socket.end()
    // What the system has taken arrives before the end does.
    if (ending.type === 'leaves') this.#socket.end(() => setImmediate(() => this.#end(false)))
  }

  #onData(chunk: Uint8Array): void {
    const { ending } = this.#visit
    if (ending.type === 'http') this.#first ||= Buffer.from(chunk).toString('latin1', 0, 20)
    if (ending.type !== 'answered' && ending.type !== 'replaced') return
    this.#replies.push(chunk)
    for (let body = this.#replies.next(); body !== null; body = this.#replies.next()) {
      if (!this.#greeted) this.#greeted = true
      else if (decodeServerBatch(body).some(({ call }) => call === ending.call)) this.#end(false)
    }
  }

  #onClosed(): void {
    const { type } = this.#visit.ending
    if (type === 'answered')
      return this.#fail('the connection was closed, though nothing was wrong with what it brought')
    if (type === 'http' && this.#first !== '' && !this.#first.startsWith('HTTP/1.1 '))
      return this.#fail(`the http door said ${JSON.stringify(this.#first)}`)
    this.#end(true)
  }

  #end(closed: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#socket.destroy()
    this.#resolve({ remote: this.#remote, closed })
  }

  #fail(what: string): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#socket.destroy()
    const { door, ending } = this.#visit
    this.#reject(new FuzzError(`${door} port, ${this.#remote}, must end "${ending.type}": ${what}`))
  }
}
