import { EVENT_TYPES } from '../../protocol/zookeeper/ops.ts'
import type { WatcherEvent } from '../../protocol/zookeeper/records.ts'
import type { WatchCallback, WatchEvent } from './api.ts'

/** One-shot watches: `exist` are those on znodes that were missing, whose return the server reads differently. */
export type WatchKind = 'data' | 'exist' | 'child'
/** Watches that stay: of one znode and its children's list, or of a znode and all below it. */
export type StayingKind = 'persistent' | 'persistentRecursive'
type Table = Map<string, Set<WatchCallback>>

const KINDS = ['data', 'exist', 'child', 'persistent', 'persistentRecursive'] as const
/** What one `setWatches2` carries; without the last two, what a `setWatches` does. */
export type WatchPortion = Record<WatchKind | StayingKind, string[]>

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

/** The watches of a session. The server forgets them with the connection, so they are kept here, by server path, and set again at the next member. */
export class WatchTable {
  readonly #chroot: string
  readonly #tables: Record<WatchKind | StayingKind, Table> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
    persistent: new Map(),
    persistentRecursive: new Map(),
  }

  constructor(chroot: string) {
    this.#chroot = chroot
  }

  add(kind: WatchKind | StayingKind, path: string, callback: WatchCallback): void {
    const table = this.#tables[kind]
    const callbacks = table.get(path)
    if (callbacks) callbacks.add(callback)
    else table.set(path, new Set([callback]))
  }

  /** @returns whether nobody is left to be told: the server may forget it, too. */
  remove(kind: StayingKind, path: string, callback: WatchCallback): boolean {
    const callbacks = this.#tables[kind].get(path)
    if (!callbacks?.delete(callback) || callbacks.size > 0) return false
    this.#tables[kind].delete(path)
    return true
  }

  /** Calls everyone whom an event concerns, once. One-shot watches leave the table first. */
  fire(event: WatcherEvent): void {
    const type = TYPE_NAMES[event.type]
    if (type === undefined) return
    const callbacks = new Set<WatchCallback>()
    for (const kind of FIRED_BY[type]) {
      for (const callback of this.#tables[kind].get(event.path) ?? []) callbacks.add(callback)
      this.#tables[kind].delete(event.path)
    }
    for (const callback of this.#staying(type, event.path)) callbacks.add(callback)
    const path = event.path.slice(this.#chroot.length) || '/'
    for (const callback of callbacks) callback({ type, path })
  }

  *#staying(type: WatchEvent['type'], path: string): Iterable<WatchCallback> {
    yield* this.#tables.persistent.get(path) ?? []
    const recursive = this.#tables.persistentRecursive
    if (type === 'children-changed' || recursive.size === 0) return
    for (let at = path; ; at = at.slice(0, at.lastIndexOf('/')) || '/') {
      yield* recursive.get(at) ?? []
      if (at === '/') return
    }
  }

  clear(): void {
    for (const table of Object.values(this.#tables)) table.clear()
  }

  /** All paths, in portions that fit into a packet. */
  portions(bytesMax: number): WatchPortion[] {
    const portions: WatchPortion[] = []
    let bytes = Number.POSITIVE_INFINITY
    for (const kind of KINDS) {
      for (const path of this.#tables[kind].keys()) {
        bytes += 4 + path.length * 3
        if (bytes > bytesMax) {
          portions.push({ data: [], exist: [], child: [], persistent: [], persistentRecursive: [] })
          bytes = 4 + path.length * 3
        }
        portions.at(-1)?.[kind].push(path)
      }
    }
    return portions
  }
}
