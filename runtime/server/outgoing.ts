/** What a turn has to say, gathered by receiver: one body each when the turn ends, more where it would get too long. */
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import type { ServerMessage } from '../../protocol/client-messages.ts'
import type { ChainItem } from '../../protocol/codec/chain-codec.ts'
import type { ReadResult, Versioned, WriteResult } from '../../protocol/commands.ts'
import { entryBytes } from '../../protocol/entry.ts'
import type { ChainId, ServerId } from '../../protocol/ids.ts'
import type { Carrier } from './ports.ts'

/** A body is closed once it holds about so much: far below what the transport refuses, even with one largest value more. */
const BODY_BYTES = 4 * 1024 * 1024

interface Pile<Item> {
  items: Item[]
  bytes: number
}

export class Outgoing {
  readonly #carrier: Carrier
  readonly #toServers = new Map<ServerId, Pile<ChainItem>>()
  readonly #toClients = new Map<string, Pile<ServerMessage>>()
  /** Clients for whom the carrier took something no more in this turn: gone, or too slow, and about to be cut off. */
  readonly #refused = new Set<string>()

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  toServer(to: ServerId, chain: ChainId, message: ChainMessage): void {
    const pile = pileOf(this.#toServers, to)
    pile.items.push({ chain, message })
    pile.bytes += bytesOfChainMessage(message)
    if (pile.bytes >= BODY_BYTES) this.#sendServer(to, pile)
  }

  /** Whether working for this client is in vain. */
  refuses(client: string): boolean {
    return this.#refused.has(client)
  }

  toClient(to: string, message: ServerMessage): void {
    if (this.#refused.has(to)) return
    const pile = pileOf(this.#toClients, to)
    pile.items.push(message)
    pile.bytes += bytesOfReply(message)
    if (pile.bytes >= BODY_BYTES) this.#sendClient(to, pile)
  }

  flush(): void {
    for (const [to, pile] of this.#toServers) if (pile.items.length > 0) this.#sendServer(to, pile)
    for (const [to, pile] of this.#toClients) if (pile.items.length > 0) this.#sendClient(to, pile)
    this.#refused.clear()
    this.#carrier.flush()
  }

  forgetClient(client: string): void {
    this.#toClients.delete(client)
  }

  #sendServer(to: ServerId, pile: Pile<ChainItem>): void {
    this.#carrier.toServer(to, pile.items)
    pile.items = []
    pile.bytes = 0
  }

  #sendClient(to: string, pile: Pile<ServerMessage>): void {
    if (!this.#carrier.toClient(to, pile.items)) this.#refused.add(to)
    pile.items = []
    pile.bytes = 0
  }
}

function pileOf<Name, Item>(piles: Map<Name, Pile<Item>>, name: Name): Pile<Item> {
  let pile = piles.get(name)
  if (pile === undefined) {
    pile = { items: [], bytes: 0 }
    piles.set(name, pile)
  }
  return pile
}

function bytesOfChainMessage(message: ChainMessage): number {
  let bytes = 64
  if (message.type === 'append') for (const entry of message.entries) bytes += entryBytes(entry)
  if (message.type === 'snapshot-page')
    for (const item of message.items) bytes += item.key.length + item.value.length
  return bytes
}

function bytesOfReply(message: ServerMessage): number {
  if (message.type === 'read-reply' || message.type === 'write-reply')
    return 32 + bytesOfResult(message.result)
  return 1024
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
