/** The http door: is it well, and what is it doing. */
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { isAdmin, type Principal } from '../../protocol/access.ts'
import type { Certificates } from '../security/certificates.ts'
import type { Logins } from '../security/logins.ts'
import type { NodeTls } from '../security/tls.ts'
import { AddressCounts } from '../transport/address-counts.ts'
import { listen } from '../transport/listen.ts'

/** How often connections that are silent for too long are looked for: they count among the few that are allowed. */
const CHECK_MS = 1000
/** A connection on which nothing moves for so long is closed. */
const SILENCE_MS = 60_000
const CONNECTIONS_MAX = 256
/** Requests of one connection that are not answered: an answer is far longer than the question, and waits in memory until it is read. */
const UNANSWERED_MAX = 8

export interface HttpDoorOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Further connections are refused; one address may have half of them. Default: 256. */
  readonly connectionsMax?: number
  /** `/status`: anything that becomes JSON. */
  readonly status: () => unknown
  /** `/healthz`: null when well, else what is wrong and will not pass by itself. */
  readonly unhealthy: () => string | null
  /** `/readyz`: null where it does all that it is there for, else what it waits for. */
  readonly unready: () => string | null
  /** `/metrics`: what Prometheus reads. Loaded when somebody asks for it first: it takes five megabytes of a process. */
  readonly metrics: () => Promise<MetricsPage>
  /** Other paths, for GET alone; where users are asked who they are, for admins alone. */
  readonly routes?: Readonly<Record<string, Route>>
  /** Who wants to know more than /healthz and /readyz tell has to log in here (HTTP Basic). Default: nobody is asked. */
  readonly logins?: Pick<Logins, 'check'> | null
  /** The same by their certificates, and without logging in. Default: nobody is asked. */
  readonly certificates?: Certificates | null
  /** Null: in plain. Default: null. */
  readonly tls?: NodeTls | null
}

export interface MetricsPage {
  readonly contentType: string
  text(): Promise<string>
}

/** Answers by itself. `query`: what follows the question mark. */
export type Route = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => void

const REALM = { 'www-authenticate': 'Basic realm="catenary", charset="UTF-8"' }
const TEXT = { 'content-type': 'text/plain; charset=utf-8' }

export interface HttpDoor {
  readonly port: number
  close(): Promise<void>
}

/**
 * Serves `GET /healthz` and `GET /readyz` (200 `ok`, or 503 and the reason), `GET /metrics` (for Prometheus) and `GET /status` (JSON), the latter two for users only
 * where there are `logins`.
 *
 * @throws as `listen` does, `EADDRINUSE` among others.
 */
export async function openHttpDoor(options: HttpDoorOptions): Promise<HttpDoor> {
  const unanswered = new WeakMap<Socket, number>()
  let metrics: Promise<MetricsPage> | null = null
  const server = createHttpServer(options.tls ?? null, (request, response) => {
    const { socket } = request
    const waiting = (unanswered.get(socket) ?? 0) + 1
    if (waiting > UNANSWERED_MAX) return void socket.destroy()
    unanswered.set(socket, waiting)
    response.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 0) - 1))
    // Not `new URL`: it throws at what anybody may send as a path, for example `//`.
    const target = (request.url ?? '/').replace(/^https?:\/\/[^/]*/i, '')
    const path = target.replace(/[?#].*$/s, '')
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return void response.writeHead(405).end('only GET\n')
    if (path === '/healthz') return sayWhether(response, options.unhealthy())
    if (path === '/readyz') return sayWhether(response, options.unhealthy() ?? options.unready())
    const route = Object.hasOwn(options.routes ?? {}, path) ? options.routes?.[path] : undefined
    if (route === undefined && path !== '/metrics' && path !== '/status')
      return void response.writeHead(404, TEXT).end('try /healthz, /readyz, /metrics or /status\n')
    const { logins = null, certificates = null } = options
    const answer = () => {
      if (path === '/metrics') {
        metrics ??= options.metrics()
        return void sendMetrics(response, metrics)
      }
      if (path === '/status') return sendStatus(response, options.status())
      route?.(request, response, new URLSearchParams(target.replace(/^[^?]*\??/s, '')))
    }
    const answerTo = (principal: Principal | string) => {
      if (typeof principal === 'string') return void response.writeHead(403, TEXT).end(`${principal}\n`)
      if (route === undefined || isAdmin(principal)) return answer()
      response.writeHead(403, TEXT).end(`user ${principal.name} is no admin of all keys\n`)
    }
    if (certificates !== null) return answerTo(certificates.principalOf(socket))
    if (logins === null) return answer()
    void admit(request, response, logins).then((principal) => {
      if (principal !== null) answerTo(principal)
    })
  })
  server.requestTimeout = 10_000
  server.headersTimeout = 5_000
  // Who reads nothing of a long answer is not waited for.
  server.timeout = SILENCE_MS
  const { connectionsMax = CONNECTIONS_MAX } = options
  server.maxConnections = connectionsMax
  const addresses = new AddressCounts(Math.ceil(connectionsMax / 2))
  server.on('connection', (socket) => {
    if (!addresses.admits(socket)) socket.destroy()
  })
  const { port } = await listen(server, options, () => {})
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function createHttpServer(tls: NodeTls | null, onRequest: RequestListener) {
  if (tls === null) return createServer({ connectionsCheckingInterval: CHECK_MS }, onRequest)
  const server = createTlsServer({ ...tls.serverOptions(), connectionsCheckingInterval: CHECK_MS }, onRequest)
  tls.tend(server)
  return server
}

/** @returns null: it has been refused. */
async function admit(
  request: IncomingMessage,
  response: ServerResponse,
  logins: Pick<Logins, 'check'>,
): Promise<Principal | null> {
  const said = credentialsIn(request.headers.authorization ?? '')
  const remote = request.socket.remoteAddress ?? ''
  const result = said === null ? 'refused' : await logins.check({ ...said, remote, door: 'http' })
  if (typeof result !== 'string') return result
  if (result === 'busy')
    response
      .writeHead(429, { ...TEXT, 'retry-after': '1' })
      .end('this login was not checked: try again in a second\n')
  else response.writeHead(401, { ...TEXT, ...REALM }).end('log in as a user of this cluster\n')
  return null
}

/** HTTP Basic (RFC 7617); null: it is something else, or nothing. */
function credentialsIn(authorization: string): { readonly name: string; readonly password: string } | null {
  const [, encoded] = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(authorization) ?? []
  if (encoded === undefined) return null
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? null : { name: text.slice(0, colon), password: text.slice(colon + 1) }
}

function sendStatus(response: ServerResponse, status: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(status, null, 2)}\n`)
}

function sayWhether(response: ServerResponse, reason: string | null): void {
  response.writeHead(reason === null ? 200 : 503, TEXT).end(`${reason ?? 'ok'}\n`)
}

async function sendMetrics(response: ServerResponse, loading: Promise<MetricsPage>): Promise<void> {
  try {
    const page = await loading
    const text = await page.text()
    response.writeHead(200, { 'content-type': page.contentType }).end(text)
  } catch (error) {
    response.writeHead(500, TEXT).end(`${(error as Error).message}\n`)
  }
}
