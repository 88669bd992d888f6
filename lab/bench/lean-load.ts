/**
 * A load generator that costs as little as the codec allows: a closed loop with N outstanding against one server. The bare yardsticks and the real
 * servers get the same bytes from it, so that a ratio compares servers and not clients.
 */
import { randomBytes } from 'node:crypto'
import { openTcpDial } from '../../client/transport/tcp-dial.ts'
import type { ClientMessage } from '../../protocol/client-messages.ts'
import { decodeServerBatch, encodeClientBatch } from '../../protocol/codec/client-codec.ts'
import {
  asChainId,
  asKey,
  asMillis,
  asRequestNumber,
  asSessionId,
  NO_SEQ,
  type SessionId,
} from '../../protocol/ids.ts'
import type { Transport } from '../../protocol/transport.ts'

export interface LoadTask {
  readonly port: number
  readonly operation: 'read' | 'write'
  readonly outstanding: number
  readonly keys: number
  readonly valueBytes: number
  readonly warmUpMs: number
  readonly measureMs: number
}

export interface LoadResult {
  readonly perSecond: number
  readonly medianUs: number
  readonly p99Us: number
  readonly failures: number
  /** Operations answered, warm-up included. */
  readonly total: number
}

const CHAIN = asChainId('c0')
const STRONG = { consistency: { type: 'strong' }, atLeast: NO_SEQ } as const
const NEVER = { type: 'set', atWallMs: asMillis(0) } as const
const SERVER = '@server'

export const benchKey = (n: number) => asKey(`bench/${n}`)

/** Runs one measurement. */
export const runLoad = (task: LoadTask): Promise<LoadResult> => new LeanLoad(task).run()

class LeanLoad {
  readonly #task: LoadTask
  readonly #value: Uint8Array
  readonly #transport: Transport
  readonly #startedAt = new Map<number, number>()
  readonly #latencies: number[] = []
  readonly #broken: Promise<never>
  #break: (reason: Error) => void = () => {}
  #opened: (session: SessionId) => void = () => {}
  #session: SessionId | null = null
  #calls = 0
  #failures = 0
  #total = 0
  #measuring = false
  #stopped = false

  constructor(task: LoadTask) {
    this.#task = task
    this.#value = randomBytes(task.valueBytes)
    this.#broken = new Promise<never>((_, reject) => {
      this.#break = reject
    })
    this.#transport = openTcpDial({
      self: `load-${process.pid}`,
      cluster: 'catenary',
      events: {
        onBody: (_from, body) => this.#onBody(body),
        onDown: (_peer, reason) => this.#break(new Error(`the server under load went away: ${reason}`)),
      },
    })
    this.#transport.setAddress(SERVER, { host: '127.0.0.1', port: task.port })
  }

  async run(): Promise<LoadResult> {
    const { operation, outstanding, warmUpMs, measureMs } = this.#task
    if (operation === 'write') this.#session = await this.#openSession()
    this.#send(Array.from({ length: outstanding }, () => this.#next()))
    await this.#wait(warmUpMs)
    this.#measuring = true
    const began = performance.now()
    await this.#wait(measureMs)
    this.#measuring = false
    this.#stopped = true
    const seconds = (performance.now() - began) / 1000
    await this.#transport.close()
    return this.#result(seconds)
  }

  #result(seconds: number): LoadResult {
    const sorted = this.#latencies.sort((a, b) => a - b)
    const at = (share: number) => Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 1000)
    return {
      perSecond: Math.round(sorted.length / seconds),
      medianUs: at(0.5),
      p99Us: at(0.99),
      failures: this.#failures,
      total: this.#total,
    }
  }

  #openSession(): Promise<SessionId> {
    const opened = new Promise<SessionId>((resolve) => {
      this.#opened = resolve
    })
    this.#send([{ type: 'write', call: 0, chain: CHAIN, identity: null, command: { type: 'open-session' } }])
    return Promise.race([this.#broken, opened])
  }

  #wait(ms: number): Promise<void> {
    return Promise.race([this.#broken, new Promise<void>((resolve) => setTimeout(resolve, ms))])
  }

  #onBody(body: Uint8Array): void {
    const now = performance.now()
    const requests: ClientMessage[] = []
    for (const reply of decodeServerBatch(body)) {
      if (reply.type === 'failed') this.#failures++
      if (reply.call === 0) {
        if (reply.type === 'write-reply' && reply.result.type === 'written')
          this.#opened(asSessionId(reply.result.version))
        continue
      }
      this.#total++
      if (this.#measuring) this.#latencies.push(now - (this.#startedAt.get(reply.call) ?? now))
      this.#startedAt.delete(reply.call)
      if (!this.#stopped) requests.push(this.#next())
    }
    if (requests.length > 0) this.#send(requests)
  }

  #send(messages: readonly ClientMessage[]): void {
    this.#transport.send(SERVER, encodeClientBatch(messages))
    this.#transport.flush()
  }

  #next(): ClientMessage {
    const call = ++this.#calls
    this.#startedAt.set(call, performance.now())
    const key = benchKey(Math.floor(Math.random() * this.#task.keys))
    if (this.#task.operation === 'read') {
      return { type: 'read', call, chain: CHAIN, command: { type: 'get', keys: [key] }, options: STRONG }
    }
    const command = { type: 'put', key, value: this.#value, expiry: NEVER, condition: null } as const
    // Calls are numbered from 1 and answered in order, so they serve as request numbers.
    const answeredBelow = asRequestNumber(Math.max(1, call - this.#task.outstanding + 1))
    const identity =
      this.#session === null
        ? null
        : { session: this.#session, requestNumber: asRequestNumber(call), answeredBelow }
    return { type: 'write', call, chain: CHAIN, identity, command }
  }
}
