/** The http door: is it well, and what is it doing. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** How often connections that are silent for too long are looked for: they count among the few that are allowed. */
const CHECK_MS = 1000

export interface HttpDoorOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** `/status`: anything that becomes JSON. */
  readonly status: () => unknown
  /** `/healthz`: null when well, else what is wrong. */
  readonly unhealthy: () => string | null
}

export interface HttpDoor {
  readonly port: number
  close(): Promise<void>
}

/**
 * Serves `GET /healthz` (200 `ok`, or 503 and the reason) and `GET /status` (JSON).
 *
 * @throws as `listen` does, `EADDRINUSE` among others.
 */
export async function openHttpDoor(options: HttpDoorOptions): Promise<HttpDoor> {
  const server = createServer({ connectionsCheckingInterval: CHECK_MS }, (request, response) => {
    // Not `new URL`: it throws at what anybody may send as a path, for example `//`.
    const path = (request.url ?? '/').replace(/^https?:\/\/[^/]*/i, '').replace(/[?#].*$/s, '')
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return void response.writeHead(405).end('only GET\n')
    if (path === '/healthz') {
      const reason = options.unhealthy()
      response.writeHead(reason === null ? 200 : 503, { 'content-type': 'text/plain; charset=utf-8' })
      return void response.end(`${reason ?? 'ok'}\n`)
    }
    if (path === '/status') {
      response.writeHead(200, { 'content-type': 'application/json' })
      return void response.end(`${JSON.stringify(options.status(), null, 2)}\n`)
    }
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('try /healthz or /status\n')
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

function listen(server: Server, { host, port }: HttpDoorOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
