import { statSync } from 'node:fs'
import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { Client } from '../../client/index.ts'
import { toWhole } from '../arguments.ts'
import { restoreBackup } from '../backup/restore-backup.ts'
import { note } from '../output.ts'
import { Progress } from '../records/progress.ts'
import { storeOptions, withStore } from '../store.ts'
import { checkedBackup } from './backup/verify.ts'

const options = {
  overwrite: {
    type: 'boolean',
    default: false,
    describe: 'Also into a cluster that holds something; keys that are not in the backup stay',
  },
  outstanding: { type: 'string', default: '256', describe: 'How many puts may wait for an answer at a time' },
  ...storeOptions,
} as const

const positionals = {
  file: { type: 'string', demandOption: true, describe: 'A file that `catenary backup` has written' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const restoreCommand: CommandModule<object, Arguments> = {
  command: 'restore <file>',
  describe: 'Store everything of a backup in an empty cluster',
  builder: (yargs) =>
    yargs
      .positional('file', positionals.file)
      .options(options)
      .example('$0 restore monday.backup', 'checks the whole file first')
      .example('$0 restore monday.backup --overwrite', 'goes on where a restore was interrupted')
      .epilogue(
        [
          'Keys, values and moments of expiry are as they were; what has expired since is left out. Versions are new: they count the writes of a',
          'chain. The cluster may have another number of chains, or of members, than the one that was copied.',
        ].join(' '),
      ) as never,
  handler: async (args) => {
    const outstandingMax = toWhole(args.outstanding, '--outstanding', 1)
    const { end } = await checkedBackup(args.file)
    note(`${args.file} is whole: ${end.items} keys`)
    await withStore(args, (client) => restore(client, args, outstandingMax))
  },
}

async function restore(
  client: Client,
  { file, overwrite }: Arguments,
  outstandingMax: number,
): Promise<void> {
  if (!overwrite) {
    for await (const { keyBytes } of client.scan({ prefix: '' }))
      throw new Error(
        `the cluster is not empty: it holds ${JSON.stringify(Buffer.from(keyBytes).toString())}, for example. ` +
          '--overwrite stores over what is there',
      )
  }
  const progress = new Progress('restoring', statSync(file).size)
  const restoreTerminal = () => progress.stop()
  process.once('exit', restoreTerminal)
  try {
    const { stored, expired } = await restoreBackup(file, client, { outstandingMax, progress })
    progress.stop()
    note(`restored ${stored} keys${expired > 0 ? `; ${expired} had expired` : ''}`)
  } catch (error) {
    throw new Error(
      `${(error as Error).message}\nA part of it is stored; to go on, restore again with --overwrite`,
      { cause: error },
    )
  } finally {
    progress.stop()
    process.off('exit', restoreTerminal)
  }
}
