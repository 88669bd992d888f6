/**
 * One member of the coordinator ensemble (DESIGN section 7): the Raft core, the znode tree and the ZooKeeper door in one process.
 * Everything that arrives in one turn of the event loop is fed to the cores; when the turn ends, the leader proposes what came
 * together, each peer gets one body, each client one write, and the log one append.
 */
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { MemberId } from '../../coordinator/raft/ids.ts'
import { asMemberId } from '../../coordinator/raft/ids.ts'
import { DEFAULT_RAFT_LIMITS } from '../../coordinator/raft/limits.ts'
import type { LogEntry } from '../../coordinator/raft/log.ts'
import { type QueueEvent, type QueueOutbox, RequestQueue } from '../../coordinator/znodes/request-queue.ts'
import { WatchTable } from '../../coordinator/znodes/watches.ts'
import { FrameError } from '../../protocol/frame.ts'
import type { Address, Transport } from '../../protocol/transport.ts'
import { type DoorServices, ZookeeperDoor } from '../doors/zookeeper/door.ts'
import { openServerTransport } from '../transport/open.ts'
import { ConnectionNumbers } from './connection-numbers.ts'
import { type Ensemble, isPasswordOf, newEnsemble, passwordOf } from './ensemble.ts'
import { Forwarder } from './forwarder.ts'
import { type CoordinatorOptions, memberNumberOf, ownMember } from './options.ts'
import { PeerLinks } from './peer-links.ts'
import { decodeBody } from './peer-messages.ts'
import { RaftHost, type RaftUser } from './raft-host.ts'
import { RaftStorage } from './raft-storage.ts'
import { SessionKeeper } from './session-keeper.ts'
import { SnapshotFiles } from './snapshot-files.ts'
import { StateMachine } from './state-machine.ts'
import { type CoordinatorStatus, factsIn, type Sight, statusIn } from './status.ts'

const TICK_MS = 50
const ZOOKEEPER_TICK_MS = 500
const SNAPSHOT_ENTRIES = 10_000
const SNAPSHOT_BYTES = 64 * 1024 * 1024
const MAX_CLIENT_CONNECTIONS = 1000
const SLOW_CLIENT_MS = 30_000
/** How often a member tells the leader which sessions it has heard. */
const HEARD_MS = 100
/** How long `stop` waits for another leader. */
const HAND_OVER_MS = 1000

export interface Coordinator {
  readonly clientAddress: Address
  /** `null` where the transport needs none. */
  readonly peerAddress: Address | null
  status(): CoordinatorStatus
  /** Stops serving and puts everything on the disk. A leader hands over first, unless told not to. */
  stop(options?: { readonly handOver?: boolean }): Promise<void>
}

/**
 * Starts a member of a coordinator ensemble. Resolves once it listens; clients are served as soon as there is a leader.
 *
 * @throws where a port is taken, the options contradict each other, or the disk does not hold what this member once wrote:
 * {@link WalCorruptError}, {@link WalForeignError}, {@link SnapshotCorruptError}.
 *
 * @example
 * const data = openDataDirectory({ path: 'data/coordinator-1', kind: 'coordinator', id: 'coordinator-1' })
 * const coordinator = await startCoordinator({ id: 'coordinator-1', members, clusterName: 'main', data, logger })
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const member = new MemberHost(options)
  try {
    await member.start()
  } catch (error) {
    await member.stop({ handOver: false })
    throw error
  }
  return member
}

class MemberHost implements Coordinator {
  readonly #options: CoordinatorOptions
  readonly #logger: Logger
  readonly #self: MemberId
  readonly #number: number
  readonly #machine = new StateMachine()
  readonly #watches = new WatchTable()
  readonly #sessions = new SessionKeeper(() => this.#machine.tree.sessions.values())
  readonly #snapshots: SnapshotFiles
  readonly #numbers: ConnectionNumbers
  readonly #forwarder: Forwarder
  readonly #queue: RequestQueue
  readonly #door: ZookeeperDoor
  #storage: RaftStorage | null = null
  #host: RaftHost | null = null
  #transport: Transport | null = null
  #links: PeerLinks | null = null
  #clientAddress: Address | null = null
  #peerAddress: Address | null = null
  #ticker: NodeJS.Timeout | null = null
  #turnEnds = false
  #leader: MemberId | null = null
  /** Since when there is none; `null` while there is one, and once the clients have been sent away. */
  #leaderlessMs: number | null = null
  #saidHeardMs = 0
  /** A tick has passed since silent sessions were looked for. */
  #expiryDue = false
  /** The term in which this member has proposed to found the ensemble. */
  #foundedInTerm = -1
  #snapshotting: Promise<void> | null = null
  #failure: Error | null = null
  #stopped = false

  constructor(options: CoordinatorOptions) {
    const own = ownMember(options)
    this.#options = options
    this.#logger = options.logger
    this.#self = asMemberId(options.id)
    this.#number = memberNumberOf(options.id)
    this.#snapshots = new SnapshotFiles(join(options.data.path, 'snapshots'))
    this.#numbers = new ConnectionNumbers(options.data)
    this.#forwarder = new Forwarder({ self: this.#self, number: this.#number, services: this.#ways })
    this.#queue = new RequestQueue({
      member: this.#number,
      tree: this.#machine.tree,
      out: this.#queueOutbox,
      watches: this.#watches,
    })
    const tickMs = options.zookeeperTickMs ?? ZOOKEEPER_TICK_MS
    this.#door = new ZookeeperDoor({
      listen: options.clientListen ?? { host: own.host, port: own.clientPort },
      sessionTimeout: {
        minMs: options.minSessionTimeoutMs ?? 2 * tickMs,
        maxMs: options.maxSessionTimeoutMs ?? 20 * tickMs,
      },
      maxClientConnections: options.maxClientConnections ?? MAX_CLIENT_CONNECTIONS,
      slowClientMs: options.slowClientMs ?? SLOW_CLIENT_MS,
      logger: options.logger,
      services: this.#doorServices,
    })
  }

  get clientAddress(): Address {
    if (this.#clientAddress === null) throw new Error('the coordinator does not listen')
    return this.#clientAddress
  }

  get peerAddress(): Address | null {
    return this.#peerAddress
  }

  /** Recovers what the disk holds, then takes part, then serves. */
  async start(): Promise<void> {
    this.#recover()
    await this.#openPeers()
    this.#clientAddress = await this.#door.listen()
    this.#leaderlessMs = performance.now()
    this.#ticker = setInterval(() => this.#onTick(), this.#options.tickMs ?? TICK_MS)
    const { lastIndex } = this.#machine.applied
    this.#logger.info(
      { client: this.#clientAddress, peer: this.#peerAddress, snapshot: lastIndex },
      'started',
    )
  }

  #recover(): void {
    const { data, fsync = 'sync', members, raftLimits = {} } = this.#options
    const snapshot = this.#snapshots.load()
    if (snapshot !== null) this.#restore(snapshot)
    const { storage, stored, tornTail } = RaftStorage.open(
      {
        directory: join(data.path, 'wal'),
        owner: `coordinator ${this.#self} ${data.dataId}`,
        fsync,
        onDurable: (write) => this.#host?.onDurable(write),
        onFailure: (error) => this.#fail(error),
      },
      this.#snapshots.newest,
    )
    this.#storage = storage
    if (tornTail !== null) this.#logger.warn(tornTail, 'the log ended in an incomplete record, which was cut')
    this.#host = new RaftHost({
      self: this.#self,
      voters: members.map(({ id }) => asMemberId(id)),
      limits: raftLimits,
      hardState: stored.hardState,
      entries: stored.entries,
      storage,
      snapshots: this.#snapshots,
      user: this.#raftUser,
    })
  }

  async #openPeers(): Promise<void> {
    const { id, clusterName, members, peerListen, transport: kind = 'tcp' } = this.#options
    const own = ownMember(this.#options)
    const { transport, address } = await openServerTransport({
      transport: kind,
      self: id,
      cluster: clusterName,
      listen: peerListen ?? { host: own.host, port: own.peerPort },
      events: {
        onBody: (from, body) => this.#onBody(asMemberId(from), body),
        onDown: (peer) => this.#onLinkLost(asMemberId(peer)),
        onProtocolError: (remote, reason) =>
          this.#logger.warn({ remote, reason }, 'peer connection closed: not our protocol'),
      },
    })
    this.#transport = transport
    this.#peerAddress = address
    this.#links = new PeerLinks(transport, () => this.#options.data.clusterId ?? '')
    for (const member of members) {
      if (member.id !== id) transport.setAddress(member.id, { host: member.host, port: member.peerPort })
    }
  }

  // What arrives.

  #onBody(from: MemberId, body: Uint8Array): void {
    const host = this.#host
    if (host === null || this.#stopped) return
    if (!host.raft.voters.includes(from)) throw new FrameError('it is no member of this ensemble')
    const { ensembleId, messages } = decodeBody(body)
    // A log of another ensemble could win an election here.
    const own = this.#options.data.clusterId ?? ''
    if (ensembleId !== '' && own !== '' && ensembleId !== own)
      throw new FrameError(`it belongs to ensemble ${ensembleId}, not ${own}`)
    for (const message of messages) {
      switch (message.type) {
        case 'raft':
          host.step({ type: 'message', from, message: message.message })
          break
        case 'forward':
          this.#forwarder.onForwarded(from, message.command)
          break
        case 'rejected':
          this.#door.drop(message.connection)
          break
        case 'heard':
          for (const session of message.sessions) this.#sessions.heard(session, performance.now())
          break
      }
    }
    this.#touched()
  }

  #onLinkLost(peer: MemberId): void {
    if (!this.#stopped) this.#forwarder.onLinkLost(peer)
  }

  #onTick(): void {
    this.#host?.tick()
    const nowMs = performance.now()
    if (nowMs - this.#saidHeardMs >= HEARD_MS) {
      this.#saidHeardMs = nowMs
      this.#sayHeard(nowMs)
    }
    this.#sendClientsAway(nowMs)
    this.#expiryDue = true
    this.#touched()
  }

  #sayHeard(nowMs: number): void {
    const sessions = this.#queue.takeTouched()
    if (sessions.length === 0 || this.#leader === null) return
    if (this.#leader !== this.#self) this.#links?.send(this.#leader, { type: 'heard', sessions })
    else for (const session of sessions) this.#sessions.heard(session, nowMs)
  }

  /** A member that is cut off keeps nobody: elsewhere there may be a leader. */
  #sendClientsAway(nowMs: number): void {
    const { electionTicksMin } = { ...DEFAULT_RAFT_LIMITS, ...this.#options.raftLimits }
    const patienceMs = electionTicksMin * (this.#options.tickMs ?? TICK_MS)
    if (this.#leaderlessMs === null || nowMs - this.#leaderlessMs < patienceMs) return
    this.#leaderlessMs = null
    this.#queue.step({ type: 'stop-serving' })
  }

  // The end of the turn.

  #touched(): void {
    if (this.#turnEnds) return
    this.#turnEnds = true
    setImmediate(() => {
      this.#turnEnds = false
      this.#endTurn()
    })
  }

  #endTurn(): void {
    const host = this.#host
    if (this.#stopped || host === null) return
    if (this.#expiryDue) {
      // Here, after the sockets have been read: whoever was heard in this turn is not taken for silent.
      this.#expiryDue = false
      this.#forwarder.expire(this.#sessions.expired(performance.now()))
    }
    this.#foundEnsemble(host)
    host.propose(this.#forwarder.takeProposals())
    host.endTurn()
    this.#takeSnapshot()
    for (const peer of this.#links?.flush() ?? []) this.#onLinkLost(peer)
    this.#door.flush()
  }

  /** The first leader draws the secret that all members share. */
  #foundEnsemble({ raft }: RaftHost): void {
    if (this.#machine.ensemble !== null || raft.role.type !== 'leader') return
    // Its own first entry tells whether one of its predecessors did.
    if (raft.commit < raft.role.noopIndex || this.#foundedInTerm === raft.term) return
    this.#foundedInTerm = raft.term
    this.#forwarder.found(newEnsemble())
  }

  #takeSnapshot(): void {
    const { snapshotEntries = SNAPSHOT_ENTRIES, snapshotBytes = SNAPSHOT_BYTES } = this.#options
    const { entries, bytes } = this.#machine.sinceSnapshot
    if (this.#snapshotting !== null || (entries < snapshotEntries && bytes < snapshotBytes)) return
    const { meta, parts } = this.#machine.serialize()
    this.#snapshotting = this.#snapshots
      .write(meta, parts)
      .then(
        () => this.#host?.onCompacted(meta),
        (error: Error) => this.#fail(error),
      )
      .finally(() => {
        this.#snapshotting = null
      })
  }

  // What the cores want.

  readonly #raftUser: RaftUser = {
    send: (to, message) => this.#links?.send(to, { type: 'raft', message }),
    commit: (entries) => {
      for (const entry of entries) this.#apply(entry)
    },
    restore: (snapshot) => this.#restore(snapshot),
    rejected: (id) => this.#forwarder.onRejected(id),
    readReady: (token) => this.#queue.step({ type: 'read-index-reached', token }),
    roleChanged: (role, term, leader) => {
      this.#logger.info({ role, term, leader }, 'role')
      if (leader === null) this.#leaderlessMs ??= performance.now()
      else this.#leaderlessMs = null
      if (role === 'leader') this.#sessions.becomeLeader(performance.now())
      else this.#sessions.stopLeading()
      this.#leader = leader
      this.#forwarder.onRole(leader, term)
    },
    touched: () => this.#touched(),
    failed: (error) => this.#fail(error),
  }

  /** Watch events first, then the replies of the sessions here, then what they asked to read at this very state. */
  #apply(entry: LogEntry): void {
    const founded = this.#machine.ensemble !== null
    const { command, result } = this.#machine.apply(entry)
    if (!founded && this.#machine.ensemble !== null) this.#adopt(this.#machine.ensemble)
    this.#sessions.onApplied(command, result, performance.now())
    this.#forwarder.onApplied(command)
    this.#queue.step({ type: 'applied', command, result })
  }

  #restore(snapshot: Parameters<StateMachine['restore']>[0]): void {
    this.#machine.restore(snapshot)
    if (this.#machine.ensemble !== null) this.#adopt(this.#machine.ensemble)
    this.#queue.step({ type: 'restored', tree: this.#machine.tree })
  }

  /** Data of two ensembles must never mix. */
  #adopt({ id }: Ensemble): void {
    try {
      this.#options.data.adoptCluster(id)
    } catch (error) {
      this.#fail(asError(error))
    }
  }

  readonly #ways = {
    sendCommand: (leader: MemberId, command: Uint8Array) =>
      this.#links?.send(leader, { type: 'forward', command }),
    sendRejected: (member: MemberId, connection: number) =>
      this.#links?.send(member, { type: 'rejected', connection }),
    heard: (session: bigint) => this.#sessions.heard(session, performance.now()),
    closeClient: (connection: number) => this.#door.drop(connection),
    touched: () => this.#touched(),
    wallMs: () => Date.now(),
  }

  readonly #queueOutbox: QueueOutbox = {
    forward: (command) => this.#forwarder.forward(command),
    askReadIndex: (token) => this.#host?.askRead(token),
    connected: (connection, session, timeoutMs) => this.#door.connected(connection, session, timeoutMs),
    refused: (connection) => this.#door.refused(connection),
    reply: (connection, xid, zxid, err, response) => this.#door.reply(connection, xid, zxid, err, response),
    notify: (connection, event) => this.#door.notify(connection, event),
    pause: (connection) => this.#door.pause(connection),
    resume: (connection) => this.#door.resume(connection),
    close: (connection) => {
      this.#forwarder.drop(connection)
      this.#door.close(connection)
    },
  }

  readonly #doorServices: DoorServices = {
    step: (event: QueueEvent) => {
      if (event.type === 'connection-lost') this.#forwarder.drop(event.connection)
      this.#queue.step(event)
    },
    isServing: () => this.#leader !== null && this.#machine.ensemble !== null && this.#failure === null,
    nextConnection: () => this.#nextConnection(),
    passwordOf: (session) => passwordOf(this.#ensemble, session),
    isPasswordOf: (session, password) => isPasswordOf(this.#ensemble, session, password),
    facts: () => factsIn(this.#sight),
    touched: () => this.#touched(),
  }

  #nextConnection(): number | null {
    try {
      return this.#numbers.next()
    } catch (error) {
      this.#fail(asError(error))
      return null
    }
  }

  get #ensemble(): Ensemble {
    const { ensemble } = this.#machine
    if (ensemble === null) throw new Error('a session before the ensemble was founded')
    return ensemble
  }

  // What is told.

  get #sight(): Sight {
    if (this.#host === null) throw new Error('the coordinator has not started')
    return {
      raft: this.#host.raft,
      machine: this.#machine,
      watches: this.#watches,
      door: this.#door,
      outstanding: this.#forwarder.outstanding,
      serving: this.#doorServices.isServing(),
      failure: this.#failure,
    }
  }

  status(): CoordinatorStatus {
    return statusIn(this.#sight)
  }

  // The end.

  /** Nothing that this member says can be relied on any more: it says nothing. The process stays up to tell why. */
  #fail(error: Error): void {
    if (this.#failure !== null || this.#stopped) return
    this.#failure = error
    this.#logger.error({ err: error }, 'this member takes no part any more')
    this.#host?.stop()
    if (this.#ticker !== null) clearInterval(this.#ticker)
    void this.#transport?.close()
    void this.#door.stop()
    this.#options.onFailure?.(error)
  }

  async stop({ handOver = true }: { readonly handOver?: boolean } = {}): Promise<void> {
    if (this.#stopped) return
    if (handOver && this.#failure === null) await this.#handOver()
    this.#stopped = true
    if (this.#ticker !== null) clearInterval(this.#ticker)
    this.#host?.stop()
    await this.#door.stop()
    await this.#transport?.close()
    await this.#snapshotting
    this.#snapshots.close()
    if (this.#failure === null) await this.#storage?.close()
  }

  /** To whoever holds most of the log: an election by timeout would take ten times as long. */
  async #handOver(): Promise<void> {
    const host = this.#host
    if (host === null || host.raft.role.type !== 'leader') return
    const [best] = [...host.raft.role.progress].sort(([, a], [, b]) => b.match - a.match)
    if (best === undefined) return
    host.step({ type: 'transfer-leadership', to: best[0] })
    this.#touched()
    const untilMs = performance.now() + HAND_OVER_MS
    while (this.#leader === this.#self && performance.now() < untilMs)
      await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))
