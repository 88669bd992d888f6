/** Who may do what: users hold roles over prefixes of keys. How somebody proves who he is, is not told here. */
import type { ClientMessage } from './client-messages.ts'
import type { ReadCommand, WriteCommand } from './commands.ts'
import { asKey, type Key } from './ids.ts'

/** Each may do what the ones before it may; `admin` sees what concerns the whole server besides: backups, other people's connections, settings. */
export const ROLES = ['read', 'write', 'admin'] as const
export type Role = (typeof ROLES)[number]

export interface Grant {
  readonly role: Role
  /** Over keys that begin with it; empty: over all keys. */
  readonly prefix: Key
}

/** Somebody who has proved who he is; or anybody, where nobody is asked. */
export interface Principal {
  readonly name: string
  /** Whether it is a server of the cluster: only those are heard as members of a chain. */
  readonly member: boolean
  readonly grants: readonly Grant[]
}

const EVERYTHING: readonly Grant[] = [{ role: 'admin', prefix: asKey('') }]

/** Whoever reaches a port of a cluster that has no secret. */
export const ANYBODY: Principal = { name: 'default', member: true, grants: EVERYTHING }
/** A process that has the cluster's secret. */
export const MEMBER: Principal = { name: 'member', member: true, grants: EVERYTHING }

/**
 * Whether `principal` holds `role` over every key that begins with `prefix`. For a single key the key itself is the prefix: keys
 * that only begin with it are then decided alike.
 *
 * @example
 * mayOver({ name: 'ann', member: false, grants: [{ role: 'write', prefix: asKey('users/') }] }, 'read', asKey('users/7')) // true
 */
export const mayOver = (principal: Principal, role: Role, prefix: Key): boolean =>
  principal.grants.some(
    (grant) => ROLES.indexOf(grant.role) >= ROLES.indexOf(role) && prefix.startsWith(grant.prefix),
  )

/** Whether the whole server is his to see and to change. */
export const isAdmin = (principal: Principal): boolean => mayOver(principal, 'admin', asKey(''))

/** Why a principal may not send this; null: he may. What a chain does for its own sake (sessions, the map) is for everybody who got in. */
export function refusalOf(principal: Principal, message: ClientMessage): string | null {
  switch (message.type) {
    case 'read':
      return missing(principal, 'read', areaOfRead(message.command))
    case 'changes':
      return missing(principal, 'read', [message.command.prefix])
    case 'write':
      return refusalOfWrite(principal, message.command)
    case 'map-request':
    case 'status-request':
      return null
  }
}

const areaOfRead = (command: ReadCommand): readonly Key[] =>
  command.type === 'get' ? command.keys : [command.prefix]

/** A condition tells something of what it is compared with: it is a read. */
function refusalOfWrite(principal: Principal, command: WriteCommand): string | null {
  if (command.type === 'open-session') return null
  if (command.type !== 'transaction') return missing(principal, 'write', [command.key])
  const read = [...command.compares.map(({ key }) => key), ...command.reads]
  return (
    missing(principal, 'read', read) ??
    missing(
      principal,
      'write',
      command.writes.map(({ key }) => key),
    )
  )
}

/** Of a key, in a message. */
const KEY_SHOWN = 64

function missing(principal: Principal, role: Role, areas: readonly Key[]): string | null {
  const [only] = principal.grants
  if (principal.grants.length === 1 && only?.role === 'admin' && only.prefix === '') return null
  const area = areas.find((prefix) => !mayOver(principal, role, prefix))
  if (area === undefined) return null
  return `user ${principal.name} may not ${role} ${area === '' ? 'all keys' : JSON.stringify(area.slice(0, KEY_SHOWN))}`
}

const GRANT = /^(read|write|admin):(.*)$/s

/**
 * Reads a grant as people write it: `role:prefix`, where nothing behind the colon means all keys.
 *
 * @returns null where it is none.
 *
 * @example
 * grantFromText('write:users/') // { role: 'write', prefix: 'users/' }
 */
export function grantFromText(text: string): Grant | null {
  const match = GRANT.exec(text)
  if (match?.[1] === undefined) return null
  const utf8 = new TextEncoder().encode(match[2] ?? '')
  return { role: match[1] as Role, prefix: asKey(String.fromCharCode(...utf8)) }
}

/** As `grantFromText` reads it. */
export function textOfGrant({ role, prefix }: Grant): string {
  const bytes = Uint8Array.from(prefix, (char) => char.charCodeAt(0))
  return `${role}:${new TextDecoder().decode(bytes)}`
}
