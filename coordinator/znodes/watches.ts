/**
 * Watches of one member's connections, in ZooKeeper's two tables: data watches (of getData and exists) and child watches (of
 * getChildren). A persistent watch is in both and stays when it fires; a persistent recursive one is in the data table alone,
 * hears of every node below its own, and never of `children-changed`.
 */
import { unreachable } from '../../protocol/invariants.ts'
import type { RequestOf } from '../../protocol/zookeeper/ops.ts'
import { EVENT_TYPES, type EventType, WATCHER_TYPES, type WatcherType } from '../../protocol/zookeeper/ops.ts'
import type { Acl } from '../../protocol/zookeeper/records.ts'
import { LIMITS } from './limits.ts'
import { parentOf } from './paths.ts'
import type { Change } from './transaction.ts'
import { nodeAt, type Znode, type ZnodeTree } from './tree.ts'
import { WATCH_MODES, WatchIndex, type WatchMode } from './watch-index.ts'

export type WatchKind = 'data' | 'child'
export type PersistentMode = 'persistent' | 'recursive'

/** An event to send to one connection of this member, if it may read the node. */
export interface WatchNotification {
  readonly connection: number
  readonly type: EventType
  readonly path: string
  /** Of the node: the one that a deleted one had. `null`: it is long gone. */
  readonly acl: readonly Acl[] | null
}

type Notify = (notification: WatchNotification) => void

interface Tables {
  readonly data: WatchIndex
  readonly child: WatchIndex
}

const { standard, persistent, recursive } = WATCH_MODES
const ANY_MODE = standard | persistent | recursive

/** Of each type that removeWatches and checkWatches name: where those watches are. */
const PLACES: Readonly<Record<WatcherType, readonly { readonly kind: WatchKind; readonly modes: number }[]>> =
  {
    [WATCHER_TYPES.children]: [{ kind: 'child', modes: standard }],
    [WATCHER_TYPES.data]: [{ kind: 'data', modes: standard }],
    [WATCHER_TYPES.any]: [
      { kind: 'data', modes: ANY_MODE },
      { kind: 'child', modes: ANY_MODE },
    ],
    [WATCHER_TYPES.persistent]: [
      { kind: 'data', modes: persistent },
      { kind: 'child', modes: persistent },
    ],
    [WATCHER_TYPES.persistentRecursive]: [{ kind: 'data', modes: recursive }],
  }

/**
 * The watches of this member's connections. They belong to the connection, not to the session: gone with it, never
 * carried over, and no part of the replicated state.
 */
export class WatchTable {
  readonly #tables: Tables = { data: new WatchIndex(), child: new WatchIndex() }
  readonly #countMax: number
  readonly #bytesMax: number

  constructor(
    perConnectionMax: number = LIMITS.watchesPerConnectionMax,
    bytesMax: number = LIMITS.watchBytesPerConnectionMax,
  ) {
    this.#countMax = perConnectionMax
    this.#bytesMax = bytesMax
  }

  /** Of all connections. A persistent watch counts in both tables. */
  get count(): number {
    return this.#tables.data.count + this.#tables.child.count
  }

  countOf(connection: number): number {
    return this.#tables.data.countOf(connection) + this.#tables.child.countOf(connection)
  }

  /** Registers a one-shot watch; the same one again counts once. False where the connection has too many. */
  add(kind: WatchKind, path: string, connection: number): boolean {
    return this.#add(kind, path, connection, standard)
  }

  /** Registers a watch that stays. False where the connection has too many. */
  addPersistent(mode: PersistentMode, path: string, connection: number): boolean {
    if (!this.#add('data', path, connection, WATCH_MODES[mode])) return false
    return mode === 'recursive' || this.#add('child', path, connection, persistent)
  }

  #add(kind: WatchKind, path: string, connection: number, mode: WatchMode): boolean {
    const table = this.#tables[kind]
    if (!table.has(path, connection)) {
      const { data, child } = this.#tables
      const bytes = data.bytesOf(connection) + child.bytesOf(connection) + path.length
      if (this.countOf(connection) >= this.#countMax || bytes > this.#bytesMax) return false
    }
    table.add(path, connection, mode)
    return true
  }

  /** False: there was no such watch. */
  remove(type: WatcherType, path: string, connection: number): boolean {
    let removed = false
    for (const { kind, modes } of PLACES[type])
      removed = this.#tables[kind].remove(path, connection, modes) || removed
    return removed
  }

  has(type: WatcherType, path: string, connection: number): boolean {
    return PLACES[type].some(({ kind, modes }) => this.#tables[kind].has(path, connection, modes))
  }

  drop(connection: number): void {
    this.#tables.data.drop(connection)
    this.#tables.child.drop(connection)
  }

  /** What the connection watches, in either table. */
  pathsOf(connection: number): Set<string> {
    return new Set([...this.#tables.data.pathsOf(connection), ...this.#tables.child.pathsOf(connection)])
  }

  /** How many connections watch how many paths. */
  breadth(): { readonly connections: number; readonly paths: number } {
    const { data, child } = this.#tables
    return {
      connections: new Set([...data.connections(), ...child.connections()]).size,
      paths: new Set([...data.paths(), ...child.paths()]).size,
    }
  }

  /**
   * Fires what one change triggers, in ZooKeeper's order: the node's data watches, its child watches, its parent's. A
   * connection hears once of each trigger and table, however many of its watches match.
   */
  fire(change: Change, notify: Notify): void {
    const { path, acl, parentAcl } = change
    const { data, child } = this.#tables
    const tell = (connections: ReadonlySet<number>, type: EventType, at: string, of: readonly Acl[]) => {
      for (const connection of connections) notify({ connection, type, path: at, acl: of })
    }
    const tellParent = () => {
      const parent = parentOf(path)
      tell(child.take(parent), EVENT_TYPES.childrenChanged, parent, parentAcl)
    }
    switch (change.type) {
      case 'data-changed':
        tell(data.take(path), EVENT_TYPES.dataChanged, path, acl)
        break
      case 'created':
        tell(data.take(path), EVENT_TYPES.created, path, acl)
        tellParent()
        break
      case 'deleted': {
        // A connection with both watches on the node hears of its end once.
        const watchers = new Set([...data.take(path), ...child.take(path)])
        tell(watchers, EVENT_TYPES.deleted, path, acl)
        tellParent()
        break
      }
      default:
        unreachable(change.type)
    }
  }

  /**
   * Sets the watches of a reconnected client again. What changed after `relativeZxid` is told at once instead; persistent
   * watches hear of nothing that they missed. False where the connection has too many: the client must not believe that all are set.
   */
  restore(
    tree: ZnodeTree,
    connection: number,
    request: RequestOf<'setWatches' | 'setWatches2'>,
    notify: Notify,
  ): boolean {
    const { relativeZxid } = request
    const { dataChanged, created, childrenChanged } = EVENT_TYPES
    const missed: {
      readonly kind: WatchKind
      readonly paths: readonly string[]
      readonly eventOf: (node: Znode | undefined) => EventType | null
    }[] = [
      {
        kind: 'data',
        paths: request.data,
        eventOf: (node) => missedEvent(node?.mzxid, relativeZxid, dataChanged),
      },
      {
        kind: 'data',
        paths: request.exist,
        eventOf: (node) => (node === undefined ? null : created),
      },
      {
        kind: 'child',
        paths: request.child,
        eventOf: (node) => missedEvent(node?.pzxid, relativeZxid, childrenChanged),
      },
    ]
    for (const { kind, paths, eventOf } of missed) {
      for (const path of paths) {
        const node = nodeAt(tree, path)
        const type = eventOf(node)
        if (type !== null) notify({ connection, type, path, acl: node?.acl ?? null })
        else if (!this.add(kind, path, connection)) return false
      }
    }
    if (request.type === 'setWatches') return true
    return (
      request.persistent.every((path) => this.addPersistent('persistent', path, connection)) &&
      request.persistentRecursive.every((path) => this.addPersistent('recursive', path, connection))
    )
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
