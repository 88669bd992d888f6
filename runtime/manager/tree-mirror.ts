/**
 * The manager's copy of the tree. Each znode is read once, with a watch, and again only after the watch has fired.
 *
 * What makes the copy safe to plan from is the order of reading: configurations, then servers, then the rest. The coordinator delivers a watch
 * event before any reply that reflects a later state. So once the configurations have been read, every server that changed before them is
 * known to have changed, and is read anew. A view of the servers that is older than the configurations would show a member that
 * was admitted a moment ago as dead:
 *   1. the copy of the servers is made; n4 is not registered;
 *   2. n4 registers, joins, and becomes the tail (through another manager, perhaps);
 *   3. the configuration is read, with n4 in it, and its version is current: the compare-and-set that drops n4 would succeed.
 */
import type { CoordinatorClient, Znode } from '../../client/coordinator/api.ts'
import { isCoordinatorError } from '../../client/coordinator/errors.ts'
import type { ChainView, ManagerView } from '../../coordinator/manager/view.ts'
import type { ReplicaReport, ServerRegistration } from '../../protocol/cluster.ts'
import { asChainId, asServerId, type ChainId, type ServerId } from '../../protocol/ids.ts'
import { chainFromJson, registrationFromJson } from '../cluster-znodes.ts'
import {
  chainPath,
  PATHS,
  reportFromJson,
  resetFromJson,
  resetPath,
  serverPath,
  syncedPath,
} from './znodes.ts'

export type TreeView = Pick<ManagerView, 'chains' | 'servers' | 'drains'>

interface Cell<Value> {
  value: Value | null
  /** Changed since it was read, or never read. */
  dirty: boolean
}

const decoder = new TextDecoder()

/** Holds for one session: its watches go with it. */
export class TreeMirror {
  readonly #client: CoordinatorClient
  readonly #onChange: () => void
  readonly #data = new Map<string, Cell<Znode>>()
  readonly #children = new Map<string, Cell<readonly string[]>>()
  /** What a znode says, taken from its JSON once: mostly one has changed, and all others are as they were. */
  readonly #said = new WeakMap<Znode, unknown>()
  /** As of the last refresh. */
  #view: TreeView | null = null

  constructor(client: CoordinatorClient, onChange: () => void) {
    this.#client = client
    this.#onChange = onChange
  }

  /**
   * Brings the copy up to date.
   *
   * @throws {CoordinatorError} the connection broke: what was read stays, the rest is read the next time.
   */
  async refresh(): Promise<TreeView> {
    if (this.#view === null || this.isStale) this.#view = await this.#readTree()
    return this.#view
  }

  /** Something has changed since it was read; mostly nothing has. Or it was missing: nobody tells when it comes. */
  get isStale(): boolean {
    for (const { dirty } of this.#data.values()) if (dirty) return true
    for (const { dirty } of this.#children.values()) if (dirty) return true
    return false
  }

  async #readTree(): Promise<TreeView> {
    const chainIds = (await this.#list(PATHS.chains)).map(asChainId)
    const heads = await Promise.all(chainIds.map((chain) => this.#readChain(chain)))
    const servers = await this.#readServers()
    const [drains, ...reports] = await Promise.all([
      this.#list(PATHS.drain),
      ...chainIds.map((chain) => this.#readReports(chain)),
    ])
    const chains = new Map<ChainId, ChainView>()
    for (const [i, chain] of chainIds.entries()) {
      const head = heads[i]
      if (head) chains.set(chain, { ...head, reports: reports[i] ?? [] })
    }
    this.#forgetExcept(chainIds, servers)
    return { chains, servers, drains: new Set((drains as readonly string[]).map(asServerId)) }
  }

  async #readChain(chain: ChainId): Promise<Omit<ChainView, 'reports'> | null> {
    const [config, reset] = await Promise.all([
      this.#read(chainPath(chain)),
      this.#read(resetPath(chain), 'also when missing'),
    ])
    if (!config) return null // deleted since the list was made
    return {
      config: this.#saidBy(config, (json) => chainFromJson(chain, json)),
      dataVersion: config.stat.version,
      reset: reset ? this.#saidBy(reset, resetFromJson) : null,
    }
  }

  async #readServers(): Promise<Map<ServerId, ServerRegistration>> {
    const ids = await this.#list(PATHS.servers)
    const znodes = await Promise.all(ids.map((id) => this.#read(serverPath(id))))
    const servers = new Map<ServerId, ServerRegistration>()
    for (const [i, id] of ids.entries()) {
      const znode = znodes[i]
      const registration = znode ? this.#saidBy(znode, registrationFromJson) : null
      // One that says to be another is nobody: it would be counted twice.
      if (registration?.server === id) servers.set(registration.server, registration)
    }
    return servers
  }

  async #readReports(chain: ChainId): Promise<ReplicaReport[]> {
    const path = syncedPath(chain)
    const ids = await this.#list(path)
    const znodes = await Promise.all(ids.map((id) => this.#read(`${path}/${id}`)))
    return znodes
      .map((znode) => (znode ? this.#saidBy(znode, reportFromJson) : null))
      .filter((report) => report !== null)
  }

  /** Each znode is read in one way only. */
  #saidBy<Value>(znode: Znode, read: (json: string) => Value): Value {
    const known = this.#said.get(znode)
    if (known !== undefined) return known as Value
    const said = read(decoder.decode(znode.data))
    this.#said.set(znode, said)
    return said
  }

  /** The names of the children, in byte order. Makes the parent where it is missing, but not the parent's parent: that was deleted. */
  async #list(path: string): Promise<readonly string[]> {
    const cell = cellOf(this.#children, path)
    if (!cell.dirty) return cell.value ?? []
    const names = await this.#fill(cell, async (watch) => {
      for (;;) {
        try {
          return [...(await this.#client.getChildren(path, { watch }))].sort()
        } catch (error) {
          if (!isCoordinatorError(error, 'NO_NODE')) throw error
        }
        if (await this.#cannotMake(path)) {
          cell.dirty = true
          return null
        }
      }
    })
    return names ?? []
  }

  async #cannotMake(path: string): Promise<boolean> {
    try {
      await this.#client.create(path, null)
    } catch (error) {
      if (isCoordinatorError(error, 'NO_NODE')) return true
      if (!isCoordinatorError(error, 'NODE_EXISTS')) throw error
    }
    return false
  }

  /** A znode that is missing is read again each time, because nothing watches it; unless its creation is to be watched. */
  async #read(
    path: string,
    watched: 'while present' | 'also when missing' = 'while present',
  ): Promise<Znode | null> {
    const cell = cellOf(this.#data, path)
    if (!cell.dirty) return cell.value
    return this.#fill(cell, async (watch) => {
      for (;;) {
        try {
          return await this.#client.getData(path, { watch })
        } catch (error) {
          if (!isCoordinatorError(error, 'NO_NODE')) throw error
        }
        if (watched === 'while present') {
          cell.dirty = true
          return null
        }
        if ((await this.#client.exists(path, { watch })) === null) return null
      }
    })
  }

  async #fill<Value>(
    cell: Cell<Value>,
    read: (watch: () => void) => Promise<Value | null>,
  ): Promise<Value | null> {
    // Clean from before the request on: an event may come in the same packet as the reply, and would be forgotten otherwise.
    cell.dirty = false
    try {
      cell.value = await read(() => {
        cell.dirty = true
        this.#onChange()
      })
      return cell.value
    } catch (error) {
      cell.dirty = true
      throw error
    }
  }

  #forgetExcept(chains: readonly ChainId[], servers: ReadonlyMap<ServerId, ServerRegistration>): void {
    const keptChains = new Set<string>(chains)
    const isKept = (path: string) => {
      const [, , kind, id = '', , server] = path.split('/')
      if (kind === 'servers') return id === '' || servers.has(asServerId(id))
      if (kind !== 'chains' || id === '') return true
      if (!keptChains.has(id)) return false
      return server === undefined || cellOf(this.#children, syncedPath(id)).value?.includes(server) === true
    }
    for (const cells of [this.#data, this.#children]) {
      for (const path of cells.keys()) if (!isKept(path)) cells.delete(path)
    }
  }
}

function cellOf<Value>(cells: Map<string, Cell<Value>>, path: string): Cell<Value> {
  const known = cells.get(path)
  if (known) return known
  const cell: Cell<Value> = { value: null, dirty: true }
  cells.set(path, cell)
  return cell
}
