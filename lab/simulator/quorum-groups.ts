import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { Replication } from '../../protocol/cluster.ts'
import type { Entry } from '../../protocol/entry.ts'
import type { ChainId } from '../../protocol/ids.ts'
import { makeQuorumHosts } from '../quorum/make-quorum-hosts.ts'
import { QuorumHost } from '../quorum/quorum-host.ts'
import type { CopyGroups, MakeSimHost } from './copy-groups.ts'
import { QuorumObserver } from './observer/quorum-observer.ts'
import type { SimDataServer } from './server/sim-data-server.ts'

/** The quorums of a cluster whose copies are kept alike by Raft: made, watched and described. */
export class QuorumGroups implements CopyGroups {
  readonly makeHost: MakeSimHost
  readonly #servers: readonly SimDataServer[]
  readonly #chains: readonly ChainId[]
  #observer: QuorumObserver | null = null

  constructor(
    servers: readonly SimDataServer[],
    options: {
      readonly shape: { readonly replication?: Replication }
      readonly chains: readonly ChainId[]
      readonly makeHost?: MakeSimHost
    },
  ) {
    this.#servers = servers
    this.#chains = options.chains
    this.makeHost = options.makeHost ?? simQuorumHosts(options.shape.replication === 'raft-lease')
  }

  /** All servers are there. */
  watch(): void {
    const sights = this.#servers.map((server) => ({
      name: server.name,
      raftOf: (chain: string) => quorumAt(server, chain)?.raft ?? null,
    }))
    this.#observer = new QuorumObserver(sights, this.#chains)
  }

  get observer(): QuorumObserver {
    if (this.#observer === null) throw new Error('nobody watches the quorums yet')
    return this.#observer
  }

  readonly onCommitted = (server: SimDataServer, chain: ChainId, entry: Entry): void =>
    this.observer.applied(server.name, chain, entry)

  /** As the members say it, leader first: the newest. */
  config(chain: ChainId): ChainConfig | null {
    let newest: ChainConfig | null = null
    for (const server of this.#servers) {
      const config = server.hosted(chain)?.config ?? null
      if (config !== null && config.epoch > (newest?.epoch ?? -1)) newest = config
    }
    return newest
  }

  /** Whether all members are up, follow one leader, and have applied what it has committed. */
  isWhole(chain: ChainId, formed: ChainConfig | null): boolean {
    if (formed === null || formed.members.length === 0) return false
    const rafts = formed.members.map(({ server }) => {
      const found = this.#servers.find(({ id }) => id === server)
      return found === undefined ? null : (quorumAt(found, chain)?.raft ?? null)
    })
    const leader = rafts.find((raft) => raft?.role.type === 'leader')
    if (leader == null || leader.role.type !== 'leader' || leader.commit < leader.role.noopIndex) return false
    const { noopIndex } = leader.role
    return rafts.every(
      (raft) => raft?.term === leader.term && raft.leader !== null && raft.commit >= noopIndex,
    )
  }

  describe(): string[] {
    return this.#servers.flatMap((server) =>
      this.#chains.map((chain) => {
        const raft = quorumAt(server, chain)?.raft ?? null
        if (raft === null) return `${server.name} ${chain}: no part in it`
        const { role, term, leader, log, commit, writes } = raft
        return `${server.name} ${chain}: ${role.type} of term ${term}, led by ${leader}, last ${log.last}, durable ${writes.durableLast}, commit ${commit}`
      }),
    )
  }
}

/** Members of quorums whose dice are those of the process. */
export const simQuorumHosts =
  (lease: boolean): MakeSimHost =>
  (process) =>
    makeQuorumHosts({ lease, rng: (chain) => process.rng.fork(`quorum ${chain} ${process.life}`) })

function quorumAt(server: SimDataServer, chain: string): QuorumHost | null {
  const host = server.hosted(chain as ChainId)
  return host instanceof QuorumHost ? host : null
}
