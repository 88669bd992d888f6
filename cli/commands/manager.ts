import type { CommandModule, InferredOptionTypes } from 'yargs'
import { clusterShapeOptions, coordinatorOption, logOption, splitList } from '../options.ts'
import { runUntilSignal } from '../run.ts'

const options = {
  name: {
    type: 'string',
    default: `manager-${process.pid}`,
    describe: 'Name in logs and in its election znode',
    defaultDescription: 'manager-<pid>',
  },
  ...coordinatorOption,
  ...clusterShapeOptions,
  ...logOption,
} as const

export const managerCommand: CommandModule<object, InferredOptionTypes<typeof options>> = {
  command: 'manager',
  describe:
    'Run a manager of the chains by itself (each coordinator has one already; Apache ZooKeeper has none)',
  builder: (yargs) =>
    yargs
      .options(options)
      .example(
        '$0 manager --coordinator zk1:2181,zk2:2181,zk3:2181 --chains 4',
        'with Apache ZooKeeper as the ensemble',
      ) as never,
  handler: (args) =>
    runUntilSignal(args['log-level'], async (logger) =>
      (await import('../../runtime/manager/start-manager.ts')).startManager({
        coordinator: splitList(args.coordinator),
        name: args.name,
        options: {
          chainCount: args.chains,
          replicationFactor: args.replicas,
          replication: args.replication,
          durability: args.durability,
          sessionTimeoutMs: args['session-timeout'],
        },
        logger,
      }),
    ),
}
