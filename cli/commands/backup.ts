import type { CommandModule } from 'yargs'
import { takeBackupCommand } from './backup/take.ts'
import { verifyBackupCommand } from './backup/verify.ts'

export const backupCommand: CommandModule = {
  command: 'backup',
  describe: 'Copy everything into one file while the cluster serves; or check such a file',
  builder: (yargs) =>
    yargs
      .command(takeBackupCommand)
      .command(verifyBackupCommand)
      .demandCommand(1, 'A file or a directory to write to; or `verify` and a file')
      .example('$0 backup /backups', 'into catenary-20300131T120000Z.backup there')
      .example('$0 backup verify monday.backup', 'is it whole and undamaged?'),
  handler: () => {},
}
