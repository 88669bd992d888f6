import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { CoordinatorClient } from '../../../client/coordinator/client.ts'
import { isCoordinatorError } from '../../../client/coordinator/errors.ts'
import { membersText } from '../../cluster-status.ts'
import { type ClusterTree, chainsWith, drainPath, knownServers, readClusterTree } from '../../cluster-tree.ts'
import { ensembleOptions, withEnsemble } from '../../ensemble.ts'
import { say } from '../../output.ts'
import { waitFor } from '../../wait-for.ts'

const options = {
  undo: {
    type: 'boolean',
    default: false,
    describe: 'Take the marker off: the manager may use the server again',
  },
  wait: {
    type: 'boolean',
    default: true,
    describe: 'Wait until the server is in no chain; --no-wait only leaves the marker',
  },
  ...ensembleOptions,
} as const

export const serverPositional = {
  server: { type: 'string', demandOption: true, describe: 'Id of a data server, such as n1' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof serverPositional>

export const drainCommand: CommandModule<object, Arguments> = {
  command: 'drain <server>',
  describe: 'Move a server out of its chains, each as soon as its replacement serves',
  builder: (yargs) =>
    yargs
      .positional('server', serverPositional.server)
      .options(options)
      .example('$0 chain drain n1', 'then n1 may be stopped')
      .example('$0 chain drain n1 --no-wait', 'marks it and returns')
      .example('$0 chain drain n1 --undo', 'as catenary chain add n1, without waiting')
      .epilogue(
        [
          'The marker is the znode /catenary/drain/SERVER. It stays, also when the server restarts, until --undo or chain add.',
          'A server whose chain nobody else serves stays in it: start another one first. Ctrl-C ends the waiting, not the draining.',
        ].join(' '),
      ) as never,
  handler: async (args) => {
    const { server, undo, wait } = args
    return withEnsemble(args, (client) => (undo ? unmark(client, server) : drain(client, server, wait)), {
      endless: wait && !undo,
    })
  },
}

async function unmark(client: CoordinatorClient, server: string): Promise<void> {
  const was = await removeMarker(client, server)
  say(was ? `${server} is not drained any more` : `${server} was not being drained`)
}

/** @returns whether there was one. */
export async function removeMarker(client: CoordinatorClient, server: string): Promise<boolean> {
  try {
    await client.delete(drainPath(server))
    return true
  } catch (error) {
    if (isCoordinatorError(error, 'NO_NODE')) return false
    throw error
  }
}

async function drain(client: CoordinatorClient, server: string, wait: boolean): Promise<void> {
  const tree = await readClusterTree(client)
  if (!tree.servers.has(server) && chainsWith(tree, server).length === 0) {
    throw new Error(`no server ${server} is registered or in a chain; ${knownServers(tree)}`)
  }
  await client.ensurePath(drainPath(server))
  if (!wait) return say(`${server} is marked to be drained`)
  await waitFor(client, (now) => stillIn(now, server), `${server} is still marked; --undo takes that back`)
  say(`${server} is in no chain`)
}

/** What there is to wait for; null: nothing. */
export function stillIn(tree: ClusterTree, server: string): string | null {
  const chains = chainsWith(tree, server)
  if (chains.length === 0) return null
  const stories = chains.map(({ chain, members, joining }) => {
    const others = members.filter((member) => member.serving && member.server !== server)
    const why = others.length === 0 && joining === null ? '; nobody else serves it: start another server' : ''
    return `${chain}: ${membersText(members, joining)}${why}`
  })
  return `${server} is in ${stories.join('; ')}`
}
