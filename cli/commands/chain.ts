import type { CommandModule } from 'yargs'
import { addCommand } from './chain/add.ts'
import { drainCommand } from './chain/drain.ts'
import { listCommand } from './chain/list.ts'
import { resetCommand } from './chain/reset.ts'

export const chainCommand: CommandModule = {
  command: 'chain',
  describe: 'See the chains as the coordinators have them; move servers out of them, and back',
  builder: (yargs) =>
    yargs
      .command(listCommand)
      .command(drainCommand)
      .command(addCommand)
      .command(resetCommand)
      .demandCommand(1, 'Which of list, drain, add and reset?')
      .example('$0 chain list', 'members of every chain, and servers that stand by')
      .example('$0 chain drain n1', 'before n1 is stopped for good'),
  handler: () => {},
}
