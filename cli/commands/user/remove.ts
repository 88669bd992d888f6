import type { CommandModule, InferredOptionTypes } from 'yargs'
import { say } from '../../output.ts'
import { removeUser, userOptions, userPositional, withUsers } from '../../users.ts'

type Arguments = InferredOptionTypes<typeof userOptions & typeof userPositional>

export const removeUserCommand: CommandModule<object, Arguments> = {
  command: 'remove <user>',
  describe: 'Remove a user; his connections may do nothing from then on',
  builder: (yargs) =>
    yargs
      .positional('user', userPositional.user)
      .options(userOptions)
      .example('$0 user remove ann', '') as never,
  handler: async (args) => {
    await withUsers(args, (client) => removeUser(client, args.user))
    say(`${args.user} is removed`)
  },
}
