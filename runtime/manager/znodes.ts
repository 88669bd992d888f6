/** Where the manager finds things in the tree, and how it reads what only it reads. */
import type { ResetOrder } from '../../coordinator/manager/view.ts'
import type { ReplicaReport } from '../../protocol/cluster.ts'
import { asEpoch, asIncarnation, asServerId } from '../../protocol/ids.ts'

export const PATHS = {
  cluster: '/catenary/cluster',
  servers: '/catenary/servers',
  lives: '/catenary/lives',
  chains: '/catenary/chains',
  manager: '/catenary/manager',
  drain: '/catenary/drain',
  users: '/catenary/users',
} as const

export const serverPath = (server: string) => `${PATHS.servers}/${server}`
export const chainPath = (chain: string) => `${PATHS.chains}/${chain}`
export const syncedPath = (chain: string) => `${chainPath(chain)}/synced`
export const userPath = (user: string) => `${PATHS.users}/${user}`
export const resetPath = (chain: string) => `${chainPath(chain)}/reset`

const STATES: readonly ReplicaReport['state'][] = ['member', 'synced', 'serving', 'left', 'failed']
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

function parse(json: string): Record<string, unknown> | null {
  try {
    const data: unknown = JSON.parse(json)
    return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : null
  } catch {
    return null
  }
}

/** `/catenary/chains/<id>/synced/<server>`; null where it is no report. */
export function reportFromJson(json: string): ReplicaReport | null {
  const data = parse(json)
  const state = STATES.find((known) => known === data?.['state'])
  if (!data || !state || typeof data['server'] !== 'string') return null
  const { server, incarnation, epoch, suspects } = data
  if (!isCount(incarnation) || !isCount(epoch)) return null
  return {
    server: asServerId(server),
    incarnation: asIncarnation(incarnation),
    epoch: asEpoch(epoch),
    state,
    suspects: typeof suspects === 'string' ? asServerId(suspects) : null,
  }
}

/** `/catenary/chains/<id>/reset`; null where it is no order. */
export function resetFromJson(json: string): ResetOrder | null {
  const data = parse(json)
  if (typeof data?.['server'] !== 'string') return null
  const { server, incarnation } = data
  return { server: asServerId(server), incarnation: isCount(incarnation) ? asIncarnation(incarnation) : null }
}
