import type { CommandModule, InferredOptionTypes } from 'yargs'
import { textOfGrant } from '../../../protocol/access.ts'
import { say, sayJson, table } from '../../output.ts'
import { jsonOption } from '../../store.ts'
import { grantsText, listUsers, userOptions, withUsers } from '../../users.ts'

const options = { ...jsonOption, ...userOptions } as const

export const listUsersCommand: CommandModule<object, InferredOptionTypes<typeof options>> = {
  command: 'list',
  describe: 'Show who there is, and what he may do',
  builder: (yargs) =>
    yargs
      .options(options)
      .example('$0 user list', '')
      .example("$0 user list --json | jq '.[].name'", 'for other programs') as never,
  handler: async (args) => {
    const users = await withUsers(args, listUsers)
    if (args.json)
      return sayJson(
        users.map(({ name, znode }) => ({ name, grants: znode?.grants.map(textOfGrant) ?? null })),
      )
    if (users.length === 0) return say('There are no users yet: `catenary user add` adds one.')
    const rows = users.map(({ name, znode }) => [
      name,
      znode === null ? 'its znode holds no user: remove it' : grantsText(znode.grants),
    ])
    say(table(['user', 'grants'], rows))
  },
}
