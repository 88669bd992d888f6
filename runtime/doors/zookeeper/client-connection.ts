import type { HeldBytes } from '../../../client/transport/held-bytes.ts'
import { tlsSpeakerIn } from '../../../client/transport/tls-mistakes.ts'
import type { Identities } from '../../../coordinator/znodes/identities.ts'
import type { Timers } from '../../../protocol/timers.ts'
import { FrameSplitter } from '../../../protocol/zookeeper/frames.ts'
import { JuteError } from '../../../protocol/zookeeper/jute.ts'
import type { Id } from '../../../protocol/zookeeper/records.ts'
import { argumentBytes, isFourLetterWord } from './four-letter-words.ts'
import { ConnectionTraffic } from './traffic.ts'

/** Unsent bytes of a connection at which no more of its requests are taken. */
const OUTPUT_PAUSE_BYTES = 1024 * 1024
/** Unsent bytes at which it is given up. Only what was asked for before the pause, and watch events, come on top of that. */
const OUTPUT_BYTES_MAX = 32 * 1024 * 1024

/** One client's byte stream, as the door uses it. A `net.Socket` is one. */
export interface ClientSocket {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  /** `taken` is called, later, once the system has taken the bytes. */
  write(bytes: Uint8Array, taken: () => void): unknown
  pause(): unknown
  resume(): unknown
  isPaused(): boolean
  /** Sends the rest, then closes. */
  end(rest: Uint8Array): unknown
  destroy(): unknown
}

/** What a connection takes from its process. */
export interface DoorPorts {
  readonly timers: Timers
  /** Runs it once what has arrived by now has been taken. */
  atTurnEnd(run: () => void): void
}

/** Called from the socket's events only, never from inside a method of the connection. */
export interface ConnectionEvents {
  /** `argument`: what a word takes besides. */
  word(connection: ClientConnection, word: string, argument: Uint8Array): void
  /** A packet, without its length. @throws {JuteError} the connection is closed. */
  packet(connection: ClientConnection, packet: Uint8Array): void
  malformed(connection: ClientConnection, reason: string): void
  /** The socket is gone. */
  closed(connection: ClientConnection): void
}

/** What the door must remember of a connection's ConnectRequest. */
export interface Greeting {
  /** The number under which the rest of the coordinator knows the connection. */
  readonly number: number
  /** The request had a readOnly flag: so must the answer. */
  readonly readOnlyAware: boolean
  /** All that the client has shown to be. */
  identities: Identities
}

/** One client's connection: bytes into packets, packets out, both bounded. Whoever has the socket calls `onData` and `onClosed`. */
export class ClientConnection {
  readonly remote: string
  readonly address: string
  readonly openedMs: number
  readonly shown: readonly Id[]
  greeting: Greeting | null = null
  /** 0n: none yet. */
  session = 0n
  timeoutMs = 0
  readonly traffic = new ConnectionTraffic()
  readonly #socket: ClientSocket
  readonly #ports: DoorPorts
  readonly #events: ConnectionEvents
  readonly #splitter: FrameSplitter
  readonly #held: HeldBytes
  #head: Uint8Array | null = new Uint8Array(0)
  /** Arrived, and not yet taken because of a pause. At most what one read of the socket brought. */
  #packets: Uint8Array[] = []
  #taking = false
  #pausedByQueue = false
  #output: Uint8Array[] = []
  #outputBytes = 0
  /** Handed to the socket, and not yet taken by the system. */
  #writtenBytes = 0
  #progressMs = 0
  #ended = false

  constructor(options: {
    readonly socket: ClientSocket
    /** What the client is known to be before it says anything. */
    readonly shown: readonly Id[]
    readonly ports: DoorPorts
    readonly events: ConnectionEvents
    /** Of one packet that the client sends. */
    readonly packetBytesMax: number
    /** Counts what this connection holds among others. */
    readonly held: HeldBytes
  }) {
    const { socket, ports, events } = options
    this.#socket = socket
    this.shown = options.shown
    this.#splitter = new FrameSplitter(options.packetBytesMax)
    this.#ports = ports
    this.#events = events
    this.#held = options.held
    this.address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
    this.remote = `${this.address}:${socket.remotePort}`
    this.openedMs = ports.timers.nowMs()
  }

  get #blocked(): boolean {
    return this.#ended || this.#pausedByQueue || this.#outputBytes + this.#writtenBytes > OUTPUT_PAUSE_BYTES
  }

  get isReading(): boolean {
    return !this.#blocked
  }

  /** Nothing more can be sent. */
  get isEnded(): boolean {
    return this.#ended
  }

  get isOverfull(): boolean {
    return this.#outputBytes + this.#writtenBytes > OUTPUT_BYTES_MAX
  }

  /** Since when nothing of what waits for the client has left; `null` if nothing waits. */
  get stuckSinceMs(): number | null {
    return this.#writtenBytes > 0 ? this.#progressMs : null
  }

  onData(chunk: Uint8Array): void {
    if (this.#ended) return
    try {
      const bytes = this.#head === null ? chunk : this.#takeHead(chunk)
      if (bytes === null) return
      for (const packet of this.#splitter.push(bytes)) this.#packets.push(packet)
      this.#take()
      this.#held.look(this)
    } catch (error) {
      this.#onError(error, chunk)
    }
  }

  /** The packet that has not wholly come, and what the client has not read. */
  get heldBytes(): number {
    return this.#splitter.heldBytes + this.#outputBytes + this.#writtenBytes
  }

  /** Not at once: somebody may be at work here. */
  giveUp(reason: string): void {
    this.#ports.atTurnEnd(() => {
      if (!this.#ended) this.#events.malformed(this, reason)
    })
  }

  /** Exactly once; nothing follows. */
  onClosed(): void {
    this.#ended = true
    this.#held.forget(this)
    this.#events.closed(this)
  }

  #onError(error: unknown, chunk?: Uint8Array): void {
    if (!(error instanceof JuteError)) throw error
    this.#events.malformed(this, (chunk === undefined ? null : tlsSpeakerIn(chunk)) ?? error.message)
  }

  /** The first four bytes may be a word instead of a length: as a length it would be far too long. */
  #takeHead(chunk: Uint8Array): Uint8Array | null {
    const head = joined([this.#head ?? chunk, chunk])
    this.#head = head
    if (head.length < 4) return null
    const word = String.fromCharCode(...head.subarray(0, 4))
    if (!isFourLetterWord(word)) {
      this.#head = null
      return head
    }
    const end = 4 + argumentBytes(word)
    if (head.length < end) return null
    this.#head = null
    this.#events.word(this, word, head.subarray(4, end))
    return null
  }

  #take(): void {
    if (this.#taking) return // a reply to what is being taken has ended a pause
    this.#taking = true
    let taken = 0
    try {
      for (const packet of this.#packets) {
        if (this.#blocked) break
        taken += 1
        this.#events.packet(this, packet)
      }
    } finally {
      this.#taking = false
      this.#packets.splice(0, taken)
    }
    this.#readOrWait()
  }

  #readOrWait(): void {
    if (this.#ended) return
    if (this.#blocked) this.#socket.pause()
    else if (this.#socket.isPaused()) this.#socket.resume()
  }

  /** The queue of requests is full. */
  pause(): void {
    this.#pausedByQueue = true
    this.#socket.pause()
  }

  /** The queue has room again: what was put off is taken in a later turn. */
  resume(): void {
    this.#pausedByQueue = false
    this.#ports.atTurnEnd(() => this.#goOn())
  }

  #goOn(): void {
    if (this.#ended || this.#blocked) return
    try {
      this.#take()
    } catch (error) {
      this.#onError(error)
    }
  }

  /** Leaves with everything else of this turn. */
  send(packet: Uint8Array): void {
    if (this.#ended) return
    this.#output.push(packet)
    this.#outputBytes += packet.length
  }

  flush(): void {
    if (this.#outputBytes === 0 || this.#ended) return
    const bytes = this.#takeOutput()
    if (this.#writtenBytes === 0) this.#progressMs = this.#ports.timers.nowMs()
    this.#writtenBytes += bytes.length
    this.#socket.write(bytes, () => {
      this.#writtenBytes -= bytes.length
      this.#progressMs = this.#ports.timers.nowMs()
      if (this.#packets.length > 0 || this.#socket.isPaused()) this.#goOn()
    })
    this.#held.look(this)
    this.#readOrWait()
  }

  #takeOutput(): Uint8Array {
    const [only] = this.#output
    const bytes = this.#output.length === 1 && only !== undefined ? only : joined(this.#output)
    this.#output = []
    this.#outputBytes = 0
    return bytes
  }

  /** Sends what is left, then closes. Nothing more is taken from the client. */
  end(lastWords?: string): void {
    if (this.#ended) return
    if (lastWords !== undefined) this.send(new TextEncoder().encode(lastWords))
    const rest = this.#takeOutput()
    this.#ended = true
    this.#packets = []
    this.#splitter.forget() // it may be a while until the socket is gone
    this.#socket.resume() // what the client still sends is thrown away, so that its end is seen
    this.#socket.end(rest)
  }

  destroy(): void {
    this.#ended = true
    this.#held.forget(this)
    this.#packets = []
    this.#output = []
    this.#outputBytes = 0
    this.#socket.destroy()
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
