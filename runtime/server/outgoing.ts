/** What a turn has to say, gathered by receiver: one body each when the turn ends, more where it would get too long. */
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import type { ServerMessage } from '../../protocol/client-messages.ts'
import type { ChainItem } from '../../protocol/codec/chain-codec.ts'
import { clusterMapToJson } from '../../protocol/codec/cluster-map.ts'
import type { ChangesResult, ReadResult, Versioned, WriteResult } from '../../protocol/commands.ts'
import { entryBytes } from '../../protocol/entry.ts'
import type { ChainId, ServerId } from '../../protocol/ids.ts'
import type { Carrier } from './ports.ts'

/** A body is closed once it holds about so much: far below what the transport refuses, even with one largest value more. */
const BODY_BYTES = 4 * 1024 * 1024

interface Pile<Name, Item> {
  readonly to: Name
  items: Item[]
  bytes: number
}

export class Outgoing {
  readonly #carrier: Carrier
  readonly #toServers = new Piles<ServerId, ChainItem>()
  readonly #toClients = new Piles<string, ServerMessage>()
  /** Clients for whom the carrier took something no more in this turn: gone, or too slow, and about to be cut off. */
  readonly #refused = new Set<string>()

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  toServer(to: ServerId, chain: ChainId, message: ChainMessage): void {
    const pile = this.#toServers.add(to, { chain, message })
    pile.bytes += bytesOfChainMessage(message)
    if (pile.bytes >= BODY_BYTES) this.#sendServer(pile)
  }

  /** Whether working for this client is in vain. */
  refuses(client: string): boolean {
    return this.#refused.has(client)
  }

  toClient(to: string, message: ServerMessage): void {
    if (this.#refused.has(to)) return
    const pile = this.#toClients.add(to, message)
    pile.bytes += bytesOfReply(message)
    if (pile.bytes >= BODY_BYTES) this.#sendClient(pile)
  }

  flush(): void {
    for (const pile of this.#toServers.take()) this.#sendServer(pile)
    for (const pile of this.#toClients.take()) this.#sendClient(pile)
    this.#refused.clear()
    this.#carrier.flush()
  }

  forgetClient(client: string): void {
    this.#toClients.forget(client)
  }

  #sendServer(pile: Pile<ServerId, ChainItem>): void {
    if (pile.items.length > 0) this.#carrier.toServer(pile.to, pile.items)
    pile.items = []
    pile.bytes = 0
  }

  #sendClient(pile: Pile<string, ServerMessage>): void {
    if (pile.items.length > 0 && !this.#carrier.toClient(pile.to, pile.items)) this.#refused.add(pile.to)
    pile.items = []
    pile.bytes = 0
  }
}

/** A pile for each receiver. Those who hear nothing in a turn cost it nothing, however many they are. */
class Piles<Name, Item> {
  readonly #piles = new Map<Name, Pile<Name, Item>>()
  /** Those that were begun in this turn. */
  #begun: Pile<Name, Item>[] = []

  add(to: Name, item: Item): Pile<Name, Item> {
    let pile = this.#piles.get(to)
    if (pile === undefined) {
      pile = { to, items: [], bytes: 0 }
      this.#piles.set(to, pile)
    }
    if (pile.bytes === 0) this.#begun.push(pile)
    pile.items.push(item)
    return pile
  }

  /** All piles of this turn, in the order in which they were begun. One that was sent when it was full may be among them, empty or twice. */
  take(): readonly Pile<Name, Item>[] {
    const begun = this.#begun
    if (begun.length > 0) this.#begun = []
    return begun
  }

  forget(to: Name): void {
    const pile = this.#piles.get(to)
    if (pile === undefined) return
    pile.items = []
    pile.bytes = 0
    this.#piles.delete(to)
  }
}

function bytesOfChainMessage(message: ChainMessage): number {
  let bytes = 64
  if (message.type === 'append') for (const entry of message.entries) bytes += entryBytes(entry)
  if (message.type === 'other') bytes += message.body.length
  if (message.type === 'snapshot-page')
    for (const item of message.items) bytes += item.key.length + item.value.length
  return bytes
}

function bytesOfReply(message: ServerMessage): number {
  if (message.type === 'read-reply' || message.type === 'write-reply')
    return 32 + bytesOfResult(message.result)
  if (message.type === 'changes-reply') return bytesOfChanges(message.result)
  if (message.type === 'status-reply') return 32 + message.json.length
  const { map } = message
  return 1024 + (map === null ? 0 : clusterMapToJson(map).length)
}

function bytesOfChanges({ changes }: ChangesResult): number {
  let bytes = 64
  for (const { key, value } of changes) bytes += 32 + key.length + (value?.length ?? 0)
  return bytes
}

function bytesOfResult(result: ReadResult | WriteResult): number {
  switch (result.type) {
    case 'values':
    case 'page':
      return bytesOfValues(result.values)
    case 'read-back':
      return bytesOfValues(result.reads)
    case 'unmatched':
      return result.current?.value.length ?? 0
    default:
      return 0
  }
}

function bytesOfValues(values: readonly (Versioned | null)[]): number {
  let bytes = 0
  for (const value of values) bytes += 32 + (value?.value.length ?? 0)
  return bytes
}
