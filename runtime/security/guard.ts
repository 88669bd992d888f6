/** What the doors of one process go by: nobody is asked where the cluster has no secret; with one, everybody who is no member has to be a user. */
import type { CoordinatorClient } from '../../client/coordinator/api.ts'
import type { ControlPorts } from '../control-ports.ts'
import type { Log } from '../log.ts'
import { Certificates } from './certificates.ts'
import { Logins } from './logins.ts'
import type { NodeTls } from './tls.ts'
import { CERTIFIED_TREE, type TreeAccess, type TreeSecret, treeAccess } from './tree-access.ts'
import { Users } from './users.ts'

export interface GuardSecret extends TreeSecret {
  /** What processes of the cluster say to each other's http doors, as the user `member`. */
  readonly httpPassword: string
}

export interface GuardOptions {
  readonly secret: GuardSecret | null
  readonly former?: TreeSecret | null
  readonly tls: NodeTls | null
  readonly log: Log
}

export interface Guard {
  /** How this process opens its sessions with the coordinators. */
  readonly tree: TreeAccess
  /** Who says who he is by a password; null: nobody. */
  readonly logins: Logins | null
  /** Who says it by his certificate; null: nobody. Without either nobody is asked. */
  readonly certificates: Certificates | null
  readonly users: Users | null
}

/**
 * With a secret that is what counts, whether certificates are asked for or not.
 *
 * @param former - what the tree may still be closed by.
 * @throws this process would not be taken for one of its cluster.
 */
export function guardOf({ secret, former = null, tls, log }: GuardOptions): Guard {
  const tree = treeAccess(secret, former)
  const users = new Users(log)
  if (secret !== null) {
    const logins = new Logins({ users, memberPassword: secret.httpPassword, log })
    return { tree, users, logins, certificates: null }
  }
  if (tls?.mutual !== true) return { tree, users: null, logins: null, certificates: null }
  tls.relyOnUnit()
  return { tree: CERTIFIED_TREE, users, logins: null, certificates: new Certificates(users) }
}

const SESSION_TIMEOUT_MS = 10_000

/** Learns of users in a session of its own, for a process that has none that lasts. Null: there is nothing to learn. */
export function followUsers(
  { users }: Guard,
  coordinators: readonly string[],
  { openSession }: Pick<ControlPorts, 'openSession'>,
): CoordinatorClient | null {
  if (users === null) return null
  const client = openSession({
    servers: coordinators,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    renewExpired: true,
  })
  users.follow(client)
  return client
}
