/** The coordinator and the chain manager as the exploration sees them: one tree, and the real planner. */
import { plan } from '../../../coordinator/manager/planner.ts'
import {
  type ChainView,
  type ManagerView,
  newPlannerState,
  type Proposal,
} from '../../../coordinator/manager/view.ts'
import { type ChainConfig, memberOf } from '../../../protocol/chain-config.ts'
import type { ReplicaReport, ServerRegistration } from '../../../protocol/cluster.ts'
import { asEpoch, asIncarnation, asMillis, type ServerId } from '../../../protocol/ids.ts'
import { deepFreeze, plainText } from '../canonical.ts'
import { Interner, Memo } from '../interner.ts'
import { CHAIN, type ServerSummary } from './server.ts'

interface Registered {
  readonly server: ServerId
  readonly incarnation: number
  readonly holds: ServerSummary['holds']
}

export interface Tree {
  readonly config: ChainConfig
  /** Whose sessions live. */
  readonly servers: readonly Registered[]
  /** The newest of each server, as far as they speak of this configuration: all others are void (trap 14). */
  readonly reports: readonly ReplicaReport[]
}

/** What the manager would write now; text: the rule of its own that it broke. */
export type Planned = Proposal | string | null

export interface ManagerFaults {
  /** Changes what is written. */
  readonly writes?: (proposal: Proposal, before: ChainConfig) => ChainConfig
  /** The planner's own assertions are not asked, so that the damage is seen, not the intent. */
  readonly proposes?: (tree: Tree) => ChainConfig | null
}

/**
 * States of the coordinator, numbered. It is linearizable, so one value stands for the whole ensemble. A report arrives
 * at once: the manager acts on it as late as it likes, which comes to the same. The planner gets a fresh memory each
 * time, and no time passes for it: nobody is suspected here, and nothing waits for a grace period.
 */
export class Coordinator {
  readonly #trees = new Interner<Tree>()
  readonly #planned: (Planned | undefined)[] = []
  readonly #reported = new Memo<ReplicaReport, number>()
  readonly #written = new Memo<ChainConfig, number>()
  readonly #expired = new Map<string, number>()
  readonly #replication: number
  readonly #faults: ManagerFaults

  constructor(options: { readonly replication: number; readonly faults: ManagerFaults }) {
    this.#replication = options.replication
    this.#faults = options.faults
  }

  tree(id: number): Tree {
    return this.#trees.value(id)
  }

  intern(tree: Tree): number {
    const { config } = tree
    const reports = tree.reports
      .filter(({ epoch, server, incarnation }) => {
        const life = memberOf(config, server) ?? (config.joining?.server === server ? config.joining : null)
        return epoch === config.epoch && life?.incarnation === incarnation
      })
      .sort((a, b) => (a.server < b.server ? -1 : 1))
    const servers = [...tree.servers].sort((a, b) => (a.server < b.server ? -1 : 1))
    const kept = deepFreeze({ config, servers, reports })
    return this.#trees.id(plainText(kept), kept)
  }

  register(id: number, registered: Registered): number {
    const { servers, ...tree } = this.tree(id)
    return this.intern({
      ...tree,
      servers: [...servers.filter((s) => s.server !== registered.server), registered],
    })
  }

  /** The session of a server ends, and with it what it has said. */
  expire(id: number, server: ServerId): number {
    const { config, servers, reports } = this.tree(id)
    const key = `${id} ${server}`
    const known = this.#expired.get(key)
    if (known !== undefined) return known
    const expired = this.intern({
      config,
      servers: servers.filter((other) => other.server !== server),
      reports: reports.filter((report) => report.server !== server),
    })
    this.#expired.set(key, expired)
    return expired
  }

  report(id: number, report: ReplicaReport): number {
    return this.#reported.get(id, report, () => this.#report(id, report))
  }

  #report(id: number, report: ReplicaReport): number {
    const tree = this.tree(id)
    const live = tree.servers.some((s) => s.server === report.server && s.incarnation === report.incarnation)
    if (!live) return id // its ephemeral znode could not be written
    return this.intern({
      ...tree,
      reports: [...tree.reports.filter(({ server }) => server !== report.server), report],
    })
  }

  /** The manager writes its next configuration. Null: it has nothing to do. */
  planned(id: number): Planned {
    const known = this.#planned[id]
    if (known !== undefined) return known
    const planned = this.#plan(this.tree(id))
    this.#planned[id] = planned
    return planned
  }

  #plan(tree: Tree): Planned {
    const wrong = this.#faults.proposes?.(tree) ?? null
    if (wrong !== null)
      return {
        chain: CHAIN,
        config: wrong,
        expectedVersion: 0,
        step: 'drop-gone',
        reason: 'the manager errs',
      }
    try {
      const [proposal] = plan(viewOf(tree, this.#replication), newPlannerState()).proposals
      if (proposal === undefined) return null
      const config = this.#faults.writes?.(proposal, tree.config) ?? proposal.config
      return { ...proposal, config: deepFreeze(config) }
    } catch (error) {
      if (error instanceof Error) return error.message
      throw error
    }
  }

  write(id: number, config: ChainConfig): number {
    return this.#written.get(id, config, () => this.intern({ ...this.tree(id), config }))
  }
}

function viewOf({ config, servers, reports }: Tree, replication: number): ManagerView {
  const chain: ChainView = { config, dataVersion: config.epoch, reports, reset: null }
  return {
    nowMs: asMillis(1_000_000),
    electedAtMs: asMillis(0),
    options: {
      clusterId: 'explored',
      chainCount: 1,
      replicationFactor: replication,
      durability: 'sync',
      replication: 'craq',
      sessionTimeoutMs: 1000,
    },
    servers: new Map(servers.map((registered) => [registered.server, registrationOf(registered)])),
    chains: new Map([[CHAIN, chain]]),
    drains: new Set(),
  }
}

const registrationOf = ({ server, incarnation, holds }: Registered): ServerRegistration => ({
  server,
  incarnation: asIncarnation(incarnation),
  host: server,
  port: 1,
  httpPort: 1,
  zone: 'z',
  dataId: server,
  holds: holds === null ? {} : { [CHAIN]: { ...holds, epoch: asEpoch(holds.epoch) } },
  draining: false,
})
