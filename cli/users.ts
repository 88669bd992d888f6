/** Users as commands read and write them: znodes that only the cluster's secret opens. */
import type { CoordinatorClient } from '../client/coordinator/client.ts'
import { isCoordinatorError } from '../client/coordinator/errors.ts'
import { type Grant, grantFromText, textOfGrant } from '../protocol/access.ts'
import { PATHS, userPath } from '../runtime/manager/znodes.ts'
import {
  GRANTS_MAX,
  problemOfName,
  type UserZnode,
  userFromJson,
  userToJson,
} from '../runtime/security/user-znode.ts'
import { UsageError } from './arguments.ts'
import { accessOf, type EnsembleArguments, ensembleOptions, withEnsemble } from './ensemble.ts'

export const userOptions = { ...ensembleOptions } as const

export const userPositional = {
  user: { type: 'string', demandOption: true, describe: 'Name of the user, such as ann' },
} as const

export const grantsPositional = {
  grants: {
    type: 'string',
    array: true,
    demandOption: true,
    describe: 'role:prefix, such as write:users/; nothing behind the colon means all keys',
  },
} as const

export const GRANTS_HELP = [
  'Roles: read; write, which reads too; admin, which may besides take backups, see and end the connections of others, and delete everything (over all keys: admin:).',
  'A grant is over the keys that begin with its prefix.',
].join(' ')

/** Works in a session that may see users. @throws where neither a secret nor a member's certificate was given. */
export function withUsers<Result>(
  args: EnsembleArguments,
  work: (client: CoordinatorClient) => Promise<Result>,
): Promise<Result> {
  if (accessOf(args).acl === undefined)
    throw new UsageError(
      'users belong to a cluster with a secret: give --secret-file FILE, the file that its servers were started with (`catenary secret` makes one), or where they know each other by --tls-mutual, a member’s --tls-cert',
    )
  return withEnsemble(args, work)
}

export function toUserName(text: string): string {
  const problem = problemOfName(text)
  if (problem === null) return text
  throw new UsageError(`user ${JSON.stringify(text)}: ${problem}`)
}

export const toGrants = (texts: readonly string[]): Grant[] =>
  texts.map((text) => {
    const grant = grantFromText(text)
    if (grant !== null) return grant
    throw new UsageError(
      `grant ${JSON.stringify(text)}: use read, write or admin, a colon, and a prefix of keys, such as write:users/ or read:`,
    )
  })

const isSame = (one: Grant) => (other: Grant) => one.role === other.role && one.prefix === other.prefix

/** Each once. */
export const withGrants = (had: readonly Grant[], added: readonly Grant[]): Grant[] => [
  ...had,
  ...added.filter((grant, i) => !had.some(isSame(grant)) && added.findIndex(isSame(grant)) === i),
]

/** @throws {UsageError} one of them was not there: nothing would become of it. */
export function withoutGrants(had: readonly Grant[], removed: readonly Grant[]): Grant[] {
  const unknown = removed.find((grant) => !had.some(isSame(grant)))
  if (unknown !== undefined)
    throw new UsageError(
      `there is no grant ${textOfGrant(unknown)}: there ${had.length === 0 ? 'is none' : `are ${grantsText(had)}`}`,
    )
  return had.filter((grant) => !removed.some(isSame(grant)))
}

export const grantsText = (grants: readonly Grant[]): string =>
  grants.length === 0 ? '(nothing)' : grants.map(textOfGrant).join(', ')

/** Null: what is there is no user. */
export interface ListedUser {
  readonly name: string
  readonly znode: UserZnode | null
}

export async function listUsers(client: CoordinatorClient): Promise<readonly ListedUser[]> {
  await client.sync(PATHS.users)
  const names = await client.getChildren(PATHS.users).catch((error: unknown) => {
    if (isCoordinatorError(error, 'NO_NODE')) return []
    throw error
  })
  return Promise.all(
    [...names].sort().map(async (name) => {
      const { data } = await client.getData(userPath(name))
      return { name, znode: userFromJson(new TextDecoder().decode(data)) }
    }),
  )
}

export async function addUser(client: CoordinatorClient, name: string, znode: UserZnode): Promise<void> {
  await client.ensurePath(PATHS.users)
  try {
    await client.create(userPath(name), jsonOf(znode))
  } catch (error) {
    if (!isCoordinatorError(error, 'NODE_EXISTS')) throw error
    throw new Error(
      `user ${name} exists already: \`catenary user passwd\` changes the password, \`catenary user grant\` and \`revoke\` the grants`,
      { cause: error },
    )
  }
}

/** Reads, changes and writes; again where somebody else was quicker. @throws there is no such user. */
export async function changeUser(
  client: CoordinatorClient,
  name: string,
  change: (znode: UserZnode) => UserZnode,
): Promise<UserZnode> {
  for (;;) {
    await client.sync(PATHS.users)
    const { data, stat } = await client.getData(userPath(name)).catch((error: unknown) => {
      throw isCoordinatorError(error, 'NO_NODE') ? noSuchUser(name) : error
    })
    const znode = userFromJson(new TextDecoder().decode(data))
    if (znode === null)
      throw new Error(`${userPath(name)} holds no user: \`catenary user remove ${name}\`, and add it again`)
    const next = change(znode)
    try {
      await client.setData(userPath(name), jsonOf(next), stat.version)
      return next
    } catch (error) {
      if (!isCoordinatorError(error, 'BAD_VERSION')) throw error
    }
  }
}

export async function removeUser(client: CoordinatorClient, name: string): Promise<void> {
  try {
    await client.delete(userPath(name))
  } catch (error) {
    throw isCoordinatorError(error, 'NO_NODE') ? noSuchUser(name) : error
  }
}

/** @throws {UsageError} servers would not take it for a user. */
function jsonOf(znode: UserZnode): string {
  const json = userToJson(znode)
  if (userFromJson(json) !== null) return json
  throw new UsageError(
    `a user has at most ${GRANTS_MAX} grants, each of a prefix that a key can begin with: grant shorter prefixes, and fewer of them`,
  )
}

const noSuchUser = (name: string) =>
  new Error(`there is no user ${name}: \`catenary user list\` shows who there is`)
