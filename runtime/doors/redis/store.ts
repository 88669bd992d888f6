/** The store behind the door: the replicas of this server, and, where it is a proxy, all others through a client. */
import type {
  ChangesCommand,
  ChangesResult,
  Failure,
  ReadCommand,
  ReadResult,
  WriteCommand,
  WriteResult,
} from '../../../protocol/commands.ts'
import type { ChainId, ServerId } from '../../../protocol/ids.ts'
import type { ClusterView } from '../../server/cluster-view.ts'

export type ReadDone = (result: ReadResult | Failure) => void
export type WriteDone = (result: WriteResult | Failure) => void

/** `done` is called once; perhaps before the call returns. Nothing of the store may be called from inside it. */
export interface RedisStore {
  readonly id: ServerId
  readonly view: ClusterView
  /** Tells the replicas what time it is. To be called before what has arrived together is handled, and after it has arrived. */
  startTurn(): void
  read(chain: ChainId, command: ReadCommand, done: ReadDone): void
  write(chain: ChainId, command: WriteCommand, done: WriteDone): void
  /** Committed changes, as this server's replica knows them; answered when there is one, or after a while. */
  changes(chain: ChainId, command: ChangesCommand, done: (result: ChangesResult | Failure) => void): void
  /** Tells the doors of all other servers, at most once. */
  tellOthers(body: Uint8Array): void
  /** Who hears what other doors tell. */
  onTold: (body: Uint8Array) => void
  /** Of the chain's replica here, as far as it has committed; null: there is none. */
  keyCount(chain: ChainId): number | null
  /** How far a replica of the chain is: the newest entry committed there. */
  committed(chain: ChainId): number
  /** Ends what it has opened. */
  close?(): Promise<void>
}
