import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { Client, ScanOptions } from '../../client/index.ts'
import { toConsistency, toWhole } from '../arguments.ts'
import { jsonBytes, showLine } from '../bytes.ts'
import { Lines } from '../output.ts'
import { jsonOption, storeOptions, withStore } from '../store.ts'
import { itemJson, readOptions } from './get.ts'

const options = {
  prefix: { type: 'string', default: '', requiresArg: true, describe: 'Only keys that begin with this' },
  limit: { type: 'string', requiresArg: true, describe: 'Stop after so many' },
  'keys-only': { type: 'boolean', default: false, describe: 'Print keys without values' },
  ...readOptions,
  ...jsonOption,
  ...storeOptions,
} as const

type Arguments = InferredOptionTypes<typeof options>

const PAGE_SIZE = 256

export const scanCommand: CommandModule<object, Arguments> = {
  command: 'scan',
  describe: 'List keys and values in byte order, of all chains',
  builder: (yargs) =>
    yargs
      .options(options)
      .example('$0 scan --prefix user: --limit 10', 'key, tab, value')
      .example('$0 scan --keys-only | wc -l', 'how many keys there are')
      .example('$0 scan --prefix user: --json', 'one JSON object a line, with version and committed')
      .epilogue(
        'Each page of a chain is a snapshot; the whole is not: what is written meanwhile may show or not.',
      ) as never,
  handler: async (args) => {
    const limit = args.limit === undefined ? Number.POSITIVE_INFINITY : toWhole(args.limit, '--limit', 1)
    const how: ScanOptions = {
      prefix: args.prefix,
      pageSize: Math.min(limit, PAGE_SIZE),
      consistency: toConsistency(args.consistency),
      readPolicy: args['read-policy'],
    }
    await withStore(args, (client) => scan(client, { ...args, how, most: limit }))
  },
}

async function scan(
  client: Client,
  { how, most, json, 'keys-only': keysOnly }: Arguments & { how: ScanOptions; most: number },
): Promise<void> {
  const lines = new Lines()
  let count = 0
  for await (const item of client.scan(how)) {
    const { keyBytes } = item
    if (json)
      await lines.line(JSON.stringify(keysOnly ? jsonBytes('key', keyBytes) : itemJson(keyBytes, item)))
    else await lines.line(keysOnly ? showLine(keyBytes) : `${showLine(keyBytes)}\t${showLine(item.value)}`)
    if (++count >= most) break
  }
  await lines.flush()
}
