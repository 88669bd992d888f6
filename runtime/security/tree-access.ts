/**
 * Who may see the cluster's tree, `/catenary`: without a secret everybody who reaches a coordinator, with one only whoever has it. ZooKeeper's own means, so
 * that it holds on Apache ZooKeeper, too: the digest user `catenary`, whose password comes from the secret, and access lists that name nobody else.
 */
import type { CoordinatorOptions } from '../../client/coordinator/api.ts'
import { digestIdOf } from '../../protocol/zookeeper/digest.ts'
import { PERMS } from '../../protocol/zookeeper/ops.ts'
import type { Id } from '../../protocol/zookeeper/records.ts'

/** What of the cluster's secret opens it. */
export interface TreeSecret {
  readonly coordinatorPassword: string
}

/** How members and the operator's tools open their sessions; empty: as everybody does. */
export type TreeAccess = Pick<CoordinatorOptions, 'auth' | 'acl'>

/**
 * @param former - the secret that the tree was closed by before: such znodes may be read, and given to the new one.
 *
 * @example
 * const client = coordinator({ servers, ...treeAccess(secret) }) // what it creates is the cluster's alone
 */
export function treeAccess(secret: TreeSecret | null, former: TreeSecret | null = null): TreeAccess {
  if (secret === null) return {}
  const shown = [secret, ...(former === null ? [] : [former])].map(userOf)
  return {
    auth: shown.map((auth) => ({ scheme: 'digest', auth })),
    // Not `auth`, which stands for all that a session has shown: whoever shows more of himself would let others in.
    acl: [{ perms: PERMS.all, id: { scheme: 'digest', id: digestIdOf(userOf(secret)) } }],
  }
}

/** As which the coordinators know a session of whoever has a member's certificate. */
export const MEMBER_ID: Id = { scheme: 'x509', id: 'member' }

/** Where certificates stand in for a secret: whoever has a member's opens it. Our coordinators alone know of that. */
export const CERTIFIED_TREE: TreeAccess = { acl: [{ perms: PERMS.all, id: MEMBER_ID }] }

const userOf = ({ coordinatorPassword }: TreeSecret): string => `catenary:${coordinatorPassword}`
