import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { CoordinatorClient } from '../../../client/coordinator/client.ts'
import { isCoordinatorError } from '../../../client/coordinator/errors.ts'
import { toWhole, UsageError } from '../../arguments.ts'
import { withEnsemble } from '../../ensemble.ts'
import { say, sayJson } from '../../output.ts'
import { pathPositional, toPath, znodeOptions } from '../../znodes.ts'
import { descendants } from './ls.ts'

const options = {
  recursive: { type: 'boolean', default: false, alias: 'R', describe: 'With all that is below it' },
  version: { type: 'string', requiresArg: true, describe: 'Only if this is its dataVersion' },
  ...znodeOptions,
} as const

type Arguments = InferredOptionTypes<typeof options & typeof pathPositional>

export const deleteZnodeCommand: CommandModule<object, Arguments> = {
  command: 'delete <path>',
  describe: 'Delete a znode',
  builder: (yargs) =>
    yargs
      .version(false)
      .positional('path', pathPositional.path)
      .options(options)
      .example('$0 znode delete /app/mode', 'it must have no children')
      .example(
        '$0 znode delete /app --recursive',
        'with all below, one by one: not one transaction',
      ) as never,
  handler: async (args) => {
    const path = toPath(args.path)
    if (path === '/') throw new UsageError('the root cannot be deleted')
    if (args.recursive && args.version !== undefined)
      throw new UsageError('use --recursive or --version, not both')
    const version = args.version === undefined ? -1 : toWhole(args.version, '--version', 0)
    return withEnsemble(args, async (client) => {
      const count = args.recursive ? await deleteBelow(client, path) : 0
      await client.delete(path, version)
      if (args.json) sayJson({ path, deleted: count + 1 })
      else say(count === 0 ? `deleted ${path}` : `deleted ${path} and ${count} below it`)
    })
  },
}

async function deleteBelow(client: CoordinatorClient, path: string): Promise<number> {
  const paths: string[] = []
  for await (const found of descendants(client, path)) paths.push(found)
  for (const found of paths.reverse()) {
    try {
      await client.delete(found)
    } catch (error) {
      if (!isCoordinatorError(error, 'NO_NODE')) throw error // somebody else was faster
    }
  }
  return paths.length
}
