import type { ChainConfig } from '../protocol/chain-config.ts'
import type { ChainMessage } from '../protocol/chain-messages.ts'
import type { RequestIdentity } from '../protocol/client-messages.ts'
import type { ReplicaReport } from '../protocol/cluster.ts'
import type {
  ChangesCommand,
  ChangesResult,
  Failure,
  ReadCommand,
  ReadOptions,
  ReadResult,
  WriteCommand,
  WriteResult,
} from '../protocol/commands.ts'
import type { Entry, Position } from '../protocol/entry.ts'
import type { Epoch, Incarnation, Millis, RequestId, ServerId } from '../protocol/ids.ts'

/** What happened, as one replica sees it. */
export type ReplicaEvent =
  /**
   * The time, given before each batch of events that arrived together: after they were received, and before they are handled. A lease
   * that lives at that moment covers reads that arrived before it, however long the process is paused afterwards.
   */
  | { readonly type: 'clock'; readonly nowMs: Millis; readonly wallMs: Millis }
  /** Housekeeping: retries, heartbeats, expiry. Every few tens of milliseconds. */
  | { readonly type: 'tick' }
  | { readonly type: 'message'; readonly from: ServerId; readonly message: ChainMessage }
  | {
      readonly type: 'write'
      readonly request: RequestId
      readonly identity: RequestIdentity | null
      readonly command: WriteCommand
    }
  | {
      readonly type: 'read'
      readonly request: RequestId
      readonly command: ReadCommand
      readonly options: ReadOptions
    }
  /** Somebody watches (see `changes.ts`). */
  | { readonly type: 'changes'; readonly request: RequestId; readonly command: ChangesCommand }
  /**
   * Everything persisted up to this log position would survive a power cut. `rewrites` counts the `truncate` and `reset` records of this life up to there: an
   * entry may come back after a truncation, and a sync that began before says nothing of its second copy.
   */
  | { readonly type: 'durable'; readonly position: Position; readonly rewrites: number }
  /** The store would survive a power cut with everything that it held when `flushStore` was called. */
  | { readonly type: 'store-flushed' }
  | { readonly type: 'config'; readonly config: ChainConfig }
  /** The server's lease now ends then (DESIGN section 5). 0: none. */
  | { readonly type: 'lease'; readonly untilMs: Millis }
  /** The coordinator session has expired: this life is over. */
  | { readonly type: 'session-lost' }
  /** A new session, and with it a new life: the replica waits to be admitted again. */
  | { readonly type: 'incarnation'; readonly incarnation: Incarnation }
  /** The transport lost its link to this server: what was on the way may be lost. */
  | { readonly type: 'peer-down'; readonly server: ServerId }
  /** The disk failed or is full: nothing may be acknowledged any more. */
  | { readonly type: 'storage-failed'; readonly reason: string }
  /** End of a turn: what the batch caused is sent in one piece. */
  | { readonly type: 'flush' }

/** What goes to the write-ahead log, in order. */
export type LogRecord =
  | { readonly type: 'entry'; readonly entry: Entry }
  /** Everything above this position is void. */
  | { readonly type: 'truncate'; readonly to: Position }
  /** Everything before is void: the state comes from a snapshot at this position. */
  | { readonly type: 'reset'; readonly to: Position }
  /** A hint, never synced for its own sake: everything up to here is committed. */
  | { readonly type: 'commit'; readonly position: Position }
  /** This replica is a serving member since this epoch. */
  | { readonly type: 'member'; readonly epoch: Epoch }
  /** Of another protocol than the chain's, in its own bytes. Its `seq`s are consecutive. */
  | { readonly type: 'other'; readonly to: Position; readonly body: Uint8Array }

/** What the runtime must do, in order. Data only: the core holds no socket, file or timer. */
export interface Outbox {
  /** Append to the local log. `entry`, `truncate`, `reset` and `other` are answered by `durable` with the position that they name. */
  persist(record: LogRecord): void
  send(to: ServerId, message: ChainMessage): void
  /** Answer a client. Exactly one per request event, but none that nobody waits for. */
  reply(request: RequestId, result: WriteResult | ReadResult | ChangesResult | Failure): void
  /** Whether anybody still waits for the answer to a request. Absent: somebody always does. */
  isWanted?(request: RequestId): boolean
  /** Tell the manager (DESIGN section 4). Replaces the last report. */
  report(report: ReplicaReport): void
  /** Make the store durable. Each call is answered by one `store-flushed`, in order. */
  flushStore(): void
  /** One line for the operator's log. */
  note(text: string): void
}
