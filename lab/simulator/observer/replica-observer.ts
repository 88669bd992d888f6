import { chainDurableOf, durableOf, isJoiner, type Replica, selfMember } from '../../../chain/state.ts'
import type { ChainConfig } from '../../../protocol/chain-config.ts'
import type { ChainMessage } from '../../../protocol/chain-messages.ts'
import type { ServerRegistration } from '../../../protocol/cluster.ts'
import type { Incarnation } from '../../../protocol/ids.ts'
import { describe, sameLife } from './config-rules.ts'
import type { ClusterSight, ObserverOptions, ServerSight } from './sight.ts'
import { must } from './violation.ts'

/** By how much the rates of two clocks may differ, as leases have it. */
const DRIFT_BOUND = 0.1

/** What was seen of one life of a replica when it was last looked at. */
interface Seen {
  last: number
  walDurable: number
  incoming: Replica['incoming']
  serving: boolean
  leaseUntil: number
  downstream: Replica['downstream']
  /** The configuration and the life by which it was found to serve rightly. */
  servesBy: ChainConfig | null
  servesAs: number
  /** What it held at least when it answered the handshake of that link. */
  heldAtLink: number
}

/** What the observer of chains knows. */
interface Known {
  /** Newest entry that anybody ever called committed. */
  committed(chain: string): number
  /** Newest configuration that the coordinators have committed. */
  config(chain: string): ChainConfig | null
}

/**
 * Rules of the chain that are checked where they are broken, whether or not a client reads something wrong because of it: that would need a write, a reader and a
 * second fault at the right moment.
 */
export class ReplicaObserver {
  readonly #sight: ClusterSight
  readonly #known: Known
  readonly #sync: boolean
  readonly #leasesHold: boolean
  readonly #seen = new WeakMap<Replica, Seen>()
  /** By server, the newest of its lives that the coordinators have declared over. */
  readonly #expired = new Map<string, Incarnation>()
  /** By server, when its newest renewal was committed, on its own clock, and how long its session lasts unheard. */
  readonly #renewed = new Map<string, { readonly atMs: number; readonly sessionTimeoutMs: number }>()
  /** Chains that an operator has ordered to be seeded anew: what was committed on them means nothing. */
  readonly #overridden = new Set<string>()

  constructor(sight: ClusterSight, known: Known, options: ObserverOptions = {}) {
    this.#sight = sight
    this.#known = known
    this.#sync = (options.durability ?? 'sync') === 'sync'
    this.#leasesHold = options.leasesHold ?? true
  }

  overridden(chain: string): void {
    this.#overridden.add(chain)
  }

  onServerExpired({ server, incarnation }: ServerRegistration): void {
    this.#expired.set(server, incarnation)
  }

  onServerRenewed(server: string, sessionTimeoutMs: number): void {
    const sight = this.#sight.servers.find(({ name }) => name === server)
    if (sight !== undefined) this.#renewed.set(server, { atMs: sight.nowMs(), sessionTimeoutMs })
  }

  /** ReadUnderLease: whoever a configuration drops has stopped answering before, because its lease has run out or because it was asked to. */
  onConfig(before: ChainConfig | null, config: ChainConfig): void {
    if (before === null || !this.#leasesHold || this.#overridden.has(config.chain)) return
    for (const member of before.members) {
      if (sameLife(config, member) !== null) continue
      const sight = this.#sight.servers.find(({ name }) => name === member.server)
      const replica = replicaOf(sight, config.chain)
      if (sight === undefined || replica?.incarnation !== member.incarnation || !replica.serving) continue
      must(
        'ReadUnderLease',
        replica.leaseUntil <= sight.nowMs() || selfMember(replica)?.leaving !== false,
        member.server,
        () => `still answers reads of ${config.chain}, and is dropped: ${describe(config)}`,
      )
    }
  }

  look(server: ServerSight): void {
    for (const replica of server.replicas?.values() ?? []) this.#lookAt(server, replica)
  }

  #lookAt(server: ServerSight, replica: Replica): void {
    let seen = this.#seen.get(replica)
    if (seen === undefined) {
      seen = newSeen(replica)
      this.#seen.set(replica, seen)
    }
    if (replica.leaseUntil !== seen.leaseUntil) this.#checkLease(server, seen, replica)
    if (replica.walDurable !== seen.walDurable || replica.incoming !== seen.incoming)
      this.#checkDurable(server, seen, replica)
    if (replica.serving !== seen.serving) this.#checkHandoff(seen, replica)
    if (replica.serving) {
      if (!replica.alive || replica.config !== seen.servesBy || replica.incarnation !== seen.servesAs)
        checkServes(replica)
      seen.servesBy = replica.config
      seen.servesAs = replica.incarnation
      this.#checkHeir(replica)
    }
    checkQuestion(replica)
    if (replica.downstream !== seen.downstream) {
      seen.downstream = replica.downstream
      seen.heldAtLink = Math.min(seen.last, replica.log.last)
    }
    seen.last = replica.log.last
  }

  /**
   * A lease counts from when its renewal was sent, which was before it was committed; so it ends before the session can (DESIGN section 5). And one that comes late does not
   * revive a life that is over.
   */
  #checkLease(server: ServerSight, seen: Seen, replica: Replica): void {
    seen.leaseUntil = replica.leaseUntil
    if (!this.#leasesHold || !replica.alive) return
    const renewed = this.#renewed.get(server.name)
    const end = renewed === undefined ? 0 : renewed.atMs + renewed.sessionTimeoutMs * (1 - DRIFT_BOUND)
    must(
      'ReadUnderLease',
      replica.leaseUntil <= end,
      server.name,
      () =>
        `its lease ends at ${replica.leaseUntil} ms; the last renewal was committed at ${renewed?.atMs} ms of its clock, ` +
        `for a session of ${renewed?.sessionTimeoutMs} ms`,
    )
    if (this.#expired.get(server.name) !== replica.incarnation) return
    must(
      'ReadUnderLease',
      replica.leaseUntil <= server.nowMs(),
      server.name,
      () =>
        `the session of life ${replica.incarnation} has expired; it gets a lease on ${replica.chain} for ` +
        `${Math.round(replica.leaseUntil - server.nowMs())} ms`,
    )
  }

  /** AckAfterDurable: what a replica calls durable, its disk would bring back. */
  #checkDurable(server: ServerSight, seen: Seen, replica: Replica): void {
    const grows = replica.walDurable > seen.walDurable || seen.incoming !== null
    seen.walDurable = replica.walDurable
    seen.incoming = replica.incoming
    if (!this.#sync || !grows || replica.incoming !== null || server.durablyHolds === undefined) return
    const position = replica.log.positionAt(replica.walDurable)
    if (position === null || position.seq === 0) return
    must(
      'AckAfterDurable',
      server.durablyHolds(replica.chain, position) !== null,
      server.name,
      () =>
        `calls ${position.epoch}/${position.seq} of ${replica.chain} durable; a power cut would take it from its disk`,
    )
  }

  /** HandoffBeforeServing: whoever was handed off to durably holds all that its predecessor held then. */
  #checkHandoff(seen: Seen, replica: Replica): void {
    seen.serving = replica.serving
    const { upstream, self } = replica
    if (!replica.serving || upstream === null || !upstream.linked || upstream.target === null) return
    const sight = this.#sight.servers.find(({ name }) => name === upstream.server)
    const source = replicaOf(sight, replica.chain)
    const down = source?.downstream ?? null
    if (!source?.serving || source.incarnation !== upstream.incarnation || down?.server !== self) return
    if (down.incarnation !== replica.incarnation || down.attempt !== upstream.attempt) return
    const held = this.#seen.get(source)?.heldAtLink ?? 0
    must(
      'HandoffBeforeServing',
      !this.#sync || durableOf(replica) >= held,
      self,
      () =>
        `serves ${replica.chain} with ${durableOf(replica)} durable; ${upstream.server} held ${held} when it handed off`,
    )
  }

  /**
   * CleanMeansCommitted: were it the tail, each serving member would commit all that any tail has shown. So it knows that this is durable here and above, and never
   * forgets it.
   */
  #checkHeir(replica: Replica): void {
    const { chain, self, incarnation } = replica
    const committed = this.#known.committed(chain)
    if (chainDurableOf(replica) >= committed || this.#overridden.has(chain)) return
    const newest = this.#known.config(chain)
    if (newest === null || sameLife(newest, { server: self, incarnation }) === null) return
    must(
      'CleanMeansCommitted',
      !this.#sync,
      self,
      () =>
        `serves in ${describe(newest)} and knows only ${chainDurableOf(replica)} to be durable here and above ` +
        `(${replica.walDurable} here); committed is up to ${committed}: as the tail it would know less than was shown`,
    )
  }

  /** The tail names a commit point under its own lease, and not once it was asked to leave (DESIGN section 5). */
  versionAnswered(replica: Replica, epoch: number): void {
    // Had it adopted another epoch in the same turn, the answer would still be of the old one.
    if (!this.#leasesHold || replica.config?.epoch !== epoch || !replica.alive) return
    must(
      'ReadUnderLease',
      replica.nowMs < Math.max(replica.leaseUntil, this.#seen.get(replica)?.leaseUntil ?? 0),
      replica.self,
      () => `answers a version query of ${replica.chain} without a lease`,
    )
    must(
      'ReadUnderLease',
      selfMember(replica)?.leaving === false,
      replica.self,
      () => `answers a version query of ${describe(replica.config)}, which it leaves`,
    )
  }

  /** EpochFence, around a message. @returns what to call when it was handled; null where the message may change something. */
  fence(replica: Replica, message: ChainMessage): (() => void) | null {
    const { config } = replica
    if (config === null || message.type === 'config' || message.epoch >= config.epoch) return null
    const before = stateOf(replica)
    return () => {
      const after = stateOf(replica)
      const changed = before.some((value, i) => value !== after[i])
      must(
        'EpochFence',
        !changed,
        replica.self,
        () => `${message.type} of epoch ${message.epoch} changes ${describe(config)}`,
      )
    }
  }
}

const newSeen = (replica: Replica): Seen => ({
  last: replica.log.last,
  walDurable: replica.walDurable,
  incoming: null,
  serving: false,
  leaseUntil: 0,
  downstream: null,
  servesBy: null,
  servesAs: 0,
  heldAtLink: 0,
})

function replicaOf(sight: ServerSight | undefined, chain: string): Replica | null {
  for (const replica of sight?.replicas?.values() ?? []) if (replica.chain === chain) return replica
  return null
}

/** Whoever serves does so by a configuration that names this very life of it, and until its session is over. */
function checkServes({ chain, self, incarnation, alive, config }: Replica): void {
  must(
    'HandoffBeforeServing',
    alive && config !== null && sameLife(config, { server: self, incarnation }) !== null,
    self,
    () => `life ${incarnation} serves ${chain} ${alive ? 'by' : 'after its session, by'} ${describe(config)}`,
  )
}

/** Reads share a question that was asked after them, never one that was in flight: its answer may be older than they are. */
function checkQuestion({ question, chain, self }: Replica): void {
  const read = question?.reads.at(-1)
  if (question === null || read === undefined || read.since <= question.askedAt) return
  throw new Error(
    `${chain} at ${self}: a read of ${read.since} ms waits for the answer to a question that was asked at ${question.askedAt} ms`,
  )
}

/** What a message can change. */
const stateOf = (replica: Replica): readonly unknown[] => [
  replica.config,
  replica.serving,
  replica.log.last,
  replica.log.commit.seq,
  replica.walDurable,
  replica.upstreamDurable,
  replica.upstream,
  replica.upstream?.linked,
  replica.upstream?.told,
  replica.upstream?.target,
  replica.upstream?.heardAt,
  replica.downstream,
  replica.downstream?.received,
  replica.downstream?.commit,
  replica.downstream?.heardAt,
  replica.incoming,
  replica.question,
  replica.barriers.size,
  replica.waitingReads.length,
  isJoiner(replica),
]
