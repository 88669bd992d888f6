import type { CommandModule, InferredOptionTypes } from 'yargs'
import { joiningText, memberOptions } from '../../ensemble-members.ts'
import { changeEnsemble } from './change.ts'

const options = {
  observer: {
    type: 'boolean',
    default: false,
    describe: 'It serves clients and never votes: more reads, no slower writes',
  },
  ...memberOptions,
} as const
const positional = {
  member: {
    type: 'string',
    demandOption: true,
    describe: 'The new member: id=host:peerPort:clientPort; it runs already, with --join',
  },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positional>

export const addCoordinatorCommand: CommandModule<object, Arguments> = {
  command: 'add <member>',
  describe: 'Add a member to the ensemble: it gets the log, and its vote once it has caught up',
  builder: (yargs) =>
    yargs
      .positional('member', positional.member)
      .options(options)
      .example('$0 coordinator add coordinator-4=127.0.0.1:2884:2184', 'after that one was started') as never,
  handler: (args) =>
    changeEnsemble(args, { joining: joiningText(args.member, args.observer ? 'observer' : 'participant') }),
}
