import { StoreError } from '../../protocol/errors.ts'

/** Where brokers are, and who we are to them. Of secrets that are kept in files, the paths. */
export interface NatsServers {
  readonly servers: readonly string[]
  readonly user?: string
  readonly password?: string
  readonly token?: string
  /** TLS or nothing, also where no file says so. */
  readonly tls?: boolean
  readonly files?: NatsFiles
}

/** What may follow the `?`, each with the path of a file. */
export const NATS_FILES = ['ca', 'cert', 'key', 'creds', 'nkey', 'password', 'token'] as const
export type NatsFiles = Partial<Record<(typeof NATS_FILES)[number], string>>

const DEFAULT_PORT = '4222'

/**
 * Reads `nats://[user:password@|token@]host[:port][,host[:port]...][?user=NAME&tls=true&FILE=PATH...]`, where FILE is one of `NATS_FILES`.
 *
 * @throws {StoreError} `BAD_ARGUMENT`: anything else. The message shows no secret.
 *
 * @example
 * parseNatsUrl('nats://broker-1,broker-2?creds=/etc/catenary/nats.creds&ca=/etc/catenary/ca.pem')
 */
export function parseNatsUrl(url: string): NatsServers {
  const match = /^nats:\/\/(?:([^@/?]*)@)?([^@/?]+)\/?(?:\?(.*))?$/.exec(url)
  const servers = (match?.[2] ?? '').split(',').map(parseServer)
  if (match === null || servers.includes(null)) {
    throw new StoreError(
      'BAD_ARGUMENT',
      `transport ${JSON.stringify(withoutSecrets(url))}: use nats://host:port[,host:port...]`,
    )
  }
  const [user, password] = (match[1] ?? '').split(':').map(decodeURIComponent)
  return {
    servers: servers.filter((server) => server !== null),
    ...(!user ? {} : password === undefined ? { token: user } : { user, password }),
    ...parseQuery(match[3] ?? ''),
  }
}

function parseServer(text: string): string | null {
  const match = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::(\d{1,5}))?$/.exec(text)
  if (match === null || Number(match[2] ?? DEFAULT_PORT) > 65_535) return null
  return `${match[1]}:${match[2] ?? DEFAULT_PORT}`
}

function parseQuery(query: string): Pick<NatsServers, 'user' | 'tls' | 'files'> {
  const files: NatsFiles = {}
  let user: string | null = null
  let tls: boolean | null = null
  for (const [name, value] of new URLSearchParams(query)) {
    const file = NATS_FILES.find((known) => known === name)
    if (value === '') throw bad(`${name} of a nats transport is empty`)
    if (file !== undefined) files[file] = value
    else if (name === 'user') user = value
    else if (name === 'tls') tls = value === 'true'
    else
      throw bad(
        `a nats transport has no option ${JSON.stringify(name)}: use user, tls, ${NATS_FILES.join(', ')}`,
      )
  }
  if ((files.cert === undefined) !== (files.key === undefined))
    throw bad('a certificate for NATS needs its key, and a key its certificate: give both')
  return {
    ...(user === null ? {} : { user }),
    ...(tls === null ? {} : { tls }),
    ...(Object.keys(files).length === 0 ? {} : { files }),
  }
}

const bad = (message: string) => new StoreError('BAD_ARGUMENT', message)

/** For messages and logs: whatever stands before the `@` is somebody's secret. */
export const withoutSecrets = (transport: string): string =>
  transport.replace(/^(nats:\/\/)[^@/?]*@/, '$1***@')
