/**
 * Messages between the replicas of chains, and entries on their own. A body is for all chains that two servers share: one flat array of its
 * family, and then for each message its chain, its kind, its epoch and its other fields.
 */
import { configFromJson, configToJson } from '../chain-config.ts'
import type { ChainMessage, SnapshotSession } from '../chain-messages.ts'
import type { Versioned } from '../commands.ts'
import type { Entry, Origin, Position, SessionChange, Write } from '../entry.ts'
import {
  asChainId,
  asEpoch,
  asIncarnation,
  asMillis,
  asRequestNumber,
  asSeq,
  asSessionId,
  type ChainId,
  type Epoch,
  type Key,
  type Seq,
  type SessionId,
} from '../ids.ts'
import { unreachable } from '../invariants.ts'
import { CHAIN_MESSAGES_MAX } from '../limits.ts'
import { FAMILY } from './client-codec.ts'
import { readPresent, readWriteResult, writeVersioned, writeWriteResult } from './command-fields.ts'
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

/** A message and the chain whose replica it is for. */
export interface ChainItem {
  readonly chain: ChainId
  readonly message: ChainMessage
}

const KIND = {
  append: 0,
  ack: 1,
  'version-query': 2,
  'version-reply': 3,
  barrier: 4,
  'barrier-reply': 5,
  'link-request': 6,
  'link-accept': 7,
  'snapshot-page': 8,
  'snapshot-ack': 9,
  config: 10,
  'config-request': 11,
  other: 12,
} as const satisfies Record<ChainMessage['type'], number>

/** In place of an origin: sessions start from 1, because they are the seq of an entry. */
const NO_ORIGIN = 0
/** What an entry does to the table of sessions, as bits; 0 where it does nothing. */
const SESSIONS = { some: 1, opens: 2, lapses: 4 } as const

/** One body for one server: the messages of a turn, for any chains. */
export function encodeChainBatch(items: readonly ChainItem[]): Uint8Array {
  const fields: Field[] = [FAMILY.chain]
  for (const item of items) {
    fields.push(item.chain, KIND[item.message.type], item.message.epoch)
    writeChainMessage(fields, item.message)
  }
  return packFields(fields)
}

/** @throws {CodecError} anything else than what `encodeChainBatch` makes. */
export function decodeChainBatch(body: Uint8Array): ChainItem[] {
  const reader = unpackFields(body)
  if (reader.count() !== FAMILY.chain) throw new CodecError('not messages of a chain')
  return readChainItems(reader)
}

export function readChainItems(reader: FieldReader): ChainItem[] {
  const items: ChainItem[] = []
  while (!reader.done) {
    if (items.length >= CHAIN_MESSAGES_MAX) throw tooManyMessages(CHAIN_MESSAGES_MAX)
    items.push({ chain: asChainId(reader.text()), message: readChainMessage(reader) })
  }
  return items
}

/** An entry as a log stores it. */
export function encodeEntry(entry: Entry): Uint8Array {
  const fields: Field[] = []
  writeEntry(fields, entry)
  return packFields(fields)
}

/** @throws {CodecError} anything else than what `encodeEntry` makes. */
export function decodeEntry(bytes: Uint8Array): Entry {
  const reader = unpackFields(bytes)
  const entry = readEntry(reader)
  reader.end()
  return entry
}

function writeChainMessage(fields: Field[], message: ChainMessage): void {
  switch (message.type) {
    case 'append':
      fields.push(message.attempt, message.previous.epoch, message.previous.seq)
      fields.push(message.upstreamDurable, message.commit, message.sentAt)
      writeList(fields, message.entries, writeEntry)
      break
    case 'ack':
      // Below 0: no append has come yet whose time could be sent back.
      fields.push(message.attempt, message.commit, message.received, message.echo < 0 ? null : message.echo)
      break
    case 'version-query':
      fields.push(message.query)
      break
    case 'version-reply':
    case 'barrier-reply':
      fields.push(message.query, message.commit)
      break
    case 'barrier':
      fields.push(message.query, message.origin)
      break
    case 'link-request':
      fields.push(message.incarnation, message.attempt, message.transfer)
      writePositions(fields, message.last, message.commit)
      break
    case 'link-accept':
      fields.push(message.incarnation, message.attempt, message.transfer, message.last, message.serving)
      writePositions(fields, message.from)
      break
    case 'snapshot-page':
      fields.push(message.attempt, message.page, message.done, message.upTo)
      writeList(fields, message.items, writeItem)
      writeList(fields, message.sessions, writeSnapshotSession)
      break
    case 'snapshot-ack':
      fields.push(message.attempt, message.page)
      break
    case 'config':
      fields.push(configToJson(message.config))
      break
    case 'config-request':
      break
    case 'other':
      fields.push(message.body)
      break
    default:
      unreachable(message)
  }
}

function readChainMessage(reader: FieldReader): ChainMessage {
  const kind = reader.count()
  const epoch = asEpoch(reader.count())
  switch (kind) {
    case KIND.append:
      return readAppend(reader, epoch)
    case KIND.ack: {
      const [attempt, commit, received] = [reader.count(), readSeq(reader), readSeq(reader)]
      const echo = reader.isNull() ? asMillis(-1) : reader.millis()
      return { type: 'ack', epoch, attempt, commit, received, echo }
    }
    case KIND['version-query']:
      return { type: 'version-query', epoch, query: reader.count() }
    case KIND['version-reply']: {
      const query = reader.count()
      return { type: 'version-reply', epoch, query, commit: reader.isNull() ? null : readSeq(reader) }
    }
    case KIND.barrier:
      return { type: 'barrier', epoch, query: reader.count(), origin: reader.text() }
    case KIND['barrier-reply']:
      return { type: 'barrier-reply', epoch, query: reader.count(), commit: readSeq(reader) }
    case KIND['link-request']: {
      const [incarnation, attempt] = [asIncarnation(reader.count()), reader.count()]
      const [transfer, last, commit] = [reader.integer(), readPosition(reader), readPosition(reader)]
      return { type: 'link-request', epoch, incarnation, attempt, last, commit, transfer }
    }
    case KIND['link-accept']: {
      const [incarnation, attempt] = [asIncarnation(reader.count()), reader.count()]
      const [transfer, last, serving] = [reader.integer(), readSeq(reader), reader.flag()]
      return {
        type: 'link-accept',
        epoch,
        incarnation,
        attempt,
        from: readPosition(reader),
        transfer,
        last,
        serving,
      }
    }
    case KIND['snapshot-page']:
      return readSnapshotPage(reader, epoch)
    case KIND['snapshot-ack']:
      return { type: 'snapshot-ack', epoch, attempt: reader.count(), page: reader.count() }
    case KIND.config: {
      const config = configFromJson(reader.text())
      if (config === null) throw new CodecError('not a chain configuration')
      return { type: 'config', epoch, config }
    }
    case KIND['config-request']:
      return { type: 'config-request', epoch }
    case KIND.other:
      return { type: 'other', epoch, body: reader.bytes() }
    default:
      return unknownKind('chain message', kind)
  }
}

const readSeq = (reader: FieldReader): Seq => asSeq(reader.count())

function writePositions(fields: Field[], ...positions: Position[]): void {
  for (const position of positions) fields.push(position.epoch, position.seq)
}

const readPosition = (reader: FieldReader): Position => ({
  epoch: asEpoch(reader.count()),
  seq: readSeq(reader),
})

function readAppend(reader: FieldReader, epoch: Epoch): ChainMessage {
  const [attempt, previous, upstreamDurable] = [reader.count(), readPosition(reader), readSeq(reader)]
  const [commit, sentAt] = [readSeq(reader), reader.millis()]
  const entries = reader.list(readEntry)
  return { type: 'append', epoch, attempt, previous, entries, upstreamDurable, commit, sentAt }
}

function readSnapshotPage(reader: FieldReader, epoch: Epoch): ChainMessage {
  const [attempt, page, done, upTo] = [reader.count(), reader.count(), reader.flag(), readSeq(reader)]
  const items = reader.list(readItem)
  return {
    type: 'snapshot-page',
    epoch,
    attempt,
    page,
    items,
    sessions: reader.list(readSnapshotSession),
    done,
    upTo,
  }
}

function writeItem(fields: Field[], item: { readonly key: Key } & Versioned): void {
  fields.push(item.key)
  writeVersioned(fields, item)
}

const readItem = (reader: FieldReader): { readonly key: Key } & Versioned => {
  const key = reader.key()
  return { key, ...readPresent(reader) }
}

function writeSnapshotSession(fields: Field[], session: SnapshotSession): void {
  fields.push(session.session, session.lastSeq)
  writeList(fields, session.origins, (to, { seq, origin }) => {
    to.push(seq)
    writeOrigin(to, origin)
  })
}

function readSnapshotSession(reader: FieldReader): SnapshotSession {
  const [session, lastSeq] = [asSessionId(reader.count()), readSeq(reader)]
  const origins = reader.list(() => {
    const seq = readSeq(reader)
    return { seq, origin: readOrigin(reader) ?? unknownKind('origin', NO_ORIGIN) }
  })
  return { session, lastSeq, origins }
}

function writeEntry(fields: Field[], entry: Entry): void {
  fields.push(entry.epoch, entry.seq)
  if (entry.origin === null) fields.push(NO_ORIGIN)
  else writeOrigin(fields, entry.origin)
  writeSessionChange(fields, entry.sessions)
  writeList(fields, entry.writes, writeWrite)
}

function readEntry(reader: FieldReader): Entry {
  const [epoch, seq, origin] = [asEpoch(reader.count()), readSeq(reader), readOrigin(reader)]
  const sessions = readSessionChange(reader)
  return { epoch, seq, origin, writes: reader.list(readWrite), sessions }
}

function writeOrigin(fields: Field[], origin: Origin): void {
  fields.push(origin.session, origin.requestNumber, origin.answeredBelow)
  writeWriteResult(fields, origin.result)
}

function readOrigin(reader: FieldReader): Origin | null {
  const session = reader.count()
  if (session === NO_ORIGIN) return null
  return {
    session: asSessionId(session),
    requestNumber: asRequestNumber(reader.count()),
    answeredBelow: asRequestNumber(reader.count()),
    result: readWriteResult(reader),
  }
}

function writeWrite(fields: Field[], write: Write): void {
  fields.push(write.key, write.value, write.expiresAtWallMs)
}

const readWrite = (reader: FieldReader): Write => ({
  key: reader.key(),
  value: reader.bytesOrNull(),
  expiresAtWallMs: reader.millis(),
})

function writeSessionChange(fields: Field[], change: SessionChange | null): void {
  const { opens = false, lapses = null } = change ?? {}
  const bits = SESSIONS.some | (opens ? SESSIONS.opens : 0) | (lapses === null ? 0 : SESSIONS.lapses)
  fields.push(change === null ? 0 : bits)
  if (lapses !== null) writeList(fields, lapses, writeSessionId)
}

function readSessionChange(reader: FieldReader): SessionChange | null {
  const bits = reader.count()
  if (bits === 0) return null
  if (bits > 7) return unknownKind('session change', bits)
  return {
    ...((bits & SESSIONS.opens) !== 0 && { opens: true }),
    ...((bits & SESSIONS.lapses) !== 0 && { lapses: reader.list(readSessionId) }),
  }
}

const writeSessionId = (fields: Field[], session: SessionId): void => {
  fields.push(session)
}

const readSessionId = (reader: FieldReader): SessionId => asSessionId(reader.count())
