import type { Change } from '../../coordinator/znodes/transaction.ts'

type Table = 'data' | 'child'
type Mode = 'standard' | 'persistent' | 'recursive'

interface Watch {
  readonly table: Table
  readonly mode: Mode
  readonly path: string
  readonly connection: number
}

/** Which watches a type of removeWatches and checkWatches names. */
const NAMED: Readonly<Record<number, (watch: Watch) => boolean>> = {
  1: ({ table, mode }) => table === 'child' && mode === 'standard',
  2: ({ table, mode }) => table === 'data' && mode === 'standard',
  3: () => true,
  4: ({ mode }) => mode === 'persistent',
  5: ({ mode }) => mode === 'recursive',
}

/** ZooKeeper's watches as one list, looked through from end to end each time: slow, and what its table of triggers says. */
export class WatchList {
  #watches: Watch[] = []

  add(mode: Mode, path: string, connection: number, tables: readonly Table[]): void {
    for (const table of tables) {
      const same = this.#find(
        (watch) =>
          watch.table === table &&
          watch.mode === mode &&
          watch.path === path &&
          watch.connection === connection,
      )
      if (same.length === 0) this.#watches.push({ table, mode, path, connection })
    }
  }

  remove(type: number, path: string, connection: number): boolean {
    const found = this.#named(type, path, connection)
    this.#watches = this.#watches.filter((watch) => !found.includes(watch))
    return found.length > 0
  }

  has(type: number, path: string, connection: number): boolean {
    return this.#named(type, path, connection).length > 0
  }

  drop(connection: number): void {
    this.#watches = this.#watches.filter((watch) => watch.connection !== connection)
  }

  /** Pairs of path and table that a connection watches. */
  countOf(connection: number): number {
    const own = this.#find((watch) => watch.connection === connection)
    return new Set(own.map(({ table, path }) => `${table} ${path}`)).size
  }

  /** Who hears what, as `connection type path`; within one trigger in no particular order, so sorted. */
  fire({ type, path }: Pick<Change, 'type' | 'path'>): string[] {
    const parent = path.slice(0, path.lastIndexOf('/')) || '/'
    const heard: string[] = []
    const tell = (connections: readonly number[], event: number, at: string) =>
      heard.push(...[...new Set(connections)].sort().map((connection) => `${connection} ${event} ${at}`))
    if (type === 'data-changed') tell(this.#take('data', path), 3, path)
    if (type === 'created') tell(this.#take('data', path), 1, path)
    if (type === 'deleted') tell([...this.#take('data', path), ...this.#take('child', path)], 2, path)
    if (type !== 'data-changed') tell(this.#take('child', parent), 4, parent)
    return heard
  }

  #take(table: Table, path: string): number[] {
    const hit = this.#find(
      (watch) =>
        watch.table === table &&
        (watch.path === path ||
          (watch.mode === 'recursive' &&
            path.startsWith(watch.path === '/' ? watch.path : `${watch.path}/`))),
    )
    this.#watches = this.#watches.filter((watch) => !(hit.includes(watch) && watch.mode === 'standard'))
    return hit.map(({ connection }) => connection)
  }

  #named(type: number, path: string, connection: number): Watch[] {
    return this.#find(
      (watch) => watch.path === path && watch.connection === connection && (NAMED[type]?.(watch) ?? false),
    )
  }

  #find(matches: (watch: Watch) => boolean): Watch[] {
    return this.#watches.filter(matches)
  }
}
