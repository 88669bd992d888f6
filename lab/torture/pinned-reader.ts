/**
 * Reads at one server and at no other, without trying again: what this very replica says, also when it has been dropped, cut off or woken after a long sleep. The
 * real client would have gone elsewhere; a stale read shows here first.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openClientTransport } from '../../client/transport/open.ts'
import type { ServerMessage } from '../../protocol/client-messages.ts'
import { decodeServerBatch, encodeClientBatch } from '../../protocol/codec/client-codec.ts'
import { asChainId, asKey, NO_SEQ } from '../../protocol/ids.ts'
import { evenSlotRanges, rangesHave, slotOf } from '../../protocol/slots.ts'
import type { Transport } from '../../protocol/transport.ts'
import type { LocalCluster } from '../../runtime/processes/local-cluster.ts'
import type { KvOutput } from '../checker/operations.ts'
import type { SharedKey } from './key-ring.ts'
import { partOf, type WorkloadOptions } from './workload.ts'

/** Longer than any pause: an answer that was due before it may come after it. */
const PATIENCE_MS = 8000
const AFTER_FAILURE_MS = 100

export class PinnedReader {
  readonly #server: string
  readonly #chains: number
  readonly #options: WorkloadOptions
  readonly #transport: Transport
  #nextCall = 1
  #waiting: { call: number; answer: (reply: ServerMessage | null) => void } | null = null
  #stopped = false
  #ended: Promise<void> = Promise.resolve()

  /** @param works - false: it reads only what `read` is called for. */
  static async open(
    cluster: LocalCluster,
    server: string,
    options: WorkloadOptions,
    { works = true }: { works?: boolean } = {},
  ): Promise<PinnedReader> {
    let reader: PinnedReader | null = null
    const { transport: kind = 'tcp' } = cluster.options
    const transport = await openClientTransport({
      transport: kind,
      self: `client-pinned-${server}-${process.pid}`,
      cluster: 'catenary',
      events: { onBody: (_, body) => reader?.onBody(body), onDown: () => reader?.onDown() },
    })
    if (kind === 'tcp')
      transport.setAddress(server, { host: cluster.host(server), port: cluster.port(server) })
    reader = new PinnedReader(server, cluster.options.chains ?? 1, options, transport)
    if (works) reader.#start()
    return reader
  }

  private constructor(server: string, chains: number, options: WorkloadOptions, transport: Transport) {
    this.#server = server
    this.#chains = chains
    this.#options = options
    this.#transport = transport
  }

  #start(): void {
    this.#ended = this.#work()
    this.#ended.catch(() => {}) // whoever stops it hears of it
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.onDown()
    await this.#ended
    await this.#transport.close()
  }

  onBody(body: Uint8Array): void {
    for (const reply of decodeServerBatch(body)) {
      if (reply.call === this.#waiting?.call) this.#settle(reply)
    }
  }

  onDown(): void {
    this.#settle(null)
  }

  #settle(reply: ServerMessage | null): void {
    this.#waiting?.answer(reply)
    this.#waiting = null
  }

  async #work(): Promise<void> {
    const { ring, rng, pauseMsMax } = this.#options
    while (!this.#stopped) {
      const read = await this.read(ring.take(rng.below(ring.count)))
      await sleep(read ? rng.fraction() * pauseMsMax : AFTER_FAILURE_MS)
    }
  }

  /** @returns whether it was answered. */
  async read(shared: SharedKey): Promise<boolean> {
    const { keys } = shared
    const input =
      shared.kind === 'group'
        ? ({ f: 'multi-get', keys } as const)
        : ({ f: 'get', key: shared.name } as const)
    const call = this.#options.recorder.invoke(partOf(shared), `pinned-${this.#server}`, input)
    const reply = await this.#ask(keys)
    if (reply?.type !== 'read-reply') {
      call.fail(reply?.type === 'failed' ? reply.failure.code : 'NO_REPLY')
      return false
    }
    const values = reply.result.values.map((found) =>
      found === null
        ? null
        : { value: Buffer.from(found.value).toString('latin1'), version: found.version as number },
    )
    const output: KvOutput = shared.kind === 'group' ? { values } : { found: values[0] ?? null }
    call.ok(output)
    return true
  }

  #ask(keys: readonly string[]): Promise<ServerMessage | null> {
    const call = this.#nextCall++
    const slot = slotOf(asKey(keys[0] ?? ''))
    const chain = evenSlotRanges(this.#chains).findIndex((range) => rangesHave([range], slot))
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.onDown(), PATIENCE_MS)
      this.#waiting = {
        call,
        answer: (reply) => {
          clearTimeout(timer)
          resolve(reply)
        },
      }
      const body = encodeClientBatch([
        {
          type: 'read',
          call,
          chain: asChainId(`c${chain}`),
          command: { type: 'get', keys: keys.map(asKey) },
          options: { consistency: { type: 'strong' }, atLeast: NO_SEQ },
        },
      ])
      if (this.#transport.send(this.#server, body)) this.#transport.flush()
      else this.onDown()
    })
  }
}
