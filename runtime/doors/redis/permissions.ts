/** Who may do what at this door: roles over prefixes of keys, in the words of Redis's access lists. */
import { isAdmin, mayOver, type Principal, type Role } from '../../../protocol/access.ts'
import { asKey, type Key } from '../../../protocol/ids.ts'
import { type Command, fullName, keysOf } from './command.ts'
import { prefixOf } from './glob.ts'
import type { Args } from './request-reader.ts'
import type { Session, Subscriptions } from './session.ts'

/** What is not allowed of a command, as ACL DRYRUN and NOPERM tell it. */
export interface Refusal {
  readonly text: string
  /** What ACL DRYRUN says. */
  readonly dryRun: string
}

const EVERYTHING = asKey('')
const KEYSPACE = '__keyspace@0__:'
/** Channels of what happens to keys. */
const EVENTS = '__key'

/** Such commands tell of other people, or change the server. Those that need a subcommand are named with it. */
const FOR_ADMINS = new Set([
  'acl|deluser',
  'acl|dryrun',
  'acl|getuser',
  'acl|list',
  'acl|load',
  'acl|log',
  'acl|save',
  'acl|setuser',
  'acl|users',
  'client|kill',
  'client|list',
  'client|unblock',
  'client|unpause',
  'config|resetstat',
  'config|rewrite',
  'config|set',
  'debug',
  'flushall',
  'flushdb',
  'function|flush',
  'module|load',
  'module|unload',
  'script|flush',
])
/** These have no key to look at, and concern them all. KEYS and SCAN show each user his own. */
const OVER_EVERYTHING = new Set(['dbsize', 'randomkey', 'cluster|countkeysinslot', 'cluster|getkeysinslot'])

/** @returns null: he may. */
export function refusalOf(principal: Principal, command: Command, args: Args): Refusal | null {
  if (isAdmin(principal)) return null
  const name = fullName(command, args)
  if (FOR_ADMINS.has(name)) return refusedCommand(name)
  if (OVER_EVERYTHING.has(name)) return mayOver(principal, 'read', EVERYTHING) ? null : refusedCommand(name)
  if (command.flags.includes('pubsub')) return refusalOfChannels(principal, command, args)
  const keys = keysOf(command, args)
  if (keys.length === 0) return null
  const role: Role = command.flags.includes('write') ? 'write' : 'read'
  const key = keys.find((each) => !mayOver(principal, role, each))
  if (key === undefined) return null
  // Where he has that role nowhere, it is not about the key.
  return holds(principal, role) ? refusedKey(key) : refusedCommand(name)
}

const holds = (principal: Principal, role: Role): boolean =>
  principal.grants.some(({ prefix }) => mayOver(principal, role, prefix))

function refusalOfChannels(principal: Principal, command: Command, args: Args): Refusal | null {
  const { name } = command
  if (name === 'publish' || name === 'spublish')
    return mayPublish(principal, args.text(1)) ? null : refusedChannel(args.text(1))
  const kind = KINDS[name]
  if (kind === undefined) return null
  const refused = args.texts(1).find((channel) => !mayHear(principal, kind, channel))
  return refused === undefined ? null : refusedChannel(refused)
}

const KINDS: Readonly<Record<string, keyof Subscriptions>> = {
  subscribe: 'channels',
  psubscribe: 'patterns',
  ssubscribe: 'shardChannels',
}

/** A channel counts as a key of its name. What happens to keys is told by the server alone, and by who could do it to all of them. */
const mayPublish = (principal: Principal, channel: string): boolean =>
  mayOver(principal, 'write', channel.startsWith(EVENTS) ? EVERYTHING : asKey(channel))

function mayHear(principal: Principal, kind: keyof Subscriptions, channel: string): boolean {
  const begins = kind === 'patterns' ? prefixOf(channel) : channel
  return mayOver(principal, 'read', areaOfEvents(begins, kind === 'patterns') ?? asKey(begins))
}

/** Which keys such channels tell of; null: of none. A pattern may mean them although it does not begin as they do. */
function areaOfEvents(begins: string, isPattern: boolean): Key | null {
  if (begins.startsWith(KEYSPACE)) return asKey(begins.slice(KEYSPACE.length))
  const mayBeOne = begins.startsWith(EVENTS) || (isPattern && EVENTS.startsWith(begins))
  return mayBeOne ? EVERYTHING : null
}

/** Whether somebody may go on hearing what he has subscribed to. */
export function mayStaySubscribed(
  principal: Principal,
  { subscriptions }: Pick<Session, 'subscriptions'>,
): boolean {
  if (isAdmin(principal)) return true
  for (const kind of ['channels', 'patterns', 'shardChannels'] as const)
    for (const channel of subscriptions[kind]) if (!mayHear(principal, kind, channel)) return false
  return true
}

/** Whether KEYS and SCAN show him that there is such a key. */
export const maySee = (principal: Principal | null, key: Key): boolean =>
  principal !== null && mayOver(principal, 'read', key)

const refusedCommand = (name: string): Refusal => ({
  text: `NOPERM this user has no permissions to run the '${name}' command`,
  dryRun: `This user has no permissions to run the '${name}' command`,
})
const refusedKey = (key: Key): Refusal => ({
  text: 'NOPERM this user has no permissions to access one of the keys used as arguments',
  dryRun: `This user has no permissions to access the '${key}' key`,
})
const refusedChannel = (channel: string): Refusal => ({
  text: 'NOPERM this user has no permissions to access one of the channels used as arguments',
  dryRun: `This user has no permissions to access the '${channel}' channel`,
})
