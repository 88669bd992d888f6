/**
 * A data server's part in the control plane: its session, its lease, its registration, its reports; and what it hears of configurations
 * and of other servers (DESIGN sections 4 and 5). Nothing on the data path waits for any of it.
 */
import type { CoordinatorClient } from '../../client/coordinator/api.ts'
import { CoordinatorError } from '../../client/coordinator/errors.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { ReplicaReport, ServerRegistration } from '../../protocol/cluster.ts'
import { asChainId, type ChainId, type Incarnation, type ServerId } from '../../protocol/ids.ts'
import type { Timer } from '../../protocol/timers.ts'
import { chainFromJson, reasonFromJson, registrationFromJson } from '../cluster-znodes.ts'
import type { ControlPorts } from '../control-ports.ts'
import { Lease } from './lease.ts'

const decoder = new TextDecoder()

export const SHUT_OUT =
  'the coordinators refuse this server: /catenary is closed to it. Start it with the --secret-file of the cluster'

/** The data server, as far as its membership is concerned. */
export interface MembershipServer {
  readonly id: ServerId
  /** What leases are measured with. */
  readonly clock: { nowMs(): number }
  /** What it could bring into a chain. */
  readonly holds: ServerRegistration['holds']
  /** Its disk failed: it serves nothing any more. */
  readonly storageError: Error | null
  /** Until when it may trust its configurations, on its `clock`. */
  renewLease(untilMs: number): void
  /** It must stop serving before this returns. */
  loseSession(): void
  beginLife(incarnation: Incarnation): void
  learnServer(registration: ServerRegistration): void
  /** Rejects where the chain's store cannot be opened. */
  learnConfig(config: ChainConfig, reason: string | null): Promise<void>
  failStorage(error: Error): void
}

export interface MembershipOptions {
  readonly server: MembershipServer
  readonly coordinators: readonly string[]
  readonly sessionTimeoutMs: number
  /** How late the ensemble's leader may hear of a touch, or never where the member in between dies first: Apache ZooKeeper's tick; ours at once. */
  readonly touchLagMs: number
  readonly registration: Omit<ServerRegistration, 'incarnation' | 'holds' | 'draining'>
  /** Durable, and greater than every earlier one. */
  readonly nextIncarnation: () => Incarnation
  /** Told of each life's session at its beginning: whoever else wants to watch the tree. */
  readonly onSession?: (client: CoordinatorClient) => void
  readonly ports: ControlPorts
}

/** One life: from a session's beginning to its loss. */
interface Life {
  readonly client: CoordinatorClient
  readonly incarnation: Incarnation
  registered: boolean
  renewals: Timer | null
  readonly lease: Lease
  complained: boolean
  /** The tree is not open to it; complained of. */
  shutOut: boolean
  readonly watched: Set<string>
  readonly reports: Map<ChainId, ReplicaReport>
  readonly reporting: Set<ChainId>
}

export class Membership {
  readonly #options: MembershipOptions
  readonly #server: MembershipServer
  readonly #ports: ControlPorts
  readonly #log: ControlPorts['logger']
  #life: Life | null = null
  #closed = false

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#server = options.server
    this.#ports = options.ports
    this.#log = options.ports.logger
  }

  /** Begins the first life. Later ones begin by themselves when a session is lost. */
  start(incarnation: Incarnation): void {
    this.#beginLife(incarnation)
  }

  #beginLife(incarnation: Incarnation): void {
    const openedAtMs = this.#server.clock.nowMs()
    const client = this.#ports.openSession({
      servers: this.#options.coordinators,
      sessionTimeoutMs: this.#options.sessionTimeoutMs,
    })
    const life: Life = {
      client,
      incarnation,
      registered: false,
      renewals: null,
      lease: new Lease({ openedAtMs, touchLagMs: this.#options.touchLagMs }),
      complained: false,
      shutOut: false,
      watched: new Set(),
      reports: new Map(),
      reporting: new Set(),
    }
    this.#life = life
    client.onState((state) => {
      if (this.#life !== life) return
      this.#log.info({ state, session: client.session.sessionId.toString(16) }, 'coordinator session')
      if (state === 'connected') this.#onConnected(life)
      if (state === 'expired') this.#onExpired(life)
    })
  }

  #onConnected(life: Life): void {
    this.#watch(life)
    this.#inBackground(life.registered ? this.#renew(life) : this.#register(life))
    for (const chain of life.reports.keys()) this.#inBackground(this.#sendReport(life, chain))
    life.renewals ??= this.#ports.timers.every(this.#renewEveryMs, () =>
      this.#inBackground(this.#renew(life)),
    )
  }

  /** Nobody waits for it. What it may meet it handles; anything else that it throws is a bug. */
  #inBackground(work: Promise<void>): void {
    work.catch(this.#ports.onBug)
  }

  get #renewEveryMs(): number {
    const { sessionTimeoutMs, touchLagMs } = this.#options
    // Where a renewal counts only once a later one has been heard, more of them have to fit into a lease.
    return Math.max(50, Math.floor(sessionTimeoutMs / (touchLagMs > 0 ? 6 : 3)))
  }

  /** Somebody else may be head already: stop first, then come back as somebody new. */
  #onExpired(life: Life): void {
    this.#server.loseSession()
    this.#endLife(life)
    if (this.#closed || this.#server.storageError !== null) return
    const incarnation = this.#options.nextIncarnation()
    this.#log.warn({ incarnation }, 'the session expired: rejoining as a new incarnation')
    this.#server.beginLife(incarnation)
    this.#beginLife(incarnation)
  }

  #endLife(life: Life): void {
    life.renewals?.cancel()
    life.renewals = null
    if (this.#life === life) this.#life = null
  }

  get #path(): string {
    return `/catenary/servers/${this.#server.id}`
  }

  /** Ends with the life's session, or when a later life takes its place. While it is there, this life may write its registration, and no other. */
  #lifePath(incarnation: Incarnation): string {
    return `/catenary/lives/${this.#server.id}-${incarnation}`
  }

  #registration(life: Life): string {
    const registration: ServerRegistration = {
      ...this.#options.registration,
      incarnation: life.incarnation,
      holds: this.#server.holds,
      draining: false,
    }
    return JSON.stringify(registration)
  }

  async #register(life: Life): Promise<void> {
    for (let tries = 0; this.#isCurrent(life) && !life.registered; tries++) {
      const sentAt = this.#server.clock.nowMs()
      try {
        await life.client.multi([
          { type: 'create', path: this.#lifePath(life.incarnation), data: null, ephemeral: true },
          { type: 'create', path: this.#path, data: this.#registration(life), ephemeral: true },
        ])
        life.registered = true
        this.#renewed(life, sentAt)
        this.#log.info({ incarnation: life.incarnation }, 'registered')
      } catch (error) {
        if (isGone(error)) return // the next connection, or the next life, tries again
        if (codeOf(error) === 'NODE_EXISTS') await this.#makeRoom(life)
        else if (codeOf(error) === 'NO_AUTH') this.#complainOfAccess(life)
        else if (codeOf(error) !== 'NO_NODE') throw error
        await this.#pause(Math.min(100 * (tries + 1), 1000))
      }
    }
  }

  /**
   * The name is taken. Where it is by this very directory, that life is over, because this process holds the directory's lock: no need to
   * wait for its session to expire. Another directory's server may well be alive.
   *
   * The life's own znode goes with its registration, and every write to a registration names that znode, because a life may be over while a write of it is still
   * on its way from a member to the leader:
   *   1. n1 sends a renewal to a member whose way to the leader is slow, and is killed.
   *   2. Its next life takes the name over another member, joins, and serves.
   *   3. The renewal arrives: the registration names the life that is over, and the manager drops n1, whose lease lives.
   */
  async #makeRoom(life: Life): Promise<void> {
    try {
      const { data, stat } = await life.client.getData(this.#path)
      const earlier = registrationFromJson(decoder.decode(data))
      if (
        stat.ephemeralOwner === life.client.session.sessionId &&
        earlier?.incarnation === life.incarnation
      ) {
        life.registered = true // the reply to our own create was lost
        return
      }
      if (earlier === null) {
        this.#log.error(
          { znode: this.#path },
          `${this.#path} is no registration: delete it, so that this server can register`,
        )
        return
      }
      if (earlier.dataId !== this.#options.registration.dataId) {
        this.#log.error(
          { id: this.#server.id, other: earlier },
          'another data directory serves under this id: give this server another --id, or stop that one',
        )
        return
      }
      await life.client.multi([
        { type: 'delete', path: this.#lifePath(earlier.incarnation) },
        { type: 'delete', path: this.#path, version: stat.version },
      ])
    } catch (error) {
      if (codeOf(error) === 'NO_NODE') await this.#forgetLifeWithoutName(life)
      else if (codeOf(error) === 'NO_AUTH') this.#complainOfAccess(life)
      else if (!isGone(error) && codeOf(error) !== 'BAD_VERSION') throw error
    }
  }

  /** An operator has deleted the registration, and the life's own znode has stayed. */
  async #forgetLifeWithoutName(life: Life): Promise<void> {
    try {
      await life.client.delete(this.#lifePath(life.incarnation))
    } catch (error) {
      if (!isGone(error) && codeOf(error) !== 'NO_NODE') throw error
    }
  }

  /** A renewal is a write, and counts once committed: a ping would prove nothing (DESIGN section 5). */
  async #renew(life: Life): Promise<void> {
    if (!life.registered || !this.#isCurrent(life)) return
    const sentAt = this.#server.clock.nowMs()
    try {
      await life.client.multi([
        { type: 'check', path: this.#lifePath(life.incarnation), version: -1 },
        { type: 'setData', path: this.#path, data: this.#registration(life) },
      ])
      this.#renewed(life, sentAt)
    } catch (error) {
      if (isGone(error)) return
      if (codeOf(error) === 'NO_AUTH') return this.#complainOfAccess(life)
      if (codeOf(error) !== 'NO_NODE') throw error
      life.registered = false // an operator removed it
      await this.#register(life)
    }
  }

  #renewed(life: Life, sentAtMs: number): void {
    if (!this.#isCurrent(life) || this.#server.storageError !== null) return
    const { timeoutMs: grantedMs, lastZxid } = life.client.session
    const untilMs = life.lease.renewed({ sentAtMs, grantedMs, lastZxid })
    if (untilMs !== null) return this.#server.renewLease(untilMs)
    if (!life.complained)
      this.#log.error(
        'this ensemble is Apache ZooKeeper, and this server was not told its tick: it takes no lease, so its strong reads travel the chain. Start it with --coordinator-tick <tickTime>',
      )
    life.complained = true
  }

  /** The manager has closed the tree, or another secret is this cluster's: without a lease this server soon serves nothing. */
  #complainOfAccess(life: Life): void {
    if (!life.shutOut) this.#log.error(SHUT_OUT)
    life.shutOut = true
  }

  #isCurrent(life: Life): boolean {
    return this.#life === life && !this.#closed
  }

  #watch(life: Life): void {
    if (life.watched.size > 0) return
    life.watched.add('/')
    this.#options.onSession?.(life.client)
    life.client.watchChildren('/catenary/servers', (servers) => {
      for (const id of servers ?? []) this.#watchServer(life, id)
    })
    life.client.watchChildren('/catenary/chains', (chains) => {
      for (const id of chains ?? []) this.#watchChain(life, asChainId(id))
    })
  }

  #watchServer(life: Life, id: string): void {
    const path = `/catenary/servers/${id}`
    if (life.watched.has(path)) return
    life.watched.add(path)
    // Registrations are rewritten by every renewal: a look when one appears is enough, a watch on its data would never rest.
    const look = life.client.getData(path).then(
      ({ data }) => {
        const registration = registrationFromJson(decoder.decode(data))
        life.watched.delete(path)
        // One that says to be another would send everybody to the wrong place.
        if (registration?.server !== id) this.#complain(path, 'is no registration of that server')
        else if (this.#isCurrent(life)) this.#server.learnServer(registration)
      },
      () => {
        life.watched.delete(path)
      },
    )
    this.#inBackground(look)
  }

  #watchChain(life: Life, chain: ChainId): void {
    const path = `/catenary/chains/${chain}`
    if (life.watched.has(path)) return
    life.watched.add(path)
    life.client.watchData(path, (znode) => {
      if (znode === null || !this.#isCurrent(life)) return
      const json = decoder.decode(znode.data)
      const config = chainFromJson(chain, json)
      if (config === null) return this.#complain(path, 'holds no configuration of that chain')
      this.#inBackground(
        this.#server
          .learnConfig(config, reasonFromJson(json))
          .catch((error: Error) => this.#server.failStorage(error)),
      )
    })
  }

  /** Anybody with a ZooKeeper shell may have written it; what was known before stays in force. */
  #complain(path: string, problem: string): void {
    this.#log.error({ znode: path }, `${path} ${problem}: ignored; correct or delete it`)
  }

  /** What a replica wants the manager to know; the newest replaces the others. */
  report(chain: ChainId, report: ReplicaReport): void {
    const life = this.#life
    if (life === null || report.incarnation !== life.incarnation) return
    life.reports.set(chain, report)
    this.#inBackground(this.#sendReport(life, chain))
  }

  async #sendReport(life: Life, chain: ChainId): Promise<void> {
    if (life.reporting.has(chain)) return
    life.reporting.add(chain)
    try {
      for (;;) {
        const report = life.reports.get(chain)
        if (report === undefined || !this.#isCurrent(life)) return
        await this.#writeReport(
          life,
          `/catenary/chains/${chain}/synced/${this.#server.id}`,
          JSON.stringify(report),
        )
        if (life.reports.get(chain) === report) life.reports.delete(chain)
      }
    } catch (error) {
      if (codeOf(error) === 'NO_AUTH') this.#complainOfAccess(life)
      else if (!isGone(error)) throw error // sent again when the connection is back
    } finally {
      life.reporting.delete(chain)
    }
  }

  async #writeReport(life: Life, path: string, json: string): Promise<void> {
    for (;;) {
      try {
        const stat = await life.client.exists(path)
        if (stat === null) await life.client.create(path, json, { ephemeral: true })
        else if (stat.ephemeralOwner === life.client.session.sessionId)
          await life.client.setData(path, json, stat.version)
        else await life.client.delete(path, stat.version) // an earlier life's
        if (stat === null || stat.ephemeralOwner === life.client.session.sessionId) return
      } catch (error) {
        const code = codeOf(error)
        if (code === 'NO_NODE')
          await this.#pause(100) // the manager makes the parent
        else if (code !== 'NODE_EXISTS' && code !== 'BAD_VERSION') throw error
      }
      if (!this.#isCurrent(life)) return
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#ports.timers.after(ms, resolve)
    })
  }

  /** Leaves at once: the session is closed, so that nobody has to wait for it to expire. The server must have stopped serving before. */
  async stop(): Promise<void> {
    this.#closed = true
    const life = this.#life
    if (life === null) return
    this.#endLife(life)
    await life.client.close()
  }

  /** The disk failed and every chain was left: the manager is told by the end of the session. */
  async abandon(): Promise<void> {
    await this.stop()
  }
}

const codeOf = (error: unknown): string | null => (error instanceof CoordinatorError ? error.code : null)

/** The connection or the session is gone; whoever comes next repeats it. */
const isGone = (error: unknown): boolean => {
  const code = codeOf(error)
  return (
    code === 'CONNECTION_LOSS' || code === 'SESSION_EXPIRED' || code === 'SESSION_MOVED' || code === 'CLOSED'
  )
}
