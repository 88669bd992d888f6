import type { CoordinatorClient, ZnodeData } from '../coordinator/api.ts'
import { isCoordinatorError } from '../coordinator/errors.ts'
import { type HeldZnode, inOrder, predecessor, standInLine } from './held-znode.ts'
import { persistently, type WaitOptions } from './persistence.ts'

/**
 * Stands for election, and resolves once elected. The lock without herd, with a word of who leads; ZooKeeper's own recipes call it *Leader
 * Election*. To step down, `release`. When `signal` aborts, somebody else may lead already.
 *
 * @param options.data - what `leaderOf` shows of this candidate: an address, for example.
 * @throws as `acquireLock`.
 *
 * @example
 * const office = await becomeLeader(zk, '/app/leader', { data: 'host7:4000' })
 * await lead({ signal: office.signal, term: office.token })
 */
export const becomeLeader = (
  client: CoordinatorClient,
  path: string,
  options: { readonly data?: ZnodeData } & WaitOptions = {},
): Promise<HeldZnode> =>
  standInLine(client, { ...options, parent: path, label: 'candidate', blockedBy: predecessor })

/** What the leader said of itself, and its token; null while nobody leads. As the connected coordinator has it: perhaps a moment old. */
export function leaderOf(
  client: CoordinatorClient,
  path: string,
): Promise<{ readonly data: Uint8Array; readonly token: number } | null> {
  return persistently(async () => {
    for (;;) {
      try {
        const [first] = inOrder(await client.getChildren(path))
        if (first === undefined) return null
        const { data, stat } = await client.getData(`${path}/${first}`)
        return { data, token: stat.czxid }
      } catch (error) {
        if (!isCoordinatorError(error, 'NO_NODE')) throw error
        if ((await client.exists(path)) === null) return null
      }
    }
  })
}
