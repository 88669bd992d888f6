/**
 * gRPC for etcd over a plain socket: one stream per operation. An answer is a stream that ends after DATA; one that ends without is an error,
 * whose words are in headers that this client does not decode.
 */
import { firstValue, putLength, putPut, putRange, type RangeShape, rangeLength } from './etcd-messages.ts'
import {
  FLAG,
  FRAME,
  FRAME_BYTES_DEFAULT,
  FRAME_HEADER_BYTES,
  headerBlock,
  putFrameHeader,
  putGreeting,
  putWindowUpdate,
  SETTING,
  WINDOW_DEFAULT,
} from './http2-frames.ts'
import { OutBuffer } from './out-buffer.ts'
import { Remainder } from './remainder.ts'
import { ProtocolError, type Speaker, type Waiting, WaitingQueue, type Wire } from './speaker.ts'

/** The window of the connection is opened again after so many bytes of answers. */
const REPLENISH_BYTES = 0x2000_0000
/** An error code of RFC 9113 §7. */
const CANCEL = 8
const STREAM_ID_MAX = 0x7fff_ffff

interface Stream {
  readonly waiting: Waiting
  readonly id: number
  hasData: boolean
  /** Kept only for those who want the value. */
  answer: Buffer[] | null
  /** What flow control has not let go yet. */
  unsent: Uint8Array | null
  window: number
}

export interface EtcdSpeakerOptions {
  readonly authority: string
  readonly serializable: boolean
  /** Odd. A test begins near the end. */
  readonly firstStreamId?: number
}

export class EtcdSpeaker implements Speaker {
  readonly #wire: Wire
  readonly #authority: string
  readonly #serializable: boolean
  readonly #rangeHeaders: Uint8Array
  readonly #putHeaders: Uint8Array
  readonly #streams = new Map<number, Stream>()
  /** Beyond the number of streams that the server allows. */
  readonly #queued = new WaitingQueue()
  readonly #blocked: Stream[] = []
  readonly #scratch = new OutBuffer()
  readonly #rest = new Remainder()
  #nextId: number
  #streamsMax = 100
  #window = WINDOW_DEFAULT
  #streamWindow = WINDOW_DEFAULT
  #frameBytes = FRAME_BYTES_DEFAULT
  #receivedBytes = 0
  #goingAway = false
  #greeted = false

  constructor(wire: Wire, options: EtcdSpeakerOptions) {
    this.#wire = wire
    this.#authority = options.authority
    this.#serializable = options.serializable
    this.#nextId = options.firstStreamId ?? 1
    this.#rangeHeaders = headerBlock('/etcdserverpb.KV/Range', options.authority)
    this.#putHeaders = headerBlock('/etcdserverpb.KV/Put', options.authority)
  }

  get pending(): number {
    return this.#streams.size + this.#queued.length
  }

  /** Stream ids only grow: when they are used up, only a new connection helps. What is queued must still find one. */
  get exhausted(): boolean {
    return this.#goingAway || this.#nextId + 2 * this.#queued.length > STREAM_ID_MAX
  }

  begin(): void {
    putGreeting(this.#wire.out)
  }

  submit(waiting: Waiting): void {
    if (this.#streams.size < this.#streamsMax) this.#open(waiting)
    else this.#queued.push(waiting)
  }

  onBytes(chunk: Buffer): void {
    const bytes = this.#rest.with(chunk)
    let at = 0
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const length = bytes.readUIntBE(at, 3)
      const end = at + FRAME_HEADER_BYTES + length
      if (end > bytes.length) break
      this.#onFrame(bytes, at, end)
      at = end
    }
    this.#rest.keep(bytes, at)
  }

  onTick(overdueTick: number): void {
    for (const [id, { waiting }] of this.#streams) {
      if (waiting.beganTick > overdueTick) return
      putFrameHeader(this.#wire.out, 4, FRAME.resetStream, 0, id)
      this.#wire.out.int32(CANCEL)
      this.#settle(id, `${this.#authority}: no answer in time`)
    }
  }

  fail(error: string): void {
    const streams = [...this.#streams.values()]
    this.#streams.clear()
    for (const { waiting } of streams) waiting.done(error)
    this.#queued.failAll(error)
  }

  #open(waiting: Waiting): void {
    const { operation } = waiting
    const { out } = this.#wire
    const id = this.#nextId
    this.#nextId += 2
    const stream: Stream = {
      waiting,
      id,
      hasData: false,
      answer: waiting.onValue === null ? null : [],
      unsent: null,
      window: this.#streamWindow,
    }
    this.#streams.set(id, stream)
    const isWrite = operation.type === 'insert' || operation.type === 'update'
    const headers = isWrite ? this.#putHeaders : this.#rangeHeaders
    putFrameHeader(out, headers.length, FRAME.headers, FLAG.endHeaders, id)
    out.put(headers)
    const range = isWrite
      ? null
      : this.#range(operation.key, operation.type === 'scan' ? operation.limit : null)
    const length = isWrite
      ? putLength(operation.key, operation.value)
      : range === null
        ? 0
        : rangeLength(range)
    const fits = length <= this.#window && length <= stream.window && length <= this.#frameBytes
    const into = fits && this.#blocked.length === 0 ? out : this.#scratch
    if (into === out) {
      putFrameHeader(out, length, FRAME.data, FLAG.endStream, id)
      this.#window -= length
    }
    if (isWrite) putPut(into, operation.key, operation.value, length)
    else if (range !== null) putRange(into, range, length)
    if (into === out) return
    stream.unsent = into.take()
    this.#blocked.push(stream)
    this.#sendBlocked()
  }

  #range(key: string, limit: number | null): RangeShape {
    return { key, serializable: this.#serializable, limit }
  }

  /** As much as the windows allow; those of other streams do not wait for one whose own window is closed. */
  #sendBlocked(): void {
    const { out } = this.#wire
    let kept = 0
    for (const stream of this.#blocked) {
      while (stream.unsent !== null && this.#streams.has(stream.id)) {
        const bytes = Math.min(stream.unsent.length, this.#window, stream.window, this.#frameBytes)
        if (bytes <= 0) break
        const isLast = bytes === stream.unsent.length
        putFrameHeader(out, bytes, FRAME.data, isLast ? FLAG.endStream : 0, stream.id)
        out.put(stream.unsent.subarray(0, bytes))
        this.#window -= bytes
        stream.window -= bytes
        stream.unsent = isLast ? null : stream.unsent.subarray(bytes)
      }
      if (stream.unsent !== null && this.#streams.has(stream.id)) this.#blocked[kept++] = stream
    }
    this.#blocked.length = kept
  }

  #onFrame(bytes: Buffer, at: number, end: number): void {
    const type = bytes[at + 3]
    const flags = bytes[at + 4] ?? 0
    const streamId = bytes.readUInt32BE(at + 5) & STREAM_ID_MAX
    const from = at + FRAME_HEADER_BYTES
    switch (type) {
      case FRAME.data:
        return this.#onData(streamId, flags, bytes.subarray(from, end))
      case FRAME.headers:
        if ((flags & FLAG.endStream) !== 0) this.#onEnd(streamId)
        return
      case FRAME.resetStream:
        return this.#settle(
          streamId,
          `${this.#authority} reset the stream with code ${bytes.readUInt32BE(from)}`,
        )
      case FRAME.settings:
        if ((flags & FLAG.ack) === 0) this.#onSettings(bytes.subarray(from, end))
        return
      case FRAME.ping:
        if ((flags & FLAG.ack) !== 0) return
        putFrameHeader(this.#wire.out, 8, FRAME.ping, FLAG.ack, 0)
        this.#wire.out.put(bytes.subarray(from, end))
        return this.#wire.wantsFlush()
      case FRAME.goAway:
        this.#goingAway = true
        return this.#wire.fail('the server is going away')
      case FRAME.windowUpdate:
        return this.#onWindow(streamId, bytes.readUInt32BE(from))
      default:
        return // what we do not know is to be ignored (RFC 9113 §5.5)
    }
  }

  #onData(streamId: number, flags: number, data: Buffer): void {
    this.#receivedBytes += data.length
    if (this.#receivedBytes > REPLENISH_BYTES) {
      putWindowUpdate(this.#wire.out, this.#receivedBytes)
      this.#receivedBytes = 0
      this.#wire.wantsFlush()
    }
    const stream = this.#streams.get(streamId)
    if (stream === undefined) return
    if (data.length > 0) stream.hasData = true
    stream.answer?.push(data)
    if ((flags & FLAG.endStream) !== 0) this.#onEnd(streamId)
  }

  #onEnd(streamId: number): void {
    const stream = this.#streams.get(streamId)
    if (stream === undefined) return
    if (!stream.hasData) return this.#settle(streamId, `${this.#authority} refused: see its log`)
    if (stream.answer !== null) stream.waiting.onValue?.(firstValue(Buffer.concat(stream.answer)))
    this.#settle(streamId, null)
  }

  #settle(streamId: number, error: string | null): void {
    const stream = this.#streams.get(streamId)
    if (stream === undefined) return
    this.#streams.delete(streamId)
    const next = this.#queued.shift()
    if (next !== undefined) {
      this.#open(next)
      this.#wire.wantsFlush()
    }
    stream.waiting.done(error)
  }

  #onSettings(settings: Buffer): void {
    let streamsMax = this.#greeted ? this.#streamsMax : Number.POSITIVE_INFINITY
    for (let at = 0; at + 6 <= settings.length; at += 6) {
      const value = settings.readUInt32BE(at + 2)
      switch (settings.readUInt16BE(at)) {
        case SETTING.maxConcurrentStreams:
          streamsMax = value
          break
        case SETTING.initialWindow:
          // Holds for open streams, too (RFC 9113 §6.9.2).
          for (const stream of this.#streams.values()) stream.window += value - this.#streamWindow
          this.#streamWindow = value
          break
        case SETTING.maxFrame:
          this.#frameBytes = value
          break
        default: // of no concern to a client that ignores headers
      }
    }
    if (streamsMax === 0) throw new ProtocolError('the server allows no streams')
    this.#streamsMax = streamsMax
    putFrameHeader(this.#wire.out, 0, FRAME.settings, FLAG.ack, 0)
    this.#sendBlocked()
    this.#wire.wantsFlush()
    if (this.#greeted) return
    this.#greeted = true
    this.#wire.ready()
  }

  #onWindow(streamId: number, bytes: number): void {
    if (streamId === 0) this.#window += bytes
    else {
      const stream = this.#streams.get(streamId)
      if (stream !== undefined) stream.window += bytes
    }
    if (this.#blocked.length === 0) return
    this.#sendBlocked()
    this.#wire.wantsFlush()
  }
}
