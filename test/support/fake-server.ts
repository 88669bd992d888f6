import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { ClientMessage, ServerMessage } from '../../protocol/client-messages.ts'
import type { ClusterMap } from '../../protocol/cluster.ts'
import { decodeClientBatch, encodeServerBatch } from '../../protocol/codec/client-codec.ts'
import type {
  ChangeRecord,
  ChangesCommand,
  ChangesResult,
  Condition,
  ReadCommand,
  ReadResult,
  Versioned,
  WriteCommand,
  WriteResult,
} from '../../protocol/commands.ts'
import {
  asChainId,
  asEpoch,
  asIncarnation,
  asMillis,
  asSeq,
  asServerId,
  type ChainId,
  type Key,
} from '../../protocol/ids.ts'
import { evenSlotRanges } from '../../protocol/slots.ts'
import type { Transport, TransportEvents } from '../../protocol/transport.ts'

/** A chain of `servers`, head first, that has a share of the slots. */
export function fakeChain(options: {
  readonly chain: string
  readonly servers: readonly string[]
  readonly epoch?: number
  /** Which of how many equal shares. Default: all slots. */
  readonly share?: readonly [index: number, count: number]
}): ChainConfig {
  const [index, count] = options.share ?? [0, 1]
  const range = evenSlotRanges(count)[index]
  return {
    chain: asChainId(options.chain),
    epoch: asEpoch(options.epoch ?? 1),
    members: options.servers.map((server) => ({
      server: asServerId(server),
      incarnation: asIncarnation(1),
      serving: true,
      leaving: false,
    })),
    joining: null,
    slots: range === undefined ? [] : [range],
  }
}

export function fakeMap(
  chains: readonly ChainConfig[],
  zones: Readonly<Record<string, string>> = {},
): ClusterMap {
  const servers = [...new Set(chains.flatMap((chain) => chain.members.map((member) => member.server)))]
  const addresses = servers.map((server, i) => [
    server,
    { host: '127.0.0.1', port: 7001 + i, zone: zones[server] ?? 'z' },
  ])
  return { clusterId: 'fake', chains, addresses: Object.fromEntries(addresses) }
}

/**
 * What becomes of one message: null answers it as usual, `drop` loses it, `drop-answer` obeys it and loses the answer, anything else is
 * the answer.
 */
export type Intercept = (
  server: string,
  message: ClientMessage,
) => ServerMessage | 'drop' | 'drop-answer' | null

/** Watchers of what does not change ask so often. */
const NO_CHANGE_MS = 20

/**
 * Servers that share one store and answer at once: what a client's tests need of a cluster, without its replication. A chain's head alone
 * takes writes; sessions make them happen once.
 */
export class FakeCluster {
  map: ClusterMap
  intercept: Intercept = () => null
  /** Everything that arrived, in order. */
  readonly received: { readonly server: string; readonly message: ClientMessage }[] = []
  /** How many bodies those messages came in. */
  bodies = 0
  readonly #values = new Map<Key, Versioned>()
  readonly #results = new Map<string, WriteResult>()
  readonly #changes: ChangeRecord[] = []
  readonly #sessions = new Set<string>()
  #seq = 0

  constructor(map: ClusterMap) {
    this.map = map
  }

  /** Opens one server on a transport that `open` makes. */
  async listen<Kind extends Transport>(
    server: string,
    open: (events: TransportEvents) => Kind | Promise<Kind>,
  ): Promise<Kind> {
    let transport: Kind | null = null
    const onBody = (from: string, body: Uint8Array) => {
      this.bodies++
      const replies: ServerMessage[] = []
      for (const message of decodeClientBatch(body)) {
        this.received.push({ server, message })
        const fate = this.intercept(server, message)
        if (fate === null && this.#hasNoChange(message))
          later(() => send(from, [this.#answer(server, message)]))
        else if (fate === null) replies.push(this.#answer(server, message))
        else if (fate === 'drop-answer') this.#answer(server, message)
        else if (fate !== 'drop') replies.push(fate)
      }
      if (replies.length > 0) send(from, replies)
    }
    const send = (to: string, replies: ServerMessage[]) => transport?.send(to, encodeServerBatch(replies))
    const later = (answer: () => void) => setTimeout(answer, NO_CHANGE_MS).unref()
    transport = await open({ onBody, onDown: () => {} })
    return transport
  }

  /** As if nobody had used it for too long. */
  lapseSessions(): void {
    this.#sessions.clear()
  }

  writesTo(server: string): (ClientMessage & { type: 'write' })[] {
    return this.received.flatMap((item) =>
      item.server === server && item.message.type === 'write' ? [item.message] : [],
    )
  }

  #answer(server: string, message: ClientMessage): ServerMessage {
    const { call } = message
    switch (message.type) {
      case 'map-request':
        return { type: 'map-reply', call, map: this.map }
      case 'status-request':
        return { type: 'status-reply', call, json: JSON.stringify({ server }) }
      case 'read':
        return { type: 'read-reply', call, result: this.#read(message.chain, message.command) }
      case 'changes':
        return { type: 'changes-reply', call, result: this.#changesAfter(message.command) }
      case 'write':
        return this.#write(server, message)
    }
  }

  #write(server: string, message: ClientMessage & { type: 'write' }): ServerMessage {
    const { call, chain, identity, command } = message
    const refuse = (code: 'NOT_HEAD' | 'SESSION_LAPSED'): ServerMessage => ({
      type: 'failed',
      call,
      failure: { type: 'failure', code, message: `${server} refuses` },
      map: code === 'NOT_HEAD' ? this.map : null,
    })
    const config = this.map.chains.find((other) => other.chain === chain)
    if (config?.members[0]?.server !== server) return refuse('NOT_HEAD')
    if (identity !== null && !this.#sessions.has(`${chain} ${identity.session}`))
      return refuse('SESSION_LAPSED')
    const name = identity === null ? null : `${chain} ${identity.session} ${identity.requestNumber}`
    const first = name === null ? undefined : this.#results.get(name)
    const result = first ?? this.#apply(command)
    if (name !== null) this.#results.set(name, result)
    if (command.type === 'open-session') this.#sessions.add(`${chain} ${this.#seq}`)
    return { type: 'write-reply', call, result }
  }

  #hasNoChange(message: ClientMessage): boolean {
    if (message.type !== 'changes' || message.command.after === null) return false
    return this.#changesAfter(message.command).changes.length === 0
  }

  /** All chains share one feed. */
  #changesAfter({ prefix, after, limit }: ChangesCommand): ChangesResult {
    if (after === null) return { type: 'changes', changes: [], next: asSeq(this.#seq) }
    const changes = this.#changes
      .filter(({ seq, key }) => seq > after && key.startsWith(prefix))
      .slice(0, limit)
    const next = changes.length < limit ? this.#seq : (changes.at(-1)?.seq ?? after)
    return { type: 'changes', changes, next: asSeq(next) }
  }

  #read(chain: ChainId, command: ReadCommand): ReadResult {
    const at = asSeq(this.#seq)
    if (command.type === 'get') {
      return {
        type: 'values',
        values: command.keys.map((key) => this.#values.get(key) ?? null),
        committed: true,
        at,
      }
    }
    const { prefix, after, limit } = command
    const place = [...this.map.chains].findIndex((config) => config.chain === chain)
    const keys = [...this.#values.keys()]
      .filter((key) => key.startsWith(prefix) && (after === null || key > after))
      // Spread over the chains by their last character, so that tests know what is where.
      .filter((key) => key.charCodeAt(key.length - 1) % this.map.chains.length === place)
      .sort()
    const page = keys.slice(0, limit)
    const values = page.flatMap((key) => this.#values.get(key) ?? [])
    return { type: 'page', keys: page, values, more: keys.length > page.length, committed: true, at }
  }

  #apply(command: WriteCommand): WriteResult {
    const version = asSeq(++this.#seq)
    const written = (number: number | null = null): WriteResult => ({ type: 'written', version, number })
    const text = (key: Key) => Buffer.from(this.#values.get(key)?.value ?? []).toString('latin1')
    const store = (key: Key, value: Uint8Array | null, expiresAtWallMs = asMillis(0)) => {
      this.#changes.push({ key, seq: version, value, expiresAtWallMs })
      if (value === null) this.#values.delete(key)
      else this.#values.set(key, { value: value.slice(), version, expiresAtWallMs })
    }
    switch (command.type) {
      case 'open-session':
        return written()
      case 'put':
      case 'delete': {
        const current = this.#values.get(command.key) ?? null
        if (command.condition !== null && !holds(command.condition, current))
          return { type: 'unmatched', current }
        const atWallMs =
          command.type === 'put' && command.expiry.type === 'set' ? command.expiry.atWallMs : asMillis(0)
        store(command.key, command.type === 'put' ? command.value : null, atWallMs)
        return written()
      }
      case 'append':
      case 'prepend': {
        const added = Buffer.from(command.value).toString('latin1')
        const all = command.type === 'append' ? text(command.key) + added : added + text(command.key)
        store(command.key, Buffer.from(all, 'latin1'))
        return written(all.length)
      }
      case 'increment': {
        const sum = Number(text(command.key) || '0') + command.by
        if (Number.isNaN(sum))
          return { type: 'refused', code: 'NOT_A_NUMBER', message: 'increment: not an integer' }
        store(command.key, Buffer.from(String(sum)))
        return written(sum)
      }
      case 'get-and-set': {
        const reads = [this.#values.get(command.key) ?? null]
        store(command.key, command.value)
        return { type: 'read-back', applied: true, version, reads }
      }
      case 'expire': {
        const old = this.#values.get(command.key)
        if (old === undefined) return { type: 'unmatched', current: null }
        store(command.key, old.value, command.atWallMs)
        return written()
      }
      case 'transaction': {
        const applied = command.compares.every(({ key, condition }) =>
          holds(condition, this.#values.get(key) ?? null),
        )
        const reads = command.reads.map((key) => this.#values.get(key) ?? null)
        if (applied)
          for (const write of command.writes) store(write.key, write.type === 'put' ? write.value : null)
        return { type: 'read-back', applied, version, reads }
      }
    }
  }
}

function holds(condition: Condition, current: Versioned | null): boolean {
  switch (condition.type) {
    case 'absent':
      return current === null
    case 'present':
      return current !== null
    case 'version':
      return current?.version === condition.version
    case 'value':
      return current !== null && Buffer.compare(current.value, condition.value) === 0
  }
}
