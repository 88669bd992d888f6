/** What the leader puts into the replicated log. Every replica makes the same of it: all that may differ between them, the time above all, is in the command. */
import type { RequestIdentity } from '../../protocol/client-messages.ts'
import {
  readKey,
  readWriteCommand,
  writeKey,
  writeWriteCommand,
} from '../../protocol/codec/command-fields.ts'
import { beginBody } from '../../protocol/codec/field-writer.ts'
import { FieldReader, unknownKind } from '../../protocol/codec/fields.ts'
import type { WriteCommand } from '../../protocol/commands.ts'
import { asRequestNumber, asSessionId, type Key, type Millis, type SessionId } from '../../protocol/ids.ts'
import { unreachable } from '../../protocol/invariants.ts'

export type QuorumCommand =
  /** Of a client. `wallMs`: the leader's clock, by which keys have expired or have not. */
  | {
      readonly type: 'write'
      readonly wallMs: Millis
      readonly identity: RequestIdentity | null
      readonly command: WriteCommand
    }
  /** The leader has found these keys expired; those that somebody has written again meanwhile stay. */
  | { readonly type: 'expire'; readonly wallMs: Millis; readonly keys: readonly Key[] }
  /** The leader has heard nothing of these client sessions for too long. */
  | { readonly type: 'lapse'; readonly sessions: readonly SessionId[] }

const KIND = { write: 0, expire: 1, lapse: 2 } as const
/** In place of a session: sessions start from 1. */
const NO_SESSION = 0

export function encodeCommand(command: QuorumCommand): Uint8Array {
  const to = beginBody()
  to.byte(KIND[command.type])
  switch (command.type) {
    case 'write': {
      const { identity } = command
      to.millis(command.wallMs)
      to.count(identity?.session ?? NO_SESSION)
      if (identity !== null) {
        to.count(identity.requestNumber)
        to.count(identity.answeredBelow)
      }
      writeWriteCommand(to, command.command)
      break
    }
    case 'expire':
      to.millis(command.wallMs)
      to.list(command.keys, writeKey)
      break
    case 'lapse':
      to.list(command.sessions, (each, session) => each.count(session))
      break
    default:
      unreachable(command)
  }
  return to.end()
}

/** @throws {CodecError} anything else than what `encodeCommand` makes. */
export function decodeCommand(bytes: Uint8Array): QuorumCommand {
  const reader = new FieldReader(bytes)
  const kind = reader.byte()
  switch (kind) {
    case KIND.write: {
      const [wallMs, identity] = [reader.millis(), readIdentity(reader)]
      return { type: 'write', wallMs, identity, command: readWriteCommand(reader) }
    }
    case KIND.expire:
      return { type: 'expire', wallMs: reader.millis(), keys: reader.list(readKey) }
    case KIND.lapse:
      return { type: 'lapse', sessions: reader.list((each) => asSessionId(each.count())) }
    default:
      return unknownKind('command', kind)
  }
}

function readIdentity(reader: FieldReader): RequestIdentity | null {
  const session = reader.count()
  if (session === NO_SESSION) return null
  return {
    session: asSessionId(session),
    requestNumber: asRequestNumber(reader.count()),
    answeredBelow: asRequestNumber(reader.count()),
  }
}
