import { unreachable } from '../../protocol/invariants.ts'
import type { RequestOf } from '../../protocol/zookeeper/ops.ts'
import { EVENT_TYPES, type EventType } from '../../protocol/zookeeper/ops.ts'
import { LIMITS } from './limits.ts'
import { parentOf } from './paths.ts'
import { nodeAt, type ZnodeTree } from './tree.ts'
import type { Change } from './writes.ts'

export type WatchKind = 'data' | 'child'

/** An event to send to one connection of this member. */
export interface WatchNotification {
  readonly connection: number
  readonly type: EventType
  readonly path: string
}

type Notify = (notification: WatchNotification) => void

/** One-shot watches of one kind: path to connections and back. */
class WatchIndex {
  readonly #byPath = new Map<string, Set<number>>()
  readonly #byConnection = new Map<number, Set<string>>()

  countOf(connection: number): number {
    return this.#byConnection.get(connection)?.size ?? 0
  }

  has(path: string, connection: number): boolean {
    return this.#byConnection.get(connection)?.has(path) ?? false
  }

  add(path: string, connection: number): void {
    entryOf(this.#byPath, path).add(connection)
    entryOf(this.#byConnection, connection).add(path)
  }

  /** Removes and returns everyone who watches the path. */
  take(path: string): Iterable<number> {
    const connections = this.#byPath.get(path)
    if (connections === undefined) return []
    this.#byPath.delete(path)
    for (const connection of connections) deleteFrom(this.#byConnection, connection, path)
    return connections
  }

  drop(connection: number): void {
    for (const path of this.#byConnection.get(connection) ?? []) deleteFrom(this.#byPath, path, connection)
    this.#byConnection.delete(connection)
  }
}

/**
 * The watches of this member's connections. They belong to the connection, not to the session: gone with it, never
 * carried over, and no part of the replicated state.
 */
export class WatchTable {
  readonly #indexes: Readonly<Record<WatchKind, WatchIndex>> = {
    data: new WatchIndex(),
    child: new WatchIndex(),
  }
  readonly #perConnectionMax: number

  constructor(perConnectionMax: number = LIMITS.watchesPerConnectionMax) {
    this.#perConnectionMax = perConnectionMax
  }

  countOf(connection: number): number {
    return this.#indexes.data.countOf(connection) + this.#indexes.child.countOf(connection)
  }

  /** Registers one watch; the same one again counts once. False where the connection has too many. */
  add(kind: WatchKind, path: string, connection: number): boolean {
    const index = this.#indexes[kind]
    if (index.has(path, connection)) return true
    if (this.countOf(connection) >= this.#perConnectionMax) return false
    index.add(path, connection)
    return true
  }

  drop(connection: number): void {
    this.#indexes.data.drop(connection)
    this.#indexes.child.drop(connection)
  }

  /** Fires what one change triggers, in ZooKeeper's order: the node's data watches, its child watches, its parent's. */
  fire(change: Change, notify: Notify): void {
    const { path } = change
    const { data, child } = this.#indexes
    const fireAll = (index: WatchIndex, type: EventType, at: string) => {
      for (const connection of index.take(at)) notify({ connection, type, path: at })
    }
    switch (change.type) {
      case 'data-changed':
        fireAll(data, EVENT_TYPES.dataChanged, path)
        break
      case 'created':
        fireAll(data, EVENT_TYPES.created, path)
        fireAll(child, EVENT_TYPES.childrenChanged, parentOf(path))
        break
      case 'deleted': {
        // A connection with both watches on the node hears of its end once.
        const watchers = new Set([...data.take(path), ...child.take(path)])
        for (const connection of watchers) notify({ connection, type: EVENT_TYPES.deleted, path })
        fireAll(child, EVENT_TYPES.childrenChanged, parentOf(path))
        break
      }
      default:
        unreachable(change.type)
    }
  }

  /**
   * Sets the watches of a reconnected client again. What changed after `relativeZxid` is told at once instead. False
   * where the connection has too many: the client must not believe that all are set.
   */
  restore(tree: ZnodeTree, connection: number, request: RequestOf<'setWatches'>, notify: Notify): boolean {
    const { relativeZxid } = request
    const missed: {
      kind: WatchKind
      paths: readonly string[]
      eventOf: (path: string) => EventType | null
    }[] = [
      {
        kind: 'data',
        paths: request.data,
        eventOf: (path) => missedEvent(nodeAt(tree, path)?.mzxid, relativeZxid, EVENT_TYPES.dataChanged),
      },
      {
        kind: 'data',
        paths: request.exist,
        eventOf: (path) => (nodeAt(tree, path) === undefined ? null : EVENT_TYPES.created),
      },
      {
        kind: 'child',
        paths: request.child,
        eventOf: (path) => missedEvent(nodeAt(tree, path)?.pzxid, relativeZxid, EVENT_TYPES.childrenChanged),
      },
    ]
    for (const { kind, paths, eventOf } of missed) {
      for (const path of paths) {
        const type = eventOf(path)
        if (type !== null) notify({ connection, type, path })
        else if (!this.add(kind, path, connection)) return false
      }
    }
    return true
  }
}

function missedEvent(
  changedZxid: number | undefined,
  relativeZxid: number,
  changed: EventType,
): EventType | null {
  if (changedZxid === undefined) return EVENT_TYPES.deleted
  return changedZxid > relativeZxid ? changed : null
}

function entryOf<Key, Item>(map: Map<Key, Set<Item>>, key: Key): Set<Item> {
  const existing = map.get(key)
  if (existing !== undefined) return existing
  const created = new Set<Item>()
  map.set(key, created)
  return created
}

function deleteFrom<Key, Item>(map: Map<Key, Set<Item>>, key: Key, item: Item): void {
  const items = map.get(key)
  items?.delete(item)
  if (items?.size === 0) map.delete(key)
}
