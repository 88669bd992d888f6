/** What a data server takes from the world that it runs in: a real one (`openDataServer`), or the simulator's. */
import type { LogRecord } from '../../chain/events.ts'
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import type { ServerMessage } from '../../protocol/client-messages.ts'
import type { ChainItem } from '../../protocol/codec/chain-codec.ts'
import type { Position } from '../../protocol/entry.ts'
import type { ChainId, Epoch, ServerId } from '../../protocol/ids.ts'
import type { Timers } from '../../protocol/timers.ts'
import type { Address } from '../../protocol/transport.ts'
import type { Log } from '../log.ts'
import type { DurableStore } from '../storage/durable-store.ts'

export interface DataServerPorts {
  /** What leases are measured with: milliseconds that only grow; and the wall clock as of the last `nowMs`. */
  readonly clock: { nowMs(): number; readonly wallMs: number }
  readonly timers: Timers
  readonly log: Log
  /** Calls back once, when all that arrives at about this moment has arrived. Never from inside. */
  readonly atTurnEnd: (run: () => void) => void
  /** An error that nobody waits for and nobody expects. It must end the process. */
  readonly onBug: (error: unknown) => void
  /** Opens the write-ahead log. `records`, what it holds, is read to its end before the first append. */
  openWal(events: WalEvents): { readonly wal: ServerWal; readonly records: Iterable<StoredRecord> }
  /** Chains that have a store here. */
  storedChains(): Iterable<ChainId>
  openStore(chain: ChainId, events: StoreEvents): DurableStore
  /** For `status`. */
  resources(): { readonly residentBytes: number; readonly uptimeMs: number; readonly traffic?: Traffic }
}

/** What a server has said to other servers, and how often it has waited for its disk, since it started. */
export interface Traffic {
  /** Messages of the replication protocol; several share a body. */
  readonly messages: number
  readonly bodies: number
  readonly bytes: number
  readonly syncs: number
}

export interface WalEvents {
  onDurable(): void
  /** The disk refuses: nothing is durable after it. */
  onFailure(error: Error): void
}

export interface StoreEvents {
  /** Everything up to here would survive a power cut without the log, and so would the `memberEpoch` of the store's meta. */
  onFlushed(applied: Position, memberEpoch: Epoch): void
  onFailure(error: Error): void
}

/** A record of the log, and the chain whose replica wrote it. */
export interface StoredRecord {
  readonly chain: ChainId
  readonly record: LogRecord
  readonly walPosition: number
}

/** The server's one log: positions are consecutive. See `Wal` in storage/wal for what its methods promise. */
export interface ServerWal {
  /** Every record up to here would survive, as the fsync policy means it. */
  readonly durablePosition: number
  readonly lastPosition: number
  append(chain: ChainId, record: LogRecord): number
  /** It is worth no write and no fdatasync of its own. */
  appendHint(chain: ChainId, record: LogRecord): void
  write(): void
  writeHints(): void
  dropBefore(walPosition: number): void
  close(): PromiseLike<void>
}

/** Carries a turn's messages. What it is given belongs to it. */
export interface Carrier {
  toServer(to: ServerId, items: readonly ChainItem[]): void
  /** False: this client is gone, or too slow and about to be cut off. */
  toClient(to: string, messages: readonly ServerMessage[]): boolean
  /** Where the network multiplies: one message for all who host the chain, in no order with the others, and perhaps lost. False: it was not sent. */
  toAll?(chain: ChainId, message: ChainMessage): boolean
  /** From here on hears what is sent to all of the chain. */
  hearAll?(chain: ChainId): void
  /** Everything of this turn leaves now. */
  flush(): void
  setAddress(server: ServerId, address: Address): void
  close(): PromiseLike<void>
}
