import type { CommandModule, InferredOptionTypes } from 'yargs'
import { withEnsemble } from '../../ensemble.ts'
import { configJson, configText, memberOptions, readConfig } from '../../ensemble-members.ts'
import { say, sayJson } from '../../output.ts'

export const listCoordinatorsCommand: CommandModule<object, InferredOptionTypes<typeof memberOptions>> = {
  command: 'list',
  describe: 'Show the members of the ensemble, as it has written them down',
  builder: (yargs) =>
    yargs.options(memberOptions).example('$0 coordinator list --coordinator 127.0.0.1:2181', '') as never,
  handler: (args) =>
    withEnsemble(args, async (client) => {
      const config = await readConfig(client)
      if (args.json) sayJson(configJson(config))
      else say(configText(config))
    }),
}
