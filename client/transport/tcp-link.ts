import type { Hello } from '../../protocol/frame.ts'
import type { Address, TransportLimits } from '../../protocol/transport.ts'
import { backoffMs } from './backoff.ts'
import { dialSocket } from './dial-socket.ts'
import { DiallerProof } from './dialler-proof.ts'
import type { Prover } from './node-scram.ts'
import { TcpConnection } from './tcp-connection.ts'
import { isTlsRefusal, tlsFailureText, tlsSpeakerIn } from './tls-mistakes.ts'
import type { TlsSource } from './tls-options.ts'
import type { TurnFlusher } from './turn-flusher.ts'

/** A connection that lived this long was a good one: its end starts the backoff afresh. */
const STABLE_MS = 1000

export interface LinkEvents {
  onBody(body: Uint8Array): void
  onUp(): void
  /** What was queued or in flight is lost. Never called from inside a method of the link. */
  onDown(reason: string): void
  /** It does not take us for whom we say we are, or is not who it should be. `onDown` follows. */
  onRefused(reason: string): void
  onProtocolError(remote: string, reason: string): void
}

export interface LinkOptions {
  /** Name of the peer as its owner knows it: an id, or `@...` for whoever answers at the address. */
  readonly peer: string
  readonly address: Address
  /** Null: in plain. */
  readonly tls: TlsSource | null
  readonly hello: Hello
  /** Null: nobody proves anything. */
  readonly prover: Prover | null
  readonly connectTimeoutMs: number
  readonly limits: TransportLimits
  readonly flusher: TurnFlusher
  readonly events: LinkEvents
}

/** A peer of this name stands for whoever listens at its address. */
export const isAlias = (peer: string) => peer.startsWith('@')

/**
 * The dialled way to one peer. Dials when a body wants to leave, holds bodies until the peer's hello has come, and loses them
 * all, with one `onDown`, when the dial fails or the connection breaks: bodies from before a break never follow it.
 */
export class TcpLink {
  readonly #options: LinkOptions
  #connection: TcpConnection | null = null
  #proof: DiallerProof | null = null
  /** Whether the peer's hello has come, and its proof where one is asked for. */
  #up = false
  #upSinceMs = 0
  #failures = 0
  #dialNotBeforeMs = 0
  #timer: NodeJS.Timeout | null = null
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #closed = false

  constructor(options: LinkOptions) {
    this.#options = options
  }

  get address(): Address {
    return this.#options.address
  }

  /** Whether dropping the link would lose anything. */
  get busy(): boolean {
    return this.#connection !== null || this.#waiting.length > 0
  }

  send(body: Uint8Array): boolean {
    if (this.#up && this.#connection !== null) return this.#connection.send(body)
    const { queueBytesMax } = this.#options.limits
    if (this.#waitingBytes > 0 && this.#waitingBytes + body.length > queueBytesMax) {
      this.#fail(`more than ${queueBytesMax} bytes wait for a connection`)
      return false
    }
    this.#waiting.push(body)
    this.#waitingBytes += body.length
    this.#dialSoon()
    return true
  }

  #dialSoon(): void {
    if (this.#connection !== null || this.#timer !== null) return
    const delayMs = this.#dialNotBeforeMs - performance.now()
    if (delayMs <= 0) {
      this.#dial()
      return
    }
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#dial()
    }, delayMs)
  }

  #dial(): void {
    const { address, tls, limits, flusher, connectTimeoutMs, events } = this.#options
    const remote = `${address.host}:${address.port}`
    const socket = dialSocket(address, tls)
    socket.once('error', (error) => {
      if (isTlsRefusal(error)) events.onRefused(`${remote}: ${tlsFailureText(error)}`)
    })
    socket.once('data', (chunk: Uint8Array) => {
      const mistake = tlsSpeakerIn(chunk)
      if (mistake !== null) events.onRefused(`${remote}: ${mistake}`)
    })
    const connection = new TcpConnection(socket, {
      limits,
      flusher,
      helloTimeoutMs: connectTimeoutMs,
      events: {
        onHello: (hello) => this.#onHello(connection, hello),
        onProof: (body) => this.#proof?.onFrame(body),
        onBody: (body) => this.#options.events.onBody(body),
        onProtocolError: (reason) => this.#options.events.onProtocolError(remote, reason),
        onClosed: (reason) => this.#fail(`${remote}: ${reason}`),
      },
    })
    this.#connection = connection
    connection.sendHello(this.#options.hello)
  }

  #onHello(connection: TcpConnection, hello: Hello): void {
    const { peer, hello: own, prover } = this.#options
    if (hello.cluster !== own.cluster) {
      connection.refuse(`belongs to cluster "${hello.cluster}", not "${own.cluster}"`)
      return
    }
    if (!isAlias(peer) && hello.from !== peer) {
      connection.refuse(`is "${hello.from}", not "${peer}"`)
      return
    }
    if (hello.auth !== own.auth) return this.#refuse(connection, mismatchOf(hello))
    if (prover === null) return this.#accept(connection)
    this.#proof = new DiallerProof({
      prover,
      connection,
      hellos: { dialler: own, listener: hello },
      events: {
        onProved: () => this.#accept(connection),
        onRefused: (reason) => this.#refuse(connection, `as user "${prover.user}": ${reason}`),
      },
    })
  }

  #refuse(connection: TcpConnection, reason: string): void {
    this.#options.events.onRefused(reason)
    connection.refuse(reason)
  }

  #accept(connection: TcpConnection): void {
    connection.accept()
    this.#proof = null
    this.#up = true
    this.#upSinceMs = performance.now()
    const waiting = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    for (const body of waiting) connection.send(body)
    this.#options.events.onUp()
  }

  #fail(reason: string): void {
    const stable = this.#up && performance.now() - this.#upSinceMs >= STABLE_MS
    this.#failures = stable ? 0 : this.#failures + 1
    // The first try after a break is immediate: the break itself is not yet a failure to connect.
    this.#dialNotBeforeMs =
      performance.now() + backoffMs(this.#up ? this.#failures - 1 : this.#failures, Math.random())
    this.#reset()
    queueMicrotask(() => {
      if (!this.#closed) this.#options.events.onDown(reason)
    })
  }

  #reset(): void {
    this.#connection?.drop()
    this.#connection = null
    this.#proof = null
    this.#up = false
    this.#waiting = []
    this.#waitingBytes = 0
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  /** Gives up what is queued. No event follows. */
  drop(): void {
    this.#closed = true
    this.#reset()
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true
    const connection = this.#connection
    this.#connection = null
    this.#reset()
    await connection?.close(graceMs)
  }
}

const mismatchOf = ({ auth, from }: Hello): string =>
  auth === 'scram'
    ? `"${from}" asks who we are: give a user and his password, or the secret of the cluster`
    : `"${from}" asks nobody who he is, so it cannot prove who it is: start it with the secret of the cluster, or connect without credentials`
