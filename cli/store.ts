/** How commands reach the data servers. */
import { type Client, connect, type StoreError } from '../client/index.ts'
import { memberCredentials } from '../runtime/security/link-proof.ts'
import { toDuration } from './arguments.ts'
import { type CredentialsArguments, credentialsOptions, userOf } from './credentials.ts'
import { clusterOption, splitList, transportOption } from './options.ts'
import { secretOf } from './secret-option.ts'
import { clientTlsOptions, type TlsArguments, tlsOf } from './tls-options.ts'

export const timeoutOption = {
  timeout: {
    type: 'string',
    default: '10s',
    describe: 'How long to try before giving up, for example 500ms or 30s',
  },
} as const

const SERVERS = '127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003'
const IDS = 'n1,n2,n3'

export const storeOptions = {
  servers: {
    type: 'string',
    default: SERVERS,
    describe: `Some of the data servers, comma-separated; the others are learnt from them. Over nats: ids; default ${IDS}`,
  },
  ...transportOption,
  ...clusterOption,
  ...credentialsOptions,
  ...clientTlsOptions,
  ...timeoutOption,
} as const

export const jsonOption = {
  json: { type: 'boolean', default: false, describe: 'Print JSON, for other programs' },
} as const

export interface StoreArguments extends CredentialsArguments, TlsArguments {
  readonly servers: string
  readonly transport: string
  readonly cluster: string
  readonly timeout: string
}

const CONNECT_MS_MAX = 5_000

/** Connects, works, and closes the connections whatever comes of it. */
export async function withStore<Result>(
  args: StoreArguments,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = await connectStore(args)
  try {
    return await work(client)
  } finally {
    await client.close()
  }
}

export async function connectStore(args: StoreArguments): Promise<Client> {
  const timeoutMs = toDuration(args.timeout, '--timeout')
  const { transport, cluster } = args
  const tls = tlsOf(args)
  const servers = args.servers === SERVERS && transport.startsWith('nats:') ? IDS : args.servers
  try {
    return await connect({
      servers: splitList(servers),
      transport,
      cluster,
      ...credentialsFor(args),
      ...(tls && transport === 'tcp' && { tls }),
      timeoutMs,
      connectTimeoutMs: Math.min(timeoutMs, CONNECT_MS_MAX),
    })
  } catch (error) {
    const { code, message, cause } = error as StoreError
    const isOfTls = /TLS|certificate/.test(message)
    if (code === 'UNAUTHENTICATED' && !isOfTls)
      throw new Error(`${message} (--user NAME --password-file FILE, or --secret-file FILE)`, {
        cause: error,
      })
    if (code !== 'TIMEOUT') throw error
    throw new Error(
      `none of the servers ${servers} has answered as a member of the cluster "${cluster}". ` +
        `${cause instanceof Error ? `The last try: ${cause.message}. ` : ''}Are they running? --servers names others; \`catenary demo\` starts a whole cluster on this machine`,
      { cause: error },
    )
  }
}

/** What `connect` is told. Over nats the broker knows us by an account of its own. */
export function credentialsFor(args: CredentialsArguments & { readonly transport: string }): {
  user?: string
  password?: string
} {
  const user = userOf(args)
  if (user !== null) return user
  const secret = args.transport.startsWith('nats:') ? null : secretOf(args)
  return secret === null ? {} : memberCredentials(secret)
}
