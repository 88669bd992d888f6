/** The http door: is it well, and what is it doing. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How often connections that are silent for too long are looked for: they count among the few that are allowed. */
const CHECK_MS = 1000

export interface HttpDoorOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** `/status`: anything that becomes JSON. */
  readonly status: () => unknown
  /** `/healthz`: null when well, else what is wrong and will not pass by itself. */
  readonly unhealthy: () => string | null
  /** `/readyz`: null where it does all that it is there for, else what it waits for. */
  readonly unready: () => string | null
  /** `/metrics`: what Prometheus reads. */
  readonly metrics: { readonly contentType: string; text(): Promise<string> }
  /** Other paths, for GET alone. */
  readonly routes?: Readonly<Record<string, Route>>
}

/** Answers by itself. `query`: what follows the question mark. */
export type Route = (request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => void

const TEXT = { 'content-type': 'text/plain; charset=utf-8' }

export interface HttpDoor {
  readonly port: number
  close(): Promise<void>
}

/**
 * Serves `GET /healthz` and `GET /readyz` (200 `ok`, or 503 and the reason), `GET /metrics` (for Prometheus) and `GET /status` (JSON).
 *
 * @throws as `listen` does, `EADDRINUSE` among others.
 */
export async function openHttpDoor(options: HttpDoorOptions): Promise<HttpDoor> {
  const server = createServer({ connectionsCheckingInterval: CHECK_MS }, (request, response) => {
    // Not `new URL`: it throws at what anybody may send as a path, for example `//`.
    const target = (request.url ?? '/').replace(/^https?:\/\/[^/]*/i, '')
    const path = target.replace(/[?#].*$/s, '')
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return void response.writeHead(405).end('only GET\n')
    if (path === '/healthz') return sayWhether(response, options.unhealthy())
    if (path === '/readyz') return sayWhether(response, options.unhealthy() ?? options.unready())
    if (path === '/metrics') return void sendMetrics(response, options.metrics)
    if (path === '/status') {
      response.writeHead(200, { 'content-type': 'application/json' })
      return void response.end(`${JSON.stringify(options.status(), null, 2)}\n`)
    }
    const route = Object.hasOwn(options.routes ?? {}, path) ? options.routes?.[path] : undefined
    if (route !== undefined)
      return route(request, response, new URLSearchParams(target.replace(/^[^?]*\??/s, '')))
    response.writeHead(404, TEXT).end('try /healthz, /readyz, /metrics or /status\n')
  })
  server.requestTimeout = 10_000
  server.headersTimeout = 5_000
  server.maxConnections = 256
  await listen(server, options)
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function sayWhether(response: ServerResponse, reason: string | null): void {
  response.writeHead(reason === null ? 200 : 503, TEXT).end(`${reason ?? 'ok'}\n`)
}

async function sendMetrics(response: ServerResponse, metrics: HttpDoorOptions['metrics']): Promise<void> {
  try {
    const text = await metrics.text()
    response.writeHead(200, { 'content-type': metrics.contentType }).end(text)
  } catch (error) {
    response.writeHead(500, TEXT).end(`${(error as Error).message}\n`)
  }
}

function listen(server: Server, { host, port }: HttpDoorOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
