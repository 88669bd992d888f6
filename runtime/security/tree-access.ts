/**
 * Who may see the cluster's tree, `/catenary`: without a secret everybody who reaches a coordinator, with one only whoever has it. ZooKeeper's own means, so
 * that it holds on Apache ZooKeeper, too: the digest user `catenary`, whose password comes from the secret, and access lists that name nobody else.
 */
import type { CoordinatorOptions } from '../../client/coordinator/api.ts'
import { digestIdOf } from '../../protocol/zookeeper/digest.ts'
import { PERMS } from '../../protocol/zookeeper/ops.ts'

/** How members and the operator's tools open their sessions; empty: as everybody does. */
export type TreeAccess = Pick<CoordinatorOptions, 'auth' | 'acl'>

/**
 * @example
 * const client = coordinator({ servers, ...treeAccess(secret) }) // what it creates is the cluster's alone
 */
export function treeAccess(secret: { readonly coordinatorPassword: string } | null): TreeAccess {
  if (secret === null) return {}
  const identity = `catenary:${secret.coordinatorPassword}`
  return {
    auth: [{ scheme: 'digest', auth: identity }],
    // Not `auth`, which stands for all that a session has shown: whoever shows more of himself would let others in.
    acl: [{ perms: PERMS.all, id: { scheme: 'digest', id: digestIdOf(identity) } }],
  }
}
