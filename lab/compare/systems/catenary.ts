/** The store itself, in each of the ways in which it can keep copies alike: the same doors, logs, disks and client. */
import type { Durability, Replication } from '../../../protocol/cluster.ts'
import { type LocalCluster, startLocalCluster } from '../../../runtime/processes/local-cluster.ts'
import { type CpuQuota, openedCpuQuota } from '../cpu-quota.ts'
import type { ReadLevel } from '../results.ts'
import type { RunningSystem, System, SystemOptions, Variant } from '../system.ts'
import { builtFile, missingUnlessBuilt, ownVersion } from './own-program.ts'

const ENTRY = 'cli/main.js'
const DURABILITY: Readonly<Record<SystemOptions['durability'], { store: Durability; says: string }>> = {
  durable: { store: 'sync', says: 'sync: on the disk of every replica before it is acknowledged' },
  relaxed: {
    store: 'interval',
    says: 'interval: in the page cache of every replica, which is synced every 100 ms',
  },
  memory: { store: 'memory', says: 'memory: in the memory of every replica; never synced' },
}

type Reads = Pick<Extract<Variant['target'], { kind: 'catenary' }>, 'reads' | 'consistency'>
type Way = Reads & { readonly name: string; readonly level: ReadLevel }

const strong = (name: string, reads: Reads['reads']): Way => ({
  name,
  reads,
  consistency: 'strong',
  level: 'linearizable',
})
const stale = (name: string): Way => ({ name, reads: 'any', consistency: 'eventual', level: 'stale' })

/** The first way is the one where only one is measured. */
const REPLICATION: Readonly<Record<Replication, { title: string; says: string; ways: readonly Way[] }>> = {
  craq: {
    title: 'Catenary, CRAQ',
    says: 'chain replication with apportioned queries',
    ways: [strong('any replica', 'any'), stale('any replica, eventual')],
  },
  chain: {
    title: 'Catenary, chain replication',
    says: 'chain replication as first described: reads at the tail',
    ways: [strong('tail', 'tail')],
  },
  raft: {
    title: 'Catenary, Raft',
    says: 'a quorum, reads by ReadIndex',
    ways: [
      strong('leader, ReadIndex', 'head'),
      strong('any replica, ReadIndex', 'any'),
      stale('any replica, stale'),
    ],
  },
  'raft-lease': {
    title: 'Catenary, Raft with leases',
    says: 'a quorum, reads under the leader’s lease',
    ways: [strong('leader, lease', 'head')],
  },
  'primary-backup': {
    title: 'Catenary, primary-backup',
    says: 'a star: the primary waits for all its backups',
    ways: [strong('primary', 'head')],
  },
}

export interface CatenaryOptions {
  readonly protocol: Replication
  /** Default: 3. */
  readonly coordinators?: number
}

/** @example catenarySystem({ protocol: 'craq' }).id // 'catenary-craq' */
export function catenarySystem({ protocol, coordinators = 3 }: CatenaryOptions): System {
  const { title } = REPLICATION[protocol]
  const system: System = {
    id: `catenary-${protocol}`,
    title,
    kind: 'catenary',
    effort: { ways: REPLICATION[protocol].ways.length, startMs: 3500 },
    supports: ({ replicas }) => [1, 3, 5, 7].includes(replicas),
    missing: async () => missingUnlessBuilt(ENTRY),
    async start(options) {
      const { directory, durability, replicas, chains = 1 } = options
      const cluster = await startLocalCluster({
        directory,
        entry: builtFile(ENTRY),
        coordinators,
        servers: replicas,
        chains,
        replication: replicas,
        protocol,
        durability: DURABILITY[durability].store,
        logLevel: 'warn',
      })
      try {
        return new RunningCatenary(system, protocol, options, cluster)
      } catch (error) {
        await cluster.kill()
        throw error
      }
    },
  }
  return system
}

class RunningCatenary implements RunningSystem {
  readonly record: RunningSystem['record']
  readonly variants: readonly Variant[]
  readonly #cluster: LocalCluster
  #quota: CpuQuota | null = null

  constructor(system: System, protocol: Replication, options: SystemOptions, cluster: LocalCluster) {
    const { says, ways } = REPLICATION[protocol]
    const { replicas, durability, chains = 1 } = options
    this.#cluster = cluster
    this.record = {
      id: system.id,
      title: system.title,
      kind: 'catenary',
      version: ownVersion(),
      replicas,
      durability: DURABILITY[durability].says,
      flags: [
        says,
        `--replication ${protocol}`,
        `--durability ${DURABILITY[durability].store}`,
        `--replicas ${replicas}`,
        `--chains ${chains}`,
        `${cluster.coordinators.length} coordinators`,
      ],
      client: 'native protocol, one connection to each server, writes with exactly-once sessions',
    }
    const servers = cluster.clientServers
    this.variants = ways
      .filter((_, i) => replicas > 1 || i === 0)
      .map(({ name, level, reads, consistency }) => ({
        name,
        level,
        target: { kind: 'catenary', servers, reads, consistency },
      }))
  }

  limit(percent: number): void {
    this.#quota ??= openedCpuQuota()
    for (const { name } of this.#cluster.servers) {
      const { pid } = this.#cluster.process(name)
      if (pid !== null) this.#quota.limit(name, pid, percent)
    }
  }

  /** Parts are those of the first chain; with several, servers play all of them. */
  async processes() {
    const cluster = this.#cluster
    const found = await Promise.all(
      cluster.processes.map(async ({ name, pid }) => {
        if (pid === null) return []
        const isServer = cluster.servers.some((server) => server.name === name)
        return [{ name, pid, part: isServer ? await this.#part(name) : 'coordinator' }]
      }),
    )
    return found.flat()
  }

  async #part(name: string): Promise<string> {
    const status = await this.#cluster.serverStatus(name)
    const role = status?.replicas.find(({ chain }) => chain === 'c0')?.role ?? 'none'
    return role === 'head and tail' ? 'head' : role
  }

  async traffic() {
    const statuses = await Promise.all(
      this.#cluster.servers.map(({ name }) => this.#cluster.serverStatus(name)),
    )
    const totals = { messages: 0, bytes: 0, syncs: 0 }
    for (const status of statuses) {
      const traffic = trafficOf(status)
      if (traffic === null) return null
      totals.messages += traffic.messages
      totals.bytes += traffic.bytes
      totals.syncs += traffic.syncs
    }
    return totals
  }

  async kill(name: string): Promise<void> {
    await this.#cluster.process(name).kill()
  }

  async restart(name: string): Promise<void> {
    this.#cluster.process(name).start()
  }

  async stop(): Promise<void> {
    this.#quota?.close() // under it a server would take long to end
    await this.#cluster.kill().catch(() => {})
  }
}

/** Of a server that counts what it says to others: `traffic` of its status. */
function trafficOf(status: unknown): { messages: number; bytes: number; syncs: number } | null {
  const traffic = (status as { traffic?: unknown } | null)?.traffic
  if (typeof traffic !== 'object' || traffic === null) return null
  const { messages, bytes, syncs } = traffic as Record<string, unknown>
  if (typeof messages !== 'number' || typeof bytes !== 'number' || typeof syncs !== 'number') return null
  return { messages, bytes, syncs }
}
