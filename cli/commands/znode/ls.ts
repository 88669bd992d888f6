import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { CoordinatorClient } from '../../../client/coordinator/client.ts'
import { isCoordinatorError } from '../../../client/coordinator/errors.ts'
import { withEnsemble } from '../../ensemble.ts'
import { Lines } from '../../output.ts'
import { childPath, freshen, localOption, toPath, znodeOptions } from '../../znodes.ts'

const options = {
  recursive: { type: 'boolean', default: false, alias: 'R', describe: 'Also what is below, as whole paths' },
  ...localOption,
  ...znodeOptions,
} as const

const positionals = {
  path: { type: 'string', default: '/', describe: 'Path of the znode whose children to list' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const lsZnodeCommand: CommandModule<object, Arguments> = {
  command: 'ls [path]',
  describe: 'List the children of a znode',
  builder: (yargs) =>
    yargs
      .positional('path', positionals.path)
      .options(options)
      .example('$0 znode ls /catenary/servers', 'the servers that are alive')
      .example('$0 znode ls / --recursive', 'the whole tree') as never,
  handler: async (args) => {
    const path = toPath(args.path)
    return withEnsemble(args, async (client) => {
      await freshen(client, args.local, path)
      const lines = new Lines()
      const list = args.recursive ? descendants(client, path) : children(client, path)
      for await (const name of list) await lines.line(args.json ? JSON.stringify(name) : name)
      await lines.flush()
    })
  },
}

async function* children(client: CoordinatorClient, path: string): AsyncGenerator<string, void, void> {
  yield* [...(await client.getChildren(path))].sort()
}

/** Depth first, parents before children. What is deleted meanwhile is passed over. */
export async function* descendants(
  client: CoordinatorClient,
  path: string,
): AsyncGenerator<string, void, void> {
  for (const name of [...(await client.getChildren(path))].sort()) {
    const child = childPath(path, name)
    yield child
    try {
      yield* descendants(client, child)
    } catch (error) {
      if (!isCoordinatorError(error, 'NO_NODE')) throw error
    }
  }
}
