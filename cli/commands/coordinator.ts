import type { CommandModule } from 'yargs'
import { addCoordinatorCommand } from './coordinator/add.ts'
import { listCoordinatorsCommand } from './coordinator/list.ts'
import { removeCoordinatorCommand } from './coordinator/remove.ts'
import { replaceCoordinatorCommand } from './coordinator/replace.ts'
import { runCoordinatorCommand } from './coordinator/run.ts'

export const coordinatorCommand: CommandModule = {
  command: 'coordinator',
  describe: 'Run a member of the coordinator ensemble: Raft, znodes, ZooKeeper’s client protocol',
  builder: (yargs) =>
    yargs
      .command(runCoordinatorCommand)
      .command(listCoordinatorsCommand)
      .command(addCoordinatorCommand)
      .command(removeCoordinatorCommand)
      .command(replaceCoordinatorCommand)
      .example('$0 coordinator list', 'who belongs to the ensemble'),
  handler: () => {},
}
