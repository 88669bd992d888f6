import { randomBytes } from 'node:crypto'
import { openClientTransport } from '../../client/transport/open.ts'
import type { ClientMessage, ServerMessage } from '../../protocol/client-messages.ts'
import { decodeServerBatch, encodeClientBatch } from '../../protocol/codec/client-codec.ts'
import type { Consistency, ReadResult } from '../../protocol/commands.ts'
import { asChainId, asKey, asMillis, NO_SEQ } from '../../protocol/ids.ts'
import type { Transport } from '../../protocol/transport.ts'
import type { LocalCluster } from '../../runtime/processes/local-cluster.ts'
import { memberCredentials } from '../../runtime/security/link-proof.ts'

/** What `Omit` would lose of a union. */
type WithoutCall<Message> = Message extends ClientMessage ? Omit<Message, 'call'> : never

export type DirectRead =
  | { readonly ok: true; readonly at: number; readonly values: readonly (DirectValue | null)[] }
  /** The server refused, or its connection broke. */
  | { readonly ok: false; readonly code: string }

export interface DirectValue {
  readonly version: number
  readonly text: string
}

/** Speaks the native protocol with one server and no other: what this very replica answers, or that it does not. */
export class DirectServer {
  readonly #server: string
  #transport: Transport | null = null
  #nextCall = 1
  readonly #waiting = new Map<number, (reply: ServerMessage | null) => void>()

  private constructor(server: string) {
    this.#server = server
  }

  static async open(cluster: LocalCluster, server: string): Promise<DirectServer> {
    const direct = new DirectServer(server)
    const transport = await openClientTransport({
      transport: cluster.options.transport ?? 'tcp',
      self: `client-${randomBytes(8).toString('hex')}`,
      cluster: 'catenary',
      ...(cluster.secret !== null && { credentials: memberCredentials(cluster.secret) }),
      events: { onBody: (_, body) => direct.#onBody(body), onDown: () => direct.#failAll() },
    })
    transport.setAddress(server, { host: '127.0.0.1', port: cluster.port(server) })
    direct.#transport = transport
    return direct
  }

  #onBody(body: Uint8Array): void {
    for (const reply of decodeServerBatch(body)) {
      this.#waiting.get(reply.call)?.(reply)
      this.#waiting.delete(reply.call)
    }
  }

  #failAll(): void {
    for (const answer of this.#waiting.values()) answer(null)
    this.#waiting.clear()
  }

  /** Sends one message. Resolves with null where the connection broke, or after `timeoutMs`. */
  ask(message: WithoutCall<ClientMessage>, timeoutMs = 10_000): Promise<ServerMessage | null> {
    const call = this.#nextCall++
    return new Promise((resolve) => {
      const timer = setTimeout(() => answer(null), timeoutMs)
      const answer = (reply: ServerMessage | null) => {
        clearTimeout(timer)
        this.#waiting.delete(call)
        resolve(reply)
      }
      this.#waiting.set(call, answer)
      if (!this.#transport?.send(this.#server, encodeClientBatch([{ ...message, call } as ClientMessage])))
        answer(null)
    })
  }

  /** Reads keys at this replica. */
  async get(
    keys: readonly string[],
    options: { consistency?: Consistency; chain?: string; timeoutMs?: number } = {},
  ): Promise<DirectRead> {
    const { consistency = { type: 'strong' }, chain = 'c0', timeoutMs } = options
    const command = { type: 'get', keys: keys.map(asKey) } as const
    const reply = await this.ask(
      { type: 'read', chain: asChainId(chain), command, options: { consistency, atLeast: NO_SEQ } },
      timeoutMs,
    )
    if (reply === null) return { ok: false, code: 'NO_REPLY' }
    if (reply.type === 'failed') return { ok: false, code: reply.failure.code }
    if (reply.type !== 'read-reply') throw new Error(`a read was answered by ${reply.type}`)
    return { ok: true, at: reply.result.at, values: valuesOf(reply.result) }
  }

  /** A plain write without an identity. @returns the version, or the code of the failure. */
  async put(key: string, value: string, timeoutMs?: number): Promise<number | string> {
    const expiry = { type: 'set', atWallMs: asMillis(0) } as const
    const command = {
      type: 'put',
      key: asKey(key),
      value: Buffer.from(value),
      expiry,
      condition: null,
    } as const
    const reply = await this.ask(
      { type: 'write', chain: asChainId('c0'), identity: null, command },
      timeoutMs,
    )
    if (reply === null) return 'NO_REPLY'
    if (reply.type === 'failed') return reply.failure.code
    return reply.type === 'write-reply' && reply.result.type === 'written' ? reply.result.version : reply.type
  }

  async close(): Promise<void> {
    await this.#transport?.close()
    this.#failAll()
  }
}

const valuesOf = (result: ReadResult) =>
  result.values.map((value): DirectValue | null =>
    value === null ? null : { version: value.version, text: Buffer.from(value.value).toString('utf8') },
  )
