/**
 * Hostile clients at the real Redis door, over real sockets, with a well-behaved one among them. Nothing may throw, hang or pile up; what is no request closes its own
 * connection, with Redis's words; and the well-behaved client is answered rightly all the time.
 */
import { connect, type Socket } from 'node:net'
import { Rng } from '../../simulator/kernel/rng.ts'
import { FuzzError } from '../fuzz-error.ts'
import { RequestMaker } from './request-maker.ts'
import { type SoloServer, startSoloServer } from './solo-server.ts'

const CLIENTS = 32
const INPUTS_AT_ONCE = 12
/** A client that does not read what it asked for, for a while. */
const DEAF_SHARE = 0.05
const UNSENT_BYTES_MAX = 256 * 1024
const WITNESS_EVERY = 10
const WITNESS_MS = 10_000
const CLOSED_WORDS = /^-ERR Protocol error: [^\r\n]+\r\n$/
const TAIL_BYTES = 256
/** What the well-behaved client waits for, right or wrong. */
const WHOLE = /^\+OK\r\n(\$-1\r\n|\$\d+\r\n[^\r]*\r\n)$|^-/

export interface RedisFuzzResult {
  readonly sent: number
  /** Of those sent: the others are right in form. */
  readonly mutated: number
  /** Requests that the door took from them, and protocol errors: what was sent behind one of these was not even read. */
  readonly taken: number
  readonly connections: number
  /** Connections that were closed because of what came, each with its error. */
  readonly refused: number
  readonly witnessCalls: number
  readonly witnessMaxMs: number
  readonly inputBytesMax: number
}

class HostileClient {
  readonly #socket: Socket
  /** The end of what it was told. */
  tail = ''
  closed = false

  constructor(port: number, deaf: boolean) {
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.on('data', (chunk: Buffer) => {
      this.tail = (this.tail + chunk.toString('latin1', Math.max(0, chunk.length - TAIL_BYTES))).slice(
        -TAIL_BYTES,
      )
    })
    this.#socket.on('error', () => {})
    // What is said behind the end is not read.
    for (const event of ['end', 'close'])
      this.#socket.on(event, () => {
        this.closed = true
      })
    if (deaf) this.#socket.pause()
  }

  get isFull(): boolean {
    return this.#socket.writableLength > UNSENT_BYTES_MAX
  }

  say(bytes: Uint8Array): void {
    this.#socket.write(bytes)
  }

  hangUp(): void {
    this.#socket.destroy()
  }
}

/** Sets its own key and reads it back, one after the other. */
class Witness {
  readonly #socket: Socket
  #text = ''
  #waiting: (() => void) | null = null
  #number = 0
  calls = 0
  maxMs = 0

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1')
      this.#waiting?.()
    })
    this.#socket.on('error', () => {})
  }

  /** @throws {FuzzError} a wrong answer, or none. */
  async look(): Promise<void> {
    const value = `value-${++this.#number}`
    const begunMs = performance.now()
    const expected = `+OK\r\n$${value.length}\r\n${value}\r\n`
    this.#socket.write(`SET witness:${process.pid} ${value}\r\nGET witness:${process.pid}\r\n`)
    const timer = setTimeout(() => this.#waiting?.(), WITNESS_MS)
    while (!WHOLE.test(this.#text) && performance.now() - begunMs < WITNESS_MS) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
    clearTimeout(timer)
    // FLUSHALL of another may come between.
    if (this.#text !== expected && this.#text !== '+OK\r\n$-1\r\n')
      throw new FuzzError(`the well-behaved client was told ${JSON.stringify(this.#text.slice(0, 200))}`)
    this.#text = ''
    this.calls++
    this.maxMs = Math.max(this.maxMs, performance.now() - begunMs)
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** @throws {FuzzError} what happened, and the seed that makes it happen again. */
export async function fuzzRedis(options: {
  readonly seed: number
  readonly inputs: number
}): Promise<RedisFuzzResult> {
  const solo = await startSoloServer({ proxies: options.seed % 2 === 0 })
  try {
    return await new Round(solo, options.seed).run(options.inputs)
  } finally {
    await solo.close()
  }
}

class Round {
  readonly #solo: SoloServer
  readonly #seed: number
  readonly #rng: Rng
  readonly #maker: RequestMaker
  readonly #witness: Witness
  readonly #clients: (HostileClient | null)[] = Array.from({ length: CLIENTS }, () => null)
  #sent = 0
  #taken = 0
  #counted = 0
  #connections = 0
  #refused = 0
  #inputBytesMax = 0

  constructor(solo: SoloServer, seed: number) {
    this.#solo = solo
    this.#seed = seed
    this.#rng = new Rng(seed)
    this.#maker = new RequestMaker(this.#rng.fork('requests'))
    this.#witness = new Witness(solo.door.port)
  }

  #error(what: string): FuzzError {
    const [bug] = this.#solo.bugs
    return new FuzzError(`seed ${this.#seed}, after ${this.#sent} inputs: ${what}`, { cause: bug })
  }

  async run(inputs: number): Promise<RedisFuzzResult> {
    const { door } = this.#solo
    for (let batch = 0; this.#taken < inputs; batch++) {
      for (const place of this.#clients.keys()) this.#oneClient(place)
      await new Promise((resolve) => setImmediate(resolve))
      if (batch % WITNESS_EVERY === 0) await this.#witness.look()
      this.#count()
      this.#inputBytesMax = Math.max(this.#inputBytesMax, door.inputBytes)
      if (this.#solo.bugs.length > 0) throw this.#error(`it failed: ${this.#solo.bugs[0]}`)
    }
    await this.#finish()
    const { calls, maxMs } = this.#witness
    return {
      sent: this.#sent,
      mutated: this.#maker.mutated,
      taken: this.#taken,
      connections: this.#connections,
      refused: this.#refused,
      witnessCalls: calls,
      witnessMaxMs: maxMs,
      inputBytesMax: this.#inputBytesMax,
    }
  }

  /** CONFIG RESETSTAT of a client sets the door's own count back. */
  #count(): void {
    const { commands, protocolErrors } = this.#solo.door.statistics
    const now = commands + protocolErrors
    this.#taken += Math.max(0, now - this.#counted)
    this.#counted = now
  }

  #oneClient(place: number): void {
    const rng = this.#rng
    let client = this.#clients[place] ?? null
    if (client?.closed === true) this.#judge(client)
    if (client === null || client.closed || rng.chance(0.002)) {
      client?.hangUp()
      client = new HostileClient(this.#solo.door.port, rng.chance(DEAF_SHARE))
      this.#connections++
      this.#clients[place] = client
    }
    if (client.isFull) return
    for (let left = 1 + rng.below(INPUTS_AT_ONCE); left > 0; left--) {
      const input = this.#maker.input()
      this.#sent++
      const cut = rng.chance(0.05) ? rng.below(input.length) : 0
      if (cut > 0) client.say(input.subarray(0, cut))
      client.say(input.subarray(cut))
    }
  }

  /** A connection that the door has closed was told why, unless the reset overtook the words. */
  #judge(client: HostileClient): void {
    const last = client.tail.slice(client.tail.lastIndexOf('\r\n', client.tail.length - 3) + 2)
    if (CLOSED_WORDS.test(last)) this.#refused++
  }

  /** All hostile clients go; then nothing of them may be left. */
  async #finish(): Promise<void> {
    const { door, server } = this.#solo
    await this.#witness.look()
    for (const client of this.#clients) client?.hangUp()
    this.#witness.close()
    for (let left = 200; left > 0 && (door.sessionCount > 0 || server.local.count > 0); left--)
      await new Promise((resolve) => setTimeout(resolve, 25))
    const left = { connections: door.sessionCount, requests: server.local.count, bytes: door.inputBytes }
    for (const [what, count] of Object.entries(left))
      if (count !== 0) throw this.#error(`${count} ${what} are left of clients that have gone`)
    if (this.#refused === 0 && this.#taken > 2000) throw this.#error('no protocol error was ever told')
  }
}
