import type { LogRecord } from '../../../chain/events.ts'
import { durableOf, isTail, type Question, type Replica, selfMember } from '../../../chain/state.ts'
import { type ChainConfig, memberOf } from '../../../protocol/chain-config.ts'
import type { ServerRegistration } from '../../../protocol/cluster.ts'
import { type Entry, type Position, samePosition } from '../../../protocol/entry.ts'
import { asSeq } from '../../../protocol/ids.ts'
import { checkLinks } from './chain-links.ts'
import { CommittedLog } from './committed-log.ts'
import { checkSuccession, describe, sameLife } from './config-rules.ts'
import type { ClusterSight, ObserverOptions, ServerSight } from './sight.ts'
import { must } from './violation.ts'

/** What was seen of one replica when it was last looked at. */
interface Seen {
  replica: Replica
  config: ChainConfig | null
  incarnation: number
  serving: boolean
  commit: number
  localReads: number
  question: Question | null
  /** Entries that it got, by seq, until they are committed: a log that keeps little may have trimmed them by then. */
  readonly got: Map<number, Entry>
  last: number
  /** Of its links: what was sent and received below, whether it is linked above. */
  sent: number
  received: number
  linked: boolean
}

/** One chain: its history, its configurations, and its replicas as last seen. */
interface Chain {
  readonly log: CommittedLog
  /** Every configuration that the coordinators committed, by epoch. */
  readonly configs: Map<number, ChainConfig>
  /** Newest of them. */
  newest: ChainConfig | null
  /** By server, also of those that are down now. */
  readonly seen: Map<string, Seen>
  /** An operator ordered a reset; it counts until somebody serves by it. */
  overridden: boolean
}

/**
 * The properties of a chain over all its replicas and all time. Called after each step, or each turn, of a server; looks only at what that
 * can have changed.
 */
export class ChainObserver {
  readonly #sight: ClusterSight
  readonly #sync: boolean
  readonly #leasesHold: boolean
  readonly #chains = new Map<string, Chain>()
  /** Servers whose disk was emptied, until they serve again. */
  readonly #wiped = new Set<string>()

  constructor(sight: ClusterSight, options: ObserverOptions = {}) {
    this.#sight = sight
    this.#sync = (options.durability ?? 'sync') === 'sync'
    this.#leasesHold = options.leasesHold ?? true
  }

  // What others tell.

  onConfig(before: ChainConfig | null, config: ChainConfig): void {
    const chain = this.#chain(config.chain)
    checkSuccession(before, config, chain.overridden)
    chain.configs.set(config.epoch, config)
    chain.newest = config
  }

  /**
   * The coordinator has declared a life over: a configuration may drop it from now on, so its lease must have run out (DESIGN section 5). This is stronger
   * than to wait for a stale read: it needs no write, and no reader, at the wrong moment.
   */
  onServerExpired({ server, incarnation }: ServerRegistration): void {
    if (!this.#leasesHold) return
    const sight = this.#sight.servers.find(({ name }) => name === server)
    for (const replica of sight?.replicas?.values() ?? []) {
      const over = replica.incarnation !== incarnation || replica.leaseUntil <= (sight?.nowMs() ?? 0)
      must(
        'ReadUnderLease',
        over,
        server,
        () =>
          `the session of life ${incarnation} has expired, its lease on ${replica.chain} lives for another ` +
          `${Math.round(replica.leaseUntil - (sight?.nowMs() ?? 0))} ms`,
      )
    }
  }

  /** A server writes this to its log. */
  wrote(server: string, name: string, record: LogRecord): void {
    const got = this.#chain(name).seen.get(server)?.got
    if (record.type === 'entry') got?.set(record.entry.seq, record.entry)
    else if (record.type === 'reset') got?.clear()
    else if (record.type === 'truncate')
      for (const seq of got?.keys() ?? []) if (seq > record.to.seq) got?.delete(seq)
  }

  /** An operator orders a reset of this chain: what only its former members hold is lost. */
  overridden(chain: string): void {
    this.#chain(chain).overridden = true
  }

  /** An operator has emptied a server's disk. */
  wiped(server: string): void {
    this.#wiped.add(server)
  }

  /** The history of a chain so far. */
  committed(chain: string): CommittedLog {
    return this.#chain(chain).log
  }

  #chain(name: string): Chain {
    let chain = this.#chains.get(name)
    if (chain === undefined) {
      chain = {
        log: new CommittedLog(name),
        configs: new Map(),
        newest: null,
        seen: new Map(),
        overridden: false,
      }
      this.#chains.set(name, chain)
    }
    return chain
  }

  // Looking.

  /** After a step, or a turn, of this server. */
  look(server: ServerSight): void {
    for (const replica of server.replicas?.values() ?? []) this.#lookAt(server, replica)
  }

  #lookAt(server: ServerSight, replica: Replica): void {
    const chain = this.#chain(replica.chain)
    let seen = chain.seen.get(server.name)
    if (seen?.replica === replica && isUnchanged(seen, replica)) return
    if (seen?.replica !== replica) {
      seen = newSeen(replica)
      chain.seen.set(server.name, seen)
    }
    if (replica.config !== seen.config) this.#checkConfig(chain, seen, replica)
    if (replica.serving && (!seen.serving || replica.incarnation !== seen.incarnation))
      this.#checkBegins(chain, replica)
    if (replica.log.commit.seq !== seen.commit) this.#checkCommit(chain, seen, replica)
    if (chain.newest !== null && replica.config?.epoch === chain.newest.epoch) checkTail(chain.log, replica)
    this.#checkReads(chain, seen, replica)
    checkLinks(replica, (name) => chain.seen.get(name)?.replica ?? null)
    remember(seen, replica)
  }

  /** EpochFence: nobody goes back, and what anybody obeys is what the coordinators committed under that epoch. */
  #checkConfig(chain: Chain, seen: Seen, { config, self }: Replica): void {
    if (config === null) return
    const before = seen.config
    must(
      'EpochFence',
      before === null || config.epoch > before.epoch,
      self,
      () => `${describe(config)} after ${describe(before)}`,
    )
    const committed = chain.configs.get(config.epoch)
    must(
      'EpochFence',
      committed !== undefined && describe(committed) === describe(config),
      self,
      () => `obeys ${describe(config)}; committed is ${describe(committed ?? null)}`,
    )
  }

  /** HandoffBeforeServing: whoever begins to serve durably holds all that anybody ever called committed. */
  #checkBegins(chain: Chain, replica: Replica): void {
    const { log, self, config, incarnation } = replica
    // A life that the newest configuration has dropped may hear late that it was handed off to: it has no lease, and commits nothing that the others lack.
    if (chain.newest !== null && sameLife(chain.newest, { server: self, incarnation }) === null) return
    const alone = config?.members.filter(({ serving }) => serving).length === 1
    if (alone && (chain.overridden || !this.#sync)) {
      // Here loss is allowed: an operator said so, or a power cut without `sync`.
      chain.log.forgetAbove(log.last)
      if (chain.overridden) chain.overridden = false
    }
    const { last } = chain.log
    const newest = chain.log.at(last)
    const holdsIt = newest === null || holds(replica, newest)
    must(
      'HandoffBeforeServing',
      holdsIt && (!this.#sync || durableOf(replica) >= last),
      self,
      () =>
        `serves from epoch ${config?.epoch} on with ${durableOf(replica)} durable of ${log.last}; ` +
        `committed is up to ${last} of epoch ${newest?.epoch}`,
    )
    this.#wiped.delete(self)
  }

  #checkCommit(chain: Chain, seen: Seen, replica: Replica): void {
    const { log, self } = replica
    const upTo = log.commit.seq
    // Going back is right only for who starts over: a snapshot, or a life that forgot an unsynced hint.
    must(
      'CleanMeansCommitted',
      upTo > seen.commit || !replica.serving,
      self,
      () => `${replica.chain}: commit ${upTo} after ${seen.commit}`,
    )
    // Who serves commits only what its log has taken. A joiner may be ahead of its log, which then tells of entries that it has given up.
    const got = replica.serving ? seen.got : null
    const from = Math.min(seen.commit, upTo)
    let first: Entry | null = null
    for (let seq = from + 1; seq <= upTo; seq++) {
      const entry = log.entryAt(asSeq(seq)) ?? got?.get(seq) ?? null
      if (entry === null) continue
      if (seq > chain.log.last) {
        first ??= entry
        chain.log.push(entry, self)
      } else this.#checkSame(chain, entry, self)
    }
    this.#checkPosition(chain, log.commit, self)
    if (first !== null) this.#checkNews(chain, seen, replica, first)
  }

  #checkSame(chain: Chain, entry: Entry, self: string): void {
    must('CleanMeansCommitted', chain.log.isSame(entry), self, () => {
      const known = chain.log.at(entry.seq)
      return `calls ${entry.seq} of epoch ${entry.epoch} committed; committed before: that of epoch ${known?.epoch}`
    })
  }

  /** What was trimmed, or came as a snapshot, is known by its last entry only. */
  #checkPosition(chain: Chain, position: Position, self: string): void {
    if (position.seq === 0) return
    const known = chain.log.at(position.seq)
    must(
      'CleanMeansCommitted',
      known !== null && samePosition(known, position),
      self,
      () => `commit is ${position.epoch}/${position.seq}; nobody committed that (${known?.epoch ?? 'none'})`,
    )
  }

  /** Somebody calls committed what nobody did before: it must be a tail, and the chain must hold it. */
  #checkNews(chain: Chain, seen: Seen, replica: Replica, first: Entry): void {
    const { self } = replica
    const epochBefore = seen.config?.epoch ?? 0
    const epochNow = replica.config?.epoch ?? 0
    const now = isTail(replica) && replica.serving ? replica.config : null
    // In one turn it may have committed as the tail, and then adopted an epoch in which it is not the tail any more.
    const before = seen.serving && wasTail(seen, self) ? seen.config : null
    const config = now ?? before
    // It may have been the tail in between, or until its disk refused what the same event made it write.
    if (config === null && (epochNow > epochBefore + 1 || (replica.storageFailed && epochNow > epochBefore)))
      return
    must(
      'CleanMeansCommitted',
      config !== null,
      self,
      () => `commits ${first.seq} first, and is no serving tail of ${describe(replica.config)}`,
    )
    const newest = chain.log.at(chain.log.last)
    if (newest === null) return
    const unsure = epochNow !== epochBefore && before !== null && now !== null
    for (const { server, incarnation, serving } of config.members) {
      if (!serving && server !== self) continue
      if (unsure && (before === null || sameLife(before, { server, incarnation }) === null)) continue
      if (this.#sync) this.#checkHeld(chain, { config, newest, server, incarnation, self })
    }
    this.#checkServing(chain, newest, self)
  }

  /** AckAfterDurable: every serving member of the committing epoch would still hold it after a power cut of everything. */
  #checkHeld(
    chain: Chain,
    commit: {
      readonly config: ChainConfig
      readonly newest: Entry
      readonly server: string
      readonly incarnation: number
      readonly self: string
    },
  ): void {
    const { config, newest, server, self } = commit
    const replica = chain.seen.get(server)?.replica
    if (replica === undefined || this.#wiped.has(server)) return
    // A member that has left that epoch behind may have thrown its copy away: the serving members of the newer one answer for it.
    const movedOn =
      replica.incarnation === commit.incarnation
        ? !replica.serving && (replica.config?.epoch ?? 0) > config.epoch
        : chain.newest !== null && chain.newest.epoch > config.epoch
    if (movedOn) return
    const sight = this.#sight.servers.find(({ name }) => name === server)
    const held =
      sight?.durablyHolds === undefined
        ? durableOf(replica) >= newest.seq && holds(replica, newest)
        : sight.durablyHolds(replica.chain, newest) !== null
    must(
      'AckAfterDurable',
      held,
      self,
      () =>
        `commits ${newest.epoch}/${newest.seq} of ${describe(config)}; ${server} might lose it in a power cut ` +
        `(last ${replica.log.last}, durable ${durableOf(replica)})`,
    )
  }

  /** Who serves in the newest configuration holds everything committed, also what an old epoch commits late. */
  #checkServing(chain: Chain, newest: Entry, self: string): void {
    if (chain.newest === null) return
    for (const { server, incarnation } of chain.newest.members) {
      const replica = chain.seen.get(server)?.replica
      if (replica === undefined || !replica.serving || replica.incarnation !== incarnation) continue
      must(
        'UpdatePropagation',
        holds(replica, newest),
        self,
        () =>
          `commits ${newest.seq} of epoch ${newest.epoch}, which ${server} lacks (${replica.log.last}) and serves`,
      )
    }
  }

  /** ReadUnderLease: no life that the newest committed configuration has dropped answers a strong read by itself. */
  #checkReads(chain: Chain, seen: Seen, replica: Replica): void {
    const { counters, question, self, incarnation } = replica
    const asked = seen.question
    const answered =
      asked !== null && asked !== question && asked.kind === 'version' && tookAnswer(replica, asked)
    if (counters.localReads === seen.localReads && !answered) return
    if (!this.#leasesHold || chain.newest === null) return
    must(
      'ReadUnderLease',
      sameLife(chain.newest, { server: self, incarnation }) !== null,
      self,
      () =>
        `life ${incarnation} answers strong reads under its lease; the newest is ${describe(chain.newest)}`,
    )
  }

  /**
   * A tail says what is committed, under its lease. Call it for each `version-reply` with a commit that leaves a server: the asker's own lease does not show that
   * the tail had one.
   */
  versionAnswered(replica: Replica): void {
    const { newest, log } = this.#chain(replica.chain)
    checkTail(log, replica)
    if (!this.#leasesHold || newest === null) return
    const { self, incarnation } = replica
    must(
      'ReadUnderLease',
      sameLife(newest, { server: self, incarnation }) !== null,
      self,
      () => `life ${incarnation} answers a version query; the newest is ${describe(newest)}`,
    )
  }

  /** Slow: every log and every clean store once more, whole. */
  check(): void {
    for (const chain of this.#chains.values()) {
      for (const { replicas, name } of this.#sight.servers) {
        const replica = [...(replicas?.values() ?? [])].find((one) => one.chain === chain.log.chain)
        if (replica !== undefined) this.#checkWhole(chain, replica, name)
      }
    }
  }

  #checkWhole(chain: Chain, replica: Replica, self: string): void {
    const { log, store } = replica
    for (let seq = log.base.seq + 1; seq <= log.commit.seq; seq++) {
      const entry = log.entryAt(asSeq(seq))
      if (entry !== null) this.#checkSame(chain, entry, self)
    }
    this.#checkPosition(chain, log.commit, self)
    if (log.commit.seq === chain.log.last && replica.incoming === null) chain.log.checkStore(store, self)
    const newest = chain.log.at(chain.log.last)
    const member = chain.newest === null ? null : memberOf(chain.newest, replica.self)
    if (newest === null || !replica.serving || member?.incarnation !== replica.incarnation) return
    must(
      'UpdatePropagation',
      holds(replica, newest),
      self,
      () => `serves without ${newest.seq}, which is committed`,
    )
  }
}

/**
 * A tail knows all that was ever committed: what its predecessor in office can have shown, it commits before it answers anything. One of an old epoch may know less, but
 * has no lease to say so.
 */
function checkTail({ last }: CommittedLog, replica: Replica): void {
  if (!replica.serving || !isTail(replica)) return
  must(
    'CleanMeansCommitted',
    replica.log.commit.seq >= last,
    replica.self,
    () =>
      `is the tail of ${describe(replica.config)} at commit ${replica.log.commit.seq}; committed is up to ${last}`,
  )
}

const newSeen = (replica: Replica): Seen => ({
  replica,
  config: null,
  incarnation: replica.incarnation,
  serving: false,
  commit: 0,
  localReads: replica.counters.localReads,
  question: null,
  got: dirtyOf(replica),
  last: -1,
  sent: 0,
  received: 0,
  linked: false,
})

/** Most events change nothing that anybody has to look at. */
const isUnchanged = (seen: Seen, replica: Replica): boolean =>
  seen.last === replica.log.last &&
  seen.commit === replica.log.commit.seq &&
  seen.localReads === replica.counters.localReads &&
  seen.question === replica.question &&
  seen.config === replica.config &&
  seen.serving === replica.serving &&
  seen.incarnation === replica.incarnation &&
  seen.sent === (replica.downstream?.sent ?? 0) &&
  seen.received === (replica.downstream?.received ?? 0) &&
  seen.linked === (replica.upstream?.linked ?? false)

function remember(seen: Seen, replica: Replica): void {
  seen.config = replica.config
  seen.incarnation = replica.incarnation
  seen.serving = replica.serving
  seen.commit = replica.log.commit.seq
  seen.localReads = replica.counters.localReads
  seen.question = replica.question
  for (const seq of seen.got.keys()) if (seq <= seen.commit) seen.got.delete(seq)
  seen.last = replica.log.last
  seen.sent = replica.downstream?.sent ?? 0
  seen.received = replica.downstream?.received ?? 0
  seen.linked = replica.upstream?.linked ?? false
}

/** What a life begins with. */
function dirtyOf({ log }: Replica): Map<number, Entry> {
  const dirty = new Map<number, Entry>()
  for (let seq = log.commit.seq + 1; seq <= log.last; seq++) {
    const entry = log.entryAt(asSeq(seq))
    if (entry !== null) dirty.set(seq, entry)
  }
  return dirty
}

const wasTail = ({ config, incarnation }: Seen, self: string): boolean => {
  const tail = config?.members.at(-1)
  return tail?.server === self && tail.incarnation === incarnation
}

/** Whether a log has this very entry, or has trimmed it. */
const holds = ({ log }: Replica, entry: Position): boolean => entry.seq < log.base.seq || log.has(entry)

/** Its reads were answered: they wait no more, and were not refused by a replica that stopped serving. */
function tookAnswer(replica: Replica, question: Question): boolean {
  const [read] = question.reads
  if (read === undefined || !replica.serving || selfMember(replica)?.leaving !== false) return false
  return !replica.waitingReads.includes(read) && replica.question?.reads.includes(read) !== true
}
