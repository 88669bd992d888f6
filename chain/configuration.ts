/** Adopting a configuration (DESIGN section 4): what this replica is from now on, and whom it links to. */
import { type ChainConfig, memberOf, servingMembers } from '../protocol/chain-config.ts'
import { type Incarnation, NO_EPOCH, NO_SEQ } from '../protocol/ids.ts'
import { abandonChanges } from './changes.ts'
import { recommit } from './commit.ts'
import type { Outbox } from './events.ts'
import { relinkUpstream } from './link-upstream.ts'
import { abandonReads, forgetQuestion } from './read-path.ts'
import {
  isHead,
  isJoiner,
  isTail,
  leaseLives,
  type Replica,
  selfMember,
  sourceOf,
  targetOf,
} from './state.ts'
import { abandonWrites } from './write-path.ts'

export function onConfig(replica: Replica, config: ChainConfig, out: Outbox): void {
  if (config.chain !== replica.chain) return
  if (replica.config !== null && config.epoch <= replica.config.epoch) return // old news
  const wasHead = isHead(replica)
  const before = replica.config
  replica.config = config
  replica.reportState = 'member'
  replica.suspects = null
  const member = selfMember(replica)
  if (member === null) {
    leaveChain(replica, isJoiner(replica) ? 'joins anew' : 'is no member of the chain any more', out)
  } else if (member.serving && !replica.serving) {
    beginServing(replica, out)
  } else if (!member.serving && replica.serving) {
    awaitMark(replica, before, out)
  }
  if (wasHead && !isHead(replica)) abandonWrites(replica, 'is not the head any more', out)
  forgetQuestion(replica)
  placeLinks(replica, out)
  out.note(`epoch ${config.epoch}: ${describe(config)}; this replica is ${roleOf(replica)}`)
  // Before it answers anything, a new tail commits all that the dead one can have committed.
  recommit(replica, out)
  if (member?.leaving) {
    abandonReads(replica, 'is leaving the chain', out)
    replica.reportState = 'left'
  }
}

/**
 * A serving member that was not in service a moment ago: of the first configuration, or the last serving one that has returned, or the one that an operator
 * chose. It may serve from its own disk, because nobody else can have committed anything that it lacks.
 */
function beginServing(replica: Replica, out: Outbox): void {
  const { config } = replica
  if (config === null) return
  const sole = servingMembers(config).length === 1
  // One of the first members that has seen no configuration yet: nothing can have been committed without it.
  const first = replica.log.last === 0 && replica.store.meta.memberEpoch === NO_EPOCH
  if ((!sole && !first) || replica.incoming !== null) {
    replica.reportState = 'failed'
    out.note(`is named a serving member of epoch ${config.epoch}, but was not handed off to: does not serve`)
    return
  }
  replica.serving = true
  out.persist({ type: 'member', epoch: config.epoch })
  replica.store.setMeta({ memberEpoch: config.epoch })
}

/**
 * It was handed off to, and is not marked as serving yet. What it reported was about another epoch and is void (trap 14), so it says it again. But
 * a predecessor that has returned from its disk may have lost what it held: then it must be handed off to anew.
 */
function awaitMark(replica: Replica, before: ChainConfig | null, out: Outbox): void {
  const source = sourceOf(replica)
  const known = before !== null && source !== null ? memberOf(before, source.server) : null
  if (known !== null && known.incarnation === source?.incarnation) {
    replica.reportState = 'serving'
    return
  }
  replica.serving = false
  const reason = 'waits for its predecessor to hand off again'
  abandonReads(replica, reason, out)
  abandonChanges(replica, reason, out)
}

function leaveChain(replica: Replica, reason: string, out: Outbox): void {
  replica.serving = false
  replica.upstreamDurable = NO_SEQ
  replica.sessionHeard.clear() // should it become the head once more, every client session has its full time again
  abandonWrites(replica, reason, out)
  abandonReads(replica, reason, out)
  abandonChanges(replica, reason, out)
}

/** Links that join the same two lives stay; a replica not yet in service shakes hands anew in every epoch. */
function placeLinks(replica: Replica, out: Outbox): void {
  const source = sourceOf(replica)
  const { upstream, downstream } = replica
  const same =
    upstream !== null && source?.server === upstream.server && source.incarnation === upstream.incarnation
  if (!same || !replica.serving || !upstream.linked) relinkUpstream(replica, out)
  const target = targetOf(replica)
  if (
    downstream !== null &&
    (target?.server !== downstream.server || target.incarnation !== downstream.incarnation)
  ) {
    replica.downstream = null
  }
}

/** The coordinator has declared this life over: somebody else may be writing already (DESIGN section 4). */
export function onSessionLost(replica: Replica, out: Outbox): void {
  replica.alive = false
  replica.leaseUntil = 0 as typeof replica.leaseUntil
  retire(replica, 'lost its coordinator session', out)
}

/** Nothing may be acknowledged that a disk did not take. */
export function onStorageFailed(replica: Replica, reason: string, out: Outbox): void {
  replica.storageFailed = true
  replica.alive = false
  retire(replica, `has a failing disk: ${reason}`, out)
}

function retire(replica: Replica, reason: string, out: Outbox): void {
  leaveChain(replica, reason, out)
  replica.upstream = null
  replica.downstream = null
  out.note(`${reason}: serves nothing until it is admitted again`)
}

/** Another life: a leave and a rejoin, even where nobody noticed (trap 9). */
export function onIncarnation(replica: Replica, incarnation: Incarnation, out: Outbox): void {
  if (replica.storageFailed || incarnation <= replica.incarnation) return
  if (replica.alive) onSessionLost(replica, out)
  replica.incarnation = incarnation
  replica.alive = true
  replica.lastReport = null
  replica.reportState = 'member'
}

export function roleOf(replica: Replica): string {
  if (isJoiner(replica)) return 'joining'
  if (selfMember(replica) === null) return 'none'
  if (!replica.serving) return isTail(replica) ? 'tail, not serving yet' : 'member, not serving yet'
  if (isHead(replica)) return isTail(replica) ? 'head and tail' : 'head'
  return isTail(replica) ? 'tail' : 'middle'
}

export function describe(config: ChainConfig): string {
  const members = config.members
    .map((m) => `${m.server}${m.serving ? '' : '*'}${m.leaving ? '-' : ''}`)
    .join(' -> ')
  return config.joining === null ? members : `${members} (joining: ${config.joining.server})`
}

/** What status pages show of one replica. */
export function replicaStatus(replica: Replica) {
  const { log, config, downstream, upstream } = replica
  return {
    chain: replica.chain,
    role: roleOf(replica),
    epoch: config?.epoch ?? 0,
    members: config?.members ?? [],
    joining: config?.joining ?? null,
    serving: replica.serving,
    leaving: config !== null && memberOf(config, replica.self)?.leaving === true,
    last: log.last,
    durable: replica.incoming === null ? replica.walDurable : 0,
    upstreamDurable: replica.upstreamDurable,
    commit: log.commit.seq,
    dirty: log.dirtyCount,
    keys: replica.store.keyCount,
    sessions: replica.store.sessionCount,
    leaseLives: leaseLives(replica),
    leaseMs: Math.max(0, Math.round(replica.leaseUntil - replica.nowMs)),
    successor:
      downstream === null
        ? null
        : {
            server: downstream.server,
            lag: log.last - downstream.received,
            hopMs: Math.round(downstream.hopMs * 10) / 10,
          },
    predecessor: upstream === null ? null : { server: upstream.server, linked: upstream.linked },
    receivingSnapshot: replica.incoming !== null,
    waitingReads: replica.waitingReads.length + (replica.question?.reads.length ?? 0),
    suspects: replica.suspects,
    counters: { ...replica.counters },
  }
}
export type ReplicaStatus = ReturnType<typeof replicaStatus>
