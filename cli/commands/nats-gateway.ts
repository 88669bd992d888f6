import type { CommandModule, InferredOptionTypes } from 'yargs'
import { UsageError } from '../arguments.ts'
import { logOption } from '../options.ts'
import { packageVersion } from '../package-version.ts'
import { runUntilSignal } from '../run.ts'
import { connectStore, storeOptions } from '../store.ts'

const options = {
  broker: {
    type: 'string',
    requiresArg: true,
    describe:
      'Where plain NATS clients are: nats://host:port, with ?creds=FILE&ca=FILE. Default: that of --transport',
  },
  feed: {
    type: 'boolean',
    default: false,
    describe: 'Also publish every change, on catenary.<cluster>.kv.feed.<chain>; at one gateway of a cluster',
  },
  'http-host': { type: 'string', default: '127.0.0.1', describe: 'Address of the http port' },
  'http-port': {
    type: 'number',
    default: 0,
    describe: 'Port of /healthz, /readyz, /metrics and /status; 0 takes a free one, which the log names',
  },
  ...storeOptions,
  timeout: { ...storeOptions.timeout, default: '4s' },
  ...logOption,
} as const

export const natsGatewayCommand: CommandModule<object, InferredOptionTypes<typeof options>> = {
  command: 'nats-gateway',
  describe: 'Serve plain NATS clients in any language: JSON subjects, as a NATS micro service',
  builder: (yargs) =>
    yargs
      .options(options)
      .example('$0 nats-gateway --transport nats://127.0.0.1:4222', 'of a cluster over this broker')
      .example('$0 nats-gateway --broker nats://127.0.0.1:4222', 'of a cluster over tcp')
      .example(
        `nats req catenary.catenary.kv.get '{"key":"greeting"}'`,
        'what it answers; see docs/NATS.md',
      ) as never,
  handler: (args) => {
    const url = args.broker ?? args.transport
    if (!url.startsWith('nats:'))
      throw new UsageError('which broker? Name it by --broker nats://host:port, or by --transport')
    return runUntilSignal(args['log-level'], async (logger) => {
      const client = await connectStore(args)
      const { openNatsGateway } = await import('../../runtime/doors/nats/gateway.ts')
      const { cluster, feed } = args
      const gateway = await openNatsGateway({
        client,
        url,
        cluster,
        feed,
        version: packageVersion(),
        log: logger,
      })
      const { openGatewayHttp } = await import('../../runtime/doors/nats/gateway-http.ts')
      const http = await openGatewayHttp(gateway, { host: args['http-host'], port: args['http-port'] })
      logger.info({ subjects: gateway.subjects, feed, http: http.port }, 'the gateway is up')
      return {
        stop: async () => {
          await http.close()
          await gateway.close()
          await client.close()
        },
      }
    })
  },
}
