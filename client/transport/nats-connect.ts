/** Connections to brokers, for the transport and for whoever else speaks NATS: who we are to them, and by what we know them. */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import {
  type Authenticator,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  type NatsConnection,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from 'nats'
import { StoreError } from '../../protocol/errors.ts'
import { type NatsServers, parseNatsUrl } from './nats-url.ts'

export interface NatsConnectOptions {
  /** As `parseNatsUrl` reads it. */
  readonly url: string
  /** Under which the broker lists the connection. */
  readonly name: string
  /** For the first connection, and for each later try. Default: 2000 ms. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 2000

/**
 * Connects to one of the brokers, and again to any of them whenever it is lost, for ever. Files of credentials are read for each try, so that new ones may take
 * the place of old ones; those of TLS once.
 *
 * @throws {StoreError} `BAD_ARGUMENT`: a bad URL, or a file that cannot be read. `CONNECTION_LOST`: no broker answers there, or none admits us.
 */
export async function connectNats(options: NatsConnectOptions): Promise<NatsConnection> {
  const found = parseNatsUrl(options.url)
  const wantsTls = found.tls === true || ['ca', 'cert', 'key'].some((name) => name in (found.files ?? {}))
  const settings: ConnectionOptions = {
    servers: [...found.servers],
    name: options.name,
    timeout: options.timeoutMs ?? TIMEOUT_MS,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    // Short, so that a broker's restart is not felt for long, and random, so that a cluster does not return in step.
    reconnectDelayHandler: () => 50 + Math.random() * 200,
    pingInterval: 10_000,
    ...authenticatorOf(found),
    ...(wantsTls ? { tls: tlsOf(found) } : {}),
  }
  try {
    return await connect(settings)
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    const why = said === 'tls' ? 'it offers no TLS, which was asked for' : said
    const message = `transport nats://${found.servers}: no broker (${why}); is it running, and does it admit us?`
    throw new StoreError('CONNECTION_LOST', message, { cause })
  }
}

function authenticatorOf({ user, password, token, files = {} }: NatsServers): {
  authenticator?: Authenticator
} {
  const { creds, nkey } = files
  const kinds = [creds, nkey, files.token ?? token, user].filter((kind) => kind !== undefined)
  if (kinds.length > 1)
    throw new StoreError(
      'BAD_ARGUMENT',
      'to a NATS broker, be one: give creds, nkey, a token or a user, not several',
    )
  if (creds !== undefined) return reading(creds, (bytes) => credsAuthenticator(bytes))
  if (nkey !== undefined) return reading(nkey, (bytes) => nkeyAuthenticator(Buffer.from(lineOf(bytes))))
  if (files.token !== undefined) return reading(files.token, (bytes) => tokenAuthenticator(lineOf(bytes)))
  if (token !== undefined) return { authenticator: tokenAuthenticator(token) }
  if (user === undefined) return {}
  if (files.password !== undefined)
    return reading(files.password, (bytes) => usernamePasswordAuthenticator(user, lineOf(bytes)))
  return { authenticator: usernamePasswordAuthenticator(user, password) }
}

/** Reads the file now, so that a wrong path is told at once, and again for every try to connect. */
function reading(path: string, make: (bytes: Uint8Array) => Authenticator): { authenticator: Authenticator } {
  let latest = readSecret(path)
  return {
    authenticator: (nonce) => {
      try {
        latest = readSecret(path)
      } catch {
        // It is being replaced, or has gone: what it held may still do.
      }
      return make(latest)(nonce)
    },
  }
}

function readSecret(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new StoreError('BAD_ARGUMENT', `credentials for NATS cannot be read (${why})`, { cause })
  }
}

const lineOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8').trim()

/** As text, so that a file which cannot be read is told of before anything is dialled. */
function tlsOf({ servers, files: { ca, cert, key } = {} }: NatsServers) {
  const text = (path: string) => Buffer.from(readSecret(path)).toString('utf8')
  const hosts = servers.map((server) => server.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''))
  return {
    ...(ca === undefined ? {} : { ca: text(ca) }),
    ...(cert === undefined ? {} : { cert: text(cert) }),
    ...(key === undefined ? {} : { key: text(key) }),
    /** The client library names no host where a broker was given by its IP address, and `localhost` would be looked for in its certificate. */
    checkServerIdentity: (name: string, certificate: PeerCertificate) => {
      const addresses =
        name === 'localhost' && !hosts.includes(name) ? hosts.filter((host) => isIP(host) > 0) : []
      if (addresses.length === 0) return checkServerIdentity(name, certificate)
      const errors = addresses.map((address) => checkServerIdentity(address, certificate))
      return errors.includes(undefined) ? undefined : errors[0]
    },
  }
}
