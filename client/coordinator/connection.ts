import { connect, type Socket } from 'node:net'
import { FrameSplitter } from '../../protocol/zookeeper/frames.ts'
import { decodeConnectResponse, encodeConnectRequest } from '../../protocol/zookeeper/packets.ts'
import type { ConnectRequest, ConnectResponse } from '../../protocol/zookeeper/records.ts'
import type { Address } from './addresses.ts'

export interface ConnectionEvents {
  /** The member answered the first packet. `timeoutMs` of 0 or less: the session is over. */
  onOpen(response: ConnectResponse): void
  onPacket(packet: Uint8Array): void
  /** Exactly once, whoever closed, and nothing after it. */
  onClose(reason: string): void
}

/** A replies' packet may exceed what requests are held to: many children fit into no megabyte. */
const REPLY_BYTES_MAX = 64 * 1024 * 1024

/** One connection to one member, from the dial to its end: packets in, packets out. What throws on bad bytes ends it. */
export class MemberConnection {
  readonly #socket: Socket
  readonly #events: ConnectionEvents
  readonly #splitter = new FrameSplitter(REPLY_BYTES_MAX)
  readonly #deadline: NodeJS.Timeout
  #open = false
  #closed = false
  #corked = false
  /** `performance.now()` of the last packet in each direction. */
  receivedAtMs = performance.now()
  sentAtMs = performance.now()

  constructor(options: {
    readonly address: Address
    readonly request: ConnectRequest
    /** For the dial and the first answer together. */
    readonly openTimeoutMs: number
    readonly events: ConnectionEvents
  }) {
    const { address, request, openTimeoutMs, events } = options
    this.#events = events
    this.#socket = connect({ ...address, noDelay: true })
    this.#socket.on('connect', () => this.send(encodeConnectRequest(request)))
    this.#socket.on('data', (chunk) => this.#onData(chunk))
    this.#socket.on('error', (error) => this.close(error.message))
    this.#socket.on('close', () => this.close('the member closed the connection'))
    this.#deadline = setTimeout(() => this.close(`no answer in ${openTimeoutMs} ms`), openTimeoutMs)
  }

  /** What is sent in one turn leaves in one piece. */
  send(frame: Uint8Array): void {
    if (this.#closed) return
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    this.sentAtMs = performance.now()
    this.#socket.write(frame)
  }

  close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#deadline)
    this.#socket.destroy()
    this.#events.onClose(reason)
  }

  #onData(chunk: Uint8Array): void {
    this.receivedAtMs = performance.now()
    let packets: Uint8Array[]
    try {
      packets = this.#splitter.push(chunk)
    } catch (error) {
      this.close(`bad bytes: ${String(error)}`)
      return
    }
    for (const packet of packets) {
      if (this.#closed) return
      if (this.#open) this.#events.onPacket(packet)
      else this.#onFirstPacket(packet)
    }
  }

  #onFirstPacket(packet: Uint8Array): void {
    let response: ConnectResponse
    try {
      response = decodeConnectResponse(packet)
    } catch (error) {
      this.close(`bad first packet: ${String(error)}`)
      return
    }
    this.#open = true
    clearTimeout(this.#deadline)
    this.#events.onOpen(response)
  }
}
