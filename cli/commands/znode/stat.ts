import type { CommandModule, InferredOptionTypes } from 'yargs'
import { withEnsemble } from '../../ensemble.ts'
import { fail, say, sayJson } from '../../output.ts'
import {
  freshen,
  localOption,
  pathPositional,
  statJson,
  statText,
  toPath,
  znodeOptions,
} from '../../znodes.ts'

const options = { ...localOption, ...znodeOptions } as const

type Arguments = InferredOptionTypes<typeof options & typeof pathPositional>

export const statZnodeCommand: CommandModule<object, Arguments> = {
  command: 'stat <path>',
  describe: 'Show versions, times and owner of a znode; status 1 if there is none',
  builder: (yargs) =>
    yargs
      .positional('path', pathPositional.path)
      .options(options)
      .example('$0 znode stat /catenary/servers/n1', 'whose session it is, and when it last renewed')
      .example('$0 znode stat /catenary/chains/c0 --json', 'dataVersion: for znode set --version') as never,
  handler: async (args) => {
    const path = toPath(args.path)
    return withEnsemble(args, async (client) => {
      await freshen(client, args.local, path)
      const stat = await client.exists(path)
      if (stat === null) return fail(`there is no znode ${path}`)
      if (args.json) sayJson({ path, ...statJson(stat) })
      else say(statText(stat))
    })
  },
}
