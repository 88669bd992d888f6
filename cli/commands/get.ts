import type { CommandModule, InferredOptionTypes } from 'yargs'
import { READ_POLICIES } from '../../client/core/events.ts'
import type { Client, GetOptions, StoredValue } from '../../client/index.ts'
import { KEYS_PER_COMMAND_MAX } from '../../protocol/limits.ts'
import { toConsistency, UsageError } from '../arguments.ts'
import { jsonBytes, quoted, showLine, showText } from '../bytes.ts'
import { fail, Lines } from '../output.ts'
import { jsonOption, storeOptions, withStore } from '../store.ts'

/** How fresh a read must be, and who answers it: of `get` and of `scan`. */
export const readOptions = {
  consistency: {
    type: 'string',
    default: 'strong',
    describe: 'strong, eventual, age:MS or versions:N: how far from the newest committed value it may be',
  },
  'read-policy': {
    choices: READ_POLICIES,
    default: 'spread' as const,
    describe: 'Which replica answers: all in turn, the fastest, the tail only, or any but the tail',
  },
} as const

const options = {
  raw: {
    type: 'boolean',
    default: false,
    describe: 'Print the bytes of the value and nothing else, not even a line end; for one key',
  },
  ...readOptions,
  ...jsonOption,
  ...storeOptions,
} as const

const positionals = {
  keys: { type: 'string', array: true, demandOption: true, describe: 'Keys to read' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const getCommand: CommandModule<object, Arguments> = {
  command: 'get <keys..>',
  describe: 'Read keys, from any replica; status 1 if one is missing',
  builder: (yargs) =>
    yargs
      .positional('keys', positionals.keys)
      .options(options)
      .example('$0 get greeting', 'its value; bytes that are not UTF-8 are shown as \\x00')
      .example('$0 get user:1 user:2 --json', 'one JSON object a line, with version and committed')
      .example('$0 get photo --raw > photo.jpg', 'the bytes as they are stored')
      .example(
        '$0 get greeting --consistency age:500',
        'at most 500 ms behind; may answer without asking the tail',
      )
      .example('$0 get -- -x', 'a key that begins with a dash') as never,
  handler: async (args) => {
    if (args.raw && args.keys.length > 1) throw new UsageError('--raw prints one value: name one key')
    if (args.raw && args.json) throw new UsageError('use --raw or --json, not both')
    const how: GetOptions = {
      consistency: toConsistency(args.consistency),
      readPolicy: args['read-policy'],
    }
    await withStore(args, (client) => get(client, args, how))
  },
}

async function get(client: Client, { keys, raw, json }: Arguments, how: GetOptions): Promise<void> {
  const lines = new Lines()
  for (let i = 0; i < keys.length; i += KEYS_PER_COMMAND_MAX) {
    const some = keys.slice(i, i + KEYS_PER_COMMAND_MAX)
    const values = await client.getMany(some, how)
    for (const [j, key] of some.entries()) {
      const value = values[j] ?? null
      if (json) await lines.line(JSON.stringify(itemJson(Buffer.from(key), value)))
      else if (value !== null && raw) process.stdout.write(value.value)
      else if (value !== null && keys.length === 1) await lines.line(showText(value.value))
      else if (value !== null) await lines.line(`${showLine(Buffer.from(key))}\t${showLine(value.value)}`)
      if (value === null) fail(`no such key: ${quoted(key)}`)
    }
  }
  await lines.flush()
}

/** As every command prints an item in JSON; `export` without the version, which an import cannot keep. */
export function itemJson(key: Uint8Array, value: StoredValue | null): Record<string, unknown> {
  if (value === null) return { ...jsonBytes('key', key), value: null }
  return {
    ...jsonBytes('key', key),
    ...jsonBytes('value', value.value),
    version: value.version,
    committed: value.committed,
    ...(value.expiresAt === null ? {} : { expiresAt: value.expiresAt.toISOString() }),
  }
}
