/** ACL: users as Redis would show them. They are the coordinators' to keep; nothing here changes them. */
import { randomBytes } from 'node:crypto'
import { ANYBODY, type Grant, type Principal } from '../../../../protocol/access.ts'
import type { Command } from '../command.ts'
import { int64 } from '../numbers.ts'
import { refusalOf } from '../permissions.ts'
import { COMMANDS, commandOf } from '../registry.ts'
import { ReplyError } from '../reply-error.ts'
import type { ReplyWriter } from '../reply-writer.ts'
import { Args } from '../request-reader.ts'
import type { Session } from '../session.ts'
import { CATEGORIES, categoriesOf } from './categories.ts'
import { byName, type Subcommands } from './container.ts'

const GENERATED_BITS = 256
const GENERATED_BITS_MAX = 4096

const COMMANDS_OF = { read: '-@all +@read', write: '-@all +@read +@write', admin: '+@all' } as const

/** One grant as Redis says it: which commands, on which keys, on which channels. */
interface Rule {
  readonly commands: string
  readonly keys: string
  readonly channels: string
}

const NO_RULE: Rule = { commands: '-@all', keys: '', channels: '' }

function ruleOf({ role, prefix }: Grant): Rule {
  const pattern = `${prefix.replace(/[*?[\]\\]/g, '\\$&')}*`
  return { commands: COMMANDS_OF[role], keys: `~${pattern}`, channels: `&${pattern}` }
}

const textOfRule = ({ commands, keys, channels }: Rule): string =>
  [keys, channels === '&*' ? channels : `resetchannels ${channels}`.trim(), commands]
    .filter((part) => part !== '')
    .join(' ')

/** As a line of Redis's users.acl; of passwords nothing is told. */
function lineOf({ name, grants }: Principal): string {
  const [first = NO_RULE, ...others] = grants.map(ruleOf)
  const selectors = others.map((rule) => `(${textOfRule(rule)})`)
  return ['user', name, 'on', ...flagsOf(name), textOfRule(first), ...selectors].join(' ')
}

const flagsOf = (name: string): readonly string[] => (name === ANYBODY.name ? ['nopass'] : [])

function userNamed(session: Session, name: string): Principal | null {
  return session.door.access.users().find((user) => user.name === name) ?? null
}

function getUser(session: Session, args: Args, reply: ReplyWriter): void {
  const user = userNamed(session, args.text(2))
  if (user === null) return reply.null()
  const [first = NO_RULE, ...others] = user.grants.map(ruleOf)
  const flags = ['on', ...(session.door.access.initial === null ? [] : flagsOf(user.name))]
  reply.map(6)
  reply.text('flags')
  reply.set(flags.length)
  for (const flag of flags) reply.text(flag)
  reply.text('passwords')
  reply.array(0)
  sayRule(first, reply)
  reply.text('selectors')
  reply.array(others.length)
  for (const rule of others) {
    reply.map(3)
    sayRule(rule, reply)
  }
}

function sayRule({ commands, keys, channels }: Rule, reply: ReplyWriter): void {
  const fields = { commands, keys, channels }
  for (const [name, value] of Object.entries(fields)) {
    reply.text(name)
    reply.text(value)
  }
}

function dryRun(session: Session, args: Args, reply: ReplyWriter): void {
  const user = userNamed(session, args.text(2))
  if (user === null) throw new ReplyError(`ERR User '${args.text(2)}' not found`)
  const name = args.text(3)
  if (!COMMANDS.has(name.toLowerCase())) throw new ReplyError(`ERR Command '${name}' not found`)
  const asked = Args.of(args.texts(3))
  const refusal = refusalOf(user, commandOf(asked), asked)
  if (refusal === null) reply.ok()
  else reply.text(refusal.dryRun)
}

function categories(_: Session, args: Args, reply: ReplyWriter): void {
  if (args.count === 2) return reply.texts(CATEGORIES)
  const wanted = args.lower(2)
  if (!CATEGORIES.includes(wanted)) throw new ReplyError(`ERR Unknown category '${args.text(2)}'`)
  const found = [...COMMANDS.values()].filter((command) => categoriesOf(command).includes(`@${wanted}`))
  reply.texts(found.map(({ name }) => name))
}

/** For `catenary user add --password-file -`, for example. */
function generate(_: Session, args: Args, reply: ReplyWriter): void {
  const bits = args.count > 2 ? int64(args, 2) : BigInt(GENERATED_BITS)
  if (bits < 1n || bits > BigInt(GENERATED_BITS_MAX))
    throw new ReplyError(
      'ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096',
    )
  const digits = Math.ceil(Number(bits) / 4)
  reply.text(randomBytes(digits).toString('hex').slice(0, digits))
}

const keptElsewhere = {
  arity: -2,
  now: (): never => {
    throw new ReplyError('ERR users are kept by the coordinators: see `catenary user --help`')
  },
}

const ACL: Subcommands = {
  whoami: { arity: 2, now: ({ principal }, _, reply) => reply.text(principal?.name ?? '') },
  users: { arity: 2, now: ({ door }, _, reply) => reply.texts(door.access.users().map(({ name }) => name)) },
  list: { arity: 2, now: ({ door }, _, reply) => reply.texts(door.access.users().map(lineOf)) },
  getuser: { arity: 3, now: getUser },
  cat: { arity: -2, now: categories },
  dryrun: { arity: -4, now: dryRun },
  genpass: { arity: -2, now: generate },
  log: { arity: -2, now: (_, __, reply) => reply.array(0) },
  setuser: keptElsewhere,
  deluser: keptElsewhere,
  load: keptElsewhere,
  save: keptElsewhere,
}

export const ACL_COMMANDS: readonly Command[] = [
  {
    name: 'acl',
    arity: -2,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    group: 'server',
    summary: 'Users, and who this is.',
    subcommands: Object.keys(ACL),
    now: byName('acl', ACL),
  },
]
