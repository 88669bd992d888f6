/**
 * The CRAQ replica (CRAQ §2; DESIGN sections 3 to 6): one chain at one server. Events in, effects out. It knows nothing of sockets, files, clocks
 * and coordinators: those are events and effects too.
 */
import type { ChainConfig } from '../protocol/chain-config.ts'
import type { ChainMessage } from '../protocol/chain-messages.ts'
import type { ReplicaReport } from '../protocol/cluster.ts'
import { asEpoch, asSeq, type ServerId } from '../protocol/ids.ts'
import { invariant, unreachable } from '../protocol/invariants.ts'
import { onChanges, releaseChanges } from './changes.ts'
import { onConfig, onIncarnation, onSessionLost, onStorageFailed } from './configuration.ts'
import type { Outbox, ReplicaEvent } from './events.ts'
import { onTick } from './housekeeping.ts'
import { onAck, onLinkRequest, pumpDownstream } from './link-downstream.ts'
import { onAppend, onLinkAccept, relinkUpstream, sendAck, settle } from './link-upstream.ts'
import {
  askNext,
  onBarrier,
  onBarrierReply,
  onRead,
  onVersionQuery,
  onVersionReply,
  passBarriers,
} from './read-path.ts'
import { onSnapshotPage, onStoreFlushed } from './snapshot-incoming.ts'
import { onSnapshotAck, pumpSnapshot } from './snapshot-outgoing.ts'
import { isJoiner, type Replica, selfMember } from './state.ts'
import { releaseBehindReads } from './weak-reads.ts'
import { onWrite } from './write-path.ts'

/** Applies one event. Same state and event, same effects. Changes `replica` and `out`, nothing else. */
export function step(replica: Replica, event: ReplicaEvent, out: Outbox): void {
  switch (event.type) {
    case 'clock':
      replica.nowMs = event.nowMs
      replica.wallMs = event.wallMs
      return
    case 'tick':
      return onTick(replica, out)
    case 'read':
      return onRead(replica, event, out)
    case 'changes':
      return onChanges(replica, event, out)
    case 'write':
      return onWrite(replica, event, out)
    case 'message':
      return onMessage(replica, event.from, event.message, out)
    case 'durable':
      return onDurable(replica, event, out)
    case 'store-flushed':
      onStoreFlushed(replica, out)
      return settle(replica, out)
    case 'config':
      return onConfig(replica, event.config, out)
    case 'lease':
      replica.leaseUntil = event.untilMs
      return
    case 'session-lost':
      return onSessionLost(replica, out)
    case 'incarnation':
      return onIncarnation(replica, event.incarnation, out)
    case 'peer-down':
      return onPeerDown(replica, event.server, out)
    case 'storage-failed':
      return onStorageFailed(replica, event.reason, out)
    case 'flush':
      return flush(replica, out)
    default:
      return unreachable(event)
  }
}

function onMessage(replica: Replica, from: ServerId, message: ChainMessage, out: Outbox): void {
  if (message.type === 'other') return // not of this protocol
  if (message.type === 'config') return onConfig(replica, message.config, out)
  if (!passesFence(replica.config, from, message, out)) return
  if (!replica.alive || (selfMember(replica) === null && !isJoiner(replica))) return
  handle(replica, from, message, out)
}

/**
 * EpochFence (trap 3): an old epoch changes nothing here, and its sender is told of the newer one. A newer one is asked for: what the message said
 * will be said again by the handshake.
 */
export function passesFence(
  config: ChainConfig | null,
  from: ServerId,
  message: ChainMessage,
  out: Outbox,
): message is Exclude<ChainMessage, { type: 'config-request' }> {
  const epoch = config?.epoch ?? asEpoch(0)
  if (message.type === 'config-request' || message.epoch < epoch) {
    if (config !== null && message.epoch < epoch) out.send(from, { type: 'config', epoch, config })
    return false
  }
  if (message.epoch > epoch) {
    out.send(from, { type: 'config-request', epoch })
    return false
  }
  invariant(
    'EpochFence',
    message.epoch === epoch,
    () => `${message.type} of epoch ${message.epoch} in epoch ${epoch}`,
  )
  return true
}

function handle(
  replica: Replica,
  from: ServerId,
  message: Exclude<ChainMessage, { type: 'config' | 'config-request' | 'other' }>,
  out: Outbox,
): void {
  switch (message.type) {
    case 'link-request':
      return onLinkRequest(replica, from, message, out)
    case 'link-accept':
      return onLinkAccept(replica, from, message, out)
    case 'append':
      return onAppend(replica, from, message, out)
    case 'ack':
      return onAck(replica, from, message, out)
    case 'snapshot-page':
      return onSnapshotPage(replica, from, message, out)
    case 'snapshot-ack':
      return onSnapshotAck(replica, from, message)
    case 'version-query':
      return onVersionQuery(replica, from, message.query, out)
    case 'version-reply':
      return onVersionReply(replica, message.query, message.commit, out)
    case 'barrier':
      return onBarrierMessage(replica, from, message, out)
    case 'barrier-reply':
      return onBarrierReply(replica, message.query, message.commit, out)
    default:
      return unreachable(message)
  }
}

/** At the head from whoever asks; below it only from the predecessor, behind its entries. */
function onBarrierMessage(
  replica: Replica,
  from: ServerId,
  message: Extract<ChainMessage, { type: 'barrier' }>,
  out: Outbox,
): void {
  const head = replica.config?.members[0]?.server === replica.self
  if (!head && (replica.upstream?.server !== from || !replica.upstream.linked)) return
  onBarrier(replica, message.query, message.origin as ServerId, out)
}

function onDurable(replica: Replica, event: Extract<ReplicaEvent, { type: 'durable' }>, out: Outbox): void {
  if (learnDurable(replica, event)) settle(replica, out)
}

/** @returns whether it says something of the log as it is now. */
export function learnDurable(
  replica: Replica,
  { position, rewrites }: Extract<ReplicaEvent, { type: 'durable' }>,
): boolean {
  if (rewrites < replica.rewrites) return false // the record of the truncation, and what followed it, will be reported too
  replica.walDurable = asSeq(Math.max(replica.walDurable, Math.min(position.seq, replica.log.last)))
  return true
}

/** What was on the way is lost; whoever it was meant for notices the gap. Shaking hands at once only saves time. */
export function onPeerDown(replica: Replica, server: ServerId, out: Outbox): void {
  if (replica.upstream?.server === server && replica.upstream.linked) relinkUpstream(replica, out)
}

/** The end of a turn: one append, one ack, one question, however many events there were. */
function flush(replica: Replica, out: Outbox): void {
  releaseBehindReads(replica, out)
  releaseChanges(replica, out)
  pumpDownstream(replica, out)
  passBarriers(replica, out)
  pumpSnapshot(replica, out)
  askNext(replica, out)
  passBarriers(replica, out)
  sendAck(replica, out)
  sendReport(replica, out)
}

/** Tells the manager where this replica stands, if that is news. */
export function sendReport(replica: Replica, out: Outbox): void {
  const { config, lastReport } = replica
  if (config === null || !replica.alive || (selfMember(replica) === null && !isJoiner(replica))) return
  const report: ReplicaReport = {
    server: replica.self,
    incarnation: replica.incarnation,
    epoch: config.epoch,
    state: replica.reportState,
    suspects: replica.suspects,
  }
  const same =
    lastReport !== null &&
    lastReport.epoch === report.epoch &&
    lastReport.state === report.state &&
    lastReport.suspects === report.suspects
  if (same) return
  replica.lastReport = report
  out.report(report)
}
