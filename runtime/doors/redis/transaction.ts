/**
 * Commands that look before they write. They run on a snapshot of their keys; what they want changed is written by one mini-transaction of the chain, if the keys
 * still are what the snapshot showed; else all is done again (CRAQ §4.1). A transaction of several commands is no different.
 */
import type { ChainId, Key, Seq } from '../../../protocol/ids.ts'
import { KEYS_PER_COMMAND_MAX } from '../../../protocol/limits.ts'
import { type Command, keyAt, keysOf } from './command.ts'
import { ReplyError } from './reply-error.ts'
import { ReplyWriter } from './reply-writer.ts'
import type { Args } from './request-reader.ts'
import type { Session } from './session.ts'
import { Slice } from './slice.ts'
import { Overlay } from './space.ts'

export interface Call {
  readonly command: Command
  readonly args: Args
}

/** Versions as they were watched; null: there was none. */
export type Watched = ReadonlyMap<Key, Seq | null>

const TRIES_MAX = 256
const REPLY_BYTES = 512
const NOTHING_WATCHED: Watched = new Map()

/**
 * @returns the replies; null where a watched key has changed.
 * @throws {ReplyError} the store refuses, or others were quicker every time.
 */
export async function transact(
  session: Session,
  chain: ChainId,
  calls: readonly Call[],
  watched: Watched = NOTHING_WATCHED,
): Promise<Uint8Array | null> {
  const keys = [
    ...new Set([...calls.flatMap(({ command, args }) => keysOf(command, args)), ...watched.keys()]),
  ]
  if (keys.length > KEYS_PER_COMMAND_MAX / 2)
    throw new ReplyError(`ERR ${keys.length} keys; one command changes at most ${KEYS_PER_COMMAND_MAX / 2}`)
  const slice = new Slice()
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const overlay = await snapshot(session, chain, keys)
    for (const [key, version] of watched) if (overlay.seenVersion(key) !== version) return null
    const reply = new ReplyWriter(REPLY_BYTES)
    reply.protocol = session.protocol
    for (const call of calls) {
      runOn(overlay, session, call, reply)
      if (slice.isOver) await slice.pause()
    }
    if (await commit(session, chain, overlay)) return reply.written
  }
  throw new ReplyError('TRYAGAIN others change these keys all the time; nothing was written')
}

async function snapshot(session: Session, chain: ChainId, keys: readonly Key[]): Promise<Overlay> {
  if (keys.length === 0) return new Overlay([], [])
  const result = await session.door.read(chain, { type: 'get', keys })
  return new Overlay(keys, result.type === 'values' ? result.values : [])
}

async function commit(session: Session, chain: ChainId, overlay: Overlay): Promise<boolean> {
  const writes = overlay.mutations
  if (writes.length === 0) return true
  const compares = overlay.seenKeys.map((key) => {
    const version = overlay.seenVersion(key)
    return {
      key,
      condition: version === null ? { type: 'absent' as const } : { type: 'version' as const, version },
    }
  })
  const result = await session.door.write(chain, { type: 'transaction', compares, reads: [], writes })
  if (result.type === 'refused') throw new ReplyError(`ERR ${result.message}`)
  return result.type === 'read-back' && result.applied
}

/** One command; its error is its reply, and the others go on. */
function runOn(overlay: Overlay, session: Session, { command, args }: Call, reply: ReplyWriter): void {
  const begun = reply.length
  const time = { wallMs: session.door.wallMs() }
  try {
    if (command.run !== undefined) command.run(overlay, args, reply, time)
    else if (command.show !== undefined) command.show(overlay.get(keyAt(args, 1)), reply, time)
    else if (command.now !== undefined) command.now(session, args, reply)
    else throw new ReplyError('ERR Command not allowed inside a transaction')
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error
    reply.rewind(begun)
    reply.error(error.message)
    session.door.statistics.countError(error.message)
  }
}
