/** The replicas of this server, as the Redis door sees them. */
import type {
  ChangesCommand,
  ChangesResult,
  Failure,
  ReadCommand,
  WriteCommand,
} from '../../../protocol/commands.ts'
import type { ChainId, Key, ServerId } from '../../../protocol/ids.ts'
import type { ClusterView } from '../../server/cluster-view.ts'
import type { DataServer } from '../../server/data-server.ts'
import type { ReadDone, RedisStore, WriteDone } from './store.ts'

export class LocalStore implements RedisStore {
  readonly #server: DataServer

  constructor(server: DataServer) {
    this.#server = server
  }

  get id(): ServerId {
    return this.#server.id
  }

  get view(): ClusterView {
    return this.#server.view
  }

  startTurn(): void {
    this.#server.tellTime()
  }

  read(chain: ChainId, command: ReadCommand, done: ReadDone): void {
    this.#server.local.read(chain, command, done)
  }

  write(chain: ChainId, command: WriteCommand, done: WriteDone): void {
    this.#server.local.write(chain, command, keysOfWrite(command), done)
  }

  changes(chain: ChainId, command: ChangesCommand, done: (result: ChangesResult | Failure) => void): void {
    this.#server.local.changes(chain, command, done)
  }

  tellOthers(body: Uint8Array): void {
    this.#server.tellDoors(body)
  }

  set onTold(onTold: (body: Uint8Array) => void) {
    this.#server.onDoorsTold = onTold
  }

  keyCount(chain: ChainId): number | null {
    return this.#server.hosted(chain)?.store.keyCount ?? null
  }

  committed(chain: ChainId): number {
    return this.#server.hosted(chain)?.store.meta.applied.seq ?? 0
  }
}

export function keysOfWrite(command: WriteCommand): readonly Key[] {
  if (command.type === 'open-session') return []
  if (command.type !== 'transaction') return [command.key]
  return [...command.compares.map((c) => c.key), ...command.reads, ...command.writes.map((w) => w.key)]
}
