import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { EnsembleMember } from '../../runtime/coordinator/options.ts'
import {
  clusterOption,
  clusterShapeOptions,
  logOption,
  parseAddress,
  splitList,
  transportOption,
} from '../options.ts'
import { runUntilSignal } from '../run.ts'

const options = {
  id: {
    type: 'string',
    demandOption: true,
    describe: 'Name of this member; ends in its number, for example coordinator-1',
  },
  data: { type: 'string', demandOption: true, describe: 'Data directory, of this member alone' },
  members: {
    type: 'string',
    demandOption: true,
    describe: 'All members, the same list at each: id=host:peerPort:clientPort, comma-separated',
  },
  'http-port': {
    type: 'number',
    default: 9001,
    describe: 'Port of /healthz and /status; 0 takes a free one',
  },
  manager: { type: 'boolean', default: true, describe: 'Stand for election as the manager of the chains' },
  ...clusterShapeOptions,
  ...clusterOption,
  ...transportOption,
  ...logOption,
} as const

export const coordinatorCommand: CommandModule<object, InferredOptionTypes<typeof options>> = {
  command: 'coordinator',
  describe: 'Run a member of the coordinator ensemble: Raft, znodes, ZooKeeper’s client protocol',
  builder: (yargs) =>
    yargs
      .options(options)
      .example(
        '$0 coordinator --id coordinator-1 --data ./coordinator-1 --members coordinator-1=127.0.0.1:2881:2181,coordinator-2=127.0.0.1:2882:2182,coordinator-3=127.0.0.1:2883:2183',
        'the first of three; the others take their own --id, --data and --http-port',
      )
      .example(
        '$0 coordinator --id coordinator-1 --data ./c1 --members coordinator-1=127.0.0.1:2881:2181',
        'a single one',
      ) as never,
  handler: (args) =>
    runUntilSignal(args['log-level'], async (logger) => {
      const { startCoordinatorProcess } = await import('../../runtime/coordinator/coordinator-process.ts')
      const members = parseMembers(args.members)
      return startCoordinatorProcess({
        id: args.id,
        members,
        dataPath: args.data,
        httpHost: members.find((member) => member.id === args.id)?.host ?? '127.0.0.1',
        httpPort: args['http-port'],
        clusterName: args.cluster,
        transport: args.transport,
        manager: args.manager
          ? {
              chainCount: args.chains,
              replicationFactor: args.replicas,
              replication: args.replication,
              durability: args.durability,
              sessionTimeoutMs: args['session-timeout'],
            }
          : null,
        logger,
      })
    }),
}

/** `id=host:peerPort:clientPort`, comma-separated. */
function parseMembers(text: string): EnsembleMember[] {
  return splitList(text).map((part) => {
    const match = /^([A-Za-z0-9_-]+)=(.+):(\d{1,5}):(\d{1,5})$/.exec(part)
    const [, id, host, peer, client] = match ?? []
    if (id === undefined || host === undefined) {
      throw new Error(
        `--members: "${part}" is not id=host:peerPort:clientPort, for example coordinator-1=127.0.0.1:2881:2181`,
      )
    }
    return {
      id,
      host,
      peerPort: parseAddress(`${host}:${peer}`, '--members').port,
      clientPort: parseAddress(`${host}:${client}`, '--members').port,
    }
  })
}
