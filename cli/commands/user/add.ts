import type { CommandModule, InferredOptionTypes } from 'yargs'
import { newRecord } from '../../../runtime/security/passwords.ts'
import { say } from '../../output.ts'
import { newPassword, passwordFileOption } from '../../password.ts'
import {
  addUser,
  GRANTS_HELP,
  grantsPositional,
  grantsText,
  toGrants,
  toUserName,
  userOptions,
  userPositional,
  withGrants,
  withUsers,
} from '../../users.ts'

const options = { ...passwordFileOption, ...userOptions } as const
const grants = { ...grantsPositional.grants, demandOption: false, default: [] as string[] } as const
type Arguments = InferredOptionTypes<typeof options & typeof userPositional> & { grants: string[] }

export const addUserCommand: CommandModule<object, Arguments> = {
  command: 'add <user> [grants..]',
  describe: 'Add a user, with a password and what he may do',
  builder: (yargs) =>
    yargs
      .positional('user', userPositional.user)
      .positional('grants', grants)
      .options(options)
      .example('$0 user add ann write:users/ read:public/', 'asks for the password')
      .example('$0 user add backup admin: --password-file backup.password', 'may do everything')
      .example('pwgen 24 1 | $0 user add app write: --password-file -', 'all keys')
      .epilogue(`${GRANTS_HELP} The user default is whom Redis's AUTH means without a name.`) as never,
  handler: async (args) => {
    const name = toUserName(args.user)
    const had = withGrants([], toGrants(args.grants))
    const password = await newPassword({ user: name, file: args['password-file'] ?? null })
    const record = await newRecord(password)
    await withUsers(args, (client) => addUser(client, name, { grants: had, record }))
    say(`${name}: ${grantsText(had)}`)
  },
}
