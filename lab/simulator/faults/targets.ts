import type { ChainConfig } from '../../../protocol/chain-config.ts'
import type { ClusterSight } from '../observer/sight.ts'
import type { Target } from './plan.ts'
import type { FaultTarget } from './target.ts'

/** Whom a symbolic target means now. Null where nobody is that at the moment: the fault does not strike. */
export function resolve(cluster: FaultTarget, target: Target): string | null {
  switch (target.role) {
    case 'process':
      return cluster.process(target.name) === null ? null : target.name
    case 'leader':
      return leaderOf(cluster.sight)
    case 'follower':
      return cluster.sight.coordinators.find(({ raft }) => raft?.role.type === 'follower')?.name ?? null
    case 'manager':
      return cluster.manager()
    case 'client':
      return cluster.clients[target.index % Math.max(1, cluster.clients.length)] ?? null
    case 'asker':
      return askerOf(cluster.sight, target.chain)
    default: {
      const config = cluster.config(target.chain)
      return config === null ? null : placeIn(config, target.role)
    }
  }
}

/** Of the highest term: one that was cut off may still believe that it leads. */
export function leaderOf({ coordinators }: ClusterSight): string | null {
  let best: { readonly name: string; readonly term: number } | null = null
  for (const { name, raft } of coordinators) {
    if (raft?.role.type === 'leader' && raft.term > (best?.term ?? -1)) best = { name, term: raft.term }
  }
  return best?.name ?? null
}

function askerOf({ servers }: ClusterSight, chain: string): string | null {
  for (const { name, replicas } of servers)
    for (const replica of replicas?.values() ?? [])
      if (replica.chain === chain && replica.question?.kind === 'version') return name
  return null
}

export function placeIn(
  { members, joining }: ChainConfig,
  role: 'head' | 'middle' | 'tail' | 'joiner',
): string | null {
  if (role === 'head') return members[0]?.server ?? null
  if (role === 'tail') return members.at(-1)?.server ?? null
  if (role === 'joiner') return joining?.server ?? members.find(({ serving }) => !serving)?.server ?? null
  return members.length > 2 ? (members[1]?.server ?? null) : null
}

/**
 * Whether what a process has on its disk may be lost for good. Data that is gone cannot be promised, so only what others hold for certain may go:
 *
 * - of a server that is down, once no configuration names it any more: then the serving members hold all that was ever committed. While it is named, it might be
 *   the last one that serves a moment later, although its disk is gone already: its session outlives it.
 *   One at a time.
 * - of a coordinator, while no other one is rotten. It stays down until the faults are over, and is emptied only when all others are up and one of them leads: a
 *   member that was emptied has forgotten what it confirmed, and might elect one that lacks it (docs/OPERATIONS.md, Losing coordinators).
 */
export function mayLose(cluster: FaultTarget, name: string, rotten: ReadonlySet<string>): boolean {
  const { coordinators, servers } = cluster.sight
  if (coordinators.some((one) => one.name === name))
    return coordinators.length > 2 && !coordinators.some((one) => rotten.has(one.name))
  if (servers.some((one) => rotten.has(one.name)) || cluster.process(name)?.alive !== false) return false
  return cluster.chains.every((chain) => {
    const config = cluster.config(chain)
    return config !== null && !config.members.some(({ server }) => server === name)
  })
}
