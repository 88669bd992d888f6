/** What the doors of one process go by: nobody is asked where the cluster has no secret; with one, everybody who is no member has to be a user. */
import type { CoordinatorClient } from '../../client/coordinator/api.ts'
import type { ControlPorts } from '../control-ports.ts'
import type { Log } from '../log.ts'
import { Logins } from './logins.ts'
import { type TreeAccess, type TreeSecret, treeAccess } from './tree-access.ts'
import { Users } from './users.ts'

export interface GuardSecret extends TreeSecret {
  /** What processes of the cluster say to each other's http doors, as the user `member`. */
  readonly httpPassword: string
}

export interface Guard {
  /** How this process opens its sessions with the coordinators. */
  readonly tree: TreeAccess
  /** Null: nobody is asked who he is. */
  readonly logins: Logins | null
  readonly users: Users | null
}

/** @param former - what the tree may still be closed by. */
export function guardOf(secret: GuardSecret | null, log: Log, former: TreeSecret | null = null): Guard {
  const tree = treeAccess(secret, former)
  if (secret === null) return { tree, logins: null, users: null }
  const users = new Users(log)
  return { tree, users, logins: new Logins({ users, memberPassword: secret.httpPassword, log }) }
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
