/**
 * Messages between the replicas of chains, and entries on their own. A body is for all chains that two servers share: its
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
import { CHAIN_MESSAGES_MAX, CONFIG_BYTES_MAX } from '../limits.ts'
import { FAMILY } from './client-codec.ts'
import { readPresent, readWriteResult, writePresent, writeWriteResult } from './command-fields.ts'
import { beginBody, type FieldWriter } from './field-writer.ts'
import { CodecError, FieldReader, tooManyMessages, unknownKind } from './fields.ts'

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
  const to = beginBody()
  to.byte(FAMILY.chain)
  for (const item of items) {
    to.name(item.chain)
    to.byte(KIND[item.message.type])
    to.count(item.message.epoch)
    writeChainMessage(to, item.message)
  }
  return to.end()
}

/** @throws {CodecError} anything else than what `encodeChainBatch` makes. */
export function decodeChainBatch(body: Uint8Array): ChainItem[] {
  const reader = new FieldReader(body)
  if (reader.byte() !== FAMILY.chain) throw new CodecError('not messages of a chain')
  return readChainItems(reader)
}

export function readChainItems(reader: FieldReader): ChainItem[] {
  const items: ChainItem[] = []
  while (!reader.done) {
    if (items.length >= CHAIN_MESSAGES_MAX) throw tooManyMessages(CHAIN_MESSAGES_MAX)
    items.push({ chain: asChainId(reader.name()), message: readChainMessage(reader) })
  }
  return items
}

/** Entries one behind the other, as a log stores them. */
export function encodeEntries(entries: readonly Entry[]): Uint8Array {
  const to = beginBody()
  for (const entry of entries) writeEntry(to, entry)
  return to.end()
}

/** The same, and where each of them ends. The bytes share memory with nothing else. */
export function packEntries(entries: readonly Entry[]): { bytes: Uint8Array; ends: number[] } {
  const to = beginBody()
  const ends: number[] = []
  for (const entry of entries) {
    writeEntry(to, entry)
    ends.push(to.length)
  }
  return { bytes: to.end().slice(), ends }
}

/** @throws {CodecError} anything else than what `encodeEntries` makes. */
export function decodeEntries(bytes: Uint8Array): Entry[] {
  const reader = new FieldReader(bytes)
  const entries: Entry[] = []
  while (!reader.done) entries.push(readEntry(reader))
  return entries
}

function writeChainMessage(to: FieldWriter, message: ChainMessage): void {
  switch (message.type) {
    case 'append':
      writeAppend(to, message)
      break
    case 'ack':
      writeCounts(to, message.attempt, message.commit, message.received)
      // Below 0: no append has come yet whose time could be sent back.
      to.flag(message.echo >= 0)
      if (message.echo >= 0) to.millis(message.echo)
      break
    case 'version-query':
      to.count(message.query)
      break
    case 'version-reply':
      to.count(message.query)
      to.flag(message.commit !== null)
      if (message.commit !== null) to.count(message.commit)
      break
    case 'barrier-reply':
      writeCounts(to, message.query, message.commit)
      break
    case 'barrier':
      to.count(message.query)
      to.text(message.origin)
      break
    case 'link-request':
      writeCounts(to, message.incarnation, message.attempt)
      to.integer(message.transfer)
      writePositions(to, message.last, message.commit)
      break
    case 'link-accept':
      writeCounts(to, message.incarnation, message.attempt)
      to.integer(message.transfer)
      to.count(message.last)
      to.flag(message.serving)
      writePositions(to, message.from)
      break
    case 'snapshot-page':
      writeSnapshotPage(to, message)
      break
    case 'snapshot-ack':
      writeCounts(to, message.attempt, message.page)
      break
    case 'config':
      to.text(configToJson(message.config))
      break
    case 'config-request':
      break
    case 'other':
      to.bytes(message.body)
      break
    default:
      unreachable(message)
  }
}

function writeAppend(to: FieldWriter, message: ChainMessage & { type: 'append' }): void {
  to.count(message.attempt)
  writePositions(to, message.previous)
  writeCounts(to, message.upstreamDurable, message.commit)
  to.millis(message.sentAt)
  to.list(message.entries, writeEntry)
}

function writeSnapshotPage(to: FieldWriter, message: ChainMessage & { type: 'snapshot-page' }): void {
  writeCounts(to, message.attempt, message.page)
  to.flag(message.done)
  to.count(message.upTo)
  to.list(message.items, writeItem)
  to.list(message.sessions, writeSnapshotSession)
}

function readChainMessage(reader: FieldReader): ChainMessage {
  const kind = reader.byte()
  const epoch = asEpoch(reader.count())
  switch (kind) {
    case KIND.append:
      return readAppend(reader, epoch)
    case KIND.ack: {
      const [attempt, commit, received] = [reader.count(), readSeq(reader), readSeq(reader)]
      const echo = reader.flag() ? reader.millis() : asMillis(-1)
      return { type: 'ack', epoch, attempt, commit, received, echo }
    }
    case KIND['version-query']:
      return { type: 'version-query', epoch, query: reader.count() }
    case KIND['version-reply']: {
      const query = reader.count()
      return { type: 'version-reply', epoch, query, commit: reader.flag() ? readSeq(reader) : null }
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
      const config = configFromJson(reader.text(CONFIG_BYTES_MAX))
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

function writeCounts(to: FieldWriter, ...counts: number[]): void {
  for (const count of counts) to.count(count)
}

function writePositions(to: FieldWriter, ...positions: Position[]): void {
  for (const { epoch, seq } of positions) writeCounts(to, epoch, seq)
}

const readPosition = (reader: FieldReader): Position => ({
  epoch: asEpoch(reader.count()),
  seq: readSeq(reader),
})

function readAppend(reader: FieldReader, epoch: Epoch): ChainMessage {
  const attempt = reader.count()
  const previous = readPosition(reader)
  const upstreamDurable = readSeq(reader)
  const commit = readSeq(reader)
  const sentAt = reader.millis()
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

function writeItem(to: FieldWriter, item: { readonly key: Key } & Versioned): void {
  to.key(item.key)
  writePresent(to, item)
}

const readItem = (reader: FieldReader): { readonly key: Key } & Versioned => {
  const key = reader.key()
  return { key, ...readPresent(reader) }
}

function writeSnapshotSession(to: FieldWriter, session: SnapshotSession): void {
  writeCounts(to, session.session, session.lastSeq)
  to.list(session.origins, (_, { seq, origin }) => {
    to.count(seq)
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

function writeEntry(to: FieldWriter, entry: Entry): void {
  to.count(entry.epoch)
  to.count(entry.seq)
  if (entry.origin === null) to.count(NO_ORIGIN)
  else writeOrigin(to, entry.origin)
  writeSessionChange(to, entry.sessions)
  to.list(entry.writes, writeWrite)
}

function readEntry(reader: FieldReader): Entry {
  const epoch = asEpoch(reader.count())
  const seq = readSeq(reader)
  const origin = readOrigin(reader)
  const sessions = readSessionChange(reader)
  return { epoch, seq, origin, writes: reader.list(readWrite), sessions }
}

function writeOrigin(to: FieldWriter, origin: Origin): void {
  to.count(origin.session)
  to.count(origin.requestNumber)
  to.count(origin.answeredBelow)
  writeWriteResult(to, origin.result)
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

function writeWrite(to: FieldWriter, write: Write): void {
  to.key(write.key)
  to.bytesOrNull(write.value)
  to.millis(write.expiresAtWallMs)
}

const readWrite = (reader: FieldReader): Write => ({
  key: reader.key(),
  value: reader.bytesOrNull(),
  expiresAtWallMs: reader.millis(),
})

function writeSessionChange(to: FieldWriter, change: SessionChange | null): void {
  if (change === null) return to.byte(0)
  const { opens = false, lapses = null } = change
  const bits = SESSIONS.some | (opens ? SESSIONS.opens : 0) | (lapses === null ? 0 : SESSIONS.lapses)
  to.byte(bits)
  if (lapses !== null) to.list(lapses, writeSessionId)
}

function readSessionChange(reader: FieldReader): SessionChange | null {
  const bits = reader.byte()
  if (bits === 0) return null
  if (bits > 7) return unknownKind('session change', bits)
  return {
    ...((bits & SESSIONS.opens) !== 0 && { opens: true }),
    ...((bits & SESSIONS.lapses) !== 0 && { lapses: reader.list(readSessionId) }),
  }
}

const writeSessionId = (to: FieldWriter, session: SessionId): void => to.count(session)

const readSessionId = (reader: FieldReader): SessionId => asSessionId(reader.count())
