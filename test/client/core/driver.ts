import type { ClientEvent, ClientOutbox, OperationResult, ReadPolicy } from '../../../client/core/events.ts'
import { CLIENT_LIMITS, type ClientLimits } from '../../../client/core/limits.ts'
import { type ClientState, createClientState } from '../../../client/core/state.ts'
import { step } from '../../../client/core/step.ts'
import type { ClientMessage, ServerMessage } from '../../../protocol/client-messages.ts'
import type { ClusterMap } from '../../../protocol/cluster.ts'
import type { Consistency, ReadCommand, WriteCommand } from '../../../protocol/commands.ts'
import type { ErrorCode, StoreError } from '../../../protocol/errors.ts'
import { asKey, asMillis, asRequestId, asSeq, asServerId } from '../../../protocol/ids.ts'
import { slotOf } from '../../../protocol/slots.ts'

type Sent = { readonly to: string; readonly message: ClientMessage }
/** `Omit` for each member of a union. */
type Timeless<Union> = Union extends unknown ? Omit<Union, 'nowMs'> : never

/** Steps one client's core by hand: no clock, no network, no dice. */
export class Driver implements ClientOutbox {
  readonly state: ClientState
  nowMs = 1_000
  /** What has been sent and was not taken by `take` yet. */
  sent: Sent[] = []
  addresses: string[] = []
  released: string[] = []
  readonly results = new Map<number, OperationResult>()
  readonly errors = new Map<number, StoreError>()
  #nextId = 1

  constructor(
    options: {
      limits?: Partial<ClientLimits>
      exactlyOnce?: boolean
      zone?: string
      draw?: () => number
    } = {},
  ) {
    const { limits, exactlyOnce = true, zone = null, draw = () => 0 } = options
    this.state = createClientState({
      bootstrap: ['@a', '@b'],
      rng: { next: draw },
      zone,
      exactlyOnce,
      limits: { ...CLIENT_LIMITS, ...limits },
    })
  }

  /** A client that knows this map, and has nothing under way. */
  static knowing(map: ClusterMap, options: ConstructorParameters<typeof Driver>[0] = {}): Driver {
    const driver = new Driver(options)
    driver.step({ type: 'start' })
    const [{ message, to }] = driver.take() as [Sent]
    driver.reply(to, { type: 'map-reply', call: message.call, map })
    driver.addresses = []
    driver.released = []
    return driver
  }

  /** A client whose session on the only chain is open: its id is `session`. */
  static inSession(
    map: ClusterMap,
    session = 100,
    options: ConstructorParameters<typeof Driver>[0] = {},
  ): Driver {
    const driver = Driver.knowing(map, options)
    driver.write({ type: 'delete', key: asKey('k'), condition: null })
    driver.written(session)
    driver.written(session + 1)
    return driver
  }

  step(event: Timeless<ClientEvent>): void {
    step(this.state, { ...event, nowMs: asMillis(this.nowMs) } as ClientEvent, this)
  }

  /** Lets time pass, with a tick at its end. */
  after(ms: number): void {
    this.nowMs += ms
    this.step({ type: 'tick' })
  }

  write(command: WriteCommand, timeoutMs = 10_000): number {
    const key = 'key' in command ? command.key : asKey('k')
    const place = { type: 'slot', slot: slotOf(key) } as const
    return this.#submit((id) => ({ type: 'write', id, place, command, timeoutMs, bytes: 10 }))
  }

  put(key = 'k', timeoutMs = 10_000): number {
    const expiry = { type: 'set', atWallMs: asMillis(0) } as const
    return this.write(
      { type: 'put', key: asKey(key), value: Uint8Array.of(1), expiry, condition: null },
      timeoutMs,
    )
  }

  get(
    options: { policy?: ReadPolicy; consistency?: Consistency; timeoutMs?: number; key?: string } = {},
  ): number {
    const { policy = 'spread', consistency = { type: 'strong' }, timeoutMs = 10_000, key = 'k' } = options
    const command: ReadCommand = { type: 'get', keys: [asKey(key)] }
    const place = { type: 'slot', slot: slotOf(asKey(key)) } as const
    return this.#submit((id) => ({
      type: 'read',
      id,
      place,
      command,
      consistency,
      policy,
      timeoutMs,
      bytes: 1,
    }))
  }

  status(server: string): number {
    return this.#submit((id) => ({
      type: 'status',
      id,
      server: asServerId(server),
      timeoutMs: 3_000,
      bytes: 0,
    }))
  }

  #submit(
    make: (id: ReturnType<typeof asRequestId>) => (ClientEvent & { type: 'submit' })['operation'],
  ): number {
    const id = this.#nextId++
    this.step({ type: 'submit', operation: make(asRequestId(id)) })
    return id
  }

  /** What was sent since the last call. */
  take(): Sent[] {
    const { sent } = this
    this.sent = []
    return sent
  }

  /** The only thing that was sent since the last call. */
  takeOne(): Sent {
    const [first, ...others] = this.take()
    if (first === undefined || others.length > 0)
      throw new Error(`sent ${others.length + (first ? 1 : 0)} messages, not one`)
    return first
  }

  /** What was sent since the last call, but for requests for a map. */
  takeRequests(): Sent[] {
    return this.take().filter(({ message }) => message.type !== 'map-request')
  }

  reply(from: string, message: ServerMessage): void {
    this.step({ type: 'message', from, message })
  }

  /** Takes the only thing that was sent, a write, and answers it. */
  written(version: number): Sent {
    const sent = this.takeOne()
    this.reply(sent.to, {
      type: 'write-reply',
      call: sent.message.call,
      result: { type: 'written', version: asSeq(version), number: null },
    })
    return sent
  }

  answerRead(sent: Sent, options: { at?: number; committed?: boolean } = {}): void {
    const { at = 1, committed = true } = options
    const result = { type: 'values', values: [null], committed, at: asSeq(at) } as const
    this.reply(sent.to, { type: 'read-reply', call: sent.message.call, result })
  }

  fails(sent: Sent, code: ErrorCode, map: ClusterMap | null = null): void {
    const failure = { type: 'failure', code, message: `${sent.to} says ${code}` } as const
    this.reply(sent.to, { type: 'failed', call: sent.message.call, failure, map })
  }

  down(peer: string): void {
    this.step({ type: 'down', peer, reason: 'test' })
  }

  send(to: string, message: ClientMessage): void {
    this.sent.push({ to, message })
  }

  setAddress(server: string, address: unknown): void {
    this.addresses.push(address === null ? `-${server}` : server)
  }

  release(peer: string): void {
    this.released.push(peer)
  }

  complete(id: number, result: OperationResult): void {
    this.#settleOnce(id)
    this.results.set(id, result)
  }

  fail(id: number, error: StoreError): void {
    this.#settleOnce(id)
    this.errors.set(id, error)
  }

  #settleOnce(id: number): void {
    if (this.results.has(id) || this.errors.has(id)) throw new Error(`operation ${id} was settled twice`)
  }

  /** How an operation ended: its error's code and outcome, or the type of its result, or that it has not. */
  ending(id: number): string {
    const error = this.errors.get(id)
    if (error !== undefined) return `${error.code} ${error.outcome}`
    return this.results.get(id)?.type ?? 'open'
  }
}

/** Session, number and watermark of a write that was sent. */
export function identityOf({ message }: Sent): [number, number, number] | null {
  if (message.type !== 'write' || message.identity === null) return null
  const { session, requestNumber, answeredBelow } = message.identity
  return [session, requestNumber, answeredBelow]
}
