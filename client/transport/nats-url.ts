import { StoreError } from '../../protocol/errors.ts'

/** Where brokers are, and who we are to them. */
export interface NatsServers {
  readonly servers: readonly string[]
  readonly user?: string
  readonly password?: string
  readonly token?: string
}

const DEFAULT_PORT = '4222'

/**
 * Reads `nats://[user:password@|token@]host[:port][,host[:port]...]`.
 *
 * @throws {StoreError} `BAD_ARGUMENT`: anything else.
 */
export function parseNatsUrl(url: string): NatsServers {
  const match = /^nats:\/\/(?:([^@/]*)@)?([^@/]+)\/?$/.exec(url)
  const servers = (match?.[2] ?? '').split(',').map(parseServer)
  if (match === null || servers.includes(null)) {
    throw new StoreError(
      'BAD_ARGUMENT',
      `transport ${JSON.stringify(url)}: use nats://host:port[,host:port...]`,
    )
  }
  const [user, password] = (match[1] ?? '').split(':').map(decodeURIComponent)
  const found = servers.filter((server) => server !== null)
  if (!user) return { servers: found }
  return password === undefined ? { servers: found, token: user } : { servers: found, user, password }
}

function parseServer(text: string): string | null {
  const match = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::(\d{1,5}))?$/.exec(text)
  if (match === null || Number(match[2] ?? DEFAULT_PORT) > 65_535) return null
  return `${match[1]}:${match[2] ?? DEFAULT_PORT}`
}
