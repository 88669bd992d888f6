/**
 * `GET /backup?chain=c0`: everything that the chain holds at one seq, streamed while the server goes on serving. The committed state at a serving member that has its
 * lease holds every write that was acknowledged before the request came: an entry is acknowledged once it is committed at every member above the tail, too.
 */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { asChainId, type Key } from '../../protocol/ids.ts'
import type { Route } from '../doors/http.ts'
import type { Log } from '../log.ts'
import type { DataServer } from '../server/data-server.ts'
import type { StoreSnapshot } from '../storage/durable-store.ts'
import { type ChainHead, encodeItems, encodeJson, ITEMS_BYTES } from './format.ts'

/** Each keeps what was freed since it began in the store's file. */
const BACKUPS_MAX = 2
/** Who reads nothing for so long is cut off. */
const STALLED_MS = 30_000
const TEXT = { 'content-type': 'text/plain; charset=utf-8' }

export function backupRoute(options: {
  readonly server: DataServer
  readonly clusterId: string
  readonly logger: Log
}): Route {
  const { server, logger } = options
  let running = 0
  return async (request, response, query) => {
    const refuse = (status: number, why: string) => void response.writeHead(status, TEXT).end(`${why}\n`)
    if (request.method !== 'GET') return refuse(405, 'only GET')
    const name = query.get('chain') ?? ''
    if (running >= BACKUPS_MAX) return refuse(503, `${running} backups are being taken here; try again later`)
    const found = tryBegin(server, options.clusterId, name)
    if (typeof found === 'string') return refuse(503, found)
    const { head, snapshot } = found
    const begunMs = performance.now()
    running++
    try {
      response.writeHead(200, { 'content-type': 'application/octet-stream' })
      const items = await stream(response, head, snapshot)
      const ms = Math.round(performance.now() - begunMs)
      logger.info({ event: 'backup', ...head, items, ms }, `${name} was copied at seq ${head.seq}`)
    } catch (error) {
      logger.warn({ event: 'backup', ...head, err: error }, `the copy of ${name} was broken off`)
      response.destroy()
    } finally {
      running--
      snapshot.close()
    }
  }
}

/** A server that is being stopped has closed its stores. */
function tryBegin(...of: Parameters<typeof begin>): ReturnType<typeof begin> {
  try {
    return begin(...of)
  } catch (error) {
    return (error as Error).message
  }
}

/** A sentence: why not. */
function begin(
  server: DataServer,
  clusterId: string,
  name: string,
): { head: ChainHead; snapshot: StoreSnapshot } | string {
  const host = server.hosted(asChainId(name))
  if (host === null) return `${server.id} has no replica of the chain "${name}"`
  const { serving, leaving, receivingSnapshot } = host.status
  if (!serving || leaving || receivingSnapshot)
    return `${server.id} does not serve ${name}; ask another member`
  if (server.status().leaseMs <= 0)
    return `${server.id} has no lease, so it may have missed that the chain goes on without it; try again when the coordinators are up`
  const snapshot = host.store.openSnapshot()
  if (snapshot === null) return `the store of ${server.id} cannot be copied while it serves`
  const { epoch, seq } = snapshot.applied
  return {
    head: { chain: name, clusterId, server: server.id, epoch, seq, keys: snapshot.keyCount },
    snapshot,
  }
}

/** One block a turn, and as much time for the requests in between as it took: a copy has half of the one core at most. */
async function stream(response: ServerResponse, head: ChainHead, snapshot: StoreSnapshot): Promise<number> {
  const gone = new AbortController()
  response.once('close', () => gone.abort(new Error('the reader has gone')))
  response.write(encodeJson('chain', head))
  let items = 0
  for (let after: Key | null = null; ; ) {
    const begunMs = performance.now()
    const page = snapshot.page(after, ITEMS_BYTES)
    const last = page.at(-1)
    if (last === undefined) break
    after = last.key
    items += page.length
    const block = encodeItems(page)
    const tookMs = performance.now() - begunMs
    if (!response.write(block)) {
      const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(STALLED_MS)])
      await once(response, 'drain', { signal })
    }
    await sleep(tookMs)
    gone.signal.throwIfAborted()
  }
  response.end(encodeJson('chain-end', { chain: head.chain, items }))
  return items
}
