import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { Client } from '../../client/index.ts'
import { toWhole, UsageError } from '../arguments.ts'
import { showLine } from '../bytes.ts'
import { Lines } from '../output.ts'
import { jsonOption, storeOptions, withStore } from '../store.ts'
import { tellOutcome } from './put.ts'

const options = {
  'if-version': { type: 'string', requiresArg: true, describe: 'Only this version; for one key' },
  ...jsonOption,
  ...storeOptions,
} as const

const positionals = {
  keys: { type: 'string', array: true, demandOption: true, describe: 'Keys to delete' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

const OUTSTANDING = 256

export const deleteCommand: CommandModule<object, Arguments> = {
  command: 'delete <keys..>',
  aliases: ['del'],
  describe: 'Delete keys; to delete what is absent is no error',
  builder: (yargs) =>
    yargs
      .positional('keys', positionals.keys)
      .options(options)
      .example('$0 delete user:1 user:2', 'each on its own: not one transaction')
      .example('$0 del lock --if-version 17', 'only if it is still mine')
      .example('$0 scan --prefix tmp: --keys-only | xargs $0 delete --', 'all that begin with tmp:') as never,
  handler: async (args) => {
    const ifVersion = args['if-version']
    const [key = ''] = args.keys
    if (ifVersion === undefined) return await withStore(args, (client) => deleteAll(client, args))
    if (args.keys.length > 1) throw new UsageError('--if-version speaks of one key: name one')
    const version = toWhole(ifVersion, '--if-version', 1)
    const outcome = await withStore(args, (client) => client.delete(key, { ifVersion: version }))
    tellOutcome('deleted', { key, json: args.json }, outcome)
  },
}

async function deleteAll(client: Client, { keys, json }: Arguments): Promise<void> {
  const lines = new Lines()
  for (let i = 0; i < keys.length; i += OUTSTANDING) {
    const some = keys.slice(i, i + OUTSTANDING)
    const outcomes = await Promise.all(some.map((key) => client.delete(key)))
    for (const [j, key] of some.entries()) {
      const outcome = outcomes[j]
      const version = outcome?.applied ? outcome.version : 0
      const deleted = version > 0
      if (json) await lines.line(JSON.stringify({ key, deleted, version }))
      else await lines.line(`${deleted ? 'deleted' : 'absent'}\t${showLine(Buffer.from(key))}`)
    }
  }
  await lines.flush()
}
