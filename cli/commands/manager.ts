import type { CommandModule, InferredOptionTypes } from 'yargs'
import { insecureOption, refuseOpenBind } from '../open-binds.ts'
import { clusterShapeOptions, coordinatorOption, logOption, splitList } from '../options.ts'
import { runUntilSignal } from '../run.ts'
import { formerSecretOf, formerSecretOption, secretOf, secretOption } from '../secret-option.ts'
import { serverTlsOptions, tlsFilesOf } from '../tls-options.ts'

const options = {
  name: {
    type: 'string',
    default: `manager-${process.pid}`,
    describe: 'Name in logs and in its election znode',
    defaultDescription: 'manager-<pid>',
  },
  'http-host': { type: 'string', default: '127.0.0.1', describe: 'Address of the http port' },
  'http-port': {
    type: 'number',
    default: 0,
    describe: 'Port of /healthz, /readyz, /metrics and /status; 0 takes a free one, which the log names',
  },
  ...coordinatorOption,
  ...clusterShapeOptions,
  ...secretOption,
  ...formerSecretOption,
  ...serverTlsOptions,
  ...insecureOption,
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
  handler: async (args) => {
    await refuseOpenBind(args, args['http-host'], '--http-host')
    return runUntilSignal(args['log-level'], async (logger) =>
      (await import('../../runtime/manager/manager-process.ts')).startManagerProcess({
        coordinator: splitList(args.coordinator),
        name: args.name,
        secret: secretOf(args),
        tls: tlsFilesOf(args),
        formerSecret: formerSecretOf(args),
        http: { host: args['http-host'], port: args['http-port'] },
        options: {
          chainCount: args.chains,
          replicationFactor: args.replicas,
          replication: args.replication,
          durability: args.durability,
          sessionTimeoutMs: args['session-timeout'],
        },
        logger,
      }),
    )
  },
}
