import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { CoordinatorClient, Znode } from '../../../client/coordinator/client.ts'
import { isCoordinatorError } from '../../../client/coordinator/errors.ts'
import { toWhole } from '../../arguments.ts'
import { showLine } from '../../bytes.ts'
import { withEnsemble } from '../../ensemble.ts'
import { Lines } from '../../output.ts'
import { childPath, freshen, localOption, toPath, znodeJson, znodeOptions } from '../../znodes.ts'

const options = {
  depth: {
    type: 'string',
    requiresArg: true,
    describe: 'How many levels below it',
    defaultDescription: 'all',
  },
  width: { type: 'string', default: '60', describe: 'Characters of data to show of each; 0 shows none' },
  ...localOption,
  ...znodeOptions,
} as const

const positionals = {
  path: { type: 'string', default: '/', describe: 'Path of the znode to begin with' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const treeZnodeCommand: CommandModule<object, Arguments> = {
  command: 'tree [path]',
  describe: 'Draw a znode and all below it, with the start of their data',
  builder: (yargs) =>
    yargs
      .positional('path', positionals.path)
      .options(options)
      .example('$0 znode tree /catenary', 'the whole cluster at a glance; * marks what goes with its session')
      .example('$0 znode tree / --depth 1', 'what there is at all') as never,
  handler: async (args) => {
    const path = toPath(args.path)
    const depth = args.depth === undefined ? Number.POSITIVE_INFINITY : toWhole(args.depth, '--depth', 0)
    const width = toWhole(args.width, '--width', 0)
    return withEnsemble(args, async (client) => {
      await freshen(client, args.local, path)
      const lines = new Lines()
      for await (const branch of branches(client, path, depth)) {
        const { znode } = branch
        await lines.line(
          args.json ? JSON.stringify(znodeJson(branch.path, znode)) : branchText(branch, width),
        )
      }
      await lines.flush()
    })
  },
}

export interface Branch {
  readonly path: string
  readonly znode: Znode
  /** Of each level down to this one, whether it is the last of its parent's children. Empty for the first. */
  readonly last: readonly boolean[]
}

/** Depth first, parents before children, in byte order. What is deleted meanwhile is passed over. */
export async function* branches(
  client: CoordinatorClient,
  path: string,
  depth: number,
  last: readonly boolean[] = [],
): AsyncGenerator<Branch, void, void> {
  let names: readonly string[] = []
  try {
    yield { path, znode: await client.getData(path), last }
    if (last.length < depth) names = [...(await client.getChildren(path))].sort()
  } catch (error) {
    if (last.length === 0 || !isCoordinatorError(error, 'NO_NODE')) throw error
  }
  for (const [i, name] of names.entries())
    yield* branches(client, childPath(path, name), depth, [...last, i === names.length - 1])
}

/** `│  └─ n1*  {"server":"n1"...` */
export function branchText({ path, znode, last }: Branch, width: number): string {
  const stems = last.slice(0, -1).map((isLast) => (isLast ? '   ' : '│  '))
  const fork = last.length === 0 ? '' : last.at(-1) ? '└─ ' : '├─ '
  const name = last.length === 0 ? path : path.slice(path.lastIndexOf('/') + 1)
  const mark = znode.stat.ephemeralOwner === 0n ? '' : '*'
  const data = showLine(znode.data)
  const shown = data.length > width ? `${data.slice(0, Math.max(0, width - 3))}...` : data
  const tail = width === 0 || shown === '' ? '' : `  ${shown}`
  return `${stems.join('')}${fork}${name}${mark}${tail}`
}
