import type { Member } from '../../../protocol/chain-config.ts'
import { tailOf } from '../../../protocol/chain-config.ts'
import type { ReplicaReport } from '../../../protocol/cluster.ts'
import type { ChainId, ServerId } from '../../../protocol/ids.ts'
import type { PaperCluster } from './cluster.ts'

/**
 * The manager's part in a failure, by the rules of the chain (DESIGN section 4): drops whoever is dead once that is noticed, has a server join at
 * the tail, appends it when it has caught up, marks it as serving when it says that it was handed off to.
 */
export class ChainManager {
  readonly #cluster: PaperCluster
  /** Who should join next, in order, and how many members the chain should have. */
  readonly #waiting = new Map<ChainId, ServerId[]>()

  constructor(cluster: PaperCluster) {
    this.#cluster = cluster
    cluster.onReport = (chain, report) => this.#onReport(chain, report)
  }

  /** The session of this server has ended. */
  evict(chain: ChainId, server: ServerId): void {
    const config = this.#cluster.configs.get(chain)
    if (config === undefined) return
    const members = config.members.filter((member) => member.server !== server)
    const joining = config.joining?.server === server ? null : config.joining
    this.#cluster.publish(chain, { members, joining })
    this.#next(chain)
  }

  /** This server, alive and empty, shall become a member. */
  join(chain: ChainId, server: ServerId): void {
    this.#waiting.set(chain, [...(this.#waiting.get(chain) ?? []), server])
    this.#next(chain)
  }

  #next(chain: ChainId): void {
    const config = this.#cluster.configs.get(chain)
    const waiting = this.#waiting.get(chain)
    if (config === undefined || waiting === undefined || config.joining !== null) return
    if (config.members.some((member) => !member.serving || waiting[0] === member.server)) return
    const server = waiting.shift()
    if (server === undefined) return
    const { incarnation } = this.#cluster.server(server)
    this.#cluster.publish(chain, { members: config.members, joining: { server, incarnation } })
  }

  #onReport(chain: ChainId, report: ReplicaReport): void {
    const config = this.#cluster.configs.get(chain)
    if (config === undefined || report.epoch !== config.epoch) return // about another epoch: void (trap 14)
    const { server, incarnation } = report
    if (report.state === 'synced' && config.joining?.server === server) {
      const member: Member = { server, incarnation, serving: false, leaving: false }
      this.#cluster.publish(chain, { members: [...config.members, member], joining: null })
    } else if (report.state === 'serving' && tailOf(config)?.server === server) {
      const members = config.members.map((member) =>
        member.server === server ? { ...member, serving: true } : member,
      )
      this.#cluster.publish(chain, { members, joining: null })
      this.#next(chain)
    }
  }
}
