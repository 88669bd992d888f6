import type { ClusterMap } from './cluster.ts'
import type {
  ChangesCommand,
  ChangesResult,
  Failure,
  ReadCommand,
  ReadOptions,
  ReadResult,
  WriteCommand,
  WriteResult,
} from './commands.ts'
import type { ChainId, RequestNumber, SessionId } from './ids.ts'

/** Exactly-once identity of a write (DESIGN 3.2). */
export interface RequestIdentity {
  readonly session: SessionId
  readonly requestNumber: RequestNumber
  /** Every request of the session below this one has been answered: their results may be forgotten. */
  readonly answeredBelow: RequestNumber
}

/**
 * From a native client to a data server. `call` correlates the reply; it is unique per client and life.
 * A write goes to the head; a read to any replica; both name the chain that the client believes in.
 */
export type ClientMessage =
  | {
      readonly type: 'write'
      readonly call: number
      readonly chain: ChainId
      readonly identity: RequestIdentity | null
      readonly command: WriteCommand
    }
  | {
      readonly type: 'read'
      readonly call: number
      readonly chain: ChainId
      readonly command: ReadCommand
      readonly options: ReadOptions
    }
  /** To any replica: answered when there is a change, or after a while without one. */
  | {
      readonly type: 'changes'
      readonly call: number
      readonly chain: ChainId
      readonly command: ChangesCommand
    }
  | { readonly type: 'map-request'; readonly call: number }
  /** Asks one server for its own status, as its http door shows it; the reply is JSON. */
  | { readonly type: 'status-request'; readonly call: number }

/** From a data server to a native client: exactly one per call. */
export type ServerMessage =
  | { readonly type: 'write-reply'; readonly call: number; readonly result: WriteResult }
  | { readonly type: 'read-reply'; readonly call: number; readonly result: ReadResult }
  | { readonly type: 'changes-reply'; readonly call: number; readonly result: ChangesResult }
  /** A redirect carries the newer map, so that the client can retry at once. */
  | {
      readonly type: 'failed'
      readonly call: number
      readonly failure: Failure
      readonly map: ClusterMap | null
    }
  | { readonly type: 'map-reply'; readonly call: number; readonly map: ClusterMap }
  | { readonly type: 'status-reply'; readonly call: number; readonly json: string }
