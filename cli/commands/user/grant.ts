import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { Grant } from '../../../protocol/access.ts'
import { say } from '../../output.ts'
import {
  changeUser,
  GRANTS_HELP,
  grantsPositional,
  grantsText,
  toGrants,
  toUserName,
  userOptions,
  userPositional,
  withGrants,
  withoutGrants,
  withUsers,
} from '../../users.ts'

const positionals = { ...userPositional, ...grantsPositional } as const
type Arguments = InferredOptionTypes<typeof userOptions & typeof positionals>

export const grantUserCommand: CommandModule<object, Arguments> = {
  command: 'grant <user> <grants..>',
  describe: 'Let a user do more, also in connections that are open',
  builder: (yargs) =>
    yargs
      .positional('user', positionals.user)
      .positional('grants', positionals.grants)
      .options(userOptions)
      .example('$0 user grant ann read:public/', 'besides what she may do already')
      .epilogue(GRANTS_HELP) as never,
  handler: (args) => change(args, withGrants),
}

export const revokeUserCommand: CommandModule<object, Arguments> = {
  command: 'revoke <user> <grants..>',
  describe: 'Take grants from a user, also in connections that are open',
  builder: (yargs) =>
    yargs
      .positional('user', positionals.user)
      .positional('grants', positionals.grants)
      .options(userOptions)
      .example('$0 user revoke ann read:public/', 'a grant as `catenary user list` shows it') as never,
  handler: (args) => change(args, withoutGrants),
}

async function change(
  args: Arguments,
  changed: (had: readonly Grant[], named: readonly Grant[]) => readonly Grant[],
): Promise<void> {
  const name = toUserName(args.user)
  const named = toGrants(args.grants)
  const { grants } = await withUsers(args, (client) =>
    changeUser(client, name, (znode) => ({ ...znode, grants: changed(znode.grants, named) })),
  )
  say(`${name}: ${grantsText(grants)}`)
}
