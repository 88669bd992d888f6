import type { ClientOutbox, Operation, OperationResult } from '../../../client/core/events.ts'
import { CLIENT_LIMITS, type ClientLimits } from '../../../client/core/limits.ts'
import { type ClientState, createClientState } from '../../../client/core/state.ts'
import { step } from '../../../client/core/step.ts'
import type { ClientMessage } from '../../../protocol/client-messages.ts'
import { type Batch, decodeBatch } from '../../../protocol/codec/batch.ts'
import { encodeClientBatch } from '../../../protocol/codec/client-codec.ts'
import type { StoreError } from '../../../protocol/errors.ts'
import { asMillis, asRequestId, type ChainId, type Key, type RequestId } from '../../../protocol/ids.ts'
import { slotOf } from '../../../protocol/slots.ts'
import type { Timer } from '../../../protocol/timers.ts'
import type { Network } from '../kernel/network.ts'
import type { SimProcess } from '../kernel/process.ts'
import { SimTransport } from '../kernel/transport.ts'
import { STORE_DOOR } from '../server/sim-data-server.ts'

export interface SimClientOptions {
  readonly network: Network
  readonly process: SimProcess
  /** Names of data servers' processes: whom to ask first. */
  readonly servers: readonly string[]
  readonly zone?: string | null
  /** Default: true. False: writes carry no identity, and one without an answer ends as indefinite. */
  readonly exactlyOnce?: boolean
  readonly limits?: Partial<ClientLimits>
  /** All timeouts are late by up to this much. Default: as in production. */
  readonly tickMs?: number
  readonly codec?: boolean
}

/** Who waits for an operation: called once, unless the process ends before. */
export interface Waiter {
  done(result: OperationResult): void
  failed(error: StoreError): void
}

const TICK_MS = 20

/** The real core of the native client in a simulated process; does what `Engine` does for it in a real one. */
export class SimClient implements ClientOutbox {
  readonly process: SimProcess
  readonly #options: SimClientOptions
  #state: ClientState | null = null
  #transport: SimTransport | null = null
  #waiters = new Map<RequestId, Waiter>()
  #batches = new Map<string, ClientMessage[]>()
  /** Answers of this step of the core. Who is told may ask for more at once, and the core is not entered twice. */
  #answers: (() => void)[] = []
  #nextId = 1
  #ticker: Timer | null = null

  constructor(options: SimClientOptions) {
    this.process = options.process
    this.#options = options
  }

  /** Begins a life, which knows nothing of earlier ones. */
  boot(): void {
    const { network, process, servers, zone, exactlyOnce, limits } = this.#options
    process.start(() => {
      process.onCrash(() => this.#ended())
      this.#state = createClientState({
        bootstrap: servers,
        rng: process.rng.fork(`core ${process.life}`),
        zone: zone ?? null,
        exactlyOnce: exactlyOnce ?? true,
        limits: { ...CLIENT_LIMITS, ...limits },
      })
      this.#transport = new SimTransport({
        network,
        process,
        door: STORE_DOOR,
        listens: false,
        events: {
          onBody: (from, body) => this.#onBody(from, body),
          onDown: (peer, reason) => this.#step({ type: 'down', nowMs: this.#now(), peer, reason }),
        },
      })
      this.#step({ type: 'start', nowMs: this.#now() })
      this.#startTicking()
    })
  }

  #ended(): void {
    this.#state = null
    this.#transport = null
    this.#waiters = new Map()
    this.#batches = new Map()
    this.#answers = []
    this.#ticker = null
  }

  get outstanding(): number {
    return this.#waiters.size
  }

  /** The chain that has a key by the newest map; null where none has. */
  chainOf(key: Key): ChainId | null {
    return this.#state?.routing.chainOfSlot(slotOf(key)) ?? null
  }

  /** False while the process is down: nobody waits then. */
  submit(operation: DistributiveOmit<Operation, 'id'>, waiter: Waiter): boolean {
    if (this.#state === null) return false
    const id = asRequestId(this.#nextId++)
    this.#waiters.set(id, waiter)
    this.#step({ type: 'submit', nowMs: this.#now(), operation: { ...operation, id } })
    if (this.#waiters.size > 0) this.#startTicking()
    return true
  }

  send(to: string, message: ClientMessage): void {
    const batch = this.#batches.get(to)
    if (batch !== undefined) batch.push(message)
    else this.#batches.set(to, [message])
    this.process.atTurnEnd(this.#endTurn)
  }

  /** Names are addresses here. */
  setAddress(): void {}
  release(): void {}

  complete(id: RequestId, result: OperationResult): void {
    const waiter = this.#waiters.get(id)
    this.#waiters.delete(id)
    if (waiter !== undefined) this.#answers.push(() => waiter.done(result))
  }

  fail(id: RequestId, error: StoreError): void {
    const waiter = this.#waiters.get(id)
    this.#waiters.delete(id)
    if (waiter !== undefined) this.#answers.push(() => waiter.failed(error))
  }

  #step(event: Parameters<typeof step>[1]): void {
    if (this.#state === null) return
    step(this.#state, event, this)
    for (let tell = this.#answers.shift(); tell !== undefined; tell = this.#answers.shift()) tell()
  }

  #now() {
    return asMillis(this.process.nowMs())
  }

  #onBody(from: string, body: unknown): void {
    const batch = body instanceof Uint8Array ? decodeBatch(body) : (body as Batch)
    if (batch.type !== 'server') throw new Error(`${from} sends a ${batch.type} batch to a client`)
    this.process.note('server', () => `${from}: ${batch.messages.map(({ type }) => type).join(', ')}`)
    const nowMs = this.#now()
    for (const message of batch.messages) this.#step({ type: 'message', nowMs, from, message })
  }

  readonly #endTurn = (): void => {
    const batches = this.#batches
    this.#batches = new Map()
    for (const [to, messages] of batches) {
      const body = this.#options.codec === true ? encodeClientBatch(messages) : { type: 'client', messages }
      this.#transport?.send(to, body)
    }
  }

  #startTicking(): void {
    this.#ticker ??= this.process.timers.every(this.#options.tickMs ?? TICK_MS, () => this.#onTick())
  }

  /** Also while it looks for its first map. */
  #onTick(): void {
    this.#step({ type: 'tick', nowMs: this.#now() })
    if (this.#waiters.size > 0 || this.#state?.routing.known === false) return
    this.#ticker?.cancel()
    this.#ticker = null
  }
}

type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never
