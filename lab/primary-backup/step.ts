/** The core of primary/backup: events in, effects out, as the chain's. */
import { noChangefeed } from '../../chain/changes.ts'
import { onConfig, onIncarnation, onSessionLost, onStorageFailed } from '../../chain/configuration.ts'
import type { Outbox, ReplicaEvent } from '../../chain/events.ts'
import { lapse, repairUpstream } from '../../chain/housekeeping.ts'
import { onAppend, onLinkAccept, settle } from '../../chain/link-upstream.ts'
import { onSnapshotPage, onStoreFlushed } from '../../chain/snapshot-incoming.ts'
import { durableOf, isJoiner, selfMember } from '../../chain/state.ts'
import { learnDurable, onPeerDown, passesFence, sendReport } from '../../chain/step.ts'
import { giveUpBehindReads, releaseBehindReads } from '../../chain/weak-reads.ts'
import { onWrite } from '../../chain/write-path.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import type { ServerId } from '../../protocol/ids.ts'
import { unreachable } from '../../protocol/invariants.ts'
import {
  decide,
  meetingPoint,
  onBackupAck,
  onBackupLinks,
  onBackupSnapshotAck,
  placeLinks,
  pumpLinks,
  stalledBackup,
} from './links.ts'
import {
  abandonReads,
  askBackups,
  onBarrier,
  onBarrierReply,
  onRead,
  repeatRound,
  takeBackRound,
} from './reads.ts'
import { isPrimary, type PrimaryBackup, viewOf } from './state.ts'

/** Applies one event. Same state and event, same effects. Changes `star` and `out`, nothing else. */
export function step(star: PrimaryBackup, event: ReplicaEvent, out: Outbox): void {
  const { replica } = star
  switch (event.type) {
    case 'clock':
      replica.nowMs = event.nowMs
      replica.wallMs = event.wallMs
      return
    case 'tick':
      return onTick(star, out)
    case 'read':
      return onRead(star, event, out)
    case 'changes':
      return out.reply(event.request, noChangefeed(replica.self))
    case 'write':
      return onWrite(replica, event, out)
    case 'message':
      return onMessage(star, event.from, event.message, out)
    case 'durable':
      if (learnDurable(replica, event)) settled(star, out)
      return
    case 'store-flushed':
      onStoreFlushed(replica, out)
      return settled(star, out)
    case 'config':
      return adopt(star, event.config, out)
    case 'lease':
      replica.leaseUntil = event.untilMs
      return
    case 'session-lost':
      onSessionLost(replica, out)
      return retire(star, 'lost its coordinator session', out)
    case 'incarnation':
      onIncarnation(replica, event.incarnation, out)
      return retire(star, 'begins another life', out)
    case 'storage-failed':
      onStorageFailed(replica, event.reason, out)
      return retire(star, 'has a failing disk', out)
    case 'peer-down':
      return onPeerDown(replica, event.server, out)
    case 'flush':
      return flush(star, out)
    default:
      return unreachable(event)
  }
}

function settled(star: PrimaryBackup, out: Outbox): void {
  if (isPrimary(star)) decide(star, out)
  else settle(star.replica, out)
}

function retire(star: PrimaryBackup, reason: string, out: Outbox): void {
  star.links.clear()
  abandonReads(star, reason, out)
}

function adopt(star: PrimaryBackup, config: ChainConfig, out: Outbox): void {
  const { replica } = star
  if (config.chain !== replica.chain || config.epoch <= (star.config?.epoch ?? -1)) return
  const wasPrimary = isPrimary(star)
  star.config = config
  // It was said of the members of another epoch. A primary says it again with each heartbeat.
  replica.upstreamDurable = replica.log.commit.seq
  onConfig(replica, viewOf(config, replica.self), out)
  takeBackRound(star)
  if (!isPrimary(star)) return retire(star, 'is not the primary', out)
  if (!wasPrimary) {
    star.links.clear()
    star.readableFrom = replica.log.last
  }
  placeLinks(star, config)
  decide(star, out)
}

function onMessage(star: PrimaryBackup, from: ServerId, message: ChainMessage, out: Outbox): void {
  const { replica } = star
  if (message.type === 'other') return
  if (message.type === 'config') return adopt(star, message.config, out)
  if (!passesFence(star.config, from, message, out)) return
  if (!replica.alive || (selfMember(replica) === null && !isJoiner(replica))) return
  switch (message.type) {
    case 'link-request':
      return onBackupLinks(star, from, message, out)
    case 'ack':
      return onBackupAck(star, from, message, out)
    case 'snapshot-ack':
      return onBackupSnapshotAck(star, from, message)
    case 'link-accept':
      return onPrimaryAccept(star, from, message, out)
    case 'append':
      return onAppend(replica, from, message, out)
    case 'snapshot-page':
      return onSnapshotPage(replica, from, message, out)
    case 'barrier':
      return onBarrier(star, from, message.query, out)
    case 'barrier-reply':
      return onBarrierReply(star, from, message.query, out)
    case 'version-query':
    case 'version-reply':
      return // nobody here asks a tail
    default:
      return unreachable(message)
  }
}

/**
 * A backup may hold what a dead primary sent to it and not to the new one: uncommitted, and to be dropped. In a chain nobody in service ever holds more than
 * its new predecessor, and the chain's code makes sure of it; so here the backup counts as not in service while it is linked.
 */
function onPrimaryAccept(
  { replica }: PrimaryBackup,
  from: ServerId,
  message: Extract<ChainMessage, { type: 'link-accept' }>,
  out: Outbox,
): void {
  const { upstream, log, config, serving } = replica
  if (message.transfer === 0 && upstream !== null && config !== null && !log.has(message.from)) {
    if (upstream.server !== from || upstream.attempt !== message.attempt || upstream.linked) return
    upstream.attempt = ++replica.attempts
    const { incarnation } = replica
    const last = meetingPoint(log, message.from)
    const request = { epoch: config.epoch, incarnation, attempt: upstream.attempt, last, transfer: 0 }
    return out.send(from, { type: 'link-request', ...request, commit: log.commit })
  }
  replica.serving = false
  onLinkAccept(replica, from, message, out)
  // With a snapshot it begins again from nothing, and is in service once it is whole. (The new primary keeps too little of its log to tell where the two part.)
  if (replica.incoming === null) replica.serving = serving
}

function onTick(star: PrimaryBackup, out: Outbox): void {
  const { replica } = star
  repairUpstream(replica, out)
  giveUpBehindReads(replica, out)
  repeatRound(star)
  const { upstream, limits, nowMs } = replica
  const above = upstream !== null && nowMs - upstream.heardAt >= limits.stallMs ? upstream.server : null
  replica.suspects = stalledBackup(star) ?? above
  if (isPrimary(star) && replica.serving) lapse(replica, out)
}

function flush(star: PrimaryBackup, out: Outbox): void {
  const { replica } = star
  releaseBehindReads(replica, out)
  if (isPrimary(star)) {
    pumpLinks(star, out)
    decide(star, out)
    askBackups(star, out)
  } else ackDurable(star, out)
  sendReport(replica, out)
}

/** A backup's ack says what would survive a power cut here: the primary decides by it. */
function ackDurable({ replica }: PrimaryBackup, out: Outbox): void {
  const { upstream, config, log } = replica
  if (upstream === null || !upstream.linked || config === null) return
  const durable = durableOf(replica)
  if (durable <= upstream.ackedReceived && !upstream.ackWanted) return
  out.send(upstream.server, {
    type: 'ack',
    epoch: config.epoch,
    attempt: upstream.attempt,
    commit: log.commit.seq,
    received: durable,
    echo: upstream.echo,
  })
  upstream.ackedReceived = durable
  upstream.ackWanted = false
}
