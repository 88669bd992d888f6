import type { LogRecord } from '../../../chain/events.ts'
import type { Replica } from '../../../chain/state.ts'
import type { ChainConfig } from '../../../protocol/chain-config.ts'
import { ChainObserver } from './chain-observer.ts'
import type { CommittedLog } from './committed-log.ts'
import { RaftObserver } from './raft-observer.ts'
import { ReplicaObserver } from './replica-observer.ts'
import { SessionObserver } from './session-observer.ts'
import type { ClusterSight, ObserverOptions, ServerSight } from './sight.ts'
import { TreeObserver } from './tree-observer.ts'

/**
 * Sees all nodes at once and checks every name of protocol/invariants.ts, over all members and all time. `lookAll` after each event costs little; `check` looks at
 * everything once more: now and then, and at the end. Both throw a `Violation`.
 *
 * @example
 * const observer = new Observer(sight)
 * while (scheduler.step()) observer.lookAll()
 * observer.check()
 */
export class Observer {
  readonly #sight: ClusterSight
  readonly raft: RaftObserver
  readonly tree: TreeObserver
  readonly chains: ChainObserver
  readonly replicas: ReplicaObserver
  /** How to look at each process, by its name. */
  readonly #looks = new Map<string, () => void>()

  constructor(sight: ClusterSight, options: ObserverOptions = {}) {
    this.#sight = sight
    this.chains = new ChainObserver(sight, options)
    const known = {
      committed: (chain: string) => this.chains.committed(chain).last,
      config: (chain: string) => this.tree.config(chain),
    }
    this.replicas = new ReplicaObserver(sight, known, options)
    this.tree = new TreeObserver(sight, {
      onConfig: (before, config) => {
        this.chains.onConfig(before, config)
        this.replicas.onConfig(before, config)
      },
      onServerExpired: (registration) => {
        this.chains.onServerExpired(registration)
        this.replicas.onServerExpired(registration)
      },
      onServerRenewed: (server, sessionTimeoutMs) => this.replicas.onServerRenewed(server, sessionTimeoutMs),
    })
    this.raft = new RaftObserver(sight, (entry, who) => this.tree.commit(entry, who))
  }

  /** After each event of one process, where it is known which one ran. Names of others are ignored. */
  look(name: string): void {
    let look = this.#looks.get(name)
    if (look === undefined) {
      look = this.#lookAt(name)
      this.#looks.set(name, look)
    }
    look()
  }

  #lookAt(name: string): () => void {
    const server = this.#sight.servers.find((one) => one.name === name)
    if (server !== undefined) return () => this.lookAtServer(server)
    const coordinator = this.#sight.coordinators.find((one) => one.name === name)
    if (coordinator === undefined) return () => {}
    return () => {
      this.raft.look(coordinator)
      this.tree.look(coordinator)
    }
  }

  /**
   * Everybody. Where nothing has changed this costs next to nothing, so it may follow each event of the scheduler; later than that, a read that was
   * answered under a lease may be judged by a configuration that did not exist yet.
   */
  lookAll(): void {
    for (const coordinator of this.#sight.coordinators) {
      this.raft.look(coordinator)
      this.tree.look(coordinator)
    }
    for (const server of this.#sight.servers) this.lookAtServer(server)
  }

  /** Also between two messages that one turn of it handles. */
  lookAtServer(server: ServerSight): void {
    this.chains.look(server)
    this.replicas.look(server)
  }

  /** Slow: all logs, trees and clean stores, whole. */
  check(): void {
    this.lookAll()
    this.raft.check()
    this.tree.check()
    this.chains.check()
  }

  /** For one ZooKeeper client: wrap its platform with `watching`, one observer for each client and life. */
  session(name: string): SessionObserver {
    return new SessionObserver(name, this.tree)
  }

  /** For each `version-reply` with a commit that leaves a server: the replica, and the epoch of the reply. */
  versionAnswered(replica: Replica, epoch: number): void {
    this.chains.versionAnswered(replica)
    this.replicas.versionAnswered(replica, epoch)
  }

  /** For each record that a server writes to its log. */
  wrote(server: string, chain: string, record: LogRecord): void {
    this.chains.wrote(server, chain, record)
  }

  /** An operator has emptied the disk of a process (which is down). */
  wiped(name: string): void {
    this.raft.wiped(name)
    this.chains.wiped(name)
  }

  /** An operator has ordered a reset of this chain, the override that may lose data. Call it before the order can take effect. */
  overridden(chain: string): void {
    this.chains.overridden(chain)
    this.replicas.overridden(chain)
  }

  /** Newest configuration in the coordinators' committed log: what symbolic targets of faults mean. */
  config(chain: string): ChainConfig | null {
    return this.tree.config(chain)
  }

  /** What was ever committed on a chain, in order. */
  committed(chain: string): CommittedLog {
    return this.chains.committed(chain)
  }
}
