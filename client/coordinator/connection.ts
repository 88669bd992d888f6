import type { Timer, Timers } from '../../protocol/timers.ts'
import { FrameSplitter } from '../../protocol/zookeeper/frames.ts'
import { decodeConnectResponse, encodeConnectRequest } from '../../protocol/zookeeper/packets.ts'
import type { ConnectRequest, ConnectResponse } from '../../protocol/zookeeper/records.ts'
import type { Address } from './addresses.ts'
import type { Link, SessionPlatform } from './platform.ts'

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
  readonly #link: Link
  readonly #timers: Timers
  readonly #events: ConnectionEvents
  readonly #splitter = new FrameSplitter(REPLY_BYTES_MAX)
  readonly #deadline: Timer
  #open = false
  #closed = false
  /** `nowMs` of the last packet in each direction. */
  receivedAtMs: number
  sentAtMs: number

  constructor(options: {
    readonly platform: SessionPlatform
    readonly address: Address
    readonly request: ConnectRequest
    /** For the dial and the first answer together. */
    readonly openTimeoutMs: number
    readonly events: ConnectionEvents
  }) {
    const { platform, address, request, openTimeoutMs, events } = options
    this.#timers = platform.timers
    this.#events = events
    this.receivedAtMs = this.#timers.nowMs()
    this.sentAtMs = this.receivedAtMs
    this.#link = platform.dial(address, {
      onConnect: () => this.send(encodeConnectRequest(request)),
      onData: (chunk) => this.#onData(chunk),
      onClose: (reason) => this.close(reason),
    })
    this.#deadline = this.#timers.after(openTimeoutMs, () => this.close(`no answer in ${openTimeoutMs} ms`))
  }

  send(frame: Uint8Array): void {
    if (this.#closed) return
    this.sentAtMs = this.#timers.nowMs()
    this.#link.write(frame)
  }

  close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#deadline.cancel()
    this.#link.destroy()
    this.#events.onClose(reason)
  }

  #onData(chunk: Uint8Array): void {
    if (this.#closed) return
    this.receivedAtMs = this.#timers.nowMs()
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
    this.#deadline.cancel()
    this.#events.onOpen(response)
  }
}
