/** COMMAND: what clients learn of commands. */
import { type Command, keysOf } from '../command.ts'
import { matchesGlob } from '../glob.ts'
import { COMMANDS, commandOf } from '../registry.ts'
import { ReplyError } from '../reply-error.ts'
import type { ReplyWriter } from '../reply-writer.ts'
import { Args } from '../request-reader.ts'
import type { Session } from '../session.ts'
import { categoriesOf } from './categories.ts'
import { byName, type Subcommands } from './container.ts'

function describe(command: Command, reply: ReplyWriter): void {
  const { name, arity, flags, keys } = command
  reply.array(10)
  reply.text(name)
  reply.integer(arity)
  const shown = command.keysOf === undefined ? flags : [...flags, 'movablekeys']
  reply.set(shown.length)
  for (const flag of shown) reply.simple(flag)
  const movable =
    command.keysOf === undefined ? { first: 0, last: 0, step: 0 } : { first: 2, last: 2, step: 1 }
  const { first, last, step } = keys ?? movable
  reply.integer(first)
  reply.integer(last)
  reply.integer(step)
  const categories = categoriesOf(command)
  reply.set(categories.length)
  for (const category of categories) reply.simple(category)
  reply.array(0) // tips
  reply.array(0) // key specifications
  reply.array(command.subcommands?.length ?? 0)
  for (const subcommand of command.subcommands ?? []) describeSubcommand(command, subcommand, reply)
}

function describeSubcommand(command: Command, subcommand: string, reply: ReplyWriter): void {
  describe({ ...bare(command), name: `${command.name}|${subcommand}`, arity: -2 }, reply)
}

/** Without what is described once. */
const bare = ({ name, arity, flags, group, summary }: Command): Command => ({
  name,
  arity,
  flags,
  group,
  summary,
})

const given = (args: Args): string[] => args.texts(2).map((name) => name.toLowerCase())

function information(_: Session, args: Args, reply: ReplyWriter): void {
  const names = args.count === 2 ? [...COMMANDS.keys()] : given(args)
  reply.array(names.length)
  for (const name of names) {
    const command = COMMANDS.get(name)
    if (command === undefined) reply.nullArray()
    else describe(command, reply)
  }
}

function documents(_: Session, args: Args, reply: ReplyWriter): void {
  const names = args.count === 2 ? [...COMMANDS.keys()] : given(args)
  const known = names.flatMap((name) => COMMANDS.get(name) ?? [])
  reply.map(known.length)
  for (const { name, summary, group } of known) {
    const fields = { summary, since: '1.0.0', group }
    reply.text(name)
    reply.map(3)
    for (const [field, value] of Object.entries(fields)) {
      reply.text(field)
      reply.unicode(value)
    }
  }
}

function list(_: Session, args: Args, reply: ReplyWriter): void {
  const filters: Readonly<Record<string, (command: Command, value: string) => boolean>> = {
    aclcat: (command, value) => categoriesOf(command).includes(`@${value}`),
    pattern: ({ name }, value) => matchesGlob(value, name),
    module: () => false,
  }
  let shown = [...COMMANDS.values()]
  if (args.count > 2) {
    const filter = args.count === 5 && args.lower(2) === 'filterby' ? filters[args.lower(3)] : undefined
    if (filter === undefined) throw new ReplyError('ERR syntax error')
    shown = shown.filter((command) => filter(command, args.lower(4)))
  }
  reply.texts(shown.map(({ name }) => name))
}

function keysOfCommand(args: Args) {
  const inner = Args.of(args.texts(2))
  let command: Command
  try {
    command = commandOf(inner)
  } catch {
    throw new ReplyError(
      COMMANDS.has(args.lower(2))
        ? 'ERR Invalid number of arguments specified for command'
        : 'ERR Invalid command specified',
    )
  }
  const keys = keysOf(command, inner)
  if (keys.length === 0) throw new ReplyError('ERR The command has no key arguments')
  return { keys, command }
}

const COMMAND: Subcommands = {
  count: { arity: 2, now: (_, __, reply) => reply.integer(COMMANDS.size) },
  list: { arity: -2, now: list },
  info: { arity: -2, now: information },
  docs: { arity: -2, now: documents },
  getkeys: { arity: -4, now: (_, args, reply) => reply.texts(keysOfCommand(args).keys) },
  getkeysandflags: {
    arity: -4,
    now: (_, args, reply) => {
      const { keys, command } = keysOfCommand(args)
      reply.array(keys.length)
      for (const key of keys) {
        reply.array(2)
        reply.text(key)
        reply.texts(command.flags.includes('write') ? ['RW', 'ACCESS', 'UPDATE'] : ['RO', 'ACCESS'])
      }
    },
  },
}

export const COMMAND_COMMANDS: readonly Command[] = [
  {
    name: 'command',
    arity: -1,
    flags: ['loading', 'stale'],
    group: 'server',
    summary: 'The commands that this server knows.',
    subcommands: Object.keys(COMMAND),
    now: (session, args, reply) => {
      if (args.count === 1) information(session, Args.of(['command', 'info']), reply)
      else byName('command', COMMAND)(session, args, reply)
    },
  },
]
