import type { CommandModule, InferredOptionTypes } from 'yargs'
import { membersText } from '../../cluster-status.ts'
import { type ChainZnode, type ClusterTree, chainsWith, readClusterTree } from '../../cluster-tree.ts'
import { ensembleOptions, withEnsemble } from '../../ensemble.ts'
import { say, sayJson, table } from '../../output.ts'
import { jsonOption } from '../../store.ts'

const options = { ...jsonOption, ...ensembleOptions } as const

type Arguments = InferredOptionTypes<typeof options>

export const listCommand: CommandModule<object, Arguments> = {
  command: 'list',
  describe: 'List chains and servers as the coordinators have them',
  builder: (yargs) =>
    yargs
      .options(options)
      .example('$0 chain list', 'works while the data servers do not')
      .example('$0 chain list --json', 'for other programs') as never,
  handler: async (args) => {
    const tree = await withEnsemble(args, readClusterTree)
    if (args.json) sayJson(treeJson(tree))
    else say(`${chainTable(tree)}\n${serverTable(tree)}`)
  },
}

function chainTable({ chains, options: { replicationFactor } }: ClusterTree): string {
  const rows = chains.map(({ chain, config }) => {
    if (config === null) return [chain, '', 'its znode holds no configuration', '', '']
    const serving = config.members.filter((member) => member.serving).length
    return [
      chain,
      config.epoch,
      membersText(config.members, config.joining),
      `${serving} of ${replicationFactor}`,
      slotsText(config),
    ]
  })
  return table(['chain', 'epoch', 'members, head -> tail', 'serving', 'slots'], rows)
}

const slotsText = ({ slots }: NonNullable<ChainZnode['config']>) =>
  slots.map(([first, last]) => `${first}-${last}`).join(' ')

function serverTable(tree: ClusterTree): string {
  const gone = tree.chains
    .flatMap(({ config }) => config?.members.map((member) => member.server as string) ?? [])
    .filter((server) => !tree.servers.has(server))
  const rows = [...tree.servers.values()].map((server) => [
    server.server,
    `${server.host}:${server.port}`,
    server.zone,
    chainsText(tree, server.server),
    tree.drains.includes(server.server) ? 'is being drained' : '',
  ])
  const goneRows = [...new Set(gone)].map((server) => [
    server,
    '',
    '',
    chainsText(tree, server),
    'not registered',
  ])
  return table(['server', 'address', 'zone', 'chains', 'remarks'], [...rows, ...goneRows])
}

const chainsText = (tree: ClusterTree, server: string) =>
  chainsWith(tree, server)
    .map(({ chain }) => chain)
    .join(' ')

const treeJson = ({ options: cluster, chains, servers, drains }: ClusterTree) => ({
  cluster,
  chains: chains.map(({ chain, config }) => config ?? { chain, error: 'its znode holds no configuration' }),
  servers: [...servers.values()],
  draining: drains,
})
