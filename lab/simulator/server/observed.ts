import type { LogRecord } from '../../../chain/events.ts'
import type { Replica } from '../../../chain/state.ts'
import type { ChainMessage } from '../../../protocol/chain-messages.ts'
import type { ClientMessage, ServerMessage } from '../../../protocol/client-messages.ts'
import type { ReplicaReport } from '../../../protocol/cluster.ts'
import type { WriteCommand } from '../../../protocol/commands.ts'
import type { Entry } from '../../../protocol/entry.ts'
import type { ChainId } from '../../../protocol/ids.ts'
import type { SimDataServer } from './sim-data-server.ts'

/** A request as it came to a server. */
export interface Asked {
  readonly client: string
  readonly message: ClientMessage
  readonly atUs: number
  /** A strong read that was answered at once under the lease, without a word to the tail. */
  readonly answeredHere: boolean
}

/** Who watches data servers from outside. Called from inside their turns: look, and change nothing. */
export interface ServerHooks {
  /** Something began or ended: a life. */
  onLife?(server: SimDataServer): void
  /** A turn is over: what its events changed is there, what it says is on its way. */
  onTurn?(server: SimDataServer): void
  /** The head has made an entry; `command` is null where no client asked for it. */
  onEntry?(server: SimDataServer, chain: ChainId, entry: Entry, command: WriteCommand | null): void
  /** Written to the log, not yet synced. */
  onAppended?(server: SimDataServer, chain: ChainId, record: LogRecord): void
  /** An entry was applied to the clean store, perhaps not for the first time. */
  onCommitted?(server: SimDataServer, chain: ChainId, entry: Entry): void
  onReply?(server: SimDataServer, asked: Asked, reply: ServerMessage): void
  /** A tail says what is committed, under its lease, in this epoch. */
  onVersionAnswered?(server: SimDataServer, replica: Replica, epoch: number): void
  /** What a tail is about to say was judged wrong by `onVersionAnswered`. Absent: that ends its process. */
  onWrongVersion?(server: SimDataServer, wrong: unknown): void
  /** Before each message of another server. What it returns is called when that was handled. */
  fence?(replica: Replica, message: ChainMessage): (() => void) | null
  /** Between two messages of another server that came together: the first was handled. */
  onMessage?(server: SimDataServer): void
  onReport?(server: SimDataServer, chain: ChainId, report: ReplicaReport): void
  /** The disk refuses: every chain was left. */
  onStorageFailed?(server: SimDataServer, error: Error): void
  /** It cannot start with what its disk holds. */
  onRefusedToStart?(server: SimDataServer, error: Error): void
}
