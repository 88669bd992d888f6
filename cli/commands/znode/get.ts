import type { CommandModule, InferredOptionTypes } from 'yargs'
import { showText } from '../../bytes.ts'
import { withEnsemble } from '../../ensemble.ts'
import { say, sayJson } from '../../output.ts'
import { freshen, localOption, pathPositional, toPath, znodeJson, znodeOptions } from '../../znodes.ts'

const options = { ...localOption, ...znodeOptions } as const

type Arguments = InferredOptionTypes<typeof options & typeof pathPositional>

export const getZnodeCommand: CommandModule<object, Arguments> = {
  command: 'get <path>',
  describe: 'Print the data of a znode',
  builder: (yargs) =>
    yargs
      .positional('path', pathPositional.path)
      .options(options)
      .example('$0 znode get /catenary/chains/c0', 'the configuration of a chain')
      .example('$0 znode get /catenary/cluster --json', 'with its Stat') as never,
  handler: async (args) => {
    const path = toPath(args.path)
    return withEnsemble(args, async (client) => {
      await freshen(client, args.local, path)
      const znode = await client.getData(path)
      if (args.json) sayJson(znodeJson(path, znode))
      else say(showText(znode.data))
    })
  },
}
