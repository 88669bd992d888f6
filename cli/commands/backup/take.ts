import type { CommandModule, InferredOptionTypes } from 'yargs'
import { memberAuthorization } from '../../../runtime/security/basic-authorization.ts'
import { targetOf } from '../../backup/backup-file.ts'
import { takeBackup } from '../../backup/take-backup.ts'
import { readClusterTree } from '../../cluster-tree.ts'
import { ensembleOptions, withEnsemble } from '../../ensemble.ts'
import { interrupted, note, say, sayJson, table } from '../../output.ts'
import { Progress } from '../../records/progress.ts'
import { secretOf } from '../../secret-option.ts'
import { jsonOption } from '../../store.ts'
import { tlsOf } from '../../tls-options.ts'

const options = { ...jsonOption, ...ensembleOptions } as const

const positionals = {
  path: { type: 'string', demandOption: true, describe: 'File to write, or a directory for it' },
} as const

type Arguments = InferredOptionTypes<typeof options & typeof positionals>

export const takeBackupCommand: CommandModule<object, Arguments> = {
  command: 'take <path>',
  aliases: ['$0'],
  describe: 'Copy everything into one file while the cluster serves',
  builder: (yargs) =>
    yargs
      .positional('path', positionals.path)
      .options(options)
      .example('$0 backup take monday.backup', 'refuses to replace a file')
      .epilogue(
        [
          'Each chain is copied as it was at one moment, with every write acknowledged before; two chains at two moments. Data servers are',
          'found through the coordinators, and asked at their http ports. The file has its name only once it is whole and on the disk.',
        ].join(' '),
      ) as never,
  handler: async (args) => {
    const path = targetOf(args.path, new Date())
    const secret = secretOf(args)
    const tls = tlsOf(args)
    const taken = await withEnsemble(
      args,
      async (client) => {
        const progress = new Progress('copying', null)
        const restoreTerminal = () => progress.stop()
        process.once('exit', restoreTerminal)
        // What was written this far goes with the process.
        interrupted().then((signal) => process.exit(signal === 'SIGTERM' ? 143 : 130))
        try {
          let count = 0
          return await takeBackup(path, () => readClusterTree(client), {
            authorization: secret === null ? null : memberAuthorization(secret),
            tls,
            told: {
              onItems: (items) => {
                count += items
                progress.records(count)
              },
              onTrouble: (text) => note(`catenary: ${text}; trying again`),
            },
          })
        } finally {
          progress.stop()
          process.off('exit', restoreTerminal)
        }
      },
      { endless: true },
    )
    if (args.json) return sayJson(taken)
    const rows = taken.chains.map(({ chain, server, epoch, seq, keys }) => [chain, server, epoch, seq, keys])
    say(table(['chain', 'copied from', 'epoch', 'seq', 'keys'], rows))
    say(`${taken.path}: ${taken.end.items} keys, ${taken.bytes} bytes, sha256 ${taken.end.sha256}`)
  },
}
