/** What time alone causes: retries, heartbeats, suspicion, expiry, lapsed sessions. */
import { asMillis, type SessionId } from '../protocol/ids.ts'
import { giveUpChanges } from './changes.ts'
import type { Outbox } from './events.ts'
import { relinkUpstream, requestLink } from './link-upstream.ts'
import { repeatQuestion } from './read-path.ts'
import { isHead, type Replica, targetOf } from './state.ts'
import { giveUpBehindReads } from './weak-reads.ts'
import { appendAtHead, newestOf } from './write-path.ts'

export function onTick(replica: Replica, out: Outbox): void {
  repairUpstream(replica, out)
  repeatQuestion(replica)
  giveUpBehindReads(replica, out)
  giveUpChanges(replica, out)
  suspectNeighbours(replica)
  if (isHead(replica) && replica.serving) lapse(replica, out)
}

/** What lapses with time, lapses by entries of the head. */
export function lapse(replica: Replica, out: Outbox): void {
  expireKeys(replica, out)
  lapseSessions(replica, out)
}

export function repairUpstream(replica: Replica, out: Outbox): void {
  const { upstream, incoming, limits, nowMs } = replica
  if (upstream === null) return
  if (!upstream.linked) {
    if (nowMs - upstream.requestedAt >= limits.retryMs) requestLink(replica, out)
    return
  }
  const silent = nowMs - upstream.heardAt >= limits.retryMs * 4
  const stuck =
    incoming !== null && incoming.upTo === null && nowMs - incoming.progressAt >= limits.retryMs * 8
  if (stuck) incoming.progressAt = nowMs
  if (silent || stuck) relinkUpstream(replica, out)
}

/** A link that has stalled although both ends may think themselves well (traps 15, 16): the manager decides. */
function suspectNeighbours(replica: Replica): void {
  const { upstream, downstream, limits, nowMs } = replica
  const above = upstream !== null && nowMs - upstream.heardAt >= limits.stallMs ? upstream.server : null
  const expected = replica.serving ? targetOf(replica) : null
  const below =
    downstream !== null && expected !== null && nowMs - downstream.heardAt >= limits.stallMs
      ? downstream.server
      : null
  replica.suspects = below ?? above
}

/** Expiry is a delete issued by the head, so that replicas never disagree about it (DESIGN 3.2). */
function expireKeys(replica: Replica, out: Outbox): void {
  if (replica.log.dirtyCount >= replica.limits.dirtyEntriesMax) return
  const candidates = replica.store.expired(replica.wallMs, EXPIRED_PER_ENTRY)
  const lapsed = candidates.filter((key) => {
    const newest = newestOf(replica, key) // a dirty version may have replaced, deleted or prolonged it
    return newest !== null && newest.expiresAtWallMs > 0 && newest.expiresAtWallMs <= replica.wallMs
  })
  if (lapsed.length === 0) return
  const writes = lapsed.map((key) => ({ key, value: null, expiresAtWallMs: asMillis(0) }))
  appendAtHead(replica, { origin: null, writes, sessions: null }, out)
}

const EXPIRED_PER_ENTRY = 256

/**
 * Client sessions lapse by an entry, as keys do. A new head gives all of them the full time again. A client never retries for longer than half of it, so a
 * request that was taken once is never taken again for want of memory.
 */
function lapseSessions(replica: Replica, out: Outbox): void {
  const { limits, nowMs, sessionHeard } = replica
  if (nowMs - replica.sessionsScannedAt < limits.sessionIdleMs / 60) return
  replica.sessionsScannedAt = nowMs
  const lapses: SessionId[] = []
  let after = 0 as SessionId
  for (;;) {
    const page = replica.store.sessionsAfter(after, 1000)
    for (const { session } of page) {
      const heard = sessionHeard.get(session)
      if (heard === undefined) sessionHeard.set(session, nowMs)
      else if (nowMs - heard >= limits.sessionIdleMs) lapses.push(session)
    }
    const last = page.at(-1)
    if (last === undefined || lapses.length >= 1000) break
    after = last.session
  }
  if (lapses.length === 0) return
  for (const session of lapses) sessionHeard.delete(session)
  appendAtHead(replica, { origin: null, writes: [], sessions: { lapses } }, out)
}
