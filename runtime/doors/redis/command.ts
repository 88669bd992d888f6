/** What the door knows of a command: how its arguments look, where its keys are, and how it is carried out. */
import type { Versioned, WriteCommand, WriteResult } from '../../../protocol/commands.ts'
import { asKey, type Key } from '../../../protocol/ids.ts'
import type { ReplyWriter } from './reply-writer.ts'
import type { Args } from './request-reader.ts'
import type { Session } from './session.ts'
import type { Space } from './space.ts'

export type Flag =
  | 'write'
  | 'readonly'
  | 'denyoom'
  | 'admin'
  | 'noscript'
  | 'loading'
  | 'stale'
  | 'fast'
  | 'pubsub'
  | 'no_auth'
  | 'movablekeys'
  | 'allow_busy'

export interface Time {
  readonly wallMs: number
}

/** One operation of the head, and how its result reads. */
export interface HeadOperation {
  readonly command: WriteCommand
  /** @returns false: this result does not say enough; the command has to run on a snapshot. */
  show(result: WriteResult, reply: ReplyWriter): boolean
  /** Such operations are not followed by others before their result is known. */
  readonly mayFallBack?: boolean
}

/** Says something once an asynchronous command has ended. */
export type Answer = (reply: ReplyWriter) => void

export interface Command {
  readonly name: string
  /** Number of arguments, the name included; negative: at least so many. */
  readonly arity: number
  readonly flags: readonly Flag[]
  /** Places of its keys, as Redis counts them: the last may be negative, from the end. 0: it has none. */
  readonly keys?: { readonly first: number; readonly last: number; readonly step: number }
  /** Of commands whose keys are elsewhere. */
  readonly keysOf?: (args: Args) => Key[]
  readonly group: string
  readonly summary: string
  readonly subcommands?: readonly string[]
  /** Shows the one key that it reads. */
  readonly show?: (value: Versioned | null, reply: ReplyWriter, time: Time) => void
  /** A function of a snapshot: it may be run again. Throws `ReplyError`. */
  readonly run?: (space: Space, args: Args, reply: ReplyWriter, time: Time) => void
  /** What the head can do at once; null: it has to run on a snapshot. Throws `ReplyError`. */
  readonly head?: (args: Args, time: Time) => HeadOperation | null
  /** Concerns the connection or the server, not the keys. Throws `ReplyError`. */
  readonly now?: (session: Session, args: Args, reply: ReplyWriter) => void
  /** The same, not at once. */
  readonly task?: (session: Session, args: Args) => Promise<Answer>
}

export const isWrite = (command: Command): boolean => command.flags.includes('write')

/** @returns the keys of a command whose arity is right. */
export function keysOf(command: Command, args: Args): Key[] {
  if (command.keysOf !== undefined) return command.keysOf(args)
  if (command.keys === undefined) return []
  const { first, step } = command.keys
  const last = command.keys.last < 0 ? args.count + command.keys.last : command.keys.last
  const keys: Key[] = []
  for (let i = first; i <= last && i < args.count; i += step) keys.push(asKey(args.text(i)))
  return keys
}

/** With its subcommand, as errors name it. */
export function fullName({ name, subcommands = [] }: Command, args: Args): string {
  return args.count > 1 && subcommands.includes(args.lower(1)) ? `${name}|${args.lower(1)}` : name
}

export const keyAt = (args: Args, index: number): Key => asKey(args.text(index))

export const ONE_KEY = { first: 1, last: 1, step: 1 }
export const TWO_KEYS = { first: 1, last: 2, step: 1 }
export const ALL_KEYS = { first: 1, last: -1, step: 1 }
export const PAIRS = { first: 1, last: -1, step: 2 }
