import type { CoordinatorClient } from '../coordinator/api.ts'
import { isCoordinatorError } from '../coordinator/errors.ts'
import { HeldZnode, predecessor, says, standInLine } from './held-znode.ts'
import { persistently, untilGone, type WaitOptions } from './persistence.ts'

/**
 * Takes a lock; waits for its turn, first come first served (ZooKeeper §2.4, *Simple Locks without Herd Effect*).
 *
 * Each waiter watches only the one before it, so the end of one wakes one. At most one client holds the lock *as the coordinator sees it*. A holder
 * that was asleep may not have noticed that it lost it: give `token` to what the lock guards, and stop when `signal` aborts.
 *
 * @param path - a znode of this lock alone; made where it is missing.
 * @throws {CoordinatorError} `SESSION_EXPIRED`, `CLOSED`, or the reason of `options.signal`. Nothing is held then.
 *
 * @example
 * await using lock = await acquireLock(zk, '/locks/report')
 * await store.put('report', text, { ifVersion })  // and see docs/RECIPES.md for lock.token
 */
export const acquireLock = (
  client: CoordinatorClient,
  path: string,
  options: WaitOptions = {},
): Promise<HeldZnode> =>
  standInLine(client, { ...options, parent: path, label: 'lock', blockedBy: predecessor })

/**
 * The paper's first lock (ZooKeeper §2.4, *Simple Locks*): one znode that everybody tries to create, and everybody watches. It is here to be compared:
 * whenever it is released all waiters wake up, and all but one in vain; and whoever is fastest has it, not who came first.
 *
 * @param path - the lock's znode itself. Its parent exists.
 */
export async function acquireSimpleLock(
  client: CoordinatorClient,
  path: string,
  options: WaitOptions = {},
): Promise<HeldZnode> {
  for (;;) {
    if (await tryCreate(client, path, options.signal)) return HeldZnode.of(client, path, options.signal)
    await untilGone(client, path, options)
  }
}

/** Whether it is ours, also where the reply to the `create` was lost: the name alone does not say so, nor does the session, which others here may share. */
async function tryCreate(client: CoordinatorClient, path: string, signal?: AbortSignal): Promise<boolean> {
  const guid = crypto.randomUUID()
  let doubtful = false
  return persistently(async () => {
    const before = doubtful
    doubtful = true
    try {
      await client.create(path, guid, { ephemeral: true })
      return true
    } catch (error) {
      if (!isCoordinatorError(error, 'NODE_EXISTS')) throw error
    }
    return before && (await says(client, path, guid))
  }, signal)
}
