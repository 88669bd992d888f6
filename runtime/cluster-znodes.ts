/** What the znodes of the cluster hold, read with care: anybody with a ZooKeeper shell may have written them. */
import { type ChainConfig, configFromJson, servingMembers } from '../protocol/chain-config.ts'
import {
  type ClusterOptions,
  DURABILITIES,
  REPLICATIONS,
  type ServerRegistration,
} from '../protocol/cluster.ts'
import { asIncarnation, asServerId, type ChainId } from '../protocol/ids.ts'
import { SLOT_COUNT } from '../protocol/slots.ts'
import { isNodeId } from '../protocol/transport.ts'

/** Of a reason: it goes into a log. */
const REASON_SHOWN = 500

const parse = (json: string): Record<string, unknown> | null => {
  try {
    const data: unknown = JSON.parse(json)
    return isRecord(data) ? data : null
  } catch {
    return null
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/**
 * `/catenary/chains/<chain>`; null where it is no configuration of that chain, or one that nobody serves: no manager writes that, and whoever
 * obeyed it would put the chain out of service for good (DESIGN section 4).
 */
export function chainFromJson(chain: ChainId, json: string): ChainConfig | null {
  const config = configFromJson(json)
  return config?.chain === chain && servingMembers(config).length > 0 ? config : null
}

/** Why the manager wrote that configuration, as it says beside it; null where nobody said. */
export function reasonFromJson(json: string): string | null {
  const reason = parse(json)?.['reason']
  return typeof reason === 'string' ? reason.slice(0, REASON_SHOWN) : null
}

/** `/catenary/servers/<id>`; null where it is no registration. */
export function registrationFromJson(json: string): ServerRegistration | null {
  const data = parse(json)
  if (data === null) return null
  const { server, incarnation, host, port, httpPort, redisPort, zone, dataId, holds, draining } = data
  if (typeof server !== 'string' || !isNodeId(server) || !isCount(incarnation)) return null
  // Whoever reads it dials it: a name or a port that no socket takes must not get that far.
  if (typeof host !== 'string' || host === '' || !isCount(port) || port > 0xffff) return null
  return {
    server: asServerId(server),
    incarnation: asIncarnation(incarnation),
    host,
    port,
    httpPort: isCount(httpPort) ? httpPort : 0,
    ...(isCount(redisPort) && redisPort > 0 && redisPort <= 0xffff && { redisPort }),
    zone: typeof zone === 'string' ? zone : '',
    dataId: typeof dataId === 'string' ? dataId : '',
    holds: holdsFromData(holds),
    draining: draining === true,
  }
}

/** Only what is whole: the manager decides by it who may seed a chain. */
function holdsFromData(data: unknown): ServerRegistration['holds'] {
  const holds: Record<string, unknown> = {}
  for (const [chain, held] of Object.entries(isRecord(data) ? data : {})) {
    if (isRecord(held) && isCount(held['epoch']) && isCount(held['last']) && isCount(held['commit']))
      holds[chain] = held
  }
  return holds as ServerRegistration['holds']
}

/** `/catenary/cluster`; null where it holds no options. */
export function clusterOptionsFromJson(json: string): ClusterOptions | null {
  const data = parse(json)
  if (data === null) return null
  const {
    clusterId,
    chainCount,
    replicationFactor,
    durability,
    replication = 'craq',
    sessionTimeoutMs,
  } = data
  const isDurability = DURABILITIES.find((known) => known === durability)
  const isReplication = REPLICATIONS.find((known) => known === replication)
  if (typeof clusterId !== 'string' || !isCount(chainCount) || !isCount(replicationFactor)) return null
  if (isDurability === undefined || isReplication === undefined || !isCount(sessionTimeoutMs)) return null
  if (chainCount < 1 || chainCount > SLOT_COUNT || replicationFactor < 1) return null
  return {
    clusterId,
    chainCount,
    replicationFactor,
    durability: isDurability,
    replication: isReplication,
    sessionTimeoutMs,
  }
}
