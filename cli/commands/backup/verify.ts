import { statSync } from 'node:fs'
import type { CommandModule, InferredOptionTypes } from 'yargs'
import { type BackupSummary, readBackup } from '../../backup/backup-file.ts'
import { say, sayJson, table } from '../../output.ts'
import { Progress } from '../../records/progress.ts'
import { jsonOption } from '../../store.ts'

const options = { ...jsonOption } as const

const positionals = {
  file: { type: 'string', demandOption: true, describe: 'A file that `catenary backup` has written' },
} as const

export const verifyBackupCommand: CommandModule<
  object,
  InferredOptionTypes<typeof options & typeof positionals>
> = {
  command: 'verify <file>',
  describe: 'Read a whole backup and check every checksum; needs no cluster',
  builder: (yargs) =>
    yargs
      .positional('file', positionals.file)
      .options(options)
      .example('$0 backup verify monday.backup', 'status 1, and where, if it is damaged') as never,
  handler: async ({ file, json }) => {
    const summary = await checkedBackup(file)
    if (json) return sayJson({ file, ...summary })
    const { head, chains, end, bytes } = summary
    const rows = chains.map(({ chain, server, epoch, seq, keys }) => [chain, server, epoch, seq, keys])
    say(table(['chain', 'copied from', 'epoch', 'seq', 'keys'], rows))
    say(`${file} is whole: begun ${head.begunAt}, ${end.items} keys, ${bytes} bytes, sha256 ${end.sha256}`)
  },
}

/** Reads all of it, with progress. @throws where it is damaged, with where. */
export async function checkedBackup(file: string): Promise<BackupSummary> {
  const progress = new Progress('checking', statSync(file).size)
  let items = 0
  try {
    return await readBackup(file, {
      onBytes: (count) => progress.addBytes(count),
      onItems: (count) => {
        items += count
        progress.records(items)
      },
    })
  } finally {
    progress.stop()
  }
}
