/** A tree that anybody could write, of before there was a secret, made the cluster's alone. */
import type { CoordinatorClient } from '../../client/coordinator/api.ts'
import { isCoordinatorError } from '../../client/coordinator/errors.ts'
import type { Acl } from '../../protocol/zookeeper/records.ts'

const TREE = '/catenary'
/** Whoever may put limits there can stop all that the cluster wants to write. */
const QUOTA = '/zookeeper/quota/catenary'

export interface ClosedTree {
  /** How many znodes were open, or somebody else's besides. */
  readonly closed: number
  /** Those that keep their access list: it does not let this client change it. */
  readonly refused: readonly string[]
}

/**
 * Gives every znode of the cluster this access list. From the top down: below a znode that is closed strangers can create nothing any more, so that none of theirs is
 * overlooked. Where nothing has to be changed, it only looks.
 *
 * @throws {CoordinatorError} the connection broke: what was done stays done.
 */
export async function closeTree(client: CoordinatorClient, acl: readonly Acl[]): Promise<ClosedTree> {
  const refused: string[] = []
  let closed = 0
  const close = async (path: string): Promise<void> => {
    try {
      const found = await client.getAcl(path)
      if (!isSame(found.acl, acl)) {
        await client.setAcl(path, acl, found.stat.aversion)
        closed++
      }
      const names = await client.getChildren(path)
      // All at once: a manager that has just been elected has other work to do.
      await Promise.all(names.map((name) => close(`${path}/${name}`)))
    } catch (error) {
      if (isCoordinatorError(error, 'NO_AUTH')) refused.push(path)
      else if (!isCoordinatorError(error, 'NO_NODE')) throw error // gone meanwhile
    }
  }
  await close(TREE)
  await guardQuota(client)
  await close(QUOTA)
  return { closed, refused }
}

async function guardQuota(client: CoordinatorClient): Promise<void> {
  try {
    await client.create(QUOTA, null)
  } catch (error) {
    if (!isCoordinatorError(error, 'NODE_EXISTS', 'NO_NODE', 'NO_AUTH')) throw error
  }
}

const isSame = (one: readonly Acl[], other: readonly Acl[]): boolean =>
  one.length === other.length &&
  one.every(({ perms, id }, i) => {
    const its = other[i]
    return its?.perms === perms && its.id.scheme === id.scheme && its.id.id === id.id
  })
