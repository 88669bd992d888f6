import type { StoredItem } from '../../../chain/clean-store.ts'
import type { Key } from '../../../protocol/ids.ts'
import type { OverlaidItem, Overlay } from './overlay.ts'

/** The overlays that count, of those that are given newest first: none below one that was cleared. */
export function visibleLayers(overlays: readonly Overlay[]): readonly Overlay[] {
  const cleared = overlays.findIndex((overlay) => overlay.cleared)
  return cleared === -1 ? overlays : overlays.slice(0, cleared + 1)
}

/**
 * Items from `start` in byte order: sorted sources, of which the newer hides the older.
 *
 * @param layers - newest first.
 * @param stored - what lies beneath, from `start` on; null: nothing counts there.
 */
export function* mergedItems(
  layers: readonly Overlay[],
  stored: Generator<StoredItem, void> | null,
  start: Key,
): Generator<StoredItem, void> {
  const heads = layers.map((overlay) => {
    const source = overlay.from(start)
    return { overlay, source, key: nextOf(source) }
  })
  try {
    let below = stored === null ? null : nextOf(stored)
    for (;;) {
      let least = below?.key ?? null
      for (const { key } of heads) if (key !== null && (least === null || key < least)) least = key
      if (least === null) return
      let newest: StoredItem | OverlaidItem | null = null
      for (const head of heads) {
        if (head.key !== least) continue
        newest ??= head.overlay.items.get(least) ?? null
        head.key = nextOf(head.source)
      }
      if (below?.key === least) {
        newest ??= below
        below = stored === null ? null : nextOf(stored)
      }
      if (newest === null || newest.value === null) continue
      yield {
        key: least,
        value: newest.value,
        version: newest.version,
        expiresAtWallMs: newest.expiresAtWallMs,
      }
    }
  } finally {
    stored?.return() // closes the cursor
  }
}

/** At most so many items, and so many bytes of them: the item with which they reach the bound is the last. */
export function taken(
  items: Generator<StoredItem, void>,
  bounds: {
    readonly prefix: Key
    readonly after: Key | null
    readonly limit: number
    readonly bytesMax: number
  },
): StoredItem[] {
  const found: StoredItem[] = []
  let bytes = 0
  if (bounds.limit <= 0) return found
  for (const item of items) {
    if (!item.key.startsWith(bounds.prefix)) break
    if (item.key === bounds.after) continue
    found.push(item)
    bytes += item.key.length + item.value.length
    if (found.length >= bounds.limit || bytes >= bounds.bytesMax) break
  }
  return found
}

function nextOf<Item>(source: Iterator<Item, void>): Item | null {
  const next = source.next()
  return next.done === true ? null : next.value
}
