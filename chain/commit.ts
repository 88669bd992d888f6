import { resultBytes } from '../protocol/entry.ts'
import { asSeq, type Seq } from '../protocol/ids.ts'
import { invariant } from '../protocol/invariants.ts'
import type { Outbox } from './events.ts'
import { chainDurableOf, isHead, isTail, type Replica } from './state.ts'

/**
 * What is committed (DESIGN 3.1): the tail decides, by the least `durable` of the chain; the others learn it from acks,
 * or from an answer to a version query, which heals a lost ack (CRAQ §4.2).
 */

/** The tail's rule. Also the first act of a new tail, before it answers anything: it covers all that the dead tail can have committed. */
export function recommit(replica: Replica, out: Outbox): void {
  if (!replica.serving || !isTail(replica)) return
  const commit = asSeq(Math.min(chainDurableOf(replica), replica.log.last))
  if (commit > replica.log.commit.seq) advanceCommit(replica, commit, out)
}

/** A member's rule: the tail of this epoch has said so. */
export function learnCommit(replica: Replica, commit: Seq, out: Outbox): void {
  if (commit <= replica.log.commit.seq) return
  invariant(
    'AckAfterDurable',
    commit <= replica.walDurable,
    () =>
      `${replica.chain} at ${replica.self}: commit ${commit} was learned, ${replica.walDurable} is durable`,
  )
  advanceCommit(replica, commit, out)
}

/** Applies entries up to `commit`, and answers the writes that waited for them. */
export function advanceCommit(replica: Replica, commit: Seq, out: Outbox): void {
  const { log, store } = replica
  invariant(
    'CleanMeansCommitted',
    commit <= log.last,
    () => `${replica.chain} at ${replica.self}: commit ${commit} is beyond the last entry ${log.last}`,
  )
  const head = isHead(replica)
  while (log.commit.seq < commit) {
    const entry = log.commitNext()
    store.apply(entry)
    if (!head) continue
    const waiters = replica.waiters.get(entry.seq)
    if (waiters === undefined) continue
    replica.waiters.delete(entry.seq)
    for (const { request, result } of waiters) {
      replica.waiterBytes -= resultBytes(result)
      out.reply(request, result)
    }
  }
  out.persist({ type: 'commit', position: log.commit })
  log.trim(replica.limits.retainedBytesMax)
}
