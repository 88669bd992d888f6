import type { ChainConfig } from '../../protocol/chain-config.ts'
import { hasFixedMembers, type Replication } from '../../protocol/cluster.ts'
import type { Entry } from '../../protocol/entry.ts'
import type { ChainId } from '../../protocol/ids.ts'
import type { MakeHost } from '../../runtime/server/replica-host.ts'
import type { SimProcess } from './kernel/process.ts'
import type { CommittedLog } from './observer/committed-log.ts'
import { QuorumGroups } from './quorum-groups.ts'
import type { SimDataServer } from './server/sim-data-server.ts'
import { StarGroups } from './star-groups.ts'

/** What keeps the copies alike in one life of a process. */
export type MakeSimHost = (process: SimProcess) => MakeHost

/** The copies of a cluster in which something else than a chain keeps them alike: made, watched and described. */
export interface CopyGroups {
  readonly makeHost: MakeSimHost
  readonly observer: {
    /** After each event of a process; names of others are ignored. */
    look(name: string): void
    committed(chain: string): CommittedLog
    /** Slow: everything. */
    check(): void
  }
  /** All servers are there. */
  watch(): void
  onCommitted(server: SimDataServer, chain: ChainId, entry: Entry): void
  /** As the members say it; null where what the coordinators have committed counts. */
  config(chain: ChainId): ChainConfig | null
  /** @param formed - what the coordinators have committed. */
  isWhole(chain: ChainId, formed: ChainConfig | null): boolean
  describe(): string[]
}

/** @returns null where the copies are a chain, which has an observer of its own. */
export function copyGroups(
  servers: readonly SimDataServer[],
  options: {
    readonly shape: { readonly replication?: Replication; readonly replicationFactor: number }
    readonly chains: readonly ChainId[]
    readonly makeHost?: MakeSimHost
  },
): CopyGroups | null {
  const { replication = 'craq' } = options.shape
  if (hasFixedMembers(replication)) return new QuorumGroups(servers, options)
  return replication === 'primary-backup' ? new StarGroups(servers, options) : null
}
