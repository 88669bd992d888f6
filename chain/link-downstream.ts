/** The predecessor's end of a link: answers the handshake, sends what the successor lacks, hears acks (DESIGN section 4). */
import type { ChainMessage } from '../protocol/chain-messages.ts'
import { type Entry, entryBytes, type Position } from '../protocol/entry.ts'
import { asMillis, asSeq, type Seq, type ServerId } from '../protocol/ids.ts'
import { invariant } from '../protocol/invariants.ts'
import { learnCommit } from './commit.ts'
import type { Outbox } from './events.ts'
import { beginOutgoing, rewindOutgoing } from './snapshot-outgoing.ts'
import { chainDurableOf, type DownstreamLink, isTail, type Replica, targetOf } from './state.ts'

type LinkRequest = Extract<ChainMessage, { type: 'link-request' }>
type LinkAccept = Extract<ChainMessage, { type: 'link-accept' }>
type Ack = Extract<ChainMessage, { type: 'ack' }>

export function onLinkRequest(replica: Replica, from: ServerId, message: LinkRequest, out: Outbox): void {
  const target = targetOf(replica)
  if (target === null || target.server !== from || target.incarnation !== message.incarnation) return
  if (!replica.serving || replica.config === null) return // it asks again; by then this end may serve
  const old = replica.downstream
  if (old !== null && old.incarnation === message.incarnation && message.attempt <= old.attempt) {
    // Repeated: the first answer counts, and what followed it is on its way. Had it been lost, the next append will show a gap.
    if (message.attempt === old.attempt) out.send(from, old.accept)
    return
  }
  const { log } = replica
  const common = commonPosition(replica, message)
  const resumed = message.transfer > 0 && old?.snapshot?.transfer === message.transfer && common !== null
  const start = resumed ? common : common !== null && message.transfer === 0 ? common : log.commit
  const snapshot = resumed
    ? (old?.snapshot ?? null)
    : common === null || message.transfer !== 0
      ? beginOutgoing(replica)
      : null
  if (resumed && snapshot !== null) rewindOutgoing(snapshot)
  const accept: LinkAccept = {
    type: 'link-accept',
    epoch: replica.config.epoch,
    incarnation: replica.incarnation,
    attempt: message.attempt,
    from: start,
    transfer: snapshot?.transfer ?? 0,
    last: log.last,
    serving: replica.serving,
  }
  replica.downstream = {
    server: from,
    incarnation: message.incarnation,
    attempt: message.attempt,
    accept,
    sent: start.seq,
    received: start.seq,
    unconfirmed: [],
    unconfirmedBytes: 0,
    commit: asSeq(0),
    toldDurable: asSeq(-1), // told at once
    toldCommit: asSeq(0),
    sentAt: asMillis(0),
    heardAt: replica.nowMs,
    hopMs: old?.server === from ? old.hopMs : 0,
    snapshot,
  }
  out.send(from, accept)
  const how = snapshot === null ? `sends entries from ${start.seq + 1}` : 'sends a snapshot'
  out.note(
    `links ${from} (it holds ${message.last.epoch}/${message.last.seq}): ${how}, epoch ${replica.config.epoch}`,
  )
}

/**
 * The newest position that both logs are known to share: what the other end holds, if it is here; else what it knows to be committed (it
 * drops the rest); else none, and it needs a snapshot: it was away for too long, or it is ahead of its source (trap 8), or they disagree.
 */
function commonPosition(replica: Replica, message: LinkRequest): Position | null {
  if (replica.log.has(message.last)) return message.last
  return replica.log.has(message.commit) ? message.commit : null
}

export function onAck(replica: Replica, from: ServerId, message: Ack, out: Outbox): void {
  const { downstream } = replica
  if (downstream === null || downstream.server !== from || downstream.attempt !== message.attempt) return
  heardOf(replica, downstream, message)
  downstream.commit = asSeq(Math.max(downstream.commit, message.commit))
  // At the tail the other end is a joiner: what it calls committed it has from here.
  if (!isTail(replica)) learnCommit(replica, asSeq(Math.min(message.commit, replica.log.last)), out)
}

/** What an ack says of the link itself: that it lives, how long it takes, and what need not be sent again. */
export function heardOf(replica: Replica, downstream: DownstreamLink, message: Ack): void {
  const from = downstream.server
  downstream.heardAt = replica.nowMs
  if (message.echo >= 0) downstream.hopMs = downstream.hopMs * 0.8 + (replica.nowMs - message.echo) * 0.2
  invariant(
    'InprocessRequests',
    message.received <= downstream.sent,
    () => `${replica.chain}: ${from} says it received ${message.received}, ${downstream.sent} were sent`,
  )
  downstream.received = asSeq(Math.max(downstream.received, message.received))
  let confirmed = 0
  for (const { last, bytes } of downstream.unconfirmed) {
    if (last > downstream.received) break
    downstream.unconfirmedBytes -= bytes
    confirmed++
  }
  if (confirmed > 0) downstream.unconfirmed.splice(0, confirmed)
}

/** Sends what the successor has not been sent, and what it must know. Called when a turn ends. */
export function pumpDownstream(replica: Replica, out: Outbox): void {
  const { downstream, log, limits } = replica
  if (downstream === null || replica.config === null) return
  if (downstream.sent < log.base.seq) {
    // The successor was slow for so long that its next entry is no longer kept: it starts over.
    out.note(
      `no longer keeps what ${downstream.server} lacks (from ${downstream.sent + 1}); it must link again`,
    )
    replica.downstream = null
    return
  }
  while (downstream.sent < log.last && downstream.unconfirmedBytes < limits.inFlightBytesMax) {
    const entries: Entry[] = []
    let bytes = 0
    let next = asSeq(downstream.sent + 1)
    while (bytes < limits.appendBytesMax) {
      const entry = log.entryAt(next)
      if (entry === null) break
      entries.push(entry)
      bytes += entryBytes(entry)
      next = asSeq(next + 1)
    }
    if (entries.length === 0) break
    sendAppend(replica, downstream, entries, out)
    downstream.unconfirmed.push({ last: downstream.sent, bytes })
    downstream.unconfirmedBytes += bytes
  }
  const durableNews = chainDurableOf(replica) > downstream.toldDurable
  const commitNews = isTail(replica) && log.commit.seq > downstream.toldCommit
  if (durableNews || commitNews || replica.nowMs - downstream.sentAt >= limits.heartbeatMs) {
    sendAppend(replica, downstream, [], out)
  }
}

function sendAppend(
  replica: Replica,
  downstream: DownstreamLink,
  entries: readonly Entry[],
  out: Outbox,
): void {
  const { log, config } = replica
  const previous = log.positionAt(downstream.sent)
  if (previous === null || config === null) return
  const upstreamDurable: Seq = chainDurableOf(replica)
  out.send(downstream.server, {
    type: 'append',
    epoch: config.epoch,
    attempt: downstream.attempt,
    previous,
    entries,
    upstreamDurable,
    commit: log.commit.seq,
    sentAt: replica.nowMs,
  })
  downstream.sent = asSeq(downstream.sent + entries.length)
  downstream.toldDurable = upstreamDurable
  downstream.toldCommit = log.commit.seq
  downstream.sentAt = replica.nowMs
}
