import type { CoordinatorClient, Stop, ZnodeData } from '../coordinator/api.ts'
import { createOnce, HeldZnode } from './held-znode.ts'

/**
 * Joins a group: its members are the ephemeral children of one znode (ZooKeeper §2.4, *Group Membership*). One that dies is out when its session
 * ends. Whoever lost its membership joins again, as somebody new.
 *
 * @param options.name - the start of its name in the list. Default: `member`. A guid and a number follow, so that names need not be unique.
 * @throws {CoordinatorError} `SESSION_EXPIRED`, `CLOSED`.
 *
 * @example
 * const membership = await joinGroup(zk, '/app/workers', { name: 'w7', data: 'host7:4000' })
 * const stop = watchGroup(zk, '/app/workers', (names) => console.log(names))
 */
export async function joinGroup(
  client: CoordinatorClient,
  path: string,
  options: { readonly name?: string; readonly data?: ZnodeData; readonly signal?: AbortSignal } = {},
): Promise<HeldZnode> {
  const { name = 'member', data = null, signal } = options
  const own = await createOnce(client, { parent: path, label: name, data, ephemeral: true, signal })
  return HeldZnode.of(client, `${path}/${own}`, signal)
}

/** Calls back with the members' names, in byte order, now and whenever somebody comes or goes. May skip states, never the last. */
export const watchGroup = (
  client: CoordinatorClient,
  path: string,
  deliver: (names: readonly string[]) => void,
): Stop => client.watchChildren(path, (names) => deliver(names ?? []))
