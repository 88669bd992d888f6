import type { SessionRecord, StoreMeta } from '../../../chain/clean-store.ts'
import { ExpiryHeap, OrderedKeys } from '../../../chain/memory-store.ts'
import { asMillis, type Key, type Millis, type Seq, type SessionId } from '../../../protocol/ids.ts'

/** What is about to be written for one key: the newest of its versions since the last batch. It changes in place until its overlay is sealed. */
export interface OverlaidItem {
  /** `null`: deleted. */
  value: Uint8Array | null
  version: Seq
  expiresAtWallMs: Millis
  /** Expiry of what lies beneath this overlay, 0 for none: its entry in the index of expiries goes. */
  readonly beneathExpiresAtWallMs: Millis
}

/** What the store will say of itself once the overlay is written. */
export interface OverlayMeta extends StoreMeta {
  readonly keyCount: number
}

const ITEM_OVERHEAD_BYTES = 150

/** Changes that have not reached LMDB yet: the newest overlay grows, the sealed ones below it wait for their batch. */
export class Overlay {
  readonly items = new Map<Key, OverlaidItem>()
  /** Sessions that changed. */
  readonly sessions = new Set<SessionId>()
  readonly #keys = new OrderedKeys()
  readonly #expiries = new ExpiryHeap()
  #bytes = 0
  #cleared = false
  #touched = false

  /** True where what lies beneath is gone. */
  get cleared(): boolean {
    return this.#cleared
  }

  /** True where a batch must be written. */
  get dirty(): boolean {
    return this.#touched
  }

  /** Roughly what it costs in memory. */
  get bytes(): number {
    return this.#bytes
  }

  add(key: Key, item: OverlaidItem): void {
    this.#keys.add(key)
    this.items.set(key, item)
    this.#bytes += ITEM_OVERHEAD_BYTES + key.length + (item.value?.length ?? 0)
    if (item.value !== null && item.expiresAtWallMs !== 0) this.#expiries.set(key, item.expiresAtWallMs)
    this.#touched = true
  }

  /** Changes what is here for `key`. */
  change(key: Key, own: OverlaidItem, to: Omit<OverlaidItem, 'beneathExpiresAtWallMs'>): void {
    this.#bytes += (to.value?.length ?? 0) - (own.value?.length ?? 0)
    const expires = to.value === null ? asMillis(0) : to.expiresAtWallMs
    if (expires !== own.expiresAtWallMs) this.#expiries.set(key, expires)
    own.value = to.value
    own.version = to.version
    own.expiresAtWallMs = expires
    this.#touched = true
  }

  /** Something beside the items changed. */
  touch(): void {
    this.#touched = true
  }

  clear(): void {
    this.items.clear()
    this.sessions.clear()
    this.#keys.clear()
    this.#expiries.clear()
    this.#bytes = 0
    this.#cleared = true
    this.#touched = true
  }

  /** Overlaid keys from `start` in byte order, deleted ones included. */
  from(start: Key): Generator<Key, void> {
    return this.#keys.from(start, (key) => this.items.has(key))
  }

  due(wallMs: Millis, limit: number, isHidden: (key: Key) => boolean) {
    return this.#expiries.until(wallMs, limit, isHidden)
  }
}

/** An overlay that no longer changes, with all that its transaction will write beside its items. */
export interface SealedOverlay {
  readonly overlay: Overlay
  readonly meta: OverlayMeta
  /** The sessions that changed, as they were when it was sealed; `null`: lapsed. */
  readonly sessions: ReadonlyMap<SessionId, SessionRecord | null>
}
