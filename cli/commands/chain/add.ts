import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { CoordinatorClient } from '../../../client/coordinator/client.ts'
import { membersText } from '../../cluster-status.ts'
import {
  type ClusterTree,
  chainsWith,
  incompleteChains,
  knownServers,
  readClusterTree,
} from '../../cluster-tree.ts'
import { ensembleOptions, withEnsemble } from '../../ensemble.ts'
import { say } from '../../output.ts'
import { waitFor } from '../../wait-for.ts'
import { removeMarker } from './drain.ts'

const options = {
  wait: { type: 'boolean', default: true, describe: 'Wait until each is a member, or no chain needs it' },
  ...ensembleOptions,
} as const

const positionals = {
  servers: { type: 'string', array: true, demandOption: true, describe: 'Ids of data servers, such as n1' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const addCommand: CommandModule<object, Arguments> = {
  command: 'add <servers..>',
  describe: 'Let drained servers be members again, and wait until they are',
  builder: (yargs) =>
    yargs
      .positional('servers', positionals.servers)
      .options(options)
      .example('$0 chain add n1', 'after catenary chain drain n1')
      .example(
        '$0 server --id n4 --data ./n4 --port 7004 --http-port 8004',
        'how a new server is added: start it',
      )
      .epilogue(
        [
          'A new server needs no command: once it runs, the manager takes it into every chain that lacks members, at the tail. Servers',
          'that no chain needs stand by, and replace the next one that fails. This command takes the drain marker off those named.',
        ].join(' '),
      ) as never,
  handler: async (args) =>
    withEnsemble(args, (client) => add(client, args.servers, args.wait), { endless: args.wait }),
}

async function add(client: CoordinatorClient, servers: readonly string[], wait: boolean): Promise<void> {
  const tree = await readClusterTree(client)
  const missing = servers.filter((server) => !tree.servers.has(server))
  for (const server of servers) {
    if (await removeMarker(client, server)) say(`${server} is not drained any more`)
  }
  if (missing.length > 0) {
    throw new Error(
      `${missing.join(', ')} not running (${knownServers(tree)}): start it with catenary server --id ${missing[0]} --data DIRECTORY; the manager then adds it by itself`,
    )
  }
  if (!wait) return
  for (const server of servers) {
    await waitFor(client, (now) => notYetMember(now, server), 'The manager goes on by itself')
    const chains = chainsWith(await readClusterTree(client), server).map(({ chain }) => chain)
    say(
      chains.length > 0
        ? `${server} is a member of ${chains.join(', ')}`
        : `${server} stands by: every chain has all its members`,
    )
  }
}

/** What there is to wait for; null: nothing. */
export function notYetMember(tree: ClusterTree, server: string): string | null {
  if (!tree.servers.has(server)) return `${server} is not registered: is it running?`
  const chains = chainsWith(tree, server)
  const serves = chains.some(({ members }) =>
    members.some((member) => member.server === server && member.serving),
  )
  if (serves) return null
  const incomplete = incompleteChains(tree)
  if (chains.length === 0 && incomplete.length === 0) return null
  const stories = chains.map(({ chain, members, joining }) => `${chain}: ${membersText(members, joining)}`)
  return stories.length > 0
    ? stories.join('; ')
    : `${server} is in no chain yet; members are missing in ${incomplete.join(', ')}`
}
