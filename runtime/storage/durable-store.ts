import type { CleanStore, StoredItem } from '../../chain/clean-store.ts'
import type { Position } from '../../protocol/entry.ts'
import type { Key } from '../../protocol/ids.ts'

/** A clean store that reaches the disk in the background. */
export interface DurableStore extends CleanStore {
  /** Makes everything applied so far survive a power cut; resolves with how far that is. */
  flush(): Promise<Position>
  close(): Promise<void>
  /** Memory held by changes on their way to the disk. */
  readonly overlayBytes: number
  /** All that it holds at this moment, to be read later; absent where a store cannot do that. */
  snapshot?(): StoreSnapshot
}

/** A store as it was at one position, whatever is applied to it meanwhile. It costs memory and disk until it is closed. */
export interface StoreSnapshot {
  readonly applied: Position
  readonly keyCount: number
  /** The items after `after` in byte order, until they have so many bytes; none at the end. @throws where the store was closed. */
  page(after: Key | null, bytesMax: number): StoredItem[]
  close(): void
}
