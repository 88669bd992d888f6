import type { CommandModule, InferredOptionTypes } from 'yargs'
import { toWhole, UsageError } from '../arguments.ts'
import { jsonOption, storeOptions, withStore } from '../store.ts'
import { tellOutcome } from './put.ts'

const options = {
  version: {
    type: 'string',
    requiresArg: true,
    describe: 'Expect this version, whatever its value: then only KEY and NEXT follow',
  },
  ...jsonOption,
  ...storeOptions,
} as const

const positionals = {
  key: { type: 'string', demandOption: true, describe: 'Key' },
  expected: {
    type: 'string',
    demandOption: true,
    describe: 'The value that it must have; with --version: NEXT',
  },
  next: { type: 'string', describe: 'The value that it gets' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const casCommand: CommandModule<object, Arguments> = {
  command: 'cas <key> <expected> [next]',
  describe: 'Compare and set: replace what is expected, or do nothing and end with status 1',
  builder: (yargs) =>
    yargs
      .version(false)
      .positional('key', positionals.key)
      .positional('expected', positionals.expected)
      .positional('next', positionals.next)
      .options(options)
      .example('$0 cas light red green', 'green, if it was red')
      .example('$0 cas light green --version 17', 'green, if version 17 is the newest')
      .example('$0 put light red --if-absent', 'where no value is expected') as never,
  handler: async (args) => {
    const { key } = args
    const { expected, next } = toComparison(args)
    const outcome = await withStore(args, (client) => client.compareAndSet(key, expected, next))
    tellOutcome('stored', args, outcome)
  },
}

function toComparison({ version, expected, next }: Arguments): { expected: string | number; next: string } {
  if (version === undefined) {
    if (next === undefined) throw new UsageError('cas KEY EXPECTED NEXT: NEXT is missing')
    return { expected, next }
  }
  if (next !== undefined) throw new UsageError('cas KEY NEXT --version N: the version stands for EXPECTED')
  return { expected: toWhole(version, '--version', 1), next: expected }
}
