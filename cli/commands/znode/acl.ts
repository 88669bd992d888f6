import type { CommandModule, InferredOptionTypes } from 'yargs'
import { aclText, permsText, toAcl } from '../../acl-text.ts'
import { toWhole } from '../../arguments.ts'
import { withEnsemble } from '../../ensemble.ts'
import { say, sayJson } from '../../output.ts'
import { freshen, localOption, pathPositional, toPath, znodeOptions } from '../../znodes.ts'

const options = {
  version: { type: 'string', requiresArg: true, describe: 'Change it only if this is its aclVersion' },
  ...localOption,
  ...znodeOptions,
} as const

const positionals = {
  ...pathPositional,
  acl: { type: 'string', describe: 'The new list: scheme:id:permissions, comma-separated' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const aclZnodeCommand: CommandModule<object, Arguments> = {
  command: 'acl <path> [acl]',
  describe: 'Print who may do what with a znode, or change it',
  builder: (yargs) =>
    yargs
      .version(false)
      .positional('path', positionals.path)
      .positional('acl', positionals.acl)
      .options(options)
      .example('$0 znode acl /app', 'world:anyone:cdrwa, for example')
      .example(
        '$0 znode acl /app world:anyone:r,auth::cdrwa --auth digest:ann:secret',
        'all read, ann does all',
      )
      .epilogue(
        'Permissions: c and d create and delete children, r reads, w writes, a changes this list. It is not inherited.',
      ) as never,
  handler: async (args) => {
    const path = toPath(args.path)
    const version = args.version === undefined ? -1 : toWhole(args.version, '--version', 0)
    const next = args.acl === undefined ? null : toAcl(args.acl)
    return withEnsemble(args, async (client) => {
      if (next !== null) await client.setAcl(path, next, version)
      else await freshen(client, args.local, path)
      const { acl, stat } = await client.getAcl(path)
      const entries = acl.map(({ perms, id }) => ({ ...id, permissions: permsText(perms) }))
      if (args.json) sayJson({ path, aclVersion: stat.aversion, acl: entries })
      else say(aclText(acl))
    })
  },
}
