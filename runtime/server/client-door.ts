/** The native door: requests of clients go to the replica of their chain, exactly one reply goes back. */
import type { ClientMessage } from '../../protocol/client-messages.ts'
import type {
  ChangesResult,
  Failure,
  ReadCommand,
  ReadResult,
  WriteCommand,
  WriteResult,
} from '../../protocol/commands.ts'
import { ERRORS } from '../../protocol/errors.ts'
import type { ChainId, Key, RequestId } from '../../protocol/ids.ts'
import type { ClusterView } from './cluster-view.ts'
import { DoorTimes, kindOfRead, kindOfWrite } from './door-times.ts'
import type { Outgoing } from './outgoing.ts'
import { PendingCalls } from './pending-calls.ts'
import type { HostedReplica } from './replica-host.ts'

/** Of what a client calls a chain. */
const NAME_SHOWN = 64

export class ClientDoor {
  readonly times = new DoorTimes()
  readonly #pending = new PendingCalls()
  /** Clients that have been sent the map in this turn. */
  readonly #redirected = new Set<string>()
  readonly #view: ClusterView
  readonly #hosts: ReadonlyMap<ChainId, HostedReplica>
  readonly #outgoing: Outgoing
  readonly #status: () => unknown
  #statusOfTurn: string | null = null

  constructor(options: {
    view: ClusterView
    hosts: ReadonlyMap<ChainId, HostedReplica>
    outgoing: Outgoing
    status: () => unknown
  }) {
    this.#view = options.view
    this.#hosts = options.hosts
    this.#outgoing = options.outgoing
    this.#status = options.status
  }

  get pendingCount(): number {
    return this.#pending.count
  }

  onMessage(client: string, message: ClientMessage): void {
    // A client that asks for more than it reads: its connection is breaking, and the rest of its batch with it.
    if (this.#outgoing.refuses(client)) return
    const { call } = message
    switch (message.type) {
      case 'read': {
        const host = this.#hostOf(client, call, message.chain, () => keysOfRead(message.command))
        if (host === null) return
        const { command, options } = message
        const kind = kindOfRead(command, options.consistency)
        const request = this.#pending.add(client, call, kind, this.times.stamp)
        host.step({ type: 'read', request, command, options })
        return
      }
      case 'write': {
        const host = this.#hostOf(client, call, message.chain, () => keysOfWrite(message.command))
        if (host === null) return
        const { identity, command } = message
        const request = this.#pending.add(client, call, kindOfWrite(command), this.times.stamp)
        host.step({ type: 'write', request, identity, command })
        return
      }
      case 'changes': {
        const host = this.#hostOf(client, call, message.chain, NO_KEYS)
        if (host === null) return
        host.step({ type: 'changes', request: this.#pending.add(client, call), command: message.command })
        return
      }
      case 'map-request':
        return this.#outgoing.toClient(client, { type: 'map-reply', call, map: this.#view.map })
      case 'status-request':
        return this.#outgoing.toClient(client, {
          type: 'status-reply',
          call,
          json: this.#statusText(),
        })
    }
  }

  /** Within a turn it is the same for all who ask, however often they do. */
  #statusText(): string {
    this.#statusOfTurn ??= JSON.stringify(this.#status())
    return this.#statusOfTurn
  }

  /** Somebody may not do what he has asked for. */
  forbid(client: string, call: number, message: string): void {
    if (!this.#outgoing.refuses(client))
      this.#fail(client, call, { type: 'failure', code: 'FORBIDDEN', message })
  }

  #hostOf(client: string, call: number, chain: ChainId, keys: () => readonly Key[]): HostedReplica | null {
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

  /** Whether anybody waits for this answer. */
  isWanted(request: RequestId): boolean {
    const pending = this.#pending.get(request)
    return pending !== null && !this.#outgoing.refuses(pending.client)
  }

  reply(request: RequestId, result: WriteResult | ReadResult | ChangesResult | Failure): void {
    const pending = this.#pending.take(request)
    if (pending === null) return // the client has gone
    const { client, call } = pending
    if (result.type === 'failure') return this.#fail(client, call, result)
    // How long it has waited says nothing of this server.
    if (result.type === 'changes')
      return this.#outgoing.toClient(client, { type: 'changes-reply', call, result })
    this.times.answered(pending.kind, pending.stamp)
    if (result.type === 'values' || result.type === 'page')
      this.#outgoing.toClient(client, { type: 'read-reply', call, result })
    else this.#outgoing.toClient(client, { type: 'write-reply', call, result })
  }

  /** A redirect carries the map; of those that one client gets in one turn, only the first. */
  #fail(client: string, call: number, failure: Failure): void {
    this.times.failed(failure.code)
    const redirects = ERRORS[failure.code].retry === 'after-refresh' && !this.#redirected.has(client)
    if (redirects) this.#redirected.add(client)
    const map = redirects ? this.#view.map : null
    this.#outgoing.toClient(client, { type: 'failed', call, failure, map })
  }

  endTurn(): void {
    this.#redirected.clear()
    this.#statusOfTurn = null
  }

  /** Its connection is gone: nobody waits for these answers. What was asked for may still happen. */
  onClientDown(client: string): void {
    this.#pending.forgetClient(client)
    this.#outgoing.forgetClient(client)
  }
}

const NO_KEYS = (): readonly Key[] => []

const keysOfRead = (command: ReadCommand): readonly Key[] => (command.type === 'get' ? command.keys : [])

function keysOfWrite(command: WriteCommand): readonly Key[] {
  if (command.type === 'open-session') return []
  if (command.type !== 'transaction') return [command.key]
  return [...command.compares.map((c) => c.key), ...command.reads, ...command.writes.map((w) => w.key)]
}
