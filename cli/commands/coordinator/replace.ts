import type { CommandModule, InferredOptionTypes } from 'yargs'
import { joiningText, memberOptions, numberOf } from '../../ensemble-members.ts'
import { changeEnsemble } from './change.ts'

const positional = {
  member: { type: 'string', demandOption: true, describe: 'Id or number of the member that goes' },
  by: {
    type: 'string',
    demandOption: true,
    describe:
      'The one that comes, of another number: id=host:peerPort:clientPort; it runs already, with --join',
  },
} as const

type Arguments = InferredOptionTypes<typeof memberOptions & typeof positional>

export const replaceCoordinatorCommand: CommandModule<object, Arguments> = {
  command: 'replace <member> <by>',
  describe: 'Put a new member in the place of another: it votes before the other one goes',
  builder: (yargs) =>
    yargs
      .positional('member', positional.member)
      .positional('by', positional.by)
      .options(memberOptions)
      .example('$0 coordinator replace coordinator-3 coordinator-4=127.0.0.1:2884:2184', '') as never,
  handler: (args) =>
    changeEnsemble(args, {
      joining: joiningText(args.by, 'participant'),
      leaving: String(numberOf(args.member)),
    }),
}
