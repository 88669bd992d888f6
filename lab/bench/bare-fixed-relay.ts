/**
 * Yardstick for writes: as bare-relay.ts, in fixed binary. Each process passes on the very bytes that it got before it does anything else, appends them to its
 * file, and tells the one before how many writes it and all behind it have. The first one answers reads from its Map.
 */
import { connect } from 'node:net'
import {
  BareWriter,
  HEADER_BYTES,
  KIND,
  keyBytesAt,
  SPEAKER,
  STATUS,
  u32At,
  valueBytesAt,
} from './bare-fixed.ts'
import { keyAt, listenFixed } from './bare-fixed-server.ts'
import { GroupCommit } from './bare-group-commit.ts'

/** One process of the row. `next`: port of the one behind it, 0 for the last. `file`: null for memory. */
export async function runBareFixedRelay(options: { next: number; file: string | null }): Promise<number> {
  const relay = new Relay(options)
  const { port } = await listenFixed((writer, speaker) =>
    speaker === SPEAKER.relay ? relay.onPredecessor(writer) : relay.onClient(writer),
  )
  return port
}

class Relay {
  readonly #values = new Map<string, Uint8Array>()
  readonly #log: GroupCommit | null
  readonly #next: BareWriter | null
  readonly #acks = new AckQueue()
  #predecessor: BareWriter | null = null
  /** Writes, counted from the beginning: received, on this disk, done by all behind, and answered. */
  #received = 0
  #durable = 0
  #behind = 0
  #settled = 0

  constructor({ next, file }: { next: number; file: string | null }) {
    this.#log =
      file === null
        ? null
        : new GroupCommit(file, (durable) => {
            this.#durable = durable
            this.#settle()
          })
    this.#next = next === 0 ? null : this.#dial(next)
  }

  onPredecessor(writer: BareWriter): (chunk: Buffer, end: number) => void {
    this.#predecessor = writer
    return (chunk, end) => this.#onWrites(chunk, 0, end, null)
  }

  onClient(writer: BareWriter): (chunk: Buffer, end: number) => void {
    return (chunk, end) => {
      let from = 0
      for (let at = 0; at < end; ) {
        const behind = at + HEADER_BYTES + keyBytesAt(chunk, at) + valueBytesAt(chunk, at)
        if (chunk[at + 4] === KIND.read) {
          if (from < at) this.#onWrites(chunk, from, at, writer)
          const value = this.#values.get(keyAt(chunk, at, keyBytesAt(chunk, at)))
          writer.reply(u32At(chunk, at), value === undefined ? STATUS.missing : STATUS.ok, value ?? null)
          from = behind
        }
        at = behind
      }
      if (from < end) this.#onWrites(chunk, from, end, writer)
      writer.flush()
    }
  }

  #onWrites(chunk: Buffer, from: number, end: number, client: BareWriter | null): void {
    const bytes = chunk.subarray(from, end)
    if (this.#next !== null) {
      this.#next.bytes(bytes)
      this.#next.flush()
    }
    let count = 0
    for (let at = from; at < end; count++) {
      const keyBytes = keyBytesAt(chunk, at)
      const valueAt = at + HEADER_BYTES + keyBytes
      const behind = valueAt + valueBytesAt(chunk, at)
      this.#values.set(keyAt(chunk, at, keyBytes), Uint8Array.prototype.slice.call(chunk, valueAt, behind))
      if (client !== null) this.#acks.push(client, u32At(chunk, at))
      at = behind
    }
    this.#received += count
    this.#log?.append(bytes, count)
    this.#settle()
  }

  #settle(): void {
    const own = this.#log === null ? this.#received : this.#durable
    const settled = Math.min(own, this.#next === null ? own : this.#behind)
    if (settled <= this.#settled) return
    this.#settled = settled
    if (this.#predecessor === null) return this.#acks.answerTo(settled)
    this.#predecessor.u32(settled >>> 0)
    this.#predecessor.flush()
  }

  /** To the next process, which answers with counts: the last one in a chunk says all. */
  #dial(port: number): BareWriter {
    const socket = connect(port, '127.0.0.1')
    socket.setNoDelay(true)
    socket.on('error', (error) => {
      throw error
    })
    let rest: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      const whole = bytes.length - (bytes.length % 4)
      rest = bytes.subarray(whole)
      if (whole === 0) return
      // Counts go round at 2^32; no answer is so far behind.
      this.#behind += (u32At(bytes, whole - 4) - (this.#behind >>> 0)) >>> 0
      this.#settle()
    })
    const writer = new BareWriter(socket)
    writer.bytes(Uint8Array.of(SPEAKER.relay))
    writer.flush()
    return writer
  }
}

/** Clients that wait, in the order of their writes. */
class AckQueue {
  #writers: BareWriter[] = []
  #calls: number[] = []
  #first = 0
  #answered = 0

  push(writer: BareWriter, call: number): void {
    this.#writers.push(writer)
    this.#calls.push(call)
  }

  /** @param count - of the writes that are done, from the beginning. */
  answerTo(count: number): void {
    const touched = new Set<BareWriter>()
    for (; this.#answered < count; this.#answered++, this.#first++) {
      const writer = this.#writers[this.#first]
      if (writer === undefined) break
      writer.reply(this.#calls[this.#first] ?? 0, STATUS.ok, null)
      touched.add(writer)
    }
    for (const writer of touched) writer.flush()
    if (this.#first < 1024 || 2 * this.#first < this.#calls.length) return
    this.#writers = this.#writers.slice(this.#first)
    this.#calls = this.#calls.slice(this.#first)
    this.#first = 0
  }
}
