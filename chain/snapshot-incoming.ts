/** Receiving a snapshot: pages of the source's clean store, while the entries after it already flow (trap 14). */
import type { ChainMessage } from '../protocol/chain-messages.ts'
import { NO_EPOCH, NO_SEQ, type ServerId } from '../protocol/ids.ts'
import type { Outbox } from './events.ts'
import { relinkUpstream } from './link-upstream.ts'
import { persistRewrite } from './rewrite.ts'
import type { Replica } from './state.ts'

type LinkAccept = Extract<ChainMessage, { type: 'link-accept' }>
type SnapshotPage = Extract<ChainMessage, { type: 'snapshot-page' }>

/** Upstream wins: what is here is forgotten. Until the snapshot is whole and on the disk, a restart finds a torso and forgets that, too. */
export function beginIncoming(replica: Replica, { from, transfer }: LinkAccept, out: Outbox): void {
  const { upstream } = replica
  if (upstream === null) return
  replica.store.clear()
  replica.store.setMeta({ receivingSnapshot: true, memberEpoch: NO_EPOCH, applied: from })
  replica.log.reset(from)
  replica.upstreamDurable = NO_SEQ
  replica.incoming = {
    transfer,
    from: upstream.server,
    incarnation: upstream.incarnation,
    nextPage: 0,
    upTo: null,
    flushing: false,
    progressAt: replica.nowMs,
  }
  if (replica.reportState === 'synced') replica.reportState = 'member' // not any more
  persistRewrite(replica, { type: 'reset', to: from }, out)
}

/**
 * A page was read when it was sent, so it may hold versions newer than `from`. The link's order puts it before every entry that was committed
 * after the reading, and the store skips a write older than the version it has: entries applied over the pages end in the source's state.
 */
export function onSnapshotPage(replica: Replica, from: ServerId, message: SnapshotPage, out: Outbox): void {
  const { incoming, upstream, config } = replica
  if (
    incoming === null ||
    upstream?.server !== from ||
    upstream.attempt !== message.attempt ||
    !upstream.linked
  )
    return
  if (message.page !== incoming.nextPage) return relinkUpstream(replica, out) // the link broke: goes on behind what was confirmed
  for (const item of message.items) replica.store.putSnapshotItem(item)
  for (const session of message.sessions) replica.store.putSnapshotSession(session)
  incoming.nextPage++
  incoming.progressAt = replica.nowMs
  if (message.done) incoming.upTo = message.upTo
  if (config === null) return
  out.send(from, { type: 'snapshot-ack', epoch: config.epoch, attempt: message.attempt, page: message.page })
  settleIncoming(replica, out)
}

/** All pages are in, and the entries that repair them are applied: to the disk with it. */
export function settleIncoming(replica: Replica, out: Outbox): void {
  const { incoming, log } = replica
  if (incoming === null || incoming.upTo === null || incoming.flushing || log.commit.seq < incoming.upTo)
    return
  incoming.flushing = true
  replica.flushesPending++
  replica.store.setMeta({ receivingSnapshot: false })
  out.flushStore()
}

/** The snapshot would survive a power cut now: the replica is whole. */
export function onStoreFlushed(replica: Replica, out: Outbox): void {
  replica.flushesPending = Math.max(0, replica.flushesPending - 1)
  if (replica.incoming?.flushing !== true || replica.flushesPending > 0) return
  out.note(`holds a whole snapshot, ${replica.store.keyCount} keys at seq ${replica.log.commit.seq}`)
  replica.incoming = null
}
