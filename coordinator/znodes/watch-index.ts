import { parentOf, ROOT } from './paths.ts'

/** How a connection watches a path; one may watch it in several ways at once. */
export const WATCH_MODES = { standard: 1, persistent: 2, recursive: 4 } as const
export type WatchMode = (typeof WATCH_MODES)[keyof typeof WATCH_MODES]

const NOBODY: ReadonlySet<number> = new Set()
const ALL_MODES = WATCH_MODES.standard | WATCH_MODES.persistent | WATCH_MODES.recursive

/** What one connection watches here. `bytes`: of its paths. */
interface Held {
  readonly paths: Set<string>
  bytes: number
}

/** One table of watches: path to connections, with the modes of each, and back. */
export class WatchIndex {
  readonly #byPath = new Map<string, Map<number, number>>()
  readonly #byConnection = new Map<number, Held>()
  #count = 0
  /** Entries with a recursive watch: while there are none, nobody walks up. */
  #recursive = 0

  /** Pairs of a path and a connection. */
  get count(): number {
    return this.#count
  }

  countOf(connection: number): number {
    return this.#byConnection.get(connection)?.paths.size ?? 0
  }

  bytesOf(connection: number): number {
    return this.#byConnection.get(connection)?.bytes ?? 0
  }

  has(path: string, connection: number, modes: number = ALL_MODES): boolean {
    return ((this.#byPath.get(path)?.get(connection) ?? 0) & modes) !== 0
  }

  add(path: string, connection: number, mode: WatchMode): void {
    let watchers = this.#byPath.get(path)
    if (watchers === undefined) {
      watchers = new Map()
      this.#byPath.set(path, watchers)
    }
    const modes = watchers.get(connection)
    if (modes === undefined) this.#hold(path, connection)
    this.#countRecursive(modes ?? 0, (modes ?? 0) | mode)
    watchers.set(connection, (modes ?? 0) | mode)
  }

  #hold(path: string, connection: number): void {
    let held = this.#byConnection.get(connection)
    if (held === undefined) {
      held = { paths: new Set(), bytes: 0 }
      this.#byConnection.set(connection, held)
    }
    held.paths.add(path)
    held.bytes += path.length
    this.#count += 1
  }

  /** Ends these modes of one watch. False: there was none of them. */
  remove(path: string, connection: number, modes: number = ALL_MODES): boolean {
    const watchers = this.#byPath.get(path)
    const before = watchers?.get(connection) ?? 0
    if (watchers === undefined || (before & modes) === 0) return false
    const after = before & ~modes
    this.#countRecursive(before, after)
    if (after !== 0) watchers.set(connection, after)
    else {
      watchers.delete(connection)
      if (watchers.size === 0) this.#byPath.delete(path)
      this.#release(path, connection)
    }
    return true
  }

  #release(path: string, connection: number): void {
    const held = this.#byConnection.get(connection)
    if (held === undefined) return
    held.paths.delete(path)
    held.bytes -= path.length
    this.#count -= 1
    if (held.paths.size === 0) this.#byConnection.delete(connection)
  }

  #countRecursive(before: number, after: number): void {
    this.#recursive += ((after & WATCH_MODES.recursive) - (before & WATCH_MODES.recursive)) >> 2
  }

  /**
   * Everyone who must hear of a change of this node, once each: its own watchers, of whom the one-shot ones are used up, and
   * the recursive ones above it, nearest first. The cost is the depth of the path, however many watches there are.
   */
  take(path: string): ReadonlySet<number> {
    const own = this.#byPath.get(path)
    if (own === undefined && this.#recursive === 0) return NOBODY
    const concerned = new Set<number>()
    for (const [connection, modes] of own ?? []) {
      concerned.add(connection)
      if ((modes & WATCH_MODES.standard) !== 0) this.remove(path, connection, WATCH_MODES.standard)
    }
    if (this.#recursive === 0) return concerned
    for (let at = path; at !== ROOT; ) {
      at = parentOf(at)
      for (const [connection, modes] of this.#byPath.get(at) ?? [])
        if ((modes & WATCH_MODES.recursive) !== 0) concerned.add(connection)
    }
    return concerned
  }

  drop(connection: number): void {
    for (const path of [...(this.#byConnection.get(connection)?.paths ?? [])]) this.remove(path, connection)
  }

  connections(): Iterable<number> {
    return this.#byConnection.keys()
  }

  paths(): Iterable<string> {
    return this.#byPath.keys()
  }

  pathsOf(connection: number): Iterable<string> {
    return this.#byConnection.get(connection)?.paths ?? []
  }
}
