import { EVENT_TYPES } from '../../protocol/zookeeper/ops.ts'
import type { WatcherEvent } from '../../protocol/zookeeper/records.ts'
import type { WatchCallback, WatchEvent } from './api.ts'

export type WatchKind = 'data' | 'exist' | 'child'
type Table = Map<string, Set<WatchCallback>>

const TYPE_NAMES: Record<number, WatchEvent['type']> = {
  [EVENT_TYPES.created]: 'created',
  [EVENT_TYPES.deleted]: 'deleted',
  [EVENT_TYPES.dataChanged]: 'data-changed',
  [EVENT_TYPES.childrenChanged]: 'children-changed',
}
const FIRED_BY: Record<WatchEvent['type'], readonly WatchKind[]> = {
  created: ['data', 'exist'],
  'data-changed': ['data', 'exist'],
  deleted: ['data', 'exist', 'child'],
  'children-changed': ['child'],
}

/**
 * The one-shot watches of a session. The server forgets them with the connection, so they are kept here, by server path, and set
 * again at the next member. `exist` are those on znodes that were missing: the server reads their return differently.
 */
export class WatchTable {
  readonly #chroot: string
  readonly #tables: Record<WatchKind, Table> = { data: new Map(), exist: new Map(), child: new Map() }

  constructor(chroot: string) {
    this.#chroot = chroot
  }

  add(kind: WatchKind, path: string, callback: WatchCallback): void {
    const table = this.#tables[kind]
    const callbacks = table.get(path)
    if (callbacks) callbacks.add(callback)
    else table.set(path, new Set([callback]))
  }

  /** Takes what an event fires out of the table, and calls it. */
  fire(event: WatcherEvent): void {
    const type = TYPE_NAMES[event.type]
    if (type === undefined) return
    const callbacks = new Set<WatchCallback>()
    for (const kind of FIRED_BY[type]) {
      for (const callback of this.#tables[kind].get(event.path) ?? []) callbacks.add(callback)
      this.#tables[kind].delete(event.path)
    }
    const path = event.path.slice(this.#chroot.length) || '/'
    for (const callback of callbacks) callback({ type, path })
  }

  clear(): void {
    for (const table of Object.values(this.#tables)) table.clear()
  }

  /** All paths, in portions that fit into a packet: what `setWatches` carries. */
  portions(bytesMax: number): Record<WatchKind, string[]>[] {
    const portions: Record<WatchKind, string[]>[] = []
    let bytes = Number.POSITIVE_INFINITY
    for (const kind of ['data', 'exist', 'child'] as const) {
      for (const path of this.#tables[kind].keys()) {
        bytes += 4 + path.length * 3
        if (bytes > bytesMax) {
          portions.push({ data: [], exist: [], child: [] })
          bytes = 4 + path.length * 3
        }
        portions.at(-1)?.[kind].push(path)
      }
    }
    return portions
  }
}
