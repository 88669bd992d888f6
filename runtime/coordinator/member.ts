/**
 * One member of the coordinator ensemble (DESIGN section 7), without the process that it runs in: the Raft core, the znode tree, its
 * clients' sessions and the ZooKeeper door. Files, sockets and clocks are ports, so that the simulator runs this very code.
 *
 * Everything that arrives in one turn of the event loop is fed to the cores; when the turn ends, the leader proposes what came
 * together, each peer gets one body, each client one write, and the log one append.
 */
import type { MemberId, WriteId } from '../../coordinator/raft/ids.ts'
import { asMemberId } from '../../coordinator/raft/ids.ts'
import { DEFAULT_RAFT_LIMITS } from '../../coordinator/raft/limits.ts'
import type { LogEntry, SnapshotMeta } from '../../coordinator/raft/log.ts'
import { newestOf } from '../../coordinator/raft/membership.ts'
import type { Raft } from '../../coordinator/raft/state.ts'
import type { Command } from '../../coordinator/znodes/command.ts'
import { type Identities, identitiesIn } from '../../coordinator/znodes/identities.ts'
import { LIMITS } from '../../coordinator/znodes/limits.ts'
import { overduePaths } from '../../coordinator/znodes/reaper.ts'
import { type QueueEvent, type QueueOutbox, RequestQueue } from '../../coordinator/znodes/request-queue.ts'
import type { ZnodeTree } from '../../coordinator/znodes/tree.ts'
import { WatchTable } from '../../coordinator/znodes/watches.ts'
import { FrameError } from '../../protocol/frame.ts'
import { unreachable } from '../../protocol/invariants.ts'
import type { Timer } from '../../protocol/timers.ts'
import { type DoorServices, ZookeeperDoor } from '../doors/zookeeper/door.ts'
import { NO_HOST } from '../doors/zookeeper/server-sight.ts'
import { ConnectionNumbers } from './connection-numbers.ts'
import { doorLimits } from './door-limits.ts'
import type { Ensemble } from './ensemble.ts'
import { Forwarder, type ForwarderServices } from './forwarder.ts'
import { foundingRow } from './member-addresses.ts'
import type { MemberPorts, Recovered } from './member-ports.ts'
import { type MemberSettings, memberNumberOf } from './options.ts'
import type { PeerBody, PeerMessage } from './peer-messages.ts'
import { RaftHost, type RaftUser } from './raft-host.ts'
import { Reconfigurer } from './reconfigurer.ts'
import { SessionKeeper } from './session-keeper.ts'
import { StateMachine, type StateSnapshot } from './state-machine.ts'
import { type CoordinatorStatus, factsIn, type Sight, statusIn } from './status.ts'
import { TreeSize } from './tree-size.ts'

const TICK_MS = 50
const CONTAINER_CHECK_MS = 60_000
const SNAPSHOT_ENTRIES = 25_000
const RECONFIG_PATIENCE_MS = 30_000
const SNAPSHOT_BYTES = 64 * 1024 * 1024
/** How often a member tells the leader which sessions it has heard. */
const HEARD_MS = 100
/** How long a leader that stops waits for another one. */
const HAND_OVER_MS = 1000
const HAND_OVER_LOOK_MS = 5

export class Member {
  /** Whoever accepts clients brings them here. */
  readonly door: ZookeeperDoor
  readonly #settings: MemberSettings
  readonly #ports: MemberPorts
  readonly #self: MemberId
  readonly #machine = new StateMachine()
  readonly #watches = new WatchTable()
  readonly #sessions = new SessionKeeper(() => this.#machine.tree.sessions.values())
  readonly #numbers: ConnectionNumbers
  readonly #forwarder: Forwarder
  readonly #queue: RequestQueue
  readonly #host: RaftHost
  readonly #reconfigurer: Reconfigurer
  #learnt: Raft['memberships'] | null = null
  #ticker: Timer | null = null
  readonly #size = new TreeSize()
  readonly #startedMs: number
  #elections = 0
  #turnEnds = false
  /** The end of the turn has begun: what is sent to peers now goes out with it, and needs no turn of its own. */
  #endsTurn = false
  #leader: MemberId | null = null
  /** Since when there is none; `null` while there is one, and once the clients have been sent away. */
  #leaderlessMs: number | null = null
  #saidHeardMs = 0
  #reapedMs = 0
  /** A tick has passed since silent sessions were looked for. */
  #expiryDue = false
  /** The term in which this member has proposed to found the ensemble. */
  #foundedInTerm = -1
  #snapshotting = false
  #failure: Error | null = null
  #stopped = false

  /** @throws {JuteError} the snapshot is none; and what `adoptCluster` throws: it is another ensemble's. */
  constructor(settings: MemberSettings, ports: MemberPorts, recovered: Recovered) {
    this.#settings = settings
    this.#ports = ports
    this.#startedMs = ports.timers.nowMs()
    this.#self = asMemberId(settings.id)
    this.#reconfigurer = new Reconfigurer(settings.reconfigPatienceMs ?? RECONFIG_PATIENCE_MS)
    const number = memberNumberOf(settings.id)
    if (recovered.snapshot !== null) this.#machine.restore(recovered.snapshot)
    if (this.#machine.ensemble !== null) ports.identity.adoptCluster(this.#machine.ensemble.id)
    this.#numbers = new ConnectionNumbers(ports.identity)
    this.#forwarder = new Forwarder({ self: this.#self, number, services: this.#ways })
    this.#queue = new RequestQueue({
      member: number,
      tree: this.#machine.tree,
      out: this.#queueOutbox,
      watches: this.#watches,
    })
    this.door = new ZookeeperDoor({
      limits: doorLimits(settings),
      ports,
      logger: ports.logger,
      services: this.#doorServices,
    })
    this.#host = new RaftHost({
      self: this.#self,
      voters: settings.joins ? [] : settings.members.map(({ id }) => asMemberId(id)),
      membership: this.#machine.membership,
      limits: settings.raftLimits ?? {},
      ...recovered.stored,
      storage: recovered.storage,
      snapshots: ports.snapshots,
      rng: ports.rng,
      user: this.#raftUser,
    })
  }

  /** Begins to take part in elections. What peers say is heard before. */
  start(): void {
    this.#leaderlessMs = this.#nowMs
    this.#learnMembers()
    this.#ticker = this.#ports.timers.every(this.#settings.tickMs ?? TICK_MS, () => this.#onTick())
  }

  get #nowMs(): number {
    return this.#ports.timers.nowMs()
  }

  // What arrives.

  /** @throws {FrameError} it comes from no peer of ours, or is malformed. */
  onBody(from: MemberId, { ensembleId, messages }: PeerBody): void {
    if (this.#stopped) return
    const isMember = this.#knows(from)
    // A log of another ensemble could win an election here.
    const own = this.#ports.identity.clusterId ?? ''
    if (ensembleId !== '' && own !== '' && ensembleId !== own)
      throw new FrameError(`it belongs to ensemble ${ensembleId}, not ${own}`)
    // One of this very ensemble may know of a configuration that we have yet to hear of. Who joins knows nobody.
    const mayKnowMore = own === '' ? this.#settings.joins === true : ensembleId === own
    if (!isMember && !mayKnowMore) throw new FrameError('it is no member of this ensemble')
    for (const message of messages)
      if (isMember || message.type === 'raft') this.#onPeerMessage(from, message)
    this.#touched()
  }

  #knows(peer: MemberId): boolean {
    return newestOf(this.raft.memberships).members.some(({ id }) => id === peer)
  }

  #onPeerMessage(from: MemberId, message: PeerMessage): void {
    switch (message.type) {
      case 'raft':
        this.#host.step({ type: 'message', from, message: message.message })
        break
      case 'forward':
        this.#forwarder.onForwarded(from, message.command)
        break
      case 'rejected':
        this.door.drop(message.connection)
        break
      case 'heard':
        for (const session of message.sessions) this.#sessions.heard(session, this.#nowMs)
        break
      default:
        unreachable(message)
    }
  }

  /** What was sent to this peer, or comes from it, may be lost. */
  onLinkLost(peer: MemberId): void {
    if (!this.#stopped) this.#forwarder.onLinkLost(peer)
  }

  /** The storage reports: every write up to this one would survive a power cut. */
  onDurable(write: WriteId): void {
    this.#host.onDurable(write)
  }

  #onTick(): void {
    this.#host.tick()
    const nowMs = this.#nowMs
    if (nowMs - this.#saidHeardMs >= HEARD_MS) {
      this.#saidHeardMs = nowMs
      this.#sayHeard(nowMs)
    }
    this.#sendClientsAway(nowMs)
    this.#reap(nowMs)
    this.#expiryDue = true
    this.#touched()
  }

  #sayHeard(nowMs: number): void {
    const sessions = this.#queue.takeTouched()
    if (sessions.length === 0 || this.#leader === null) return
    if (this.#leader !== this.#self) this.#ports.peers.send(this.#leader, { type: 'heard', sessions })
    else for (const session of sessions) this.#sessions.heard(session, nowMs)
  }

  /** A member that is cut off keeps nobody: elsewhere there may be a leader. */
  #sendClientsAway(nowMs: number): void {
    if (this.#leaderlessMs === null) return
    const { electionTicksMin } = { ...DEFAULT_RAFT_LIMITS, ...this.#settings.raftLimits }
    const patienceMs = electionTicksMin * (this.#settings.tickMs ?? TICK_MS)
    if (nowMs - this.#leaderlessMs < patienceMs) return
    this.#leaderlessMs = null
    this.#queue.step({ type: 'stop-serving' })
  }

  /** Containers and TTL znodes end on the leader's initiative. */
  #reap(nowMs: number): void {
    if (!this.leads || nowMs - this.#reapedMs < (this.#settings.containerCheckMs ?? CONTAINER_CHECK_MS))
      return
    this.#reapedMs = nowMs
    const { reapedPerCheckMax } = LIMITS
    this.#forwarder.reap(overduePaths(this.#machine.tree, this.#ports.wallMs(), reapedPerCheckMax))
  }

  // The end of the turn.

  #touched(): void {
    if (this.#turnEnds) return
    this.#turnEnds = true
    this.#ports.atTurnEnd(this.#onTurnEnd)
  }

  readonly #onTurnEnd = (): void => {
    this.#turnEnds = false
    this.#endTurn()
  }

  #endTurn(): void {
    if (this.#stopped) return
    this.#endsTurn = true
    if (this.#expiryDue) {
      // Here, after the sockets have been read: whoever was heard in this turn is not taken for silent.
      this.#expiryDue = false
      this.#forwarder.expire(this.#sessions.expired(this.#nowMs))
    }
    this.#foundEnsemble()
    this.#changeMembers()
    this.#host.propose(this.#forwarder.takeProposals())
    this.#host.endTurn()
    this.#takeSnapshot()
    this.#learnMembers()
    this.#endsTurn = false
    for (const peer of this.#ports.peers.flush()) this.onLinkLost(peer)
    this.door.flush()
  }

  /** The first leader draws the secret that all members share. */
  #foundEnsemble(): void {
    const { role, commit, term } = this.raft
    if (this.#machine.ensemble !== null || role.type !== 'leader') return
    // Its own first entry tells whether one of its predecessors did.
    if (commit < role.noopIndex || this.#foundedInTerm === term) return
    this.#foundedInTerm = term
    this.#forwarder.found(this.#ports.secrets.newEnsemble())
  }

  /** The leader writes down who belongs to the ensemble, and leads it to what a client wants it to be. */
  #changeMembers(): void {
    const { role, commit, memberships } = this.raft
    if (role.type !== 'leader' || this.#failure !== null) return
    if (newestOf(memberships).index === 0) {
      if (commit >= role.noopIndex) this.#host.changeMembership(this.#settings.members.map(foundingRow))
      return
    }
    const step = this.#reconfigurer.next(this.raft, this.#machine.tree.reconfig, this.#nowMs)
    if (step?.type === 'change') this.#host.changeMembership(step.members)
    else if (step !== null) this.#forwarder.abandonReconfig()
  }

  /** A configuration counts as soon as it is in the log: so do its addresses. */
  #learnMembers(): void {
    const { memberships } = this.raft
    if (memberships === this.#learnt) return
    this.#learnt = memberships
    this.#ports.peers.learn?.(newestOf(memberships).members)
  }

  #takeSnapshot(): void {
    const { snapshotEntries = SNAPSHOT_ENTRIES, snapshotBytes = SNAPSHOT_BYTES } = this.#settings
    const { entries, bytes } = this.#machine.sinceSnapshot
    if (this.#snapshotting || (entries < snapshotEntries && bytes < snapshotBytes)) return
    this.#snapshotting = true
    this.#writeSlice(this.#machine.beginSnapshot(), [])
  }

  /** A slice of the snapshot a turn: requests of a large tree's clients are served between. */
  #writeSlice(snapshot: StateSnapshot, parts: Uint8Array[]): void {
    if (this.#stopped || this.#failure !== null) return
    const slice = snapshot.next()
    if (slice === 'void') this.#snapshotting = false
    else if (slice === null) this.#writeSnapshot(snapshot.meta, parts)
    else {
      parts.push(slice)
      this.#ports.timers.after(0, () => this.#writeSlice(snapshot, parts))
    }
  }

  #writeSnapshot(meta: SnapshotMeta, parts: readonly Uint8Array[]): void {
    this.#ports.writeSnapshot(meta, parts, (error) => {
      this.#snapshotting = false
      if (error === null) this.#host.onCompacted(meta)
      else this.fail(error)
    })
  }

  // What the cores want.

  readonly #raftUser: RaftUser = {
    send: (to, message) => {
      this.#ports.peers.send(to, { type: 'raft', message })
      if (!this.#endsTurn) this.#touched()
    },
    commit: (entries) => {
      for (const entry of entries) this.#apply(entry)
    },
    restore: (snapshot) => this.#restore(snapshot),
    rejected: (id) => this.#forwarder.onRejected(id),
    readReady: (token) => this.#queue.step({ type: 'read-index-reached', token }),
    roleChanged: (role, term, leader) => {
      this.#ports.logger.info({ role, term, leader }, 'role')
      if (leader === null) this.#leaderlessMs ??= this.#nowMs
      else this.#leaderlessMs = null
      if (role === 'leader') this.#sessions.becomeLeader(this.#nowMs)
      else this.#sessions.stopLeading()
      if (leader !== null && leader !== this.#leader) this.#elections += 1
      this.#leader = leader
      this.#forwarder.onRole(leader, term)
    },
    touched: () => this.#touched(),
    failed: (error) => this.fail(error),
  }

  /** Watch events first, then the replies of the sessions here, then what they asked to read at this very state. */
  #apply(entry: LogEntry): void {
    const founded = this.#machine.ensemble !== null
    const { command, result } = this.#machine.apply(entry)
    if (!founded && this.#machine.ensemble !== null) this.#adopt(this.#machine.ensemble)
    this.#sessions.onApplied(command, result, this.#nowMs)
    this.#forwarder.onApplied(command)
    this.#queue.step({ type: 'applied', command, result })
  }

  #restore(snapshot: Parameters<StateMachine['restore']>[0]): void {
    this.#machine.restore(snapshot)
    if (this.#machine.ensemble !== null) this.#adopt(this.#machine.ensemble)
    this.#queue.step({ type: 'restored', tree: this.#machine.tree })
  }

  /** Where no administrator has been named, whoever sits at this machine may change the ensemble: an ACL could let nobody do it. */
  #ofOperator(command: Command): Command {
    const mayAsk = command.op.type === 'reconfig' && this.#settings.superDigest === undefined
    return mayAsk && isLocal(command.identities) ? { ...command, identities: null } : command
  }

  /** Data of two ensembles must never mix. */
  #adopt({ id }: Ensemble): void {
    try {
      this.#ports.identity.adoptCluster(id)
    } catch (error) {
      this.fail(asError(error))
    }
  }

  readonly #ways: ForwarderServices = {
    sendCommand: (leader, command) => this.#ports.peers.send(leader, { type: 'forward', command }),
    sendRejected: (member, connection) => this.#ports.peers.send(member, { type: 'rejected', connection }),
    heard: (session) => this.#sessions.heard(session, this.#nowMs),
    closeClient: (connection) => this.door.drop(connection),
    touched: () => this.#touched(),
    wallMs: () => this.#ports.wallMs(),
  }

  readonly #queueOutbox: QueueOutbox = {
    forward: (command) => this.#forwarder.forward(this.#ofOperator(command)),
    askReadIndex: (token) => this.#host.askRead(token),
    connected: (connection, session, timeoutMs) => this.door.connected(connection, session, timeoutMs),
    refused: (connection) => this.door.refused(connection),
    reply: (connection, xid, zxid, err, response) => this.door.reply(connection, xid, zxid, err, response),
    notify: (connection, event) => this.door.notify(connection, event),
    pause: (connection) => this.door.pause(connection),
    resume: (connection) => this.door.resume(connection),
    close: (connection) => {
      this.#forwarder.drop(connection)
      this.door.close(connection)
    },
  }

  readonly #doorServices: DoorServices = {
    step: (event: QueueEvent) => {
      if (event.type === 'connection-lost') this.#forwarder.drop(event.connection)
      this.#queue.step(event)
    },
    isServing: () => this.isServing,
    nextConnection: () => this.#nextConnection(),
    passwordOf: (session) => this.#ports.secrets.passwordOf(this.#ensemble, session),
    isPasswordOf: (session, password) => this.#ports.secrets.isPasswordOf(this.#ensemble, session, password),
    sight: () => ({
      facts: factsIn(this.#sight),
      host: this.#ports.host ?? NO_HOST,
      sessions: [...this.#machine.tree.sessions.values()],
      watches: this.#watches,
      wallOffsetMs: this.#ports.wallMs() - this.#nowMs,
    }),
    touched: () => this.#touched(),
  }

  #nextConnection(): number | null {
    try {
      return this.#numbers.next()
    } catch (error) {
      this.fail(asError(error))
      return null
    }
  }

  get #ensemble(): Ensemble {
    const { ensemble } = this.#machine
    if (ensemble === null) throw new Error('a session before the ensemble was founded')
    return ensemble
  }

  // What is told. Nobody changes what he gets to see here.

  get raft(): Raft {
    return this.#host.raft
  }

  /** Another one after a snapshot has come from the leader. */
  get tree(): ZnodeTree {
    return this.#machine.tree
  }

  get watches(): WatchTable {
    return this.#watches
  }

  get applied(): SnapshotMeta {
    return this.#machine.applied
  }

  get leads(): boolean {
    return this.#leader === this.#self
  }

  /** Clients can get sessions here. */
  get isServing(): boolean {
    return this.#leader !== null && this.#machine.ensemble !== null && this.#failure === null
  }

  get #sight(): Sight {
    return {
      raft: this.raft,
      machine: this.#machine,
      watches: this.#watches,
      door: this.door,
      dataBytes: this.#size.bytesOf(this.#machine.tree, this.#nowMs),
      elections: this.#elections,
      upMs: this.#nowMs - this.#startedMs,
      serving: this.isServing,
      failure: this.#failure,
    }
  }

  status(): CoordinatorStatus {
    return statusIn(this.#sight)
  }

  // The end.

  /** Nothing that this member says can be relied on any more: it says nothing. The process stays up to tell why. */
  fail(error: Error): void {
    if (this.#failure !== null || this.#stopped) return
    this.#failure = error
    this.#ports.logger.error({ err: error }, 'this member takes no part any more')
    this.#host.stop()
    this.#ticker?.cancel()
    this.door.stop()
    this.#ports.onFailure(error)
  }

  /**
   * Makes whoever holds most of the log lead: an election by timeout would take ten times as long.
   *
   * @param done - called, perhaps at once, when another member leads, or none could take over in a second.
   */
  handOver(done: () => void): void {
    const { role } = this.raft
    const others = role.type === 'leader' ? [...role.progress] : []
    const [best] = others
      .filter(([id]) => this.raft.voters.includes(id))
      .sort(([, a], [, b]) => b.match - a.match)
    if (best === undefined || this.#failure !== null) {
      done()
      return
    }
    this.#host.step({ type: 'transfer-leadership', to: best[0] })
    this.#touched()
    const untilMs = this.#nowMs + HAND_OVER_MS
    const looks = this.#ports.timers.every(HAND_OVER_LOOK_MS, () => {
      if (this.leads && this.#nowMs < untilMs) return
      looks.cancel()
      done()
    })
  }

  /** Does nothing any more, and closes its clients' connections. Idempotent. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#ticker?.cancel()
    this.#host.stop()
    this.door.stop()
  }
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))

const isLocal = (identities: Identities | null): boolean =>
  identities !== null &&
  identitiesIn(identities).some(
    ({ scheme, id }) => scheme === 'ip' && (id.startsWith('127.') || id === '::1'),
  )
