/**
 * A configuration of several znodes that no reader may see half old, half new (ZooKeeper §2.3), in two ways.
 *
 * *Ready file*: the writer deletes `ready`, writes the parts, and creates `ready` again. It may do so asynchronously, because its requests take effect in order.
 * A reader looks for `ready` with a watch and then reads the parts. If the writer begins while it reads, the event that says so comes before any reply with a
 * part of the new configuration: the reader sees it in time and begins again.
 *
 * *One transaction*: the writer replaces all parts by one `multi`, together with the version of their parent. A reader that finds the same version before and after
 * has read one configuration.
 */
import type { CoordinatorClient, MultiStep, Stop, WatchCallback, ZnodeData } from '../coordinator/api.ts'
import { isCoordinatorError } from '../coordinator/errors.ts'
import { persistently, untilFired, type WaitOptions } from './persistence.ts'

export type Parts = Readonly<Record<string, ZnodeData>>
export type Configuration = ReadonlyMap<string, Uint8Array>

const READY = 'ready'

/**
 * Writes a configuration by the ready file. For one writer at a time: a lock's holder, or a leader. Parts that it does not name stay.
 *
 * A writer that dies on the way leaves no `ready`, so that nobody reads a torso; the next writer begins anew.
 *
 * @throws {CoordinatorError} `SESSION_EXPIRED`, `CLOSED`.
 */
export async function publishWithReady(client: CoordinatorClient, path: string, parts: Parts): Promise<void> {
  const ready = `${path}/${READY}`
  await persistently(() => client.ensurePath(path))
  await persistently(async () => {
    // Pipelined: what is sent in order takes effect in order. Each is repeated by the whole if a reply is lost.
    const steps = [unless('NO_NODE', client.delete(ready))]
    for (const [name, data] of Object.entries(parts)) steps.push(put(client, `${path}/${name}`, data))
    const results = await Promise.allSettled(steps)
    for (const result of results) if (result.status === 'rejected') throw result.reason
    await unless('NODE_EXISTS', client.create(ready, null))
  })
}

/** A part that is missing is made: both requests are on their way at once, and one of them fails. */
async function put(client: CoordinatorClient, path: string, data: ZnodeData): Promise<void> {
  const made = unless('NODE_EXISTS', client.create(path, data))
  await Promise.all([made, client.setData(path, data)])
}

async function unless(code: 'NO_NODE' | 'NODE_EXISTS', request: Promise<unknown>): Promise<void> {
  try {
    await request
  } catch (error) {
    if (!isCoordinatorError(error, code)) throw error
  }
}

/** Waits until there is a whole configuration, and reads it. */
export async function readWithReady(
  client: CoordinatorClient,
  path: string,
  options: WaitOptions = {},
): Promise<Configuration> {
  for (;;) {
    const found = await persistently(() => tryReadWithReady(client, path), options.signal)
    if (found !== null) return found
    await untilFired(
      client,
      async (watch) => (await client.exists(`${path}/${READY}`, { watch })) === null,
      options,
    )
  }
}

/**
 * Reads a configuration if one is ready.
 *
 * @param watch - called at the next change of the ready file, if one is ready now or not.
 * @returns null where none is ready, or the writer began meanwhile.
 */
export async function tryReadWithReady(
  client: CoordinatorClient,
  path: string,
  watch: WatchCallback = () => {},
): Promise<Configuration | null> {
  let begun = false
  const stat = await client.exists(`${path}/${READY}`, {
    watch: (event) => {
      begun = true
      watch(event)
    },
  })
  if (stat === null) return null
  const configuration = await readParts(client, path)
  // The event would have come before the first reply that shows anything of the next configuration.
  return begun ? null : configuration
}

/** Calls back with each whole configuration. May skip some, never the last. */
export function watchConfiguration(
  client: CoordinatorClient,
  path: string,
  deliver: (configuration: Configuration) => void,
): Stop {
  let stopped = false
  const ready = `${path}/${READY}`
  const stopWatching = client.watchData(ready, (znode) => {
    if (znode === null) return
    const look = async () => {
      const configuration = await tryReadWithReady(client, path)
      if (configuration !== null && !stopped) deliver(configuration)
    }
    look().catch(() => {}) // the connection broke: `watchData` reads again once it is back
  })
  return () => {
    stopped = true
    stopWatching()
  }
}

/**
 * Replaces a configuration by one transaction: parts that it does not name are deleted. For any number of writers.
 *
 * @throws {CoordinatorError} `CONNECTION_LOSS` with outcome `indefinite`: it may have been replaced. To try again is safe unless others write, too.
 */
export async function publishAtOnce(client: CoordinatorClient, path: string, parts: Parts): Promise<void> {
  await persistently(() => client.ensurePath(path))
  for (;;) {
    const stat = await persistently(async () => {
      await client.sync(path)
      return client.exists(path)
    })
    const present = new Set(await persistently(() => client.getChildren(path)))
    const steps: MultiStep[] = [{ type: 'setData', path, data: null, version: stat?.version ?? 0 }]
    for (const [name, data] of Object.entries(parts)) {
      const type = present.delete(name) ? 'setData' : 'create'
      steps.push({ type, path: `${path}/${name}`, data })
    }
    for (const name of present) steps.push({ type: 'delete', path: `${path}/${name}` })
    try {
      await client.multi(steps)
      return
    } catch (error) {
      // Another writer was faster: look again.
      if (!isCoordinatorError(error, 'BAD_VERSION', 'NODE_EXISTS', 'NO_NODE')) throw error
    }
  }
}

/**
 * Reads what `publishAtOnce` wrote: all of it from one transaction.
 *
 * @throws {CoordinatorError} `NO_NODE`: there is none.
 */
export function readAtOnce(client: CoordinatorClient, path: string): Promise<Configuration> {
  return persistently(async () => {
    for (;;) {
      const { stat: before } = await client.getData(path)
      const configuration = await readParts(client, path)
      const { stat: after } = await client.getData(path)
      if (configuration !== null && before.version === after.version && before.czxid === after.czxid)
        return configuration
    }
  })
}

/** Null where a part was deleted while it was read. */
async function readParts(client: CoordinatorClient, path: string): Promise<Configuration | null> {
  const names = (await client.getChildren(path)).filter((name) => name !== READY).sort()
  try {
    const znodes = await Promise.all(names.map((name) => client.getData(`${path}/${name}`)))
    return new Map(names.map((name, i) => [name, znodes[i]?.data ?? new Uint8Array(0)]))
  } catch (error) {
    if (isCoordinatorError(error, 'NO_NODE')) return null
    throw error
  }
}
