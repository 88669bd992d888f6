import type { CommandModule, InferredOptionTypes } from 'yargs'
import { UsageError } from '../arguments.ts'
import { credentialsOptions } from '../credentials.ts'
import { authorizationOf } from '../http-credentials.ts'
import { clusterOption, parseAddress, splitList } from '../options.ts'
import { interrupted, note, say } from '../output.ts'
import { credentialsFor } from '../store.ts'
import { clientTlsOptions, tlsOf } from '../tls-options.ts'
import { gradeCommand } from './lab/grade.ts'

const options = {
  port: {
    type: 'number',
    default: 8300,
    describe: 'Where the page is served, on 127.0.0.1; 0: any free port',
  },
  connect: {
    type: 'string',
    requiresArg: true,
    describe:
      'A running cluster to be shown: http ports of its processes, host:port,...; or ports of some data servers',
  },
  ...clusterOption,
  ...credentialsOptions,
  ...clientTlsOptions,
} as const

type Arguments = InferredOptionTypes<typeof options>

export const labCommand: CommandModule<object, Arguments> = {
  command: 'lab',
  describe: 'Serve the teaching page; show a running cluster on it; grade a student’s replica',
  builder: (yargs) =>
    yargs
      .command(gradeCommand)
      .options(options)
      .example('$0 lab', 'the page, with the real code in the browser')
      .example('$0 lab --connect 127.0.0.1:8001,127.0.0.1:8002', 'and a running cluster, live')
      .epilogue(
        [
          'Name the http ports of servers and coordinators (--http-port of each) to see everything: roles, terms, rates, latencies.',
          'With ports of data servers for clients (--port) the others are learnt, but there are no rates, and no coordinators.',
        ].join('\n'),
      ) as never,
  handler: async (args) => serve(args),
}

async function serve(args: Arguments): Promise<void> {
  const { port, connect, cluster } = args
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new UsageError('--port: use a number from 0 to 65535')
  const addresses = connect === undefined ? null : splitList(connect)
  if (addresses?.length === 0) throw new UsageError('--connect: name at least one host:port')
  for (const address of addresses ?? []) checkAddress(address)
  const { openLab } = await import('../../lab/page/serve/open-lab.ts')
  const authorization = authorizationOf(args)
  const credentials = credentialsFor({ ...args, transport: 'tcp' })
  const tls = tlsOf(args)
  const watch = addresses === null ? {} : { watch: { addresses, cluster, authorization, credentials, tls } }
  const lab = await openLab({ port, ...watch }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    throw new Error(`port ${port} is taken; --port names another, 0 any that is free`, { cause: error })
  })
  say(lab.url)
  note('The page is served until Ctrl-C.')
  await interrupted()
  await lab.close()
}

function checkAddress(address: string): void {
  try {
    parseAddress(address, '--connect')
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
