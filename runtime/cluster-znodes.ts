/** What the znodes of the cluster hold, read with care: anybody with a ZooKeeper shell may have written them. */
import { type ClusterOptions, DURABILITIES, type ServerRegistration } from '../protocol/cluster.ts'
import { asIncarnation, asServerId } from '../protocol/ids.ts'

const parse = (json: string): Record<string, unknown> | null => {
  try {
    const data: unknown = JSON.parse(json)
    return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : null
  } catch {
    return null
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** `/catenary/servers/<id>`; null where it is no registration. */
export function registrationFromJson(json: string): ServerRegistration | null {
  const data = parse(json)
  if (data === null) return null
  const { server, incarnation, host, port, httpPort, zone, dataId, holds, draining } = data
  if (typeof server !== 'string' || !isCount(incarnation) || typeof host !== 'string' || !isCount(port))
    return null
  return {
    server: asServerId(server),
    incarnation: asIncarnation(incarnation),
    host,
    port,
    httpPort: isCount(httpPort) ? httpPort : 0,
    zone: typeof zone === 'string' ? zone : '',
    dataId: typeof dataId === 'string' ? dataId : '',
    holds: typeof holds === 'object' && holds !== null ? (holds as ServerRegistration['holds']) : {},
    draining: draining === true,
  }
}

/** `/catenary/cluster`; null where it holds no options. */
export function clusterOptionsFromJson(json: string): ClusterOptions | null {
  const data = parse(json)
  if (data === null) return null
  const { clusterId, chainCount, replicationFactor, durability, sessionTimeoutMs } = data
  const isDurability = DURABILITIES.find((known) => known === durability)
  if (typeof clusterId !== 'string' || !isCount(chainCount) || !isCount(replicationFactor)) return null
  if (isDurability === undefined || !isCount(sessionTimeoutMs)) return null
  return { clusterId, chainCount, replicationFactor, durability: isDurability, sessionTimeoutMs }
}
