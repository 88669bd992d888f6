/** What the coordinators hold about the cluster, in one look. */
import type { CoordinatorClient } from '../client/coordinator/client.ts'
import { isCoordinatorError } from '../client/coordinator/errors.ts'
import { type ChainConfig, configFromJson } from '../protocol/chain-config.ts'
import type { ClusterOptions, ServerRegistration } from '../protocol/cluster.ts'
import { clusterOptionsFromJson, registrationFromJson } from '../runtime/cluster-znodes.ts'
import { chainPath, PATHS, serverPath } from '../runtime/manager/znodes.ts'
import { byNumber } from './cluster-status.ts'

export interface ChainZnode {
  readonly chain: string
  /** Null where the znode holds no configuration. */
  readonly config: ChainConfig | null
  /** dataVersion of the znode. */
  readonly dataVersion: number
}

export interface ClusterTree {
  readonly options: ClusterOptions
  readonly chains: readonly ChainZnode[]
  /** Registered now, by id. */
  readonly servers: ReadonlyMap<string, ServerRegistration>
  /** Servers with a drain marker. */
  readonly drains: readonly string[]
}

export const drainPath = (server: string) => `${PATHS.drain}/${server}`

const decode = (data: Uint8Array) => new TextDecoder().decode(data)

/** @throws where there is no cluster. */
export async function readClusterTree(client: CoordinatorClient): Promise<ClusterTree> {
  await client.sync(PATHS.chains)
  const cluster = await dataOf(client, PATHS.cluster)
  const options = cluster === null ? null : clusterOptionsFromJson(decode(cluster.data))
  if (options === null) {
    throw new Error(
      `${PATHS.cluster} holds no cluster: has a manager run with these coordinators? --coordinator names others`,
    )
  }
  const names = [...(await childrenOf(client, PATHS.chains))].sort(byNumber)
  const chains = await Promise.all(names.map((chain) => readChain(client, chain)))
  const ids = await childrenOf(client, PATHS.servers)
  const servers = new Map<string, ServerRegistration>()
  for (const id of [...ids].sort(byNumber)) {
    const znode = await dataOf(client, serverPath(id))
    const registration = znode === null ? null : registrationFromJson(decode(znode.data))
    if (registration !== null) servers.set(id, registration)
  }
  const drains = [...(await childrenOf(client, PATHS.drain))].sort(byNumber)
  return { options, chains: chains.filter((chain) => chain !== null), servers, drains }
}

export async function readChain(client: CoordinatorClient, chain: string): Promise<ChainZnode | null> {
  const znode = await dataOf(client, chainPath(chain))
  if (znode === null) return null
  return { chain, config: configFromJson(decode(znode.data)), dataVersion: znode.stat.version }
}

async function dataOf(client: CoordinatorClient, path: string) {
  try {
    return await client.getData(path)
  } catch (error) {
    if (isCoordinatorError(error, 'NO_NODE')) return null
    throw error
  }
}

async function childrenOf(client: CoordinatorClient, path: string): Promise<readonly string[]> {
  try {
    return await client.getChildren(path)
  } catch (error) {
    if (isCoordinatorError(error, 'NO_NODE')) return []
    throw error
  }
}

/** Chains in which a server is a member, or which it joins. */
export const chainsWith = ({ chains }: ClusterTree, server: string): ChainConfig[] =>
  chains.flatMap(({ config }) =>
    config !== null &&
    (config.members.some((member) => member.server === server) || config.joining?.server === server)
      ? [config]
      : [],
  )

/** Chains that lack serving members. */
export const incompleteChains = ({ chains, options }: ClusterTree): string[] =>
  chains
    .filter(({ config }) => {
      const serving = config?.members.filter((member) => member.serving && !member.leaving) ?? []
      return serving.length < options.replicationFactor
    })
    .map(({ chain }) => chain)

export const knownServers = (tree: ClusterTree): string =>
  tree.servers.size === 0 ? 'none is' : `registered are ${[...tree.servers.keys()].join(', ')}`
