import type { ClientMessage } from '../protocol/client-messages.ts'
import { decodeServerBatch, encodeClientBatch } from '../protocol/codec/client-codec.ts'
import { CodecError } from '../protocol/codec/fields.ts'
import { StoreError } from '../protocol/errors.ts'
import {
  asMillis,
  asRequestId,
  type ChainId,
  type Key,
  type RequestId,
  type ServerId,
} from '../protocol/ids.ts'
import { CLIENT_MESSAGES_MAX } from '../protocol/limits.ts'
import { slotOf } from '../protocol/slots.ts'
import type { Address, Transport, TransportEvents } from '../protocol/transport.ts'
import type { ClientOutbox, Operation, OperationResult } from './core/events.ts'
import type { ClientState } from './core/state.ts'
import { step } from './core/step.ts'

/** Who waits for an operation. Called once. */
export interface Waiter {
  done(result: OperationResult): void
  failed(error: StoreError): void
}

/** What gets ready for one server during a turn. */
interface Batch {
  messages: ClientMessage[]
  bytes: number
}

/** One timer for all timeouts: each is late by up to this much. */
const TICK_MS = 20
/** Larger batches leave in several bodies: a frame is limited, and a retry of all of them costs the more. */
const BODY_BYTES_MAX = 8 * 1024 * 1024

const now = () => asMillis(performance.now())

/**
 * Runs the client's core: carries its messages over a transport, gives it the time, and settles promises. What is issued in one turn of
 * the event loop leaves in one body per server.
 */
export class Engine implements ClientOutbox {
  readonly #state: ClientState
  readonly #bootstrap: ReadonlyMap<string, Address>
  readonly #addresses = new Map<string, Address>()
  #transport: Transport | null = null
  readonly #waiters = new Map<RequestId, Waiter>()
  readonly #batches = new Map<string, Batch>()
  #nextId = 1
  #turnEnd: NodeJS.Immediate | null = null
  #ticker: NodeJS.Timeout | null = null
  /** Peers to which the transport would not queue. */
  #refused: string[] = []
  /** Why a connection has ended, or did not come to be; of several, the last. */
  lastFailure: Error | undefined = undefined
  #whenReady: {
    readonly atMostMs: number
    readonly ready: (known: boolean) => void
    readonly refused: (error: StoreError) => void
  } | null = null

  /** @param options.bootstrap - where peers can be dialled that are known by address only; empty where names suffice. */
  constructor(options: { state: ClientState; bootstrap: ReadonlyMap<string, Address> }) {
    this.#state = options.state
    this.#bootstrap = options.bootstrap
  }

  /** Handlers for the transport that `start` is given. */
  get events(): TransportEvents {
    return {
      onBody: (from, body) => this.#onBody(from, body),
      onDown: (peer, reason) => this.#onDown(peer, reason),
      onRefused: (_, reason) => this.#onRefused(reason),
    }
  }

  /**
   * Finds the first map. False where no server has told one after `timeoutMs`.
   *
   * @throws {StoreError} `UNAUTHENTICATED`: a server does not take us for whom we say we are, or has not proved who it is. It would be the same a moment later.
   */
  start(transport: Transport, timeoutMs: number): Promise<boolean> {
    this.#transport = transport
    for (const [peer, address] of this.#bootstrap) transport.setAddress(peer, address)
    return new Promise((ready, refused) => {
      this.#whenReady = { atMostMs: performance.now() + timeoutMs, ready, refused }
      step(this.#state, { type: 'start', nowMs: now() }, this)
      this.#startTicking()
    })
  }

  get servers(): ServerId[] {
    return this.#state.routing.servers
  }

  get chains(): ChainId[] {
    return this.#state.routing.chains
  }

  /** The chain that has a key by the newest map; null where none has. */
  chainOf(key: Key): ChainId | null {
    return this.#state.routing.chainOfSlot(slotOf(key))
  }

  newId(): RequestId {
    return asRequestId(this.#nextId++)
  }

  submit(operation: Operation, waiter: Waiter): void {
    this.#waiters.set(operation.id, waiter)
    step(this.#state, { type: 'submit', nowMs: now(), operation }, this)
    if (this.#ticker === null && this.#waiters.size > 0) this.#startTicking()
  }

  async close(): Promise<void> {
    step(this.#state, { type: 'close', nowMs: now() }, this)
    if (this.#ticker !== null) clearInterval(this.#ticker)
    if (this.#turnEnd !== null) clearImmediate(this.#turnEnd)
    this.#ticker = null
    this.#turnEnd = null
    this.#batches.clear()
    await this.#transport?.close()
  }

  send(to: string, message: ClientMessage, bytes: number): void {
    let batch = this.#batches.get(to)
    if (batch === undefined) {
      batch = { messages: [], bytes: 0 }
      this.#batches.set(to, batch)
    }
    const full = batch.bytes + bytes > BODY_BYTES_MAX || batch.messages.length >= CLIENT_MESSAGES_MAX
    if (full) this.#sendBatch(to, batch)
    batch.messages.push(message)
    batch.bytes += bytes
    this.#turnEnd ??= setImmediate(() => this.#endTurn())
  }

  setAddress(server: ServerId, address: Address | null): void {
    if (address === null) this.#addresses.delete(server)
    else this.#addresses.set(server, address)
    this.#transport?.setAddress(server, address)
  }

  /** The next use of the peer dials again. */
  release(peer: string): void {
    const address = this.#bootstrap.get(peer)
    if (address === undefined) return // a name, not an address: it is the server itself
    this.#transport?.setAddress(peer, null)
    this.#transport?.setAddress(peer, address)
  }

  complete(id: RequestId, result: OperationResult): void {
    const waiter = this.#waiters.get(id)
    this.#waiters.delete(id)
    waiter?.done(result)
  }

  fail(id: RequestId, error: StoreError): void {
    const waiter = this.#waiters.get(id)
    this.#waiters.delete(id)
    waiter?.failed(error)
  }

  #endTurn(): void {
    this.#turnEnd = null
    for (const [peer, batch] of this.#batches) this.#sendBatch(peer, batch)
    this.#transport?.flush()
    if (this.#refused.length === 0) return
    for (const peer of new Set(this.#refused.splice(0)))
      this.#onDown(peer, 'its queue is full, or its address unknown')
  }

  #sendBatch(peer: string, batch: Batch): void {
    if (batch.messages.length === 0) return
    const body = encodeClientBatch(batch.messages)
    batch.messages = []
    batch.bytes = 0
    if (this.#transport?.send(peer, body) === false) this.#refused.push(peer)
  }

  #onBody(from: string, body: Uint8Array): void {
    const nowMs = now()
    try {
      for (const message of decodeServerBatch(body))
        step(this.#state, { type: 'message', nowMs, from, message }, this)
    } catch (error) {
      if (!(error instanceof CodecError)) throw error
      this.#dropLink(from, error)
    }
    this.#checkReady()
  }

  /** Later ones are seen as links that break: the servers that are left may serve, and what waits for this one says why. */
  #onRefused(reason: string): void {
    const waiting = this.#whenReady
    this.#whenReady = null
    waiting?.refused(new StoreError('UNAUTHENTICATED', `connect: ${reason}`))
  }

  #onDown(peer: string, reason: string): void {
    this.lastFailure = new Error(reason)
    step(this.#state, { type: 'down', nowMs: now(), peer, reason }, this)
  }

  /** Whoever sends what is not our protocol is cut off; requests go elsewhere, or there again over a new connection. */
  #dropLink(peer: string, error: CodecError): void {
    const address = this.#addresses.get(peer) ?? this.#bootstrap.get(peer)
    if (address !== undefined) {
      this.#transport?.setAddress(peer, null)
      this.#transport?.setAddress(peer, address)
    }
    this.#onDown(peer, `it does not speak this protocol: ${error.message}`)
  }

  #startTicking(): void {
    this.#ticker ??= setInterval(() => this.#onTick(), TICK_MS)
  }

  #onTick(): void {
    step(this.#state, { type: 'tick', nowMs: now() }, this)
    this.#checkReady()
    if (this.#waiters.size > 0 || this.#whenReady !== null || this.#ticker === null) return
    clearInterval(this.#ticker)
    this.#ticker = null
  }

  #checkReady(): void {
    const waiting = this.#whenReady
    if (waiting === null) return
    const { known } = this.#state.routing
    if (!known && performance.now() < waiting.atMostMs) return
    this.#whenReady = null
    waiting.ready(known)
  }
}
