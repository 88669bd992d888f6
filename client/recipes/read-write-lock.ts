import type { CoordinatorClient } from '../coordinator/api.ts'
import { type HeldZnode, isNamed, predecessor, standInLine } from './held-znode.ts'
import type { WaitOptions } from './persistence.ts'

/**
 * Takes a lock for writing: nobody else holds it meanwhile (ZooKeeper §2.4, *Read/Write Locks*). Waits for all who came before, as `acquireLock` does.
 *
 * @throws as `acquireLock`.
 */
export const acquireWriteLock = (
  client: CoordinatorClient,
  path: string,
  options: WaitOptions = {},
): Promise<HeldZnode> =>
  standInLine(client, { ...options, parent: path, label: 'write', blockedBy: predecessor })

/**
 * Takes a lock for reading: together with other readers, after every writer that came before. Readers that come after a waiting writer
 * wait for it, so writers do not starve.
 *
 * Departs: the paper goes back to line 3, which looks at the list of line 2 once more and finds the same writer in it for ever. As the
 * FAQ corrects it, the list is read again after each wait. All readers behind one writer wake up at its end: no herd, all of them may go on.
 *
 * @throws as `acquireLock`.
 */
export const acquireReadLock = (
  client: CoordinatorClient,
  path: string,
  options: WaitOptions = {},
): Promise<HeldZnode> =>
  standInLine(client, { ...options, parent: path, label: 'read', blockedBy: writerBefore })

function writerBefore(own: string, line: readonly string[]): string | null {
  return line.slice(0, line.indexOf(own)).findLast((name) => isNamed(name, 'write')) ?? null
}
