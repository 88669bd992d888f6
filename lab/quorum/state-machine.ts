/**
 * What a committed command does to the store: the same at every replica, because it is a function of the command and of what was committed before it. The rules
 * are those of a chain's head (DESIGN 3.2), here with the committed state in place of the newest one.
 */
import type { CleanStore } from '../../chain/clean-store.ts'
import { evaluate } from '../../chain/evaluate.ts'
import type { ChainLimits } from '../../chain/limits.ts'
import { failure } from '../../chain/write-path.ts'
import type { RequestIdentity } from '../../protocol/client-messages.ts'
import type { Failure, Versioned, WriteResult } from '../../protocol/commands.ts'
import type { Entry, Position, Write } from '../../protocol/entry.ts'
import { asMillis, type Key, type Millis } from '../../protocol/ids.ts'
import { unreachable } from '../../protocol/invariants.ts'
import type { QuorumCommand } from './commands.ts'

/** `answer`: for whoever asked; null where nobody did. */
export interface Applied {
  readonly entry: Entry
  readonly answer: WriteResult | Failure | null
}

/**
 * The entry that a command becomes. The caller applies it.
 *
 * @param at - epoch: the term; seq, which is the version of what is written: the log index.
 * @param command - null: a no-op. It becomes an empty entry, so that the store's position is the applied index.
 * @param limits - the same at every replica, or they come apart.
 */
export function applied(
  store: CleanStore,
  at: Position,
  command: QuorumCommand | null,
  limits: ChainLimits,
): Applied {
  if (command === null) return { entry: emptyEntry(at), answer: null }
  switch (command.type) {
    case 'write':
      return appliedWrite(store, at, command, limits)
    case 'expire': {
      const isDue = (key: Key) => isLapsed(store.get(key), command.wallMs)
      return { entry: { ...emptyEntry(at), writes: command.keys.filter(isDue).map(tombstone) }, answer: null }
    }
    case 'lapse':
      return { entry: { ...emptyEntry(at), sessions: { lapses: command.sessions } }, answer: null }
    default:
      return unreachable(command)
  }
}

const emptyEntry = ({ epoch, seq }: Position): Entry => ({
  epoch,
  seq,
  origin: null,
  writes: [],
  sessions: null,
})

const tombstone = (key: Key): Write => ({ key, value: null, expiresAtWallMs: asMillis(0) })

const isLapsed = (newest: Versioned | null, wallMs: Millis): boolean =>
  newest !== null && newest.expiresAtWallMs > 0 && newest.expiresAtWallMs <= wallMs

function appliedWrite(
  store: CleanStore,
  at: Position,
  { identity, command, wallMs }: Extract<QuorumCommand, { type: 'write' }>,
  limits: ChainLimits,
): Applied {
  const opens = command.type === 'open-session'
  const refusal = opens && store.sessionCount >= limits.sessionsMax ? tooManySessions(limits) : null
  const known = refusal ?? (identity === null ? null : answerWithout(store, identity, limits))
  if (known !== null) return { entry: emptyEntry(at), answer: known }
  const lapsed = new Set<Key>()
  const { writes, result } = evaluate(command, {
    newest: (key) => {
      const newest = store.get(key)
      if (!isLapsed(newest, wallMs)) return newest
      lapsed.add(key)
      return null
    },
    seq: at.seq,
    valueBytesMax: limits.valueBytesMax,
  })
  for (const { key } of writes) lapsed.delete(key)
  const entry: Entry = {
    epoch: at.epoch,
    seq: at.seq,
    origin: identity === null ? null : { ...identity, result },
    // A command that found a key lapsed deletes it, so that no replica shows it any more afterwards.
    writes: lapsed.size === 0 ? writes : [...writes, ...[...lapsed].map(tombstone)],
    sessions: opens ? { opens: true } : null,
  }
  return { entry, answer: result }
}

const tooManySessions = ({ sessionsMax }: ChainLimits): Failure =>
  failure('OVERLOADED', `${sessionsMax} client sessions are open; idle ones lapse`)

/** Exactly once (trap 13): the answer to a request that must not take effect now, because it did before or never may. Null: it may. */
function answerWithout(
  store: CleanStore,
  { session, requestNumber, answeredBelow }: RequestIdentity,
  limits: ChainLimits,
): WriteResult | Failure | null {
  const results = store.results(session)
  if (results === null)
    return failure('SESSION_LAPSED', `client session ${session} lapsed after being idle, or never was`)
  const first = results.result(requestNumber)
  if (first !== null) return first
  if (requestNumber < results.answeredBelow) {
    const message = `request ${requestNumber} of session ${session} was answered before; its result is forgotten`
    return failure('BAD_ARGUMENT', message)
  }
  const isFull = results.count >= limits.sessionResultsMax || results.bytes >= limits.sessionResultBytesMax
  // The lowest one without an answer is never refused: only its answer lets the others be forgotten.
  if (!isFull || requestNumber === answeredBelow) return null
  return failure(
    'OVERLOADED',
    `${results.count} results with ${results.bytes} bytes of values are kept for client session ${session}, which has not said that they arrived`,
  )
}
