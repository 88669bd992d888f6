/** Serves the page on loopback, and beside it what a real cluster does. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { pageFiles } from './page-files.ts'
import type { LiveEvent, StoryLine } from './snapshot.ts'
import { ClusterWatch, type WatchOptions } from './watch-cluster.ts'

/** What may be done to processes that the one who serves the page has started. */
export interface Controls {
  /** Why nothing may be done just now; null: it may. */
  busy(): string | null
  processes(): readonly { readonly name: string; readonly runs: boolean }[]
  kill(name: string): Promise<void>
  restart(name: string): Promise<void>
}

export interface LabOptions {
  /** 0 takes a free one. */
  readonly port: number
  readonly watch?: WatchOptions
  readonly controls?: Controls
  /** Default: where the build puts the page. */
  readonly pageDirectory?: string
  readonly everyMs?: number
}

export interface Lab {
  readonly port: number
  readonly url: string
  close(): Promise<void>
}

const HOST = '127.0.0.1'
const TEXT = { 'content-type': 'text/plain; charset=utf-8' }
const EVERY_MS = 500
/** While nobody watches, the story goes on, more slowly. */
const RESTING = 2
const BODY_MAX = 1024
const VIEWERS_MAX = 32
/** A viewer that reads nothing is let go before it costs memory. */
const BEHIND_BYTES_MAX = 4 * 1024 * 1024

/** @throws as `listen` does, `EADDRINUSE` among others. */
export async function openLab(options: LabOptions): Promise<Lab> {
  const lab = new LabServer(options)
  await lab.open()
  return lab
}

class LabServer implements Lab {
  readonly #options: LabOptions
  readonly #token = randomBytes(16).toString('hex')
  readonly #watch: ClusterWatch | null
  readonly #server: Server
  readonly #viewers = new Set<ServerResponse>()
  readonly #closing = new AbortController()
  #looking: Promise<void> = Promise.resolve()

  constructor(options: LabOptions) {
    this.#options = options
    this.#watch = options.watch === undefined ? null : new ClusterWatch(options.watch)
    this.#server = createServer((request, response) => void this.#answer(request, response))
    this.#server.headersTimeout = 5_000
    this.#server.requestTimeout = 10_000
    this.#server.maxConnections = 128
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#options.port, HOST, resolve)
    })
    if (this.#watch === null) return
    await this.#watch.attach()
    this.#looking = this.#lookOn(this.#watch)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://${HOST}:${this.port}/${this.#watch === null ? '' : '#live'}`
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const viewer of this.#viewers) viewer.end()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
    await this.#looking
    await this.#watch?.close()
  }

  async #lookOn(watch: ClusterWatch): Promise<void> {
    const { signal } = this.#closing
    const everyMs = this.#options.everyMs ?? EVERY_MS
    while (!signal.aborted) {
      const { story } = await watch.look()
      for (const viewer of this.#viewers) this.#tell(viewer, story)
      const pause = this.#viewers.size === 0 ? everyMs * RESTING : everyMs
      await sleep(pause, undefined, { signal }).catch(() => {})
    }
  }

  #tell(viewer: ServerResponse, story: readonly StoryLine[]): void {
    if (viewer.writableLength > BEHIND_BYTES_MAX) {
      viewer.destroy()
      return
    }
    const snapshot = this.#watch?.last ?? null
    if (this.#watch !== null && snapshot === null) return
    const { controls } = this.#options
    const event: LiveEvent =
      snapshot === null
        ? { type: 'alone' }
        : {
            type: 'look',
            snapshot,
            story,
            controls:
              controls === undefined
                ? null
                : { token: this.#token, processes: controls.processes(), busy: controls.busy() },
          }
    viewer.write(`data: ${JSON.stringify(event)}\n\n`)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Another site's page must not get here under a name of its own that leads to this machine.
    if (!/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i.test(request.headers.host ?? ''))
      return void response.writeHead(403, TEXT).end('this page is served to this machine alone\n')
    const path = (request.url ?? '/').replace(/[?#].*$/s, '')
    if (path === '/live/act') return this.#act(request, response)
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return void response.writeHead(405, TEXT).end('only GET\n')
    if (path === '/live/events') return this.#addViewer(request, response)
    const file = await pageFiles(this.#options.pageDirectory ?? builtPage(), path)
    const { status, headers, body } = file
    response.writeHead(status, {
      ...headers,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-cache',
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  }

  #addViewer(request: IncomingMessage, response: ServerResponse): void {
    if (this.#viewers.size >= VIEWERS_MAX)
      return void response.writeHead(503, TEXT).end('too many watch already; close some of those pages\n')
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    if (request.method === 'HEAD') return void response.end()
    this.#viewers.add(response)
    response.on('close', () => this.#viewers.delete(response))
    response.write('retry: 1000\n\n')
    this.#tell(response, this.#watch?.story ?? [])
  }

  async #act(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { controls } = this.#options
    const refuse = (status: number, why: string) => void response.writeHead(status, TEXT).end(`${why}\n`)
    if (request.method !== 'POST') return refuse(405, 'only POST')
    if (controls === undefined)
      return refuse(403, 'this cluster was not started here: use your own tools on it')
    const wish = await readWish(request)
    if (wish === null) return refuse(400, 'wants JSON: {"token", "process", "do": "kill" or "restart"}')
    if (!isSame(wish.token, this.#token)) return refuse(403, 'wrong token: reload the page')
    if (!controls.processes().some(({ name }) => name === wish.process))
      return refuse(404, 'no such process was started here')
    const busy = controls.busy()
    if (busy !== null) return refuse(409, busy)
    await (wish.do === 'kill' ? controls.kill(wish.process) : controls.restart(wish.process))
    response.writeHead(204).end()
  }
}

interface Wish {
  readonly token: string
  readonly process: string
  readonly do: 'kill' | 'restart'
}

async function readWish(request: IncomingMessage): Promise<Wish | null> {
  let text = ''
  try {
    for await (const part of request) {
      text += String(part)
      if (text.length > BODY_MAX) return null
    }
    const wish: Partial<Wish> | null = JSON.parse(text)
    if (typeof wish?.token !== 'string' || typeof wish.process !== 'string') return null
    return wish.do === 'kill' || wish.do === 'restart' ? (wish as Wish) : null
  } catch {
    return null
  }
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** From dist/lab/page/serve/ to dist/page/. */
const builtPage = () => fileURLToPath(new URL('../../../page/', import.meta.url))
