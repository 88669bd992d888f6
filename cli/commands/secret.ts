import { randomBytes } from 'node:crypto'
import type { CommandModule } from 'yargs'
import { say } from '../output.ts'

const SECRET_BYTES = 32

export const secretCommand: CommandModule = {
  command: 'secret',
  describe: 'Print a new secret for a cluster',
  builder: (yargs) =>
    yargs
      .example('$0 secret > cluster.secret', 'after umask 077: nobody else may read the file')
      .example(
        '$0 server --id n1 --data ./n1 --secret-file cluster.secret',
        'every process gets the same one',
      )
      .epilogue(
        'Coordinators, data servers and managers of one cluster share it. Who has it can do everything.',
      ),
  handler: () => say(randomBytes(SECRET_BYTES).toString('base64url')),
}
