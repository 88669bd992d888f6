import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { Change, Client, WatchOptions } from '../../client/index.ts'
import { toWhole, UsageError } from '../arguments.ts'
import { jsonBytes, showLine } from '../bytes.ts'
import { interrupted, Lines, note } from '../output.ts'
import { jsonOption, storeOptions, withStore } from '../store.ts'

const options = {
  snapshot: {
    type: 'boolean',
    default: false,
    describe: 'First what there is now, each key once, and then what changes',
  },
  'from-seq': {
    type: 'string',
    requiresArg: true,
    describe: 'Go on from here: a number for all chains, or c0=17,c1=4 as this command prints when it ends',
  },
  limit: { type: 'string', requiresArg: true, describe: 'Stop after so many changes' },
  'keys-only': { type: 'boolean', default: false, describe: 'Print keys without values' },
  ...jsonOption,
  ...storeOptions,
} as const

const positionals = {
  prefix: { type: 'string', default: '', describe: 'Only keys that begin with this' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const watchCommand: CommandModule<object, Arguments> = {
  command: 'watch [prefix]',
  describe: 'Show changes as they are committed, until Ctrl-C',
  builder: (yargs) =>
    yargs
      .positional('prefix', positionals.prefix)
      .options(options)
      .example('$0 watch user:', 'chain, seq, put or delete, key, value')
      .example(
        '$0 watch --snapshot --json',
        'everything there is, and every change of it, one JSON object a line',
      )
      .example('$0 watch user: --from-seq c0=17', 'goes on where an earlier one ended; shows seq 17 again')
      .epilogue(
        'Those of one chain are shown in the order in which they happened, at least once: drop what you know by chain and seq.',
      ) as never,
  handler: async (args) => {
    if (args.snapshot && args['from-seq'] !== undefined)
      throw new UsageError('use --snapshot or --from-seq, not both')
    const fromSeq = args['from-seq']
    const how: WatchOptions = {
      snapshot: args.snapshot,
      ...(fromSeq === undefined ? {} : { fromSeq: toPositions(fromSeq) }),
    }
    const most = args.limit === undefined ? Number.POSITIVE_INFINITY : toWhole(args.limit, '--limit', 1)
    await withStore(args, (client) => watch(client, { ...args, how, most }))
  },
}

async function watch(
  client: Client,
  { prefix, how, most, json, 'keys-only': keysOnly }: Arguments & { how: WatchOptions; most: number },
): Promise<void> {
  const lines = new Lines()
  const watch = client.watch(prefix, how)
  void interrupted().then(() => watch.close())
  let count = 0
  for await (const change of watch) {
    await lines.line(json ? JSON.stringify(changeJson(change, keysOnly)) : changeLine(change, keysOnly))
    if (++count >= most) break
  }
  await lines.flush()
  const positions = Object.entries(watch.positions).map(([chain, seq]) => `${chain}=${seq}`)
  if (positions.length > 0) note(`to go on from here: --from-seq ${positions.join(',')}`)
}

function changeLine(change: Change, keysOnly: boolean): string {
  const { chain, seq, keyBytes, value } = change
  const start = `${chain}\t${seq}\t${value === null ? 'delete' : 'put'}\t${showLine(keyBytes)}`
  return keysOnly || value === null ? start : `${start}\t${showLine(value)}`
}

function changeJson(change: Change, keysOnly: boolean): Record<string, unknown> {
  const { chain, seq, keyBytes, value, snapshot, expiresAt } = change
  return {
    chain,
    seq,
    ...jsonBytes('key', keyBytes),
    ...(value === null ? { deleted: true } : keysOnly ? {} : jsonBytes('value', value)),
    ...(expiresAt === null ? {} : { expiresAt: expiresAt.toISOString() }),
    ...(snapshot ? { snapshot } : {}),
  }
}

function toPositions(text: string): number | Record<string, number> {
  if (/^\d+$/.test(text)) return toWhole(text, '--from-seq', 1)
  const pairs = text.split(',').map((pair) => {
    const match = /^([^=]+)=(\d+)$/.exec(pair)
    if (match?.[1] === undefined || match[2] === undefined)
      throw new UsageError(`--from-seq ${JSON.stringify(text)}: use a number, or chain=number,chain=number`)
    return [match[1], toWhole(match[2], '--from-seq', 1)] as const
  })
  return Object.fromEntries(pairs)
}
