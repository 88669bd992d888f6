import type { CommandModule, InferredOptionTypes } from 'yargs'
import { EVERYBODY } from '../../../client/coordinator/new-znodes.ts'
import { toAcl } from '../../acl-text.ts'
import { toDuration } from '../../arguments.ts'
import { withEnsemble } from '../../ensemble.ts'
import { interrupted, note, say, sayJson } from '../../output.ts'
import { pathPositional, toPath, znodeOptions } from '../../znodes.ts'

const options = {
  sequential: {
    type: 'boolean',
    default: false,
    describe: 'Append a number that grows with every child of the parent',
  },
  parents: { type: 'boolean', default: false, describe: 'Create what is missing above it, too' },
  ephemeral: {
    type: 'boolean',
    default: false,
    describe: 'It goes with the session of this command, which therefore stays until Ctrl-C',
  },
  container: { type: 'boolean', default: false, describe: 'It goes some time after its last child' },
  ttl: {
    type: 'string',
    requiresArg: true,
    describe: 'It goes once it had no children and no writes for so long',
  },
  acl: { type: 'string', requiresArg: true, describe: 'Who may do what, such as world:anyone:r,auth::cdrwa' },
  ...znodeOptions,
} as const

const positionals = {
  ...pathPositional,
  data: { type: 'string', describe: 'What it shall hold', defaultDescription: 'nothing' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const createZnodeCommand: CommandModule<object, Arguments> = {
  command: 'create <path> [data]',
  describe: 'Create a znode and print its path',
  builder: (yargs) =>
    yargs
      .positional('path', positionals.path)
      .positional('data', positionals.data)
      .options(options)
      .example('$0 znode create /app/mode green --parents', 'and /app, if there is none')
      .example('$0 znode create /app/job- --sequential', 'prints /app/job-0000000000, for example')
      .example('$0 znode create /app/here --ephemeral', 'there until Ctrl-C') as never,
  handler: async (args) => {
    const path = toPath(args.path)
    const { sequential, ephemeral, container } = args
    const more = {
      ...(args.ttl !== undefined && { ttlMs: toDuration(args.ttl, '--ttl') }),
      // The cluster's secret closes what is the cluster's, and nothing else.
      ...(args.acl !== undefined ? { acl: toAcl(args.acl) } : isClusters(path) ? {} : { acl: EVERYBODY }),
    }
    const work = withEnsemble(
      args,
      async (client) => {
        if (args.parents) await client.ensurePath(path.slice(0, path.lastIndexOf('/')))
        const created = await client.create(path, args.data ?? null, {
          ...{ sequential, ephemeral, container },
          ...more,
        })
        if (args.json) sayJson({ path: created })
        else say(created)
        if (!ephemeral) return
        note('It is there until Ctrl-C.')
        const expired = new Promise<never>((_, reject) => {
          client.onState((state) => {
            if (state === 'expired') reject(new Error(`the session expired, and ${created} is gone`))
          })
        })
        await Promise.race([interrupted(), expired])
      },
      { endless: ephemeral },
    )
    return work
  },
}

const isClusters = (path: string): boolean => path === '/catenary' || path.startsWith('/catenary/')
