import type { CommandModule, InferredOptionTypes } from 'yargs'
import { toWhole } from '../arguments.ts'
import { say, sayJson } from '../output.ts'
import { jsonOption, storeOptions, withStore } from '../store.ts'

const options = { ...jsonOption, ...storeOptions } as const

const positionals = {
  key: { type: 'string', demandOption: true, describe: 'Key of a whole number; absent counts as 0' },
  by: { type: 'string', default: '1', describe: 'What to add; negative subtracts' },
} as const

export const incrCommand: CommandModule<object, InferredOptionTypes<typeof options & typeof positionals>> = {
  command: 'incr <key> [by]',
  describe: 'Add to a number, once, and print the sum',
  builder: (yargs) =>
    yargs
      .positional('key', positionals.key)
      .positional('by', positionals.by)
      .options(options)
      .example('$0 incr visits', 'adds 1; retries included, it adds once')
      .example('$0 incr stock -5', 'takes 5 away') as never,
  handler: async (args) => {
    const by = toWhole(args.by, 'by')
    const value = await withStore(args, (client) => client.increment(args.key, by))
    if (args.json) sayJson({ key: args.key, value })
    else say(String(value))
  },
}
