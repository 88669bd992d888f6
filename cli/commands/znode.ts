import type { CommandModule } from 'yargs'
import { aclZnodeCommand } from './znode/acl.ts'
import { createZnodeCommand } from './znode/create.ts'
import { deleteZnodeCommand } from './znode/delete.ts'
import { getZnodeCommand } from './znode/get.ts'
import { lsZnodeCommand } from './znode/ls.ts'
import { setZnodeCommand } from './znode/set.ts'
import { statZnodeCommand } from './znode/stat.ts'
import { treeZnodeCommand } from './znode/tree.ts'
import { watchZnodeCommand } from './znode/watch.ts'

export const znodeCommand: CommandModule = {
  command: 'znode',
  describe: 'Look at and change znodes of the coordinators (ours, or Apache ZooKeeper)',
  builder: (yargs) =>
    yargs
      .command(lsZnodeCommand)
      .command(treeZnodeCommand)
      .command(getZnodeCommand)
      .command(statZnodeCommand)
      .command(watchZnodeCommand)
      .command(createZnodeCommand)
      .command(setZnodeCommand)
      .command(deleteZnodeCommand)
      .command(aclZnodeCommand)
      .demandCommand(1, 'Which of ls, tree, get, stat, watch, create, set, delete and acl?')
      .example('$0 znode tree /catenary', 'all that the cluster keeps there')
      .example('$0 znode get /catenary/chains/c0', 'the configuration of a chain'),
  handler: () => {},
}
