/**
 * The successor's end of a link (DESIGN section 4; CRAQ §5.3): the handshake with whoever feeds this replica, appends, acks. A joiner's link to the
 * tail is the same thing. Every lost message shows as a gap, and a gap makes the successor shake hands again.
 */
import type { ChainMessage } from '../protocol/chain-messages.ts'
import { asMillis, asSeq, NO_SEQ, type ServerId } from '../protocol/ids.ts'
import { invariant } from '../protocol/invariants.ts'
import { advanceCommit, recommit } from './commit.ts'
import type { Outbox } from './events.ts'
import { answerHeldBarriers } from './read-path.ts'
import { persistRewrite } from './rewrite.ts'
import { beginIncoming, settleIncoming } from './snapshot-incoming.ts'
import { durableOf, isJoiner, isTail, type Replica, selfMember, sourceOf } from './state.ts'

type LinkAccept = Extract<ChainMessage, { type: 'link-accept' }>
type Append = Extract<ChainMessage, { type: 'append' }>

/** Forgets the handshake with the old source, and begins one with the new, if there is any. */
export function relinkUpstream(replica: Replica, out: Outbox): void {
  const source = sourceOf(replica)
  if (source === null) {
    replica.upstream = null
    return
  }
  replica.upstream = {
    server: source.server,
    incarnation: source.incarnation,
    attempt: ++replica.attempts,
    linked: false,
    requestedAt: replica.nowMs,
    heardAt: replica.upstream?.server === source.server ? replica.upstream.heardAt : replica.nowMs,
    target: null,
    handsOff: false,
    told: false,
    echo: asMillis(-1),
    ackedCommit: NO_SEQ,
    ackedReceived: NO_SEQ,
    ackWanted: false,
    ackedAt: replica.nowMs,
  }
  requestLink(replica, out)
}

export function requestLink(replica: Replica, out: Outbox): void {
  const { upstream, config, log, incoming } = replica
  if (upstream === null || config === null) return
  upstream.requestedAt = replica.nowMs
  // Once the last page is in, only entries are missing, and those may come from anybody.
  const whole = incoming === null || incoming.upTo !== null
  const resumable = incoming?.from === upstream.server && incoming.incarnation === upstream.incarnation
  out.send(upstream.server, {
    type: 'link-request',
    epoch: config.epoch,
    incarnation: replica.incarnation,
    attempt: upstream.attempt,
    last: log.lastPosition,
    commit: log.commit,
    transfer: whole ? 0 : resumable ? incoming.transfer : -1,
  })
}

export function onLinkAccept(replica: Replica, from: ServerId, message: LinkAccept, out: Outbox): void {
  const { upstream, log } = replica
  if (upstream === null || upstream.server !== from || upstream.incarnation !== message.incarnation) return
  if (upstream.attempt !== message.attempt || upstream.linked) return // an answer to an earlier handshake
  if (message.transfer !== 0 && !resumes(replica, message.transfer)) {
    invariant(
      'CleanMeansCommitted',
      !replica.serving,
      () => `${replica.chain}: a snapshot is offered to serving ${replica.self}`,
    )
    beginIncoming(replica, message, out)
  } else {
    if (message.transfer !== 0 && replica.incoming !== null) replica.incoming.nextPage = 0
    dropAbove(replica, message, out)
  }
  upstream.linked = true
  upstream.heardAt = replica.nowMs
  upstream.target = message.last
  upstream.handsOff = message.serving
  upstream.ackWanted = true
  settle(replica, out)
  out.note(`linked to ${from} at seq ${log.last}, epoch ${message.epoch}`)
}

/** Whether this is the snapshot that is being received. Each life of each server numbers its own. */
const resumes = ({ incoming, upstream }: Replica, transfer: number): boolean =>
  incoming?.transfer === transfer &&
  incoming.from === upstream?.server &&
  incoming.incarnation === upstream.incarnation

/** Where the two logs part, upstream wins; that a serving replica would have to drop what is clean is a broken invariant (trap 6, 7). */
function dropAbove(replica: Replica, { from }: LinkAccept, out: Outbox): void {
  const { log } = replica
  invariant(
    'UpdatePropagation',
    log.has(from) && from.seq >= log.commit.seq && (!replica.serving || from.seq === log.last),
    () =>
      `${replica.chain} at ${replica.self}: link from ${from.epoch}/${from.seq}, log ends at ${log.last}, commit ${log.commit.seq}`,
  )
  if (from.seq === log.last) return
  out.note(`drops ${log.last - from.seq} dirty entries above ${from.seq} that its predecessor does not hold`)
  log.truncate(from.seq)
  replica.upstreamDurable = asSeq(Math.min(replica.upstreamDurable, from.seq))
  persistRewrite(replica, { type: 'truncate', to: from }, out)
}

export function onAppend(replica: Replica, from: ServerId, message: Append, out: Outbox): void {
  const { upstream, log } = replica
  if (
    upstream === null ||
    upstream.server !== from ||
    upstream.attempt !== message.attempt ||
    !upstream.linked
  )
    return
  upstream.heardAt = replica.nowMs
  upstream.echo = message.sentAt
  if (message.entries.some((entry, i) => entry.seq !== message.previous.seq + 1 + i)) {
    out.note(`${from} sends entries that do not follow each other: links again`)
    return relinkUpstream(replica, out)
  }
  if (message.previous.seq > log.last) {
    out.note(`lacks entries ${log.last + 1} to ${message.previous.seq}: links again`)
    return relinkUpstream(replica, out)
  }
  upstream.told = true
  // A heartbeat is acked; news of durability are not: what they lead to will be.
  if (message.entries.length === 0 && replica.nowMs - upstream.ackedAt >= replica.limits.heartbeatMs / 2)
    upstream.ackWanted = true
  for (const entry of message.entries) {
    if (entry.seq <= log.last) {
      const held = log.positionAt(entry.seq)
      const same = held === null || held.epoch === entry.epoch
      invariant(
        'UpdatePropagation',
        same,
        () => `${replica.chain}: entry ${entry.seq} of epoch ${held?.epoch} and of ${entry.epoch}`,
      )
      continue
    }
    log.push(entry, replica.nowMs)
    out.persist({ type: 'entry', entry })
  }
  if (message.upstreamDurable > replica.upstreamDurable) {
    replica.upstreamDurable = asSeq(Math.min(message.upstreamDurable, log.last))
  }
  // A replica that is not in service yet learns from its source what is clean: its own acks decide nothing.
  const mayLearn = isJoiner(replica) || (!replica.serving && selfMember(replica) !== null)
  if (mayLearn && message.commit > log.commit.seq)
    advanceCommit(replica, asSeq(Math.min(message.commit, log.last)), out)
  settle(replica, out)
}

/** Something has become durable, linked or whole: what follows from it. */
export function settle(replica: Replica, out: Outbox): void {
  settleIncoming(replica, out)
  const { upstream, config } = replica
  // `told`: a tail that has just died may have shown all that was durable above it, so that its heir must know of it before it serves.
  if (upstream?.told && upstream.target !== null && config !== null && replica.incoming === null) {
    if (durableOf(replica) >= upstream.target) caughtUp(replica, out)
  }
  recommit(replica, out)
  if (replica.serving && replica.barriers.size > 0 && isTail(replica)) answerHeldBarriers(replica, out)
}

/**
 * It durably holds all that its source held at the handshake. A joiner says so. A member that does not serve yet now does: its predecessor had adopted
 * this epoch, in which it is no tail any more, and `target` is its `last`, not its `commit`: the dead tail may have committed the rest.
 */
function caughtUp(replica: Replica, out: Outbox): void {
  const { upstream, config } = replica
  if (upstream === null || config === null) return
  if (isJoiner(replica)) {
    if (replica.reportState === 'synced') return
    replica.reportState = 'synced'
    out.note(`has caught up with ${upstream.server} at seq ${replica.log.last}, epoch ${config.epoch}`)
  } else if (!replica.serving && upstream.handsOff && selfMember(replica)?.leaving === false) {
    // One that is asked to leave before it serves has said that it left: it must not take that back.
    replica.serving = true
    replica.reportState = 'serving'
    out.persist({ type: 'member', epoch: config.epoch })
    replica.store.setMeta({ memberEpoch: config.epoch })
    out.note(
      `was handed off to by ${upstream.server} at seq ${upstream.target}, epoch ${config.epoch}: serves`,
    )
  }
}

/** Acks what has changed since the last one: one a turn, a watermark. */
export function sendAck(replica: Replica, out: Outbox): void {
  const { upstream, config, log } = replica
  if (upstream === null || !upstream.linked || config === null) return
  const news = log.commit.seq > upstream.ackedCommit
  const window = log.last - upstream.ackedReceived >= ACK_EVERY
  if (!news && !window && !upstream.ackWanted) return
  out.send(upstream.server, {
    type: 'ack',
    epoch: config.epoch,
    attempt: upstream.attempt,
    commit: log.commit.seq,
    received: log.last,
    echo: upstream.echo,
  })
  upstream.ackedCommit = log.commit.seq
  upstream.ackedReceived = log.last
  upstream.ackWanted = false
  upstream.ackedAt = replica.nowMs
}

/** Without news of a commit, the predecessor hears of so many received entries at a time. */
const ACK_EVERY = 256
