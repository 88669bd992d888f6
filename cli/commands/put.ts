import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { PutOptions, WriteOutcome } from '../../client/index.ts'
import { VALUE_BYTES_MAX } from '../../protocol/limits.ts'
import { toDuration, toWhole, UsageError } from '../arguments.ts'
import { quoted } from '../bytes.ts'
import { fail, say, sayJson } from '../output.ts'
import { jsonOption, storeOptions, withStore } from '../store.ts'
import { itemJson } from './get.ts'

const options = {
  'if-absent': { type: 'boolean', default: false, describe: 'Only where the key has no value' },
  'if-present': { type: 'boolean', default: false, describe: 'Only where the key has a value' },
  'if-version': {
    type: 'string',
    requiresArg: true,
    describe: 'Only over this version, as get --json tells it',
  },
  'expires-in': {
    type: 'string',
    requiresArg: true,
    describe: 'Delete the key after this long, for example 10s',
  },
  'keep-expiry': {
    type: 'boolean',
    default: false,
    describe: 'Let the key expire when it would have before',
  },
  ...jsonOption,
  ...storeOptions,
} as const

const positionals = {
  key: { type: 'string', demandOption: true, describe: 'Key, 1 to 4096 bytes' },
  value: {
    type: 'string',
    demandOption: true,
    describe: 'Value, up to 8 MiB; - reads it from standard input',
  },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const putCommand: CommandModule<object, Arguments> = {
  command: 'put <key> <value>',
  describe: 'Store a value; status 1 if a condition does not hold',
  builder: (yargs) =>
    yargs
      .positional('key', positionals.key)
      .positional('value', positionals.value)
      .options(options)
      .example('$0 put greeting hello', 'stores it on every replica of its chain')
      .example('$0 put photo - < photo.jpg', 'any bytes, from standard input')
      .example(
        '$0 put lock me --if-absent --expires-in 30s',
        'a lock that does not outlive its owner by much',
      )
      .example('$0 put user:1 next --if-version 17', 'only if nobody else wrote meanwhile') as never,
  handler: async (args) => {
    const conditions = toPutOptions(args)
    const value = args.value === '-' ? await readAll(process.stdin) : args.value
    const outcome = await withStore(args, (client) => client.put(args.key, value, conditions))
    tellOutcome('stored', args, outcome)
  },
}

function toPutOptions(args: Arguments): PutOptions {
  const ifVersion = args['if-version']
  const expiresIn = args['expires-in']
  const conditions = [args['if-absent'], args['if-present'], ifVersion !== undefined].filter(Boolean)
  if (conditions.length > 1)
    throw new UsageError('use only one of --if-absent, --if-present and --if-version')
  if (expiresIn !== undefined && args['keep-expiry'])
    throw new UsageError('use --expires-in or --keep-expiry, not both')
  return {
    ifAbsent: args['if-absent'],
    ifPresent: args['if-present'],
    ...(ifVersion === undefined ? {} : { ifVersion: toWhole(ifVersion, '--if-version', 1) }),
    ...(expiresIn === undefined ? {} : { expiresInMs: toDuration(expiresIn, '--expires-in') }),
    keepExpiry: args['keep-expiry'],
  }
}

/** Stops soon after the limit: the store would refuse the rest anyway. */
async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream) {
    chunks.push(chunk)
    length += chunk.length
    if (length > VALUE_BYTES_MAX) break
  }
  return Buffer.concat(chunks)
}

/** What a conditional write did; status 1 where its condition did not hold. */
export function tellOutcome(
  done: 'stored' | 'deleted',
  { key, json }: { readonly key: string; readonly json: boolean },
  outcome: WriteOutcome,
): void {
  const { applied } = outcome
  if (applied) {
    if (json) sayJson({ applied, version: outcome.version })
    else say(`${done}, version ${outcome.version}`)
    return
  }
  const { current } = outcome
  if (json) sayJson({ applied, current: current === null ? null : itemJson(Buffer.from(key), current) })
  const met =
    current === null
      ? 'there is no such key'
      : `it has version ${current.version}, value ${quoted(current.value)}`
  fail(`not ${done}: ${quoted(key)}: ${met}`)
}
