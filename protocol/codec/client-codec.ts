/**
 * Messages between native clients and data servers. A batch is one flat array: its family, and then for each message its kind and its fields.
 * What most traffic consists of has a kind of its own, without the fields that would say "nothing special".
 */
import type { ClientMessage, RequestIdentity, ServerMessage } from '../client-messages.ts'
import type { Failure, ReadCommand, ReadResult } from '../commands.ts'
import { isErrorCode } from '../errors.ts'
import { asChainId, asRequestNumber, asSeq, asSessionId, type Key, NO_SEQ } from '../ids.ts'
import { unreachable } from '../invariants.ts'
import { CLIENT_MESSAGES_MAX } from '../limits.ts'
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
  writeVersioned,
  writeWriteCommand,
  writeWriteResult,
} from './command-fields.ts'
import {
  CodecError,
  type Field,
  type FieldReader,
  packFields,
  tooManyMessages,
  unknownKind,
  unpackFields,
  writeList,
} from './fields.ts'

/** First element of every body: whose messages these are. A server's port receives all that is not for clients. */
export const FAMILY = { client: 1, server: 2, chain: 3 } as const

/** `strong-get`: one key, strong, no session token. `plain-put`: no condition, no expiry. */
const CLIENT = { 'strong-get': 0, 'plain-put': 1, get: 2, scan: 3, write: 4, map: 5, status: 6 } as const

/** `value`: one committed value, or none. `written`: without a number. */
const SERVER = { value: 0, written: 1, values: 2, page: 3, result: 4, failed: 5, map: 6, status: 7 } as const

const STRONG = { type: 'strong' } as const
const STRONG_OPTIONS = { consistency: STRONG, atLeast: NO_SEQ } as const
/** In place of a session: sessions start from 1, because they are the seq of an entry. */
const NO_SESSION = 0

/** One body for one server: the messages of a turn. */
export function encodeClientBatch(messages: readonly ClientMessage[]): Uint8Array {
  const fields: Field[] = [FAMILY.client]
  for (const message of messages) writeClientMessage(fields, message)
  return packFields(fields)
}

/** @throws {CodecError} anything else than what `encodeClientBatch` makes. */
export function decodeClientBatch(body: Uint8Array): ClientMessage[] {
  const reader = unpackFields(body)
  if (reader.count() !== FAMILY.client) throw new CodecError('not messages of a client')
  return readClientMessages(reader)
}

/** One body for one client: the replies of a turn. */
export function encodeServerBatch(messages: readonly ServerMessage[]): Uint8Array {
  const fields: Field[] = [FAMILY.server]
  for (const message of messages) writeServerMessage(fields, message)
  return packFields(fields)
}

/** @throws {CodecError} anything else than what `encodeServerBatch` makes. */
export function decodeServerBatch(body: Uint8Array): ServerMessage[] {
  const reader = unpackFields(body)
  if (reader.count() !== FAMILY.server) throw new CodecError('not messages of a server')
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
  while (!reader.done) messages.push(readServerMessage(reader))
  return messages
}

function writeClientMessage(fields: Field[], message: ClientMessage): void {
  switch (message.type) {
    case 'read':
      writeRead(fields, message)
      break
    case 'write':
      writeWrite(fields, message)
      break
    case 'map-request':
      fields.push(CLIENT.map, message.call)
      break
    case 'status-request':
      fields.push(CLIENT.status, message.call)
      break
    default:
      unreachable(message)
  }
}

function writeRead(fields: Field[], message: ClientMessage & { type: 'read' }): void {
  const { call, chain, command, options } = message
  const only = onlyKey(command)
  if (only !== null && options.consistency.type === 'strong' && options.atLeast === NO_SEQ) {
    fields.push(CLIENT['strong-get'], call, chain, only)
    return
  }
  fields.push(command.type === 'get' ? CLIENT.get : CLIENT.scan, call, chain)
  writeConsistency(fields, options.consistency)
  fields.push(options.atLeast)
  if (command.type === 'get') writeList(fields, command.keys, writeKey)
  else fields.push(command.prefix, command.after, command.limit)
}

const onlyKey = (command: ReadCommand): Key | null =>
  command.type === 'get' && command.keys.length === 1 ? (command.keys[0] ?? null) : null

function writeWrite(fields: Field[], message: ClientMessage & { type: 'write' }): void {
  const { command } = message
  const plain =
    command.type === 'put' &&
    command.condition === null &&
    command.expiry.type === 'set' &&
    command.expiry.atWallMs === 0
  fields.push(plain ? CLIENT['plain-put'] : CLIENT.write, message.call, message.chain)
  if (message.identity === null) fields.push(NO_SESSION)
  else fields.push(message.identity.session, message.identity.requestNumber, message.identity.answeredBelow)
  if (plain) fields.push(command.key, command.value)
  else writeWriteCommand(fields, command)
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
  const kind = reader.count()
  const call = reader.count()
  if (kind === CLIENT.map) return { type: 'map-request', call }
  if (kind === CLIENT.status) return { type: 'status-request', call }
  const chain = asChainId(reader.text())
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
      const [identity, key, value] = [readIdentity(reader), reader.key(), reader.bytes()]
      const command = { type: 'put', key, value, expiry: NO_EXPIRY, condition: null } as const
      return { type: 'write', call, chain, identity, command }
    }
    case CLIENT.get: {
      const options = { consistency: readConsistency(reader), atLeast: asSeq(reader.count()) }
      return { type: 'read', call, chain, command: { type: 'get', keys: reader.list(readKey) }, options }
    }
    case CLIENT.scan: {
      const options = { consistency: readConsistency(reader), atLeast: asSeq(reader.count()) }
      const [prefix, after, limit] = [reader.key(), reader.isNull() ? null : reader.key(), reader.count()]
      return { type: 'read', call, chain, command: { type: 'scan', prefix, after, limit }, options }
    }
    case CLIENT.write:
      return { type: 'write', call, chain, identity: readIdentity(reader), command: readWriteCommand(reader) }
    default:
      return unknownKind('client message', kind)
  }
}

function writeServerMessage(fields: Field[], message: ServerMessage): void {
  const { call } = message
  switch (message.type) {
    case 'read-reply':
      writeReadResult(fields, call, message.result)
      break
    case 'write-reply':
      if (message.result.type === 'written' && message.result.number === null) {
        fields.push(SERVER.written, call, message.result.version)
        break
      }
      fields.push(SERVER.result, call)
      writeWriteResult(fields, message.result)
      break
    case 'failed':
      fields.push(SERVER.failed, call, message.failure.code, message.failure.message)
      fields.push(message.map === null ? null : clusterMapToJson(message.map))
      break
    case 'map-reply':
      fields.push(SERVER.map, call, clusterMapToJson(message.map))
      break
    case 'status-reply':
      fields.push(SERVER.status, call, message.json)
      break
    default:
      unreachable(message)
  }
}

function writeReadResult(fields: Field[], call: number, result: ReadResult): void {
  if (result.type === 'page') {
    fields.push(SERVER.page, call, result.at, result.committed, result.more)
    writeList(fields, result.keys, writeKey)
    for (const value of result.values) writeVersioned(fields, value)
    return
  }
  const only = result.values.length === 1 ? result.values[0] : undefined
  if (only !== undefined && result.committed) {
    fields.push(SERVER.value, call, result.at)
    writeVersioned(fields, only)
    return
  }
  fields.push(SERVER.values, call, result.at, result.committed)
  writeList(fields, result.values, writeVersioned)
}

function readServerMessage(reader: FieldReader): ServerMessage {
  const kind = reader.count()
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
    case SERVER.failed: {
      const failure = readFailure(reader)
      return {
        type: 'failed',
        call,
        failure,
        map: reader.isNull() ? null : clusterMapFromJson(reader.text()),
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
  const code = reader.text()
  if (!isErrorCode(code)) throw new CodecError(`unknown error code ${JSON.stringify(code)}`)
  return { type: 'failure', code, message: reader.text() }
}
