/** The primary's side: a link to each backup, what is committed, and what a new primary must find out first. */
import { advanceCommit } from '../../chain/commit.ts'
import type { Outbox } from '../../chain/events.ts'
import { heardOf, onLinkRequest, pumpDownstream } from '../../chain/link-downstream.ts'
import type { Log } from '../../chain/log.ts'
import { onSnapshotAck, pumpSnapshot } from '../../chain/snapshot-outgoing.ts'
import { durableOf, type Replica } from '../../chain/state.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import type { Position } from '../../protocol/entry.ts'
import { asSeq, NO_SEQ, type Seq, type ServerId } from '../../protocol/ids.ts'
import { type PrimaryBackup, viewOf } from './state.ts'

type LinkRequest = Extract<ChainMessage, { type: 'link-request' }>
type Ack = Extract<ChainMessage, { type: 'ack' }>
type SnapshotAck = Extract<ChainMessage, { type: 'snapshot-ack' }>

/** One link for each other member, and for the joiner. A link to a life that is still there goes on. */
export function placeLinks(star: PrimaryBackup, config: ChainConfig): void {
  const { links, replica } = star
  const others = [...config.members, ...(config.joining === null ? [] : [config.joining])].filter(
    ({ server }) => server !== replica.self,
  )
  for (const server of links.keys())
    if (!others.some((other) => other.server === server)) links.delete(server)
  for (const { server, incarnation } of others) {
    const link = links.get(server)
    if (link === undefined || (link.downstream !== null && link.downstream.incarnation !== incarnation))
      links.set(server, newLink(replica))
    const view = links.get(server)
    if (view !== undefined) view.config = viewOf(config, server)
  }
}

/**
 * The primary's copy, as one backup is linked to it: what a link changes (its downstream end, its place in a chain of two) is the link's own, and all
 * else is the copy's.
 */
function newLink(replica: Replica): Replica {
  const link: Replica = Object.create(replica)
  link.downstream = null
  link.place = { config: null, incarnation: replica.incarnation, member: null }
  return link
}

export function onBackupLinks(star: PrimaryBackup, from: ServerId, message: LinkRequest, out: Outbox): void {
  const { replica } = star
  const link = star.links.get(from)
  if (link === undefined) return
  const before = link.downstream
  link.transfers = replica.transfers
  onLinkRequest(link, from, { ...message, last: meetingPoint(replica.log, message.last) }, out)
  replica.transfers = link.transfers // snapshots are numbered for the life of the server, not of the link
  // What the other end holds it may hold in memory: here only what is durable counts as received.
  if (link.downstream !== null && link.downstream !== before) link.downstream.received = NO_SEQ
}

/**
 * The newest position of this log that another one which ends at `last` may hold, too. Of one epoch's entries, made by one primary, each log holds the first
 * ones: so both ends find the place where they part, in a few rounds, without dropping anything that both hold (Raft §5.3 backs up by terms in the same way).
 * What both hold may be committed: if it were dropped and sent again, a backup that becomes the primary meanwhile would have lost it.
 */
export function meetingPoint(log: Log, last: Position): Position {
  for (let seq = Math.min(last.seq, log.last); seq >= log.base.seq; seq--) {
    const mine = log.positionAt(asSeq(seq))
    if (mine !== null && mine.epoch <= last.epoch) return mine
  }
  return last
}

/** A backup's `received` is what is durable there. */
export function onBackupAck(star: PrimaryBackup, from: ServerId, message: Ack, out: Outbox): void {
  const link = star.links.get(from)
  const downstream = link?.downstream ?? null
  if (link === undefined || downstream === null || downstream.attempt !== message.attempt) return
  heardOf(link, downstream, message)
  decide(star, out)
}

export function onBackupSnapshotAck(star: PrimaryBackup, from: ServerId, message: SnapshotAck): void {
  const link = star.links.get(from)
  if (link !== undefined) onSnapshotAck(link, from, message)
}

/** Committed is what every member would still have after a power cut. */
export function decide(star: PrimaryBackup, out: Outbox): void {
  const { replica } = star
  if (!replica.serving) return
  const commit = Math.min(leastDurable(star, null), replica.log.last)
  if (commit > replica.log.commit.seq) advanceCommit(replica, asSeq(commit), out)
}

/** The least that is durable at the members, of whom one may be left out; 0 while one of them is not linked. */
function leastDurable({ config, replica, links }: PrimaryBackup, without: ServerId | null): Seq {
  let least = durableOf(replica)
  for (const { server, incarnation } of config?.members ?? []) {
    if (server === replica.self || server === without) continue
    const downstream = links.get(server)?.downstream ?? null
    if (downstream === null || downstream.incarnation !== incarnation) return NO_SEQ
    least = asSeq(Math.min(least, downstream.received))
  }
  return least
}

/** Sends each backup what it lacks. What is durable elsewhere it learns with the next entries, or a heartbeat: no backup answers by it. */
export function pumpLinks(star: PrimaryBackup, out: Outbox): void {
  const { replica } = star
  for (const [server, link] of star.links) {
    const { downstream } = link
    if (downstream === null) continue
    const due = replica.nowMs - downstream.sentAt >= replica.limits.heartbeatMs
    if (due || downstream.sent < replica.log.last) link.walDurable = leastDurable(star, server)
    pumpDownstream(link, out)
    pumpSnapshot(link, out)
  }
}

/** A backup that has been silent for too long, although both ends may think themselves well. */
export function stalledBackup({ links, replica }: PrimaryBackup): ServerId | null {
  for (const [server, { downstream }] of links)
    if (downstream !== null && replica.nowMs - downstream.heardAt >= replica.limits.stallMs) return server
  return null
}
