/** What goes into the client's core, and what comes out (DESIGN 3.2, 3.3). Data only. */
import type { ClientMessage, ServerMessage } from '../../protocol/client-messages.ts'
import type {
  ChangesCommand,
  ChangesResult,
  Consistency,
  ReadCommand,
  ReadResult,
  WriteCommand,
  WriteResult,
} from '../../protocol/commands.ts'
import type { StoreError } from '../../protocol/errors.ts'
import type { ChainId, Millis, RequestId, ServerId } from '../../protocol/ids.ts'
import type { Address } from '../../protocol/transport.ts'

/**
 * Which replica a read goes to.
 * `spread`: all in turn. `nearest`: the one that answers fastest, of the own zone if it has any. `tail`: plain chain replication.
 * `no-tail`: all but the tail, which then only answers version queries and commits writes (CRAQ §2.3).
 */
export const READ_POLICIES = ['spread', 'nearest', 'tail', 'no-tail'] as const
export type ReadPolicy = (typeof READ_POLICIES)[number]

/** Where a request belongs: to whichever chain has the slot, or to one chain whatever it holds (scans). */
export type Place =
  | { readonly type: 'slot'; readonly slot: number }
  | { readonly type: 'chain'; readonly chain: ChainId }

interface OperationBase {
  readonly id: RequestId
  readonly timeoutMs: number
  /** Keys and values, for the bound on what is outstanding. */
  readonly bytes: number
}

export interface ReadOperation extends OperationBase {
  readonly type: 'read'
  readonly place: Place
  readonly command: ReadCommand | ChangesCommand
  readonly consistency: Consistency
  readonly policy: ReadPolicy
}

export interface WriteOperation extends OperationBase {
  readonly type: 'write'
  readonly place: Place
  readonly command: WriteCommand
}

export interface StatusOperation extends OperationBase {
  readonly type: 'status'
  readonly server: ServerId
}

export type Operation = ReadOperation | WriteOperation | StatusOperation

/** What happened, as the client sees it. Times are of a monotonic clock. */
export type ClientEvent =
  /** Begins to look for a map. */
  | { readonly type: 'start'; readonly nowMs: Millis }
  | { readonly type: 'submit'; readonly nowMs: Millis; readonly operation: Operation }
  | {
      readonly type: 'message'
      readonly nowMs: Millis
      readonly from: string
      readonly message: ServerMessage
    }
  /** What was on the way to and from this peer may be lost. */
  | { readonly type: 'down'; readonly nowMs: Millis; readonly peer: string; readonly reason: string }
  /** Wanted every few milliseconds while anything is outstanding. */
  | { readonly type: 'tick'; readonly nowMs: Millis }
  /** Fails everything that is outstanding. */
  | { readonly type: 'close'; readonly nowMs: Millis }

export interface StatusResult {
  readonly type: 'status'
  readonly json: string
}

export type OperationResult = ReadResult | ChangesResult | WriteResult | StatusResult

/** What the shell must do, in order. */
export interface ClientOutbox {
  /** `bytes`: roughly what its keys and values take, so that the shell can keep bodies below the size of a frame. */
  send(to: string, message: ClientMessage, bytes: number): void
  /** Where a server can be dialled from now on; null: it is gone. */
  setAddress(server: ServerId, address: Address | null): void
  /** A bootstrap peer has told what it knows. Its link is not needed any more: the server behind it has a name now. */
  release(bootstrapPeer: string): void
  /** Exactly one of `complete` and `fail` per operation. */
  complete(id: RequestId, result: OperationResult): void
  fail(id: RequestId, error: StoreError): void
}

/** Dice. */
export interface Rng {
  /** In [0, 1). */
  next(): number
}
