import type { CoordinatorClient, ZnodeData } from '../coordinator/api.ts'
import { isCoordinatorError } from '../coordinator/errors.ts'
import { persistently } from './persistence.ts'

/**
 * Changes a znode by what it holds, however many others do so at the same time: read, compute, write if the version is still the one that was
 * read, or begin again (ZooKeeper §2.3, the conditional `setData`; the lecture's *mini-transaction*). Nobody waits for anybody.
 *
 * @param change - from the data, or null where there is no such znode, to what it shall hold. Called again after each lost race, so it must
 *   have no effects of its own. Returning null leaves everything as it is.
 * @returns what it holds now, or null where `change` returned null.
 * @throws {CoordinatorError} `CONNECTION_LOSS` with outcome `indefinite`: the reply to the write was lost, and others have written since; whether ours
 *   was among them cannot be told. `NO_NODE`: the parent is missing.
 *
 * @example
 * await update(zk, '/app/limits', (data) => JSON.stringify({ ...JSON.parse(text(data)), users: 20 }))
 */
export async function update(
  client: CoordinatorClient,
  path: string,
  change: (data: Uint8Array | null) => ZnodeData,
): Promise<Uint8Array | null> {
  for (;;) {
    const before = await persistently(() => read(client, path))
    const next = bytesOf(change(before?.data ?? null))
    if (next === null) return null
    if (await tryWrite(client, path, next, before?.version ?? null)) return next
  }
}

interface Seen {
  readonly data: Uint8Array
  readonly version: number
}

async function read(client: CoordinatorClient, path: string): Promise<Seen | null> {
  try {
    const { data, stat } = await client.getData(path)
    return { data, version: stat.version }
  } catch (error) {
    if (isCoordinatorError(error, 'NO_NODE')) return null
    throw error
  }
}

/** False: somebody else was faster. */
async function tryWrite(
  client: CoordinatorClient,
  path: string,
  data: Uint8Array,
  version: number | null,
): Promise<boolean> {
  try {
    if (version === null) await client.create(path, data)
    else await client.setData(path, data, version)
    return true
  } catch (error) {
    if (isCoordinatorError(error, 'BAD_VERSION')) return catchUp(client, path)
    if (version === null && isCoordinatorError(error, 'NODE_EXISTS')) return catchUp(client, path)
    if (version !== null && isCoordinatorError(error, 'NO_NODE')) return catchUp(client, path)
    if (!isCoordinatorError(error, 'CONNECTION_LOSS')) throw error
    if (error.outcome === 'definite' || !(await mayHaveHappened(client, path, version))) return false
    throw error
  }
}

/** The connected member may be behind the one that refused: without this, the loop could read the same old version many times. */
async function catchUp(client: CoordinatorClient, path: string): Promise<false> {
  await persistently(() => client.sync(path))
  return false
}

/** It did not happen if nothing has: what the session sent over the lost connection cannot take effect any more. */
async function mayHaveHappened(
  client: CoordinatorClient,
  path: string,
  version: number | null,
): Promise<boolean> {
  const now = await persistently(async () => {
    await client.sync(path)
    return client.exists(path)
  })
  return version === null ? now !== null : now?.version !== version
}

const encoder = new TextEncoder()
const bytesOf = (data: ZnodeData): Uint8Array | null =>
  typeof data === 'string' ? encoder.encode(data) : data
