import type { CommandModule, InferredOptionTypes } from 'yargs'
import { insecureOption, refuseOpenBind } from '../open-binds.ts'
import { clusterOption, coordinatorOption, logOption, splitList, transportOption } from '../options.ts'
import { packageVersion } from '../package-version.ts'
import { runUntilSignal } from '../run.ts'
import { secretOf, secretOption } from '../secret-option.ts'
import { serverTlsOptions, tlsFilesOf } from '../tls-options.ts'

const options = {
  id: {
    type: 'string',
    demandOption: true,
    describe: 'Name of this server, stable across restarts, for example n1',
  },
  data: { type: 'string', demandOption: true, describe: 'Data directory, of this server alone' },
  host: {
    type: 'string',
    default: '127.0.0.1',
    describe: 'Address to listen on, as peers and clients dial it',
  },
  port: {
    type: 'number',
    default: 7001,
    describe: 'Port for clients and for the other servers; 0 takes a free one',
  },
  'http-port': {
    type: 'number',
    default: 8001,
    describe: 'Port of /healthz, /readyz, /metrics and /status; 0 takes a free one',
  },
  'redis-port': {
    type: 'number',
    describe:
      'Port of the Redis door, for clients of Redis Cluster; 0 takes a free one. Default: no such door',
  },
  'redis-proxy': {
    type: 'boolean',
    default: false,
    describe:
      'The Redis door answers for other servers, too, instead of saying MOVED: for clients that know no cluster',
  },
  zone: { type: 'string', default: '', describe: 'Failure domain: a chain is spread over zones' },
  'session-timeout': {
    type: 'number',
    default: 2000,
    describe: 'Milliseconds after which a silent server is declared dead',
  },
  'coordinator-tick': {
    type: 'number',
    default: 0,
    describe:
      'Only with Apache ZooKeeper: its tickTime in milliseconds, by which its leader may hear of a renewal late',
  },
  'fan-out-bytes': {
    type: 'number',
    describe:
      'Writes of so many bytes go from the head to all members at once, and only their positions down the chain (CRAQ, section 4.2). Default: none. Give all servers the same',
  },
  ...coordinatorOption,
  ...clusterOption,
  ...transportOption,
  ...secretOption,
  ...serverTlsOptions,
  ...insecureOption,
  ...logOption,
} as const

export const serverCommand: CommandModule<object, InferredOptionTypes<typeof options>> = {
  command: 'server',
  describe: 'Run a data server: replicas of one or more chains',
  builder: (yargs) =>
    yargs
      .options(options)
      .example('$0 server --id n1 --data ./n1 --port 7001 --http-port 8001', 'the first of three')
      .example('$0 server --id n2 --data ./n2 --port 7002 --http-port 8002', 'the second')
      .example(
        '$0 server --id n1 --data ./n1 --transport nats://127.0.0.1:4222',
        'over a NATS broker',
      ) as never,
  handler: async (args) => {
    await refuseOpenBind(args, args.host, '--host')
    return runUntilSignal(args['log-level'], async (logger) =>
      (await import('../../runtime/server/server-process.ts')).startServerProcess({
        id: args.id,
        dataPath: args.data,
        host: args.host,
        port: args.port,
        httpPort: args['http-port'],
        zone: args.zone,
        sessionTimeoutMs: args['session-timeout'],
        touchLagMs: args['coordinator-tick'],
        coordinators: splitList(args.coordinator),
        clusterName: args.cluster,
        transport: args.transport,
        fanOutBytes: args['fan-out-bytes'] ?? null,
        redisPort: args['redis-port'] ?? null,
        redisProxy: args['redis-proxy'],
        secret: secretOf(args),
        tls: tlsFilesOf(args),
        version: packageVersion(),
        logger,
        makeHosts: async (replication) =>
          (await import('../../lab/replication/make-hosts.ts')).makeHosts(replication),
      }),
    )
  },
}
