/** Keyspace events, for as long as somebody here listens: each committed change of this server's replicas, as `set`, `del` and `expire`. */
import type { ChangeRecord } from '../../../protocol/commands.ts'
import { asKey, asMillis, type ChainId, type Seq } from '../../../protocol/ids.ts'
import type { Channels } from './channels.ts'
import { latin1 } from './numbers.ts'
import type { RedisStore } from './store.ts'
import type { Topology } from './topology.ts'

const PAGE = 1000
const WAIT_MS = 1000
const RETRY_MS = 500
const ALL = asKey('')

export class KeyspaceEvents {
  readonly #store: RedisStore
  readonly #topology: Topology
  readonly #channels: Channels
  /** Chains whose changes are being waited for. */
  readonly #watched = new Set<ChainId>()
  #retry: NodeJS.Timeout | null = null
  #closed = false

  constructor(store: RedisStore, topology: Topology, channels: Channels) {
    this.#store = store
    this.#topology = topology
    this.#channels = channels
    channels.onEventsWanted = () => this.#watchAll()
  }

  close(): void {
    this.#closed = true
    if (this.#retry !== null) clearTimeout(this.#retry)
  }

  #watchAll(): void {
    if (this.#closed || !this.#channels.eventsWanted) return
    for (const { chain, isHead, isReader } of this.#topology.routes) {
      if ((!isHead && !isReader) || this.#watched.has(chain)) continue
      this.#watched.add(chain)
      this.#ask(chain, null)
    }
    // This server's part in chains may change.
    this.#retry ??= setTimeout(() => {
      this.#retry = null
      this.#watchAll()
    }, RETRY_MS).unref()
  }

  /** From inside of a command, or a turn later: never from inside of the store. */
  #ask(chain: ChainId, after: Seq | null): void {
    if (this.#closed || !this.#channels.eventsWanted) return void this.#watched.delete(chain)
    this.#store.startTurn()
    this.#store.changes(
      chain,
      { type: 'changes', prefix: ALL, after, limit: PAGE, waitMs: asMillis(WAIT_MS) },
      (result) => {
        // No replica any more, or one that has fallen behind: what happened meanwhile is not told, as after a lost connection.
        if (result.type === 'failure') return void this.#watched.delete(chain)
        for (const change of result.changes) this.#tell(change)
        setImmediate(() => this.#ask(chain, result.next))
      },
    )
  }

  #tell({ key, value, expiresAtWallMs }: ChangeRecord): void {
    const events = value === null ? ['del'] : expiresAtWallMs === 0 ? ['set'] : ['set', 'expire']
    for (const event of events) {
      this.#channels.tell('channels', `__keyspace@0__:${key}`, latin1(event))
      this.#channels.tell('channels', `__keyevent@0__:${event}`, latin1(key))
    }
  }
}
