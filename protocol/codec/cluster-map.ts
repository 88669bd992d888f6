import { type ChainConfig, configFromData } from '../chain-config.ts'
import type { ClusterMap, Readers } from '../cluster.ts'
import { CodecError } from './fields.ts'

const texts = new WeakMap<ClusterMap, string>()

/** Maps travel as JSON: configurations are JSON in their znodes anyway. Each is written once, however many ask for it. */
export function clusterMapToJson(map: ClusterMap): string {
  const known = texts.get(map)
  if (known !== undefined) return known
  const text = JSON.stringify(map)
  texts.set(map, text)
  return text
}

/** @throws {CodecError} not a map. */
export function clusterMapFromJson(json: string): ClusterMap {
  const data = parse(json)
  if (!isRecord(data) || typeof data['clusterId'] !== 'string') throw new CodecError('not a cluster map')
  const { clusterId, chains, addresses, readers = 'any' } = data
  if (!Array.isArray(chains) || !isRecord(addresses)) throw new CodecError('not a cluster map')
  if (!isReaders(readers)) throw new CodecError('a cluster map of which nobody answers reads')
  return {
    clusterId,
    readers,
    chains: chains.map(chainFromData),
    addresses: Object.fromEntries(
      Object.entries(addresses).map(([server, address]) => [server, addressFromData(server, address)]),
    ),
  }
}

/** @throws {CodecError} not JSON. */
export function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new CodecError('not JSON', { cause })
  }
}

const isRecord = (data: unknown): data is Record<string, unknown> =>
  typeof data === 'object' && data !== null && !Array.isArray(data)

const isReaders = (data: unknown): data is Readers => data === 'any' || data === 'head' || data === 'tail'

function chainFromData(data: unknown): ChainConfig {
  const config = configFromData(data)
  if (config === null) throw new CodecError('a chain of a cluster map is no configuration')
  return config
}

function addressFromData(
  server: string,
  data: unknown,
): ClusterMap['addresses'][keyof ClusterMap['addresses']] {
  if (isRecord(data)) {
    const { host, port, zone } = data
    const isPort = typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 0xffff
    if (typeof host === 'string' && typeof zone === 'string' && isPort) return { host, port, zone }
  }
  throw new CodecError(`the address of ${JSON.stringify(server)} in a cluster map is none`)
}
