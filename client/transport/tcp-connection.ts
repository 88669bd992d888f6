import type { Socket } from 'node:net'
import {
  decodeHello,
  encodeFrame,
  encodeHello,
  FRAME_HEADER_BYTES,
  FrameError,
  FrameSplitter,
  HELLO_BYTES_MAX,
  type Hello,
  writeFrameHeader,
} from '../../protocol/frame.ts'
import type { TransportLimits } from '../../protocol/transport.ts'
import type { HeldBytes } from './held-bytes.ts'
import { tlsFailureText, tlsSpeakerIn } from './tls-mistakes.ts'
import type { TurnFlusher } from './turn-flusher.ts'

/** Up to here a body is copied into the write's buffer: copying is cheaper than one more element of a vectored write. */
const COPY_BYTES_MAX = 32 * 1024
/** So many bytes of copied bodies are one write, so that a turn of many small bodies needs no huge buffer. */
const STAGING_BYTES_MAX = 256 * 1024
/** An idle socket whose other end has vanished without a word is probed by the kernel after this long. */
const KEEP_ALIVE_MS = 10_000
/** A remote that is refused has this long to read why. */
const REFUSE_GRACE_MS = 500
/** A frame that has begun must have ended by then: the largest, over ten megabits a second. */
const FRAME_TIMEOUT_MS = 60_000

/** Shared by all connections. The kernel nearly always takes a write at once: then the next one may use the same bytes. */
let staging = Buffer.allocUnsafeSlow(2 * STAGING_BYTES_MAX)
let stagingKept = 0

function stagingOf(bytes: number): Buffer {
  if (staging.length - stagingKept < bytes) {
    staging = Buffer.allocUnsafeSlow(2 * STAGING_BYTES_MAX)
    stagingKept = 0
  }
  return staging.subarray(stagingKept, stagingKept + bytes)
}

/** The kernel has not taken them yet. */
function keepStaging(bytes: number): void {
  stagingKept += bytes
}

export interface ConnectionEvents {
  /** `accept` may be called from here on: until then what comes is taken for a proof. */
  onHello(hello: Hello): void
  onProof(body: Uint8Array): void
  onBody(body: Uint8Array): void
  /** The remote broke the protocol. `onClosed` follows. */
  onProtocolError(reason: string): void
  /** Exactly once, unless this side called `drop` or `close`. Nothing follows. */
  onClosed(reason: string): void
}

/**
 * One socket that speaks frames: a hello first, then a proof where one is asked for, then bodies. Bodies are queued and leave in one write per turn.
 * Knows no peers and never redials: its owner does.
 */
export class TcpConnection {
  readonly #socket: Socket
  readonly #limits: TransportLimits
  readonly #events: ConnectionEvents
  readonly #flusher: TurnFlusher
  readonly #splitter = new FrameSplitter(HELLO_BYTES_MAX)
  readonly #helloTimer: NodeJS.Timeout
  readonly #frameTimeoutMs: number
  /** Runs while a frame has begun and not ended. */
  #frameTimer: NodeJS.Timeout | null = null
  readonly #held: HeldBytes | null
  #greeted = false
  /** Whether bodies may come. */
  #accepted = false
  #over = false
  /** Why this side is closing the socket; set until its `close` event has come. */
  #failure = ''
  #queue: Uint8Array[] = []
  #queueBytes = 0

  /**
   * @param options.helloTimeoutMs - a remote that has not sent its whole hello by then is cut off (for a dialler: connecting included), and so is one that
   * has not been accepted as long after its hello.
   * @param options.frameTimeoutMs - the same for each later frame, from its first byte on. Default: 60,000.
   * @param options.held - counts what this connection holds among others. Default: it is not counted.
   */
  constructor(
    socket: Socket,
    options: {
      limits: TransportLimits
      helloTimeoutMs: number
      frameTimeoutMs?: number
      held?: HeldBytes
      flusher: TurnFlusher
      events: ConnectionEvents
    },
  ) {
    this.#socket = socket
    this.#limits = options.limits
    this.#events = options.events
    this.#flusher = options.flusher
    this.#frameTimeoutMs = options.frameTimeoutMs ?? FRAME_TIMEOUT_MS
    this.#held = options.held ?? null
    this.#helloTimer = setTimeout(
      () => this.#fail(`no ${this.#greeted ? 'proof' : 'hello'} within ${options.helloTimeoutMs} ms`),
      options.helloTimeoutMs,
    )
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    socket.on('data', (chunk: Uint8Array) => this.#onData(chunk))
    // A handshake that the remote has broken off is an error that comes only after this.
    socket.on('end', () =>
      this.#fail(socket.errored === null ? 'closed by the remote' : tlsFailureText(socket.errored)),
    )
    socket.on('error', (error) => this.#fail(tlsFailureText(error)))
    socket.on('close', () => this.#fail('closed'))
  }

  /** The hello leaves at once: nothing may be written before it. */
  sendHello(hello: Hello): void {
    this.#socket.write(encodeFrame(encodeHello(hello)))
  }

  /** A part of the proof leaves at once, too. */
  sendProof(text: string): void {
    if (!this.#over) this.#socket.write(encodeFrame(new TextEncoder().encode(text)))
  }

  /** What comes from here on are bodies. */
  accept(): void {
    if (this.#over) return
    this.#accepted = true
    clearTimeout(this.#helloTimer)
    this.#splitter.frameBytesMax = this.#limits.frameBytesMax
  }

  /** Queues a body for the end of this turn. False where it was dropped; a full queue closes the connection. */
  send(body: Uint8Array): boolean {
    if (this.#over || this.#failure !== '') return false
    // Queued means: not yet taken by the kernel. A first body of any legal size passes, or it never could.
    const waiting = this.#queueBytes + this.#socket.writableLength
    if (waiting > 0 && waiting + body.length > this.#limits.queueBytesMax) {
      this.#failLater(`reads too slowly: more than ${this.#limits.queueBytesMax} bytes wait for it`)
      return false
    }
    if (this.#queue.length === 0) this.#flusher.add(this)
    this.#queue.push(body)
    this.#queueBytes += body.length + FRAME_HEADER_BYTES
    this.#held?.look(this)
    return this.#failure === ''
  }

  /** What this process keeps for the remote: the body that it has not sent wholly, and what it has not read. */
  get heldBytes(): number {
    return this.#splitter.partialBytes + this.#queueBytes + this.#socket.writableLength
  }

  /** For whoever counts the bytes of all: closes, and reports why, but not from inside this call. */
  giveUp(reason: string): void {
    if (this.#over || this.#failure !== '') return
    this.#failLater(reason)
    queueMicrotask(() => {
      if (!this.#over) this.#events.onProtocolError(reason)
    })
  }

  /** Writes what is queued: small bodies copied together, large ones as they are, all in one vectored write. */
  flush(): void {
    const queue = this.#queue
    if (queue.length === 0) return
    this.#queue = []
    this.#queueBytes = 0
    let at = this.#writeRun(queue, 0)
    if (at === queue.length) return
    this.#socket.cork()
    while (at < queue.length) at = this.#writeRun(queue, at)
    this.#socket.uncork()
  }

  /** Writes bodies from `start` up to and including the first large one, or until the buffer is full. Returns where to go on. */
  #writeRun(queue: readonly Uint8Array[], start: number): number {
    let bytes = 0
    let end = start
    let large: Uint8Array | null = null
    while (end < queue.length && bytes < STAGING_BYTES_MAX && large === null) {
      const body = queue[end++] as Uint8Array
      bytes += FRAME_HEADER_BYTES
      if (body.length > COPY_BYTES_MAX) large = body
      else bytes += body.length
    }
    const staging = stagingOf(bytes)
    let at = 0
    for (let index = start; index < end; index++) {
      const body = queue[index] as Uint8Array
      writeFrameHeader(staging, at, body.length)
      at += FRAME_HEADER_BYTES
      if (body === large) break
      staging.set(body, at)
      at += body.length
    }
    if (large === null) {
      this.#socket.write(staging)
      if (this.#socket.writableLength > 0) keepStaging(bytes)
      return end
    }
    keepStaging(bytes)
    this.#socket.cork()
    this.#socket.write(staging)
    this.#socket.write(large)
    this.#socket.uncork()
    return end
  }

  /** Closes at once and loses what is queued. No event follows. */
  drop(): void {
    this.#finish()
    this.#socket.destroy()
  }

  /** Writes what is queued, for at most `graceMs`, then closes. No event follows. Resolves when the handle is gone. */
  close(graceMs: number): Promise<void> {
    this.flush()
    this.#finish()
    const socket = this.#socket
    return new Promise((resolve) => {
      if (socket.closed) return resolve()
      const timer = setTimeout(() => socket.destroy(), graceMs)
      socket.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
      if (socket.connecting || socket.writableLength === 0) socket.destroy()
      else socket.end(() => socket.destroy())
    })
  }

  #onData(chunk: Uint8Array): void {
    if (this.#over || this.#failure !== '') return
    const { partialBytes } = this.#splitter
    let bodies = 0
    try {
      this.#splitter.push(chunk)
      for (let body = this.#splitter.next(); body !== null; body = this.#splitter.next()) {
        bodies++
        if (this.#accepted) this.#events.onBody(body)
        else if (this.#greeted) this.#events.onProof(body)
        else this.#onHello(decodeHello(body))
        if (this.#over) return // the handler may have closed this connection
      }
      this.#timeFrame(bodies > 0)
      if (this.#splitter.partialBytes !== partialBytes) this.#held?.look(this)
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      this.refuse((this.#greeted ? null : tlsSpeakerIn(chunk)) ?? error.message)
    }
  }

  /** A remote that sends a byte now and then would keep what it has begun in this process's memory for ever. */
  #timeFrame(ended: boolean): void {
    if (!this.#accepted) return // the hello and the proof have a time of their own
    if (!this.#splitter.isInside) {
      if (this.#frameTimer !== null) clearTimeout(this.#frameTimer)
      this.#frameTimer = null
    } else if (this.#frameTimer === null) {
      const ms = this.#frameTimeoutMs
      this.#frameTimer = setTimeout(() => this.refuse(`a frame did not end within ${ms} ms`), ms)
    } else if (ended) {
      this.#frameTimer.refresh()
    }
  }

  #onHello(hello: Hello): void {
    this.#greeted = true
    this.#helloTimer.refresh()
    this.#events.onHello(hello)
  }

  /** Reports what the remote did wrong and closes; what was written before (a hello that tells who we are) still leaves. */
  refuse(reason: string): void {
    if (this.#over) return
    this.#events.onProtocolError(reason)
    this.part(reason)
  }

  /** The same, where what was wrong has been reported before. */
  part(reason: string): void {
    if (this.#over) return
    void this.close(REFUSE_GRACE_MS)
    this.#events.onClosed(reason)
  }

  #fail(reason: string): void {
    if (this.#over) return
    this.#finish()
    this.#socket.destroy()
    this.#events.onClosed(this.#failure || reason)
  }

  /** For use inside `send`: the event must not overtake the return of the call that caused it. */
  #failLater(reason: string): void {
    this.#failure = reason
    this.#queue = []
    this.#queueBytes = 0
    this.#socket.destroy() // emits `close` in a later tick
  }

  #finish(): void {
    this.#over = true
    this.#queue = []
    this.#queueBytes = 0
    clearTimeout(this.#helloTimer)
    if (this.#frameTimer !== null) clearTimeout(this.#frameTimer)
    this.#held?.forget(this)
  }
}
