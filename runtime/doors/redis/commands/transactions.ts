/** MULTI, EXEC and WATCH: optimistic, as Redis has them, on keys of one slot. */
import type { Key } from '../../../../protocol/ids.ts'
import { KEYS_PER_COMMAND_MAX } from '../../../../protocol/limits.ts'
import { ALL_KEYS, type Answer, type Command, keyAt, keysOf } from '../command.ts'
import { refusalOf } from '../permissions.ts'
import { ReplyError } from '../reply-error.ts'
import type { Args } from '../request-reader.ts'
import type { Session } from '../session.ts'
import { type Call, transact } from '../transaction.ts'

/** EXEC has to compare them all. */
const WATCHED_MAX = KEYS_PER_COMMAND_MAX / 2
const EXEC_ABORT = 'EXECABORT Transaction discarded because of previous errors.'

async function watch(session: Session, args: Args): Promise<Answer> {
  const { multi, door } = session
  if (multi.isOpen) throw new ReplyError('ERR WATCH inside MULTI is not allowed')
  const keys: Key[] = Array.from({ length: args.count - 1 }, (_, i) => keyAt(args, i + 1))
  const { chain } = door.routeFor(session, WATCH, keys)
  const fresh = keys.filter((key) => !multi.watched.has(key))
  if (fresh.length + multi.watched.size > WATCHED_MAX)
    throw new ReplyError(`ERR a connection watches at most ${WATCHED_MAX} keys`)
  if (fresh.length > 0) {
    const result = await door.read(chain, { type: 'get', keys: fresh })
    const values = result.type === 'values' ? result.values : []
    for (const [i, key] of fresh.entries()) multi.watched.set(key, values[i]?.version ?? null)
  }
  return (reply) => reply.ok()
}

async function exec(session: Session): Promise<Answer> {
  const { multi } = session
  if (!multi.isOpen) throw new ReplyError('ERR EXEC without MULTI')
  const { calls, isSpoilt } = multi
  const watched = new Map(multi.watched)
  multi.clear()
  if (isSpoilt) throw new ReplyError(EXEC_ABORT)
  refuseWhatHasChanged(session, calls)
  const called = calls.flatMap(({ command, args }) => keysOf(command, args))
  const keys = [...called, ...watched.keys()]
  const replies =
    keys.length === 0 ? runAlone(session, calls) : await runTogether(session, calls, keys, watched)
  return (reply) => {
    if (replies === null) return reply.nullArray()
    reply.array(calls.length)
    if (replies instanceof Uint8Array) reply.raw(replies)
    else replies(reply)
  }
}

/** Each was allowed when it was queued. @throws {ReplyError} one of them is not any more. */
function refuseWhatHasChanged({ principal }: Session, calls: readonly Call[]): void {
  for (const { command, args } of calls) {
    const refusal = principal === null ? null : refusalOf(principal, command, args)
    if (refusal !== null)
      throw new ReplyError(
        `NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: ${refusal.dryRun}`,
      )
  }
}

/** The server that answers must be the one for all of them: a write among them needs the head. */
function runTogether(
  session: Session,
  calls: readonly Call[],
  keys: readonly Key[],
  watched: Session['multi']['watched'],
): Promise<Uint8Array | null> {
  const writes = calls.find(({ command }) => command.flags.includes('write'))
  const { chain } = session.door.routeFor(session, writes?.command ?? WATCH, keys)
  return transact(session, chain, calls, watched)
}

const runAlone =
  (session: Session, calls: readonly Call[]): Answer =>
  (reply) => {
    for (const { command, args } of calls) {
      const begun = reply.length
      try {
        command.now?.(session, args, reply)
      } catch (error) {
        if (!(error instanceof ReplyError)) throw error
        reply.rewind(begun)
        reply.error(error.message)
      }
    }
  }

const FLAGS = ['noscript', 'loading', 'stale', 'fast', 'allow_busy'] as const
const BASE = { group: 'transactions', flags: FLAGS } as const

const WATCH: Command = {
  ...BASE,
  name: 'watch',
  arity: -2,
  keys: ALL_KEYS,
  summary: 'EXEC does nothing if one of these keys changes before it.',
  task: watch,
}

export const TRANSACTION_COMMANDS: readonly Command[] = [
  WATCH,
  {
    ...BASE,
    name: 'unwatch',
    arity: 1,
    summary: 'Forgets what is watched.',
    now: ({ multi }, _, reply) => {
      multi.watched.clear()
      reply.ok()
    },
  },
  {
    ...BASE,
    name: 'multi',
    arity: 1,
    summary: 'Begins a transaction.',
    now: ({ multi }, _, reply) => {
      if (multi.isOpen) throw new ReplyError('ERR MULTI calls can not be nested')
      multi.open()
      reply.ok()
    },
  },
  {
    ...BASE,
    name: 'exec',
    arity: 1,
    flags: ['noscript', 'loading', 'stale'],
    summary: 'Carries a transaction out.',
    task: exec,
  },
  {
    ...BASE,
    name: 'discard',
    arity: 1,
    summary: 'Forgets a transaction.',
    now: ({ multi }, _, reply) => {
      if (!multi.isOpen) throw new ReplyError('ERR DISCARD without MULTI')
      multi.clear()
      reply.ok()
    },
  },
]
