import type { CommandModule, InferredOptionTypes } from 'yargs'
import type { DoorSettings } from '../../../runtime/coordinator/options.ts'
import { FOUR_LETTER_WORDS } from '../../../runtime/doors/zookeeper/four-letter-words.ts'
import { parseMembers } from '../../ensemble-members.ts'
import { insecureOption, refuseOpenBind } from '../../open-binds.ts'
import { clusterOption, clusterShapeOptions, logOption, splitList, transportOption } from '../../options.ts'
import { runUntilSignal } from '../../run.ts'
import { formerSecretOf, formerSecretOption, secretOf, secretOption } from '../../secret-option.ts'
import { serverTlsOptions, tlsFilesOf } from '../../tls-options.ts'

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
    describe:
      'All members, the same list at each: id=host:peerPort:clientPort, comma-separated. With --join: this one alone',
  },
  join: {
    type: 'string',
    describe:
      'Client addresses of an ensemble that is there: this member waits until `catenary coordinator add` adds it',
  },
  'http-port': {
    type: 'number',
    default: 9001,
    describe: 'Port of /healthz, /readyz, /metrics and /status; 0 takes a free one',
  },
  'tick-time': {
    type: 'number',
    default: 500,
    describe: 'ZooKeeper’s tickTime in milliseconds: sessions last from 2 to 20 of them',
  },
  'min-session-timeout': {
    type: 'number',
    describe: 'Shortest session timeout granted, in milliseconds [default: 2 ticks]',
  },
  'max-session-timeout': {
    type: 'number',
    describe: 'Longest session timeout granted, in milliseconds [default: 20 ticks]',
  },
  'max-client-connections': {
    type: 'number',
    default: 60,
    describe: 'ZooKeeper’s maxClientCnxns: connections of one address, 0 for any number',
  },
  'jute-max-buffer': {
    type: 'number',
    default: 1_048_575,
    describe: 'ZooKeeper’s jute.maxbuffer: bytes of the longest packet taken from a client',
  },
  'four-letter-words': {
    type: 'string',
    default: 'srvr,isro',
    describe: 'ZooKeeper’s 4lw.commands.whitelist: words that are answered, comma-separated, * for all',
  },
  'super-digest': {
    type: 'string',
    describe: 'ZooKeeper’s superDigest: user:digest of an administrator whom no ACL stops [default: nobody]',
  },
  'extended-types': {
    type: 'boolean',
    default: true,
    describe: 'ZooKeeper’s extendedTypesEnabled: clients may create TTL znodes',
  },
  'container-check-interval': {
    type: 'number',
    default: 60_000,
    describe:
      'ZooKeeper’s znode.container.checkIntervalMs: how often containers and TTL znodes are looked after',
  },
  manager: { type: 'boolean', default: true, describe: 'Stand for election as the manager of the chains' },
  ...clusterShapeOptions,
  ...clusterOption,
  ...transportOption,
  ...secretOption,
  ...formerSecretOption,
  ...serverTlsOptions,
  ...insecureOption,
  ...logOption,
} as const

export const runCoordinatorCommand: CommandModule<object, InferredOptionTypes<typeof options>> = {
  command: 'run',
  aliases: ['$0'],
  describe: 'Run a member of the coordinator ensemble: Raft, znodes, ZooKeeper’s client protocol',
  builder: (yargs) =>
    yargs
      .options(options)
      .example(
        '$0 coordinator run --id coordinator-1 --data ./coordinator-1 --members coordinator-1=127.0.0.1:2881:2181,coordinator-2=127.0.0.1:2882:2182,coordinator-3=127.0.0.1:2883:2183',
        'the first of three; the others take their own --id, --data and --http-port',
      )
      .example(
        '$0 coordinator run --id coordinator-1 --data ./c1 --members coordinator-1=127.0.0.1:2881:2181',
        'a single one',
      )
      .example(
        '$0 coordinator run --id coordinator-1 --data ./c1 --members coordinator-1=127.0.0.1:2881:2181 --tick-time 2000 --four-letter-words "srvr,ruok,mntr" --max-client-connections 0',
        'with ZooKeeper’s tick, a monitor’s words, and any number of clients of one address',
      ) as never,
  handler: async (args) => {
    const members = parseMembers(args.members, '--members')
    const host = members.find((member) => member.id === args.id)?.host ?? '127.0.0.1'
    await refuseOpenBind(args, host, '--members: the host of this one,')
    return runUntilSignal(args['log-level'], async (logger) => {
      const { startCoordinatorProcess } = await import('../../../runtime/coordinator/coordinator-process.ts')
      return startCoordinatorProcess({
        id: args.id,
        members,
        dataPath: args.data,
        httpHost: host,
        httpPort: args['http-port'],
        clusterName: args.cluster,
        transport: args.transport,
        limits: limitsOf(args),
        secret: secretOf(args),
        tls: tlsFilesOf(args),
        formerSecret: formerSecretOf(args),
        join: args.join === undefined ? null : splitList(args.join),
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
    })
  },
}

/** @throws with what to change. */
function limitsOf(args: InferredOptionTypes<typeof options>): DoorSettings {
  const tickMs = wholeNumber(args, 'tick-time', 1)
  const minMs =
    args['min-session-timeout'] === undefined ? 2 * tickMs : wholeNumber(args, 'min-session-timeout', 1)
  const maxMs =
    args['max-session-timeout'] === undefined ? 20 * tickMs : wholeNumber(args, 'max-session-timeout', 1)
  if (minMs > maxMs)
    throw new Error(
      `--min-session-timeout ${minMs} is above --max-session-timeout ${maxMs}: lower the one or raise the other`,
    )
  const words = splitList(args['four-letter-words'])
  const unknown = words.find((word) => word !== '*' && !FOUR_LETTER_WORDS.includes(word))
  if (unknown !== undefined)
    throw new Error(
      `--four-letter-words: there is no "${unknown}"; take of ${FOUR_LETTER_WORDS.join(',')}, or *`,
    )
  const superDigest = args['super-digest']
  if (superDigest !== undefined && !/^[^:]+:[A-Za-z0-9+/]{27}=$/.test(superDigest))
    throw new Error(
      `--super-digest: give a user, a colon, and the SHA-1 of user:password in base64, unlike "${superDigest}"`,
    )
  return {
    zookeeperTickMs: tickMs,
    minSessionTimeoutMs: minMs,
    maxSessionTimeoutMs: maxMs,
    maxClientConnections: wholeNumber(args, 'max-client-connections', 0),
    packetBytesMax: wholeNumber(args, 'jute-max-buffer', 1024),
    fourLetterWords: words,
    ...(superDigest === undefined ? {} : { superDigest }),
    extendedTypesEnabled: args['extended-types'],
    containerCheckMs: wholeNumber(args, 'container-check-interval', 1),
  }
}

function wholeNumber(args: object, name: string, min: number): number {
  const value = Number(Reflect.get(args, name))
  if (Number.isSafeInteger(value) && value >= min && value <= 0x7fffffff) return value
  throw new Error(`--${name}: give a whole number from ${min} on, unlike ${Reflect.get(args, name)}`)
}
