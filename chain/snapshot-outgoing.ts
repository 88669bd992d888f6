/** Sending a snapshot: pages read from the clean store at the moment of sending, a few on the way at a time. */
import type { ChainMessage, SnapshotSession } from '../protocol/chain-messages.ts'
import { resultBytes } from '../protocol/entry.ts'
import { asKey, asSessionId, type Key, type ServerId } from '../protocol/ids.ts'
import type { CleanStore, StoredItem } from './clean-store.ts'
import type { Outbox } from './events.ts'
import type { ChainLimits } from './limits.ts'
import type { OutgoingSnapshot, Replica } from './state.ts'

type SnapshotAck = Extract<ChainMessage, { type: 'snapshot-ack' }>

export function beginOutgoing(replica: Replica): OutgoingSnapshot {
  return {
    // Unique per life of this server; the receiver keeps it together with this server's incarnation.
    transfer: ++replica.transfers,
    sentKey: null,
    sentSession: asSessionId(0),
    keysDone: false,
    sentLast: false,
    nextPage: 0,
    unconfirmed: [],
    sentAt: replica.nowMs,
  }
}

/** The link broke: goes on behind what was confirmed. */
export function rewindOutgoing(snapshot: OutgoingSnapshot): void {
  const first = snapshot.unconfirmed[0]
  if (first !== undefined) {
    snapshot.sentKey = first.key
    snapshot.sentSession = first.session
    snapshot.keysDone = first.keysDone
    snapshot.sentLast = false
  }
  snapshot.unconfirmed = []
  snapshot.nextPage = 0
}

/** Sends the next pages. Called when a turn ends, behind that turn's entries. */
export function pumpSnapshot(replica: Replica, out: Outbox): void {
  const { downstream, config, limits } = replica
  const snapshot = downstream?.snapshot ?? null
  if (downstream === null || snapshot === null || config === null) return
  while (!snapshot.sentLast && hasRoom(snapshot, limits)) {
    const { sentKey: key, sentSession: session, keysDone, nextPage: page } = snapshot
    const { items, sessions } = nextPage(replica.store, snapshot, limits.snapshotPageBytes)
    let bytes = 0
    for (const item of items) bytes += item.key.length + item.value.length
    snapshot.unconfirmed.push({ page, key, session, keysDone, bytes })
    snapshot.nextPage++
    out.send(downstream.server, {
      type: 'snapshot-page',
      epoch: config.epoch,
      attempt: downstream.attempt,
      page,
      items,
      sessions,
      done: snapshot.sentLast,
      upTo: replica.log.commit.seq,
    })
    snapshot.sentAt = replica.nowMs
  }
}

/** A page is as large as its last value makes it: of large ones fewer may be on the way. */
function hasRoom({ unconfirmed }: OutgoingSnapshot, limits: ChainLimits): boolean {
  let bytes = 0
  for (const page of unconfirmed) bytes += page.bytes
  return unconfirmed.length < limits.snapshotPagesInFlight && bytes < limits.inFlightBytesMax
}

function nextPage(
  store: CleanStore,
  snapshot: OutgoingSnapshot,
  bytesMax: number,
): { items: StoredItem[]; sessions: SnapshotSession[] } {
  if (!snapshot.keysDone) {
    const { items, more } = scanBounded(store, {
      prefix: asKey(''),
      after: snapshot.sentKey,
      limit: 10_000,
      bytesMax,
    })
    snapshot.sentKey = items.at(-1)?.key ?? snapshot.sentKey
    snapshot.keysDone = !more
    return { items, sessions: [] }
  }
  const found = store.sessionsAfter(snapshot.sentSession, SESSIONS_PER_PAGE)
  const sessions = firstSessions(found, bytesMax)
  snapshot.sentSession = sessions.at(-1)?.session ?? snapshot.sentSession
  snapshot.sentLast = sessions.length === found.length && found.length < SESSIONS_PER_PAGE
  return { items: [], sessions }
}

/** The first ones, up to and including the one with which they reach `bytesMax`: kept results may be large. */
function firstSessions(sessions: SnapshotSession[], bytesMax: number): SnapshotSession[] {
  let bytes = 0
  for (const [index, { origins }] of sessions.entries()) {
    for (const { origin } of origins) bytes += RESULT_BYTES + resultBytes(origin.result)
    if (bytes >= bytesMax) return sessions.slice(0, index + 1)
  }
  return sessions
}

const RESULT_BYTES = 30

const SESSIONS_PER_PAGE = 100

/** A scan that ends early once it has gathered `bytesMax`: values may be large. */
export function scanBounded(
  store: CleanStore,
  options: { prefix: Key; after: Key | null; limit: number; bytesMax: number },
): { items: StoredItem[]; more: boolean } {
  const items = store.scan(options)
  const last = items.at(-1)
  if (last === undefined) return { items, more: false }
  return { items, more: store.scan({ prefix: options.prefix, after: last.key, limit: 1 }).length > 0 }
}

export function onSnapshotAck(replica: Replica, from: ServerId, message: SnapshotAck): void {
  const { downstream } = replica
  const snapshot = downstream?.snapshot
  if (downstream?.server !== from || downstream.attempt !== message.attempt || !snapshot) return
  downstream.heardAt = replica.nowMs
  while (snapshot.unconfirmed[0] !== undefined && snapshot.unconfirmed[0].page <= message.page)
    snapshot.unconfirmed.shift()
  if (snapshot.sentLast && snapshot.unconfirmed.length === 0) downstream.snapshot = null
}
