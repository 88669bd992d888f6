/**
 * Messages between native clients and data servers. A body is a batch: its family, and then for each message its kind and its fields.
 * What most traffic consists of has a kind of its own, without the fields that would say "nothing special".
 */
import type { ClientMessage, RequestIdentity, ServerMessage } from '../client-messages.ts'
import type { Failure, ReadCommand, ReadResult, WriteResult } from '../commands.ts'
import { isErrorCode } from '../errors.ts'
import { asChainId, asRequestNumber, asSeq, asSessionId, type Key, NO_SEQ } from '../ids.ts'
import { unreachable } from '../invariants.ts'
import { CLIENT_MESSAGES_MAX, SERVER_MESSAGES_MAX } from '../limits.ts'
import {
  readChangesCommand,
  readChangesResult,
  writeChangesCommand,
  writeChangesResult,
} from './change-fields.ts'
import { clusterMapFromJson, clusterMapToJson } from './cluster-map.ts'
import {
  NO_EXPIRY,
  readConsistency,
  readKey,
  readPresent,
  readVersioned,
  readWriteCommand,
  readWriteResult,
  writeConsistency,
  writeKey,
  writePresent,
  writeVersioned,
  writeWriteCommand,
  writeWriteResult,
} from './command-fields.ts'
import { beginBody, type FieldWriter } from './field-writer.ts'
import { CodecError, FieldReader, tooManyMessages, unknownKind } from './fields.ts'

/** First byte of every body: whose messages these are. A server's port receives all that is not for clients. */
export const FAMILY = { client: 1, server: 2, chain: 3 } as const

/** `strong-get`: one key, strong, no session token. `plain-put`: no condition, no expiry. */
const CLIENT = {
  'strong-get': 0,
  'plain-put': 1,
  get: 2,
  scan: 3,
  write: 4,
  map: 5,
  status: 6,
  changes: 7,
} as const

/** `value`: one committed value, or none. `written`: without a number. */
const SERVER = {
  value: 0,
  written: 1,
  values: 2,
  page: 3,
  result: 4,
  failed: 5,
  map: 6,
  status: 7,
  changes: 8,
} as const

const STRONG = { type: 'strong' } as const
const STRONG_OPTIONS = { consistency: STRONG, atLeast: NO_SEQ } as const
/** In place of a session: sessions start from 1, because they are the seq of an entry. */
const NO_SESSION = 0

/** One body for one server: the messages of a turn. */
export function encodeClientBatch(messages: readonly ClientMessage[]): Uint8Array {
  const to = beginBody()
  to.byte(FAMILY.client)
  for (const message of messages) writeClientMessage(to, message)
  return to.end()
}

/** @throws {CodecError} anything else than what `encodeClientBatch` makes. */
export function decodeClientBatch(body: Uint8Array): ClientMessage[] {
  const reader = new FieldReader(body)
  if (reader.byte() !== FAMILY.client) throw new CodecError('not messages of a client')
  return readClientMessages(reader)
}

/** One body for one client: the replies of a turn. */
export function encodeServerBatch(messages: readonly ServerMessage[]): Uint8Array {
  const to = beginBody()
  to.byte(FAMILY.server)
  for (const message of messages) writeServerMessage(to, message)
  return to.end()
}

/** @throws {CodecError} anything else than what `encodeServerBatch` makes. */
export function decodeServerBatch(body: Uint8Array): ServerMessage[] {
  const reader = new FieldReader(body)
  if (reader.byte() !== FAMILY.server) throw new CodecError('not messages of a server')
  return readServerMessages(reader)
}

export function readClientMessages(reader: FieldReader): ClientMessage[] {
  const messages: ClientMessage[] = []
  while (!reader.done) {
    if (messages.length >= CLIENT_MESSAGES_MAX) throw tooManyMessages(CLIENT_MESSAGES_MAX)
    messages.push(readClientMessage(reader))
  }
  return messages
}

export function readServerMessages(reader: FieldReader): ServerMessage[] {
  const messages: ServerMessage[] = []
  while (!reader.done) {
    if (messages.length >= SERVER_MESSAGES_MAX) throw tooManyMessages(SERVER_MESSAGES_MAX)
    messages.push(readServerMessage(reader))
  }
  return messages
}

function writeClientMessage(to: FieldWriter, message: ClientMessage): void {
  switch (message.type) {
    case 'read':
      writeRead(to, message)
      break
    case 'write':
      writeWrite(to, message)
      break
    case 'changes':
      writeChanges(to, message)
      break
    case 'map-request':
      writeHead(to, CLIENT.map, message.call)
      break
    case 'status-request':
      writeHead(to, CLIENT.status, message.call)
      break
    default:
      unreachable(message)
  }
}

function writeHead(to: FieldWriter, kind: number, call: number): void {
  to.byte(kind)
  to.count(call)
}

function writeRead(to: FieldWriter, message: ClientMessage & { type: 'read' }): void {
  const { call, chain, command, options } = message
  const only = onlyKey(command)
  if (only !== null && options.consistency.type === 'strong' && options.atLeast === NO_SEQ) {
    writeHead(to, CLIENT['strong-get'], call)
    to.name(chain)
    to.key(only)
    return
  }
  writeHead(to, command.type === 'get' ? CLIENT.get : CLIENT.scan, call)
  to.name(chain)
  writeConsistency(to, options.consistency)
  to.count(options.atLeast)
  if (command.type === 'get') return to.list(command.keys, writeKey)
  to.key(command.prefix)
  to.flag(command.after !== null)
  if (command.after !== null) to.key(command.after)
  to.count(command.limit)
}

const onlyKey = (command: ReadCommand): Key | null =>
  command.type === 'get' && command.keys.length === 1 ? (command.keys[0] ?? null) : null

function writeWrite(to: FieldWriter, message: ClientMessage & { type: 'write' }): void {
  const { command } = message
  const plain =
    command.type === 'put' &&
    command.condition === null &&
    command.expiry.type === 'set' &&
    command.expiry.atWallMs === 0
  writeHead(to, plain ? CLIENT['plain-put'] : CLIENT.write, message.call)
  to.name(message.chain)
  writeIdentity(to, message.identity)
  if (!plain) return writeWriteCommand(to, command)
  to.key(command.key)
  to.bytes(command.value)
}

function writeChanges(to: FieldWriter, { call, chain, command }: ClientMessage & { type: 'changes' }): void {
  writeHead(to, CLIENT.changes, call)
  to.name(chain)
  writeChangesCommand(to, command)
}

function writeIdentity(to: FieldWriter, identity: RequestIdentity | null): void {
  if (identity === null) return to.count(NO_SESSION)
  to.count(identity.session)
  to.count(identity.requestNumber)
  to.count(identity.answeredBelow)
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

function readClientMessage(reader: FieldReader): ClientMessage {
  const kind = reader.byte()
  const call = reader.count()
  if (kind === CLIENT.map) return { type: 'map-request', call }
  if (kind === CLIENT.status) return { type: 'status-request', call }
  const chain = asChainId(reader.name())
  switch (kind) {
    case CLIENT['strong-get']:
      return {
        type: 'read',
        call,
        chain,
        command: { type: 'get', keys: [reader.key()] },
        options: STRONG_OPTIONS,
      }
    case CLIENT['plain-put']: {
      const identity = readIdentity(reader)
      const key = reader.key()
      const value = reader.bytes()
      const command = { type: 'put', key, value, expiry: NO_EXPIRY, condition: null } as const
      return { type: 'write', call, chain, identity, command }
    }
    case CLIENT.get: {
      const options = { consistency: readConsistency(reader), atLeast: asSeq(reader.count()) }
      return { type: 'read', call, chain, command: { type: 'get', keys: reader.list(readKey) }, options }
    }
    case CLIENT.scan: {
      const options = { consistency: readConsistency(reader), atLeast: asSeq(reader.count()) }
      const [prefix, after, limit] = [reader.key(), reader.flag() ? reader.key() : null, reader.count()]
      return { type: 'read', call, chain, command: { type: 'scan', prefix, after, limit }, options }
    }
    case CLIENT.write:
      return { type: 'write', call, chain, identity: readIdentity(reader), command: readWriteCommand(reader) }
    case CLIENT.changes:
      return { type: 'changes', call, chain, command: readChangesCommand(reader) }
    default:
      return unknownKind('client message', kind)
  }
}

function writeServerMessage(to: FieldWriter, message: ServerMessage): void {
  const { call } = message
  switch (message.type) {
    case 'read-reply':
      writeReadResult(to, call, message.result)
      break
    case 'write-reply':
      writeWriteReply(to, call, message.result)
      break
    case 'changes-reply':
      writeHead(to, SERVER.changes, call)
      writeChangesResult(to, message.result)
      break
    case 'failed':
      writeHead(to, SERVER.failed, call)
      to.name(message.failure.code)
      to.text(message.failure.message)
      to.flag(message.map !== null)
      if (message.map !== null) to.text(clusterMapToJson(message.map))
      break
    case 'map-reply':
      writeHead(to, SERVER.map, call)
      to.text(clusterMapToJson(message.map))
      break
    case 'status-reply':
      writeHead(to, SERVER.status, call)
      to.text(message.json)
      break
    default:
      unreachable(message)
  }
}

function writeWriteReply(to: FieldWriter, call: number, result: WriteResult): void {
  if (result.type === 'written' && result.number === null) {
    writeHead(to, SERVER.written, call)
    return to.count(result.version)
  }
  writeHead(to, SERVER.result, call)
  writeWriteResult(to, result)
}

function writeReadResult(to: FieldWriter, call: number, result: ReadResult): void {
  if (result.type === 'page') {
    writeHead(to, SERVER.page, call)
    to.count(result.at)
    to.flag(result.committed)
    to.flag(result.more)
    to.list(result.keys, writeKey)
    for (const value of result.values) writePresent(to, value)
    return
  }
  const only = result.values.length === 1 ? result.values[0] : undefined
  if (only !== undefined && result.committed) {
    writeHead(to, SERVER.value, call)
    to.count(result.at)
    return writeVersioned(to, only)
  }
  writeHead(to, SERVER.values, call)
  to.count(result.at)
  to.flag(result.committed)
  to.list(result.values, writeVersioned)
}

function readServerMessage(reader: FieldReader): ServerMessage {
  const kind = reader.byte()
  const call = reader.count()
  switch (kind) {
    case SERVER.value: {
      const at = asSeq(reader.count())
      const values = [readVersioned(reader)]
      return { type: 'read-reply', call, result: { type: 'values', values, committed: true, at } }
    }
    case SERVER.written:
      return {
        type: 'write-reply',
        call,
        result: { type: 'written', version: asSeq(reader.count()), number: null },
      }
    case SERVER.values: {
      const [at, committed] = [asSeq(reader.count()), reader.flag()]
      const values = reader.list(readVersioned)
      return { type: 'read-reply', call, result: { type: 'values', values, committed, at } }
    }
    case SERVER.page:
      return { type: 'read-reply', call, result: readPage(reader) }
    case SERVER.result:
      return { type: 'write-reply', call, result: readWriteResult(reader) }
    case SERVER.changes:
      return { type: 'changes-reply', call, result: readChangesResult(reader) }
    case SERVER.failed: {
      const failure = readFailure(reader)
      return {
        type: 'failed',
        call,
        failure,
        map: reader.flag() ? clusterMapFromJson(reader.text()) : null,
      }
    }
    case SERVER.map:
      return { type: 'map-reply', call, map: clusterMapFromJson(reader.text()) }
    case SERVER.status:
      return { type: 'status-reply', call, json: reader.text() }
    default:
      return unknownKind('server message', kind)
  }
}

function readPage(reader: FieldReader): ReadResult {
  const [at, committed, more] = [asSeq(reader.count()), reader.flag(), reader.flag()]
  const keys = reader.list(readKey)
  return { type: 'page', keys, values: keys.map(() => readPresent(reader)), more, committed, at }
}

function readFailure(reader: FieldReader): Failure {
  const code = reader.name()
  if (!isErrorCode(code)) throw new CodecError(`unknown error code ${JSON.stringify(code)}`)
  return { type: 'failure', code, message: reader.text() }
}
