/** Options that several commands share, and how they are read. */
import { DURABILITIES, REPLICATIONS } from '../protocol/cluster.ts'
import type { Address } from '../protocol/transport.ts'

/** `host:port`, as people write it. */
export function parseAddress(text: string, what: string): Address {
  const match = /^(\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  if (match?.[1] === undefined || port > 65_535)
    throw new Error(`${what}: "${text}" is not host:port, for example 127.0.0.1:7001`)
  return { host: match[1].replace(/^\[|\]$/g, ''), port }
}

export const splitList = (text: string | readonly string[]): string[] =>
  (Array.isArray(text) ? text : [text])
    .flatMap((part: string) => part.split(','))
    .filter((part) => part !== '')

export const clusterOption = {
  cluster: {
    type: 'string',
    default: 'catenary',
    describe: 'Name of the cluster: processes of different names refuse to talk to each other',
  },
} as const

export const transportOption = {
  transport: {
    type: 'string',
    default: 'tcp',
    describe: 'What carries messages between processes: tcp, or nats://host:port[,host:port...]',
  },
  'nats-user': { type: 'string', requiresArg: true, describe: 'With nats: who we are to the broker' },
  'nats-password-file': {
    type: 'string',
    requiresArg: true,
    describe: 'With nats: file with the password of that user',
  },
  'nats-token-file': { type: 'string', requiresArg: true, describe: 'With nats: file with a token' },
  'nats-nkey': { type: 'string', requiresArg: true, describe: 'With nats: file with the seed of an nkey' },
  'nats-creds': {
    type: 'string',
    requiresArg: true,
    describe: 'With nats: file of credentials (JWT and seed)',
  },
  'nats-ca': {
    type: 'string',
    requiresArg: true,
    describe: 'With nats: who must have signed the broker’s certificate; asks for TLS',
  },
  'nats-cert': { type: 'string', requiresArg: true, describe: 'With nats: our certificate, for mutual TLS' },
  'nats-key': { type: 'string', requiresArg: true, describe: 'With nats: the key of our certificate' },
} as const

export const coordinatorOption = {
  coordinator: {
    type: 'string',
    default: '127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183',
    describe: 'Client addresses of the coordinators (ours, or Apache ZooKeeper), comma-separated',
  },
} as const

export const logOption = {
  'log-level': {
    choices: ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const,
    default: 'info' as const,
    describe: 'How much to log, as JSON lines on standard output',
  },
} as const

/** What the first manager of a new cluster writes down; later ones read it. */
export const clusterShapeOptions = {
  chains: { type: 'number', default: 1, describe: 'Of a new cluster: how many chains share the slots' },
  replicas: { type: 'number', default: 3, describe: 'Of a new cluster: how many members a chain has' },
  replication: {
    choices: REPLICATIONS,
    default: 'craq' as const,
    describe: 'Of a new cluster: what keeps the members alike. All but craq are there to be compared with it',
  },
  durability: {
    choices: DURABILITIES,
    default: 'sync' as const,
    describe:
      'Of a new cluster: when an entry is durable at a member: on its disk, on its disk after the next timed sync, or in its memory',
  },
  'session-timeout': {
    type: 'number',
    default: 2000,
    describe: 'Of a new cluster: milliseconds after which a silent data server is declared dead',
  },
} as const
