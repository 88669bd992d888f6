/** What a connection has gathered between MULTI and EXEC, and what it watches. */
import type { Key, Seq } from '../../../protocol/ids.ts'
import { type Command, keysOf } from './command.ts'
import { ReplyError } from './reply-error.ts'
import type { ReplyWriter } from './reply-writer.ts'
import type { Session } from './session.ts'
import { LIMITS } from './settings.ts'
import type { Call } from './transaction.ts'

/** What a queued command costs besides its arguments. */
const CALL_BYTES = 256

/** What is done at once even behind MULTI. */
const AT_ONCE = new Set(['exec', 'discard', 'multi', 'watch', 'quit', 'reset'])

export class MultiState {
  isOpen = false
  /** A command could not be queued: EXEC will say so. */
  isSpoilt = false
  calls: Call[] = []
  bytes = 0
  readonly watched = new Map<Key, Seq | null>()

  static isAtOnce(command: Command): boolean {
    return AT_ONCE.has(command.name)
  }

  get queuedCount(): number {
    return this.isOpen ? this.calls.length : -1
  }

  open(): void {
    this.isOpen = true
  }

  spoil(): void {
    if (this.isOpen) this.isSpoilt = true
  }

  /** @throws {ReplyError} it cannot be part of a transaction here. */
  queue(session: Session, call: Call, reply: ReplyWriter): true {
    const { command, args } = call
    if (command.task !== undefined) throw new ReplyError('ERR Command not allowed inside a transaction')
    const keys = keysOf(command, args)
    if (keys.length > 0) session.door.routeFor(session, command, keys)
    const bytes = this.bytes + CALL_BYTES + args.byteLength
    if (bytes > LIMITS.queuedBytesMax)
      throw new ReplyError(`ERR a transaction has at most ${LIMITS.queuedBytesMax} bytes`)
    this.bytes = bytes
    this.calls.push(call)
    reply.simple('QUEUED')
    return true
  }

  /** Ends the transaction; with it ends what was watched. */
  clear(): void {
    this.isOpen = false
    this.isSpoilt = false
    this.calls = []
    this.bytes = 0
    this.watched.clear()
  }
}
