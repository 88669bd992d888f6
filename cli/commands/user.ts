import type { CommandModule } from 'yargs'
import { addUserCommand } from './user/add.ts'
import { grantUserCommand, revokeUserCommand } from './user/grant.ts'
import { listUsersCommand } from './user/list.ts'
import { passwdUserCommand } from './user/passwd.ts'
import { removeUserCommand } from './user/remove.ts'

export const userCommand: CommandModule = {
  command: 'user',
  describe: 'Users of a cluster that has a secret, and what they may do',
  builder: (yargs) =>
    yargs
      .command(addUserCommand)
      .command(passwdUserCommand)
      .command(grantUserCommand)
      .command(revokeUserCommand)
      .command(removeUserCommand)
      .command(listUsersCommand)
      .demandCommand(1, 'Which of add, passwd, grant, revoke, remove and list?')
      .example('$0 user add ann write:users/ --secret-file cluster.secret', 'asks for her password')
      .example('$0 user list --secret-file cluster.secret', 'who there is')
      .epilogue('Users are kept by the coordinators. Changes reach all servers at once.'),
  handler: () => {},
}
