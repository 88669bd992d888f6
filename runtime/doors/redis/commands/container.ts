/** Commands that consist of subcommands. */
import type { Command } from '../command.ts'
import { ReplyError, wrongArity } from '../reply-error.ts'
import type { ReplyWriter } from '../reply-writer.ts'
import type { Args } from '../request-reader.ts'
import type { Session } from '../session.ts'

export interface Subcommand {
  /** As a command's, both names included. */
  readonly arity: number
  now(session: Session, args: Args, reply: ReplyWriter): void
}

export type Subcommands = Readonly<Record<string, Subcommand>>

/** @throws {ReplyError} there is none of that name, or it has other arguments. */
export const byName =
  (name: string, table: Subcommands): NonNullable<Command['now']> =>
  (session, args, reply) => {
    const wanted = args.lower(1)
    if (wanted === 'help' && args.count === 2) return help(name, table, reply)
    const found = Object.hasOwn(table, wanted) ? table[wanted] : undefined
    if (found === undefined)
      throw new ReplyError(
        `ERR unknown subcommand '${args.text(1).slice(0, 128)}'. Try ${name.toUpperCase()} HELP.`,
      )
    const { arity } = found
    if (arity > 0 ? args.count !== arity : args.count < -arity)
      throw new ReplyError(wrongArity(`${name}|${wanted}`))
    found.now(session, args, reply)
  }

function help(name: string, table: Subcommands, reply: ReplyWriter): void {
  const lines = [
    `${name.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`,
    ...Object.keys(table).map((subcommand) => subcommand.toUpperCase()),
    'HELP',
    '    Prints this help.',
  ]
  reply.array(lines.length)
  for (const line of lines) reply.simple(line)
}
