import type { CleanStore } from '../../chain/clean-store.ts'
import type { Position } from '../../protocol/entry.ts'

/** A clean store that reaches the disk in the background. */
export interface DurableStore extends CleanStore {
  /** Makes everything applied so far survive a power cut; resolves with how far that is. */
  flush(): Promise<Position>
  close(): Promise<void>
  /** Memory held by changes on their way to the disk. */
  readonly overlayBytes: number
}
