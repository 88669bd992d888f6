import type { CommandModule, InferredOptionTypes } from 'yargs'
import { memberOptions, numberOf } from '../../ensemble-members.ts'
import { changeEnsemble } from './change.ts'

const positional = {
  member: { type: 'string', demandOption: true, describe: 'Id or number of the member, as in coordinator-3' },
} as const

type Arguments = InferredOptionTypes<typeof memberOptions & typeof positional>

export const removeCoordinatorCommand: CommandModule<object, Arguments> = {
  command: 'remove <member>',
  describe: 'Take a member out of the ensemble, dead or alive; stop its process afterwards',
  builder: (yargs) =>
    yargs
      .positional('member', positional.member)
      .options(memberOptions)
      .example('$0 coordinator remove coordinator-3', 'the others go on without it') as never,
  handler: (args) => changeEnsemble(args, { leaving: String(numberOf(args.member)) }),
}
