import type { Msg, NatsConnection } from 'nats'
import { ANYBODY } from '../../protocol/access.ts'
import { StoreError } from '../../protocol/errors.ts'
import type {
  Transport,
  TransportEvents,
  TransportGroups,
  TransportLimits,
} from '../../protocol/transport.ts'
import { checkNodeName, isNodeId, TRANSPORT_LIMITS } from '../../protocol/transport.ts'
import { connectNats } from './nats-connect.ts'
import { encodeBye, encodeMessage } from './nats-envelope.ts'
import { NatsGroups } from './nats-groups.ts'
import { NatsInbox } from './nats-inbox.ts'
import { withoutSecrets } from './nats-url.ts'
import { TurnFlusher } from './turn-flusher.ts'

export interface NatsOptions {
  /** `nats://host:port`; several brokers of one cluster are separated by commas. For credentials and TLS see `parseNatsUrl`. */
  readonly url: string
  readonly self: string
  readonly cluster: string
  readonly events: TransportEvents
  /** `queueBytesMax` bounds what the broker has not confirmed, for all peers together: there is one connection. */
  readonly limits?: Partial<TransportLimits>
  /** For the first connection, and for each later try. Default: 2000 ms. */
  readonly connectTimeoutMs?: number
}

const CLOSE_GRACE_MS = 500
/** The broker is asked to confirm (one ping under way at a time) once this much is unconfirmed. */
const CONFIRM_BYTES = 256 * 1024
const SWEEP_MS = 10_000
/** A stream that has not been used for so long is forgotten; its next message starts a new life. */
const IDLE_MS = 10 * 60_000
/** Noise on our subject costs at most one log line in this time. */
const ERROR_REPORT_MS = 1000
const DEFAULT_PAYLOAD_BYTES = 1024 * 1024

/** The stream from here to one peer. */
interface Stream {
  readonly peer: string
  readonly subject: string
  readonly life: number
  nextId: number
  usedMs: number
}

const drawLife = () => Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)
/** The client library swallows what its callbacks throw; a violation must stop the process (STYLE §5). */
const rethrow = (error: unknown) =>
  setImmediate(() => {
    throw error
  })

/**
 * Plain NATS: one subject per node, no persistence. The publishing connection is FIFO, so each ordered pair is. The broker loses
 * silently; three things make a loss a break: numbers in the envelopes, the broker's own "no responders", and the state of the connection.
 */
class NatsTransport implements Transport {
  readonly self: string
  readonly #options: NatsOptions
  readonly #limits: TransportLimits
  readonly #connection: NatsConnection
  readonly #inbox: NatsInbox
  readonly #groups: NatsGroups
  readonly #flusher = new TurnFlusher()
  readonly #sweeper: NodeJS.Timeout
  readonly #streams = new Map<string, Stream>()
  readonly #streamsByLife = new Map<number, Stream>()
  #queue: { readonly stream: Stream; readonly body: Uint8Array }[] = []
  #queueBytes = 0
  #unconfirmedBytes = 0
  #confirming = false
  #connected = true
  /** Peers to which something was sent while there was no broker: to be reported down with the next try to reconnect. */
  #unreachable = new Set<string>()
  #errorReportedMs = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(options: NatsOptions, connection: NatsConnection) {
    this.self = options.self
    this.#options = options
    this.#connection = connection
    this.#limits = { ...TRANSPORT_LIMITS, ...options.limits }
    const { events } = options
    this.#inbox = new NatsInbox(this.#limits.frameBytesMax, {
      onBody: (from, body) => events.onBody(from, body, ANYBODY),
      onUp: (from) => events.onUp?.(from),
      onDown: (from, reason, left) => {
        if (left) this.#endStream(from)
        events.onDown(from, reason)
      },
      onProtocolError: (reason) => this.#onProtocolError(reason),
    })
    this.#groups = new NatsGroups({
      ...{ connection, self: options.self, cluster: options.cluster },
      frameBytesMax: this.#limits.frameBytesMax,
      onBody: (from, body) => events.onBody(from, body, ANYBODY),
      onProtocolError: (reason) => this.#onProtocolError(reason),
    })
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS)
    void this.#watch().catch(rethrow)
  }

  async subscribe(): Promise<void> {
    const { cluster, self } = this.#options
    this.#connection.subscribe(`catenary.${cluster}.node.${self}`, {
      callback: (error, message) => this.#guard(() => this.#onMessage(error, message)),
    })
    this.#connection.subscribe(`catenary.${cluster}.gone.${self}.*`, {
      callback: (_, message) => this.#guard(() => this.#onNobodyListens(message)),
    })
    await this.#connection.flush() // from here on a peer that sends to us finds us
  }

  readonly groups: TransportGroups = {
    join: (group) => this.#groups.join(group, (run) => this.#guard(run)),
    send: (group, body) => {
      const waiting = this.#queueBytes + this.#unconfirmedBytes
      const fits =
        body.length <= this.#limits.frameBytesMax &&
        (waiting === 0 || waiting + body.length <= this.#limits.queueBytesMax)
      if (!fits || this.#closed || !this.#connected || this.#connection.isClosed()) return false
      this.#unconfirmedBytes += this.#groups.publish(group, body, this.#payloadBytesMax)
      this.#confirm()
      return true
    },
  }

  get #payloadBytesMax(): number {
    return this.#connection.info?.max_payload ?? DEFAULT_PAYLOAD_BYTES
  }

  #guard(run: () => void): void {
    try {
      if (!this.#closed) run()
    } catch (error) {
      rethrow(error)
    }
  }

  #onMessage(error: Error | null, message: Msg): void {
    if (error !== null) this.#onProtocolError(error.message)
    else this.#inbox.accept(message.data, performance.now())
  }

  /** The broker answers in the name of a peer that has no subscription. What was sent in that life of the stream is lost. */
  #onNobodyListens(message: Msg): void {
    const stream = this.#streamsByLife.get(Number(message.subject.split('.').at(-1)))
    if (stream === undefined || message.headers?.code !== 503) return // of an earlier life: has been reported
    this.#endStream(stream.peer)
    this.#options.events.onDown(stream.peer, 'nobody listens on its subject')
  }

  send(to: string, body: Uint8Array): boolean {
    if (this.#closed || body.length > this.#limits.frameBytesMax) return false
    const stream = this.#streams.get(to) ?? this.#startStream(to)
    if (stream === null) return false
    const waiting = this.#queueBytes + this.#unconfirmedBytes
    if (waiting > 0 && waiting + body.length > this.#limits.queueBytesMax) {
      this.#endStream(to)
      this.#reportDown(to, `the broker reads too slowly: more than ${this.#limits.queueBytesMax} bytes wait`)
      return false
    }
    if (this.#queue.length === 0) this.#flusher.add({ flush: () => this.#publishQueue() })
    this.#queue.push({ stream, body })
    this.#queueBytes += body.length
    return true
  }

  #startStream(peer: string): Stream | null {
    if (!isNodeId(peer)) return null
    const subject = `catenary.${this.#options.cluster}.node.${peer}`
    const stream: Stream = { peer, subject, life: drawLife(), nextId: 0, usedMs: performance.now() }
    this.#streams.set(peer, stream)
    this.#streamsByLife.set(stream.life, stream)
    return stream
  }

  /** What is queued for the peer is lost; the next `send` starts a new life. */
  #endStream(peer: string): void {
    const stream = this.#streams.get(peer)
    if (stream === undefined) return
    this.#streams.delete(peer)
    this.#streamsByLife.delete(stream.life)
  }

  flush(): void {
    this.#flusher.flush()
  }

  #publishQueue(): void {
    const queue = this.#queue
    this.#queue = []
    this.#queueBytes = 0
    if (this.#closed) return
    const usable = this.#connected && !this.#connection.isClosed()
    const nowMs = performance.now()
    for (const { stream, body } of queue) {
      if (this.#streams.get(stream.peer) !== stream) continue // its life ended meanwhile
      stream.usedMs = nowMs
      if (usable) this.#publish(stream, body)
      else {
        this.#endStream(stream.peer)
        this.#unreachable.add(stream.peer)
      }
    }
    this.#confirm()
  }

  #publish(stream: Stream, body: Uint8Array): void {
    const { cluster, self } = this.#options
    const reply = `catenary.${cluster}.gone.${self}.${stream.life}`
    const head = { from: self, life: stream.life, id: stream.nextId++ }
    for (const envelope of encodeMessage(head, body, this.#payloadBytesMax)) {
      this.#unconfirmedBytes += envelope.length
      this.#connection.publish(stream.subject, envelope, { reply })
    }
  }

  /** Asks the broker to confirm what it has read, which is what bounds the output that this process holds. */
  #confirm(): void {
    const threshold = Math.min(CONFIRM_BYTES, this.#limits.queueBytesMax / 4)
    if (this.#confirming || !this.#connected || this.#unconfirmedBytes < threshold) return
    this.#confirming = true
    const asked = this.#unconfirmedBytes
    const settle = (confirmed: number) => {
      this.#confirming = false
      this.#unconfirmedBytes = Math.max(0, this.#unconfirmedBytes - confirmed)
      if (!this.#closed) this.#confirm()
    }
    // A ping fails with its connection, and `#onBrokerLost` has then set the count to zero.
    this.#connection.flush().then(
      () => settle(asked),
      () => settle(0),
    )
  }

  async #watch(): Promise<void> {
    for await (const { type, data } of this.#connection.status()) {
      if (this.#closed) return
      if (type === 'reconnecting' || type === 'reconnect') this.#reportUnreachable()
      if (type === 'disconnect') this.#onBrokerLost()
      else if (type === 'reconnect') this.#connected = true
      else if (type === 'error') this.#onProtocolError(`the broker says: ${data}`)
    }
  }

  #onBrokerLost(): void {
    this.#connected = false
    this.#unconfirmedBytes = 0
    const peers = new Set([...this.#streams.keys(), ...this.#inbox.interrupt()])
    this.#streams.clear()
    this.#streamsByLife.clear()
    for (const peer of [...peers].sort())
      this.#options.events.onDown(peer, 'the connection to the broker broke')
  }

  #reportUnreachable(): void {
    const peers = [...this.#unreachable].sort()
    this.#unreachable = new Set()
    for (const peer of peers) this.#options.events.onDown(peer, 'there is no connection to the broker')
  }

  #reportDown(peer: string, reason: string): void {
    queueMicrotask(() => {
      if (!this.#closed) this.#options.events.onDown(peer, reason)
    })
  }

  #onProtocolError(reason: string): void {
    const nowMs = performance.now()
    if (nowMs - this.#errorReportedMs < ERROR_REPORT_MS) return
    this.#errorReportedMs = nowMs
    this.#options.events.onProtocolError?.(withoutSecrets(this.#options.url), reason)
  }

  #sweep(): void {
    const nowMs = performance.now()
    this.#inbox.sweep(nowMs)
    this.#groups.sweep(nowMs)
    for (const { peer, usedMs } of this.#streams.values()) if (nowMs - usedMs > IDLE_MS) this.#endStream(peer)
  }

  /** Every node is reached by its subject. */
  setAddress(): void {}

  async close(): Promise<void> {
    if (this.#closed) return
    this.flush()
    this.#closed = true
    clearInterval(this.#sweeper)
    this.#flusher.flush()
    if (this.#connected && !this.#connection.isClosed()) await this.#sayBye()
    await this.#connection.close()
  }

  async #sayBye(): Promise<void> {
    for (const { subject, life, nextId } of this.#streams.values()) {
      this.#connection.publish(subject, encodeBye({ from: this.self, life, id: nextId }))
    }
    let timer: NodeJS.Timeout | undefined
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_GRACE_MS)
    })
    await Promise.race([this.#connection.flush().catch(() => {}), grace])
    clearTimeout(timer)
  }
}

/**
 * Opens the transport of a server or a client over a NATS broker. Peers need no address. Once connected it reconnects for ever; every peer
 * it has exchanged something with is reported down when the broker is lost.
 *
 * @throws {StoreError} `BAD_ARGUMENT`: a bad URL, or a name that cannot be a subject. `CONNECTION_LOST`: no broker answers there.
 *
 * @example
 * const transport = await openNats({ url: 'nats://127.0.0.1:4222', self: 'n1', cluster: 'main', events })
 */
export async function openNats(options: NatsOptions): Promise<Transport> {
  checkNodeName('cluster', options.cluster)
  checkNodeName('node', options.self)
  const connection = await connectNats({
    url: options.url,
    name: `catenary ${options.cluster} ${options.self}`,
    ...(options.connectTimeoutMs === undefined ? {} : { timeoutMs: options.connectTimeoutMs }),
  })
  const transport = new NatsTransport(options, connection)
  try {
    await transport.subscribe()
  } catch (cause) {
    await transport.close()
    throw new StoreError(
      'CONNECTION_LOST',
      `transport ${withoutSecrets(options.url)}: the broker was lost at once`,
      {
        cause,
      },
    )
  }
  return transport
}
