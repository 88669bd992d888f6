import type { CommandModule, InferredOptionTypes } from 'yargs'
import { toWhole } from '../../arguments.ts'
import { withEnsemble } from '../../ensemble.ts'
import { say, sayJson } from '../../output.ts'
import { pathPositional, statJson, toPath, znodeOptions } from '../../znodes.ts'

const options = {
  version: { type: 'string', requiresArg: true, describe: 'Only if this is its dataVersion' },
  ...znodeOptions,
} as const

const positionals = {
  ...pathPositional,
  data: { type: 'string', demandOption: true, describe: 'What it shall hold' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const setZnodeCommand: CommandModule<object, Arguments> = {
  command: 'set <path> <data>',
  describe: 'Replace the data of a znode',
  builder: (yargs) =>
    yargs
      .version(false)
      .positional('path', positionals.path)
      .positional('data', positionals.data)
      .options(options)
      .example('$0 znode set /app/mode blue', 'whatever it held')
      .example('$0 znode set /app/mode blue --version 3', 'only if nobody else wrote meanwhile')
      .epilogue(
        'The manager alone writes below /catenary/chains: to change a chain, see catenary chain.',
      ) as never,
  handler: async (args) => {
    const path = toPath(args.path)
    const version = args.version === undefined ? -1 : toWhole(args.version, '--version', 0)
    return withEnsemble(args, async (client) => {
      const stat = await client.setData(path, args.data, version)
      if (args.json) sayJson({ path, ...statJson(stat) })
      else say(`set, dataVersion ${stat.version}`)
    })
  },
}
