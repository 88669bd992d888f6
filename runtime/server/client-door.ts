/** The native door: requests of clients go to the replica of their chain, exactly one reply goes back. */
import type { ClientMessage } from '../../protocol/client-messages.ts'
import type { Failure, ReadCommand, ReadResult, WriteCommand, WriteResult } from '../../protocol/commands.ts'
import { ERRORS } from '../../protocol/errors.ts'
import { asRequestId, type ChainId, type Key, type RequestId } from '../../protocol/ids.ts'
import type { ClusterView } from './cluster-view.ts'
import type { Outgoing } from './outgoing.ts'
import type { ReplicaHost } from './replica-host.ts'

/** Of what a client calls a chain. */
const NAME_SHOWN = 64

interface PendingCall {
  readonly client: string
  readonly call: number
}

export class ClientDoor {
  readonly #pending = new Map<RequestId, PendingCall>()
  readonly #view: ClusterView
  readonly #hosts: ReadonlyMap<ChainId, ReplicaHost>
  readonly #outgoing: Outgoing
  readonly #status: () => unknown
  #requests = 0

  constructor(options: {
    view: ClusterView
    hosts: ReadonlyMap<ChainId, ReplicaHost>
    outgoing: Outgoing
    status: () => unknown
  }) {
    this.#view = options.view
    this.#hosts = options.hosts
    this.#outgoing = options.outgoing
    this.#status = options.status
  }

  get pendingCount(): number {
    return this.#pending.size
  }

  onMessage(client: string, message: ClientMessage): void {
    // A client that asks for more than it reads: its connection is breaking, and the rest of its batch with it.
    if (this.#outgoing.refuses(client)) return
    const { call } = message
    switch (message.type) {
      case 'read': {
        const host = this.#hostOf(client, call, message.chain, () => keysOfRead(message.command))
        host?.step({
          type: 'read',
          request: this.#accept(client, call),
          command: message.command,
          options: message.options,
        })
        return
      }
      case 'write': {
        const host = this.#hostOf(client, call, message.chain, () => keysOfWrite(message.command))
        const { identity, command } = message
        host?.step({ type: 'write', request: this.#accept(client, call), identity, command })
        return
      }
      case 'map-request':
        return this.#outgoing.toClient(client, { type: 'map-reply', call, map: this.#view.map })
      case 'status-request':
        return this.#outgoing.toClient(client, {
          type: 'status-reply',
          call,
          json: JSON.stringify(this.#status()),
        })
    }
  }

  #hostOf(client: string, call: number, chain: ChainId, keys: () => readonly Key[]): ReplicaHost | null {
    const host = this.#hosts.get(chain)
    if (host === undefined) {
      this.#fail(client, call, {
        type: 'failure',
        code: 'WRONG_CHAIN',
        message: `no replica of ${chain.slice(0, NAME_SHOWN)} is here`,
      })
      return null
    }
    if (!this.#view.owns(chain, keys())) {
      this.#fail(client, call, {
        type: 'failure',
        code: 'WRONG_CHAIN',
        message: `not all keys belong to ${chain}`,
      })
      return null
    }
    return host
  }

  #accept(client: string, call: number): RequestId {
    const request = asRequestId(++this.#requests)
    this.#pending.set(request, { client, call })
    return request
  }

  /** Whether anybody waits for this answer. */
  isWanted(request: RequestId): boolean {
    const pending = this.#pending.get(request)
    return pending !== undefined && !this.#outgoing.refuses(pending.client)
  }

  reply(request: RequestId, result: WriteResult | ReadResult | Failure): void {
    const pending = this.#pending.get(request)
    if (pending === undefined) return // the client has gone
    this.#pending.delete(request)
    const { client, call } = pending
    if (result.type === 'failure') this.#fail(client, call, result)
    else if (result.type === 'values' || result.type === 'page')
      this.#outgoing.toClient(client, { type: 'read-reply', call, result })
    else this.#outgoing.toClient(client, { type: 'write-reply', call, result })
  }

  /** A redirect carries the map. */
  #fail(client: string, call: number, failure: Failure): void {
    const map = ERRORS[failure.code].retry === 'after-refresh' ? this.#view.map : null
    this.#outgoing.toClient(client, { type: 'failed', call, failure, map })
  }

  /** Its connection is gone: nobody waits for these answers. What was asked for may still happen. */
  onClientDown(client: string): void {
    for (const [request, pending] of this.#pending)
      if (pending.client === client) this.#pending.delete(request)
    this.#outgoing.forgetClient(client)
  }
}

const keysOfRead = (command: ReadCommand): readonly Key[] => (command.type === 'get' ? command.keys : [])

function keysOfWrite(command: WriteCommand): readonly Key[] {
  if (command.type === 'open-session') return []
  if (command.type !== 'transaction') return [command.key]
  return [...command.compares.map((c) => c.key), ...command.reads, ...command.writes.map((w) => w.key)]
}
