import type { CommandModule, InferredOptionTypes } from 'yargs'
import { newRecord } from '../../../runtime/security/passwords.ts'
import { say } from '../../output.ts'
import { newPassword, passwordFileOption } from '../../password.ts'
import { changeUser, toUserName, userOptions, userPositional, withUsers } from '../../users.ts'

const options = { ...passwordFileOption, ...userOptions } as const
type Arguments = InferredOptionTypes<typeof options & typeof userPositional>

export const passwdUserCommand: CommandModule<object, Arguments> = {
  command: 'passwd <user>',
  describe: 'Give a user another password; who is logged in with the old one has to log in again',
  builder: (yargs) =>
    yargs
      .positional('user', userPositional.user)
      .options(options)
      .example('$0 user passwd ann', 'asks for it')
      .example('$0 user passwd app --password-file app.password', 'takes it from a file') as never,
  handler: async (args) => {
    const name = toUserName(args.user)
    const password = await newPassword({ user: name, file: args['password-file'] ?? null })
    const record = await newRecord(password)
    await withUsers(args, (client) => changeUser(client, name, (znode) => ({ ...znode, record })))
    say(`${name} has another password`)
  },
}
