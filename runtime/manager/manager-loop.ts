/**
 * The manager as a process part: stands for election, mirrors the tree, lets the planner decide, writes by compare-and-set. Nothing
 * here protects the chains: an old view, two leaders at once or a lost reply can only make a write fail (DESIGN section 4).
 */
import type { CoordinatorClient, CoordinatorState, MultiStep } from '../../client/coordinator/api.ts'
import { isCoordinatorError } from '../../client/coordinator/errors.ts'
import type { PlannerLimits } from '../../coordinator/manager/limits.ts'
import { plan } from '../../coordinator/manager/planner.ts'
import { isAtRest } from '../../coordinator/manager/rest.ts'
import {
  type ChainNote,
  newPlannerState,
  type PlannerState,
  type Proposal,
} from '../../coordinator/manager/view.ts'
import type { ClusterOptions } from '../../protocol/cluster.ts'
import { asMillis } from '../../protocol/ids.ts'
import type { Acl } from '../../protocol/zookeeper/records.ts'
import { clusterOptionsFromJson } from '../cluster-znodes.ts'
import type { ControlPorts } from '../control-ports.ts'
import { closeTree } from './close-tree.ts'
import { Election } from './election.ts'
import { TreeMirror } from './tree-mirror.ts'
import { chainPath, PATHS, resetPath, syncedPath } from './znodes.ts'

export interface ManagerOptions {
  /** Members of the ensemble. */
  readonly coordinator: string | readonly string[]
  /** Who this is, for logs and for its election znode. */
  readonly name: string
  /** What `/catenary/cluster` will say if nobody has said it yet. */
  readonly options: Omit<ClusterOptions, 'clusterId'>
  /** Other times and caps than the usual ones, for tests. */
  readonly limits?: Partial<PlannerLimits>
  /** Rounds happen after changes; this often also without, while time alone may ripen something: a suspicion, a backoff, a grace. Default: 250. */
  readonly roundEveryMs?: number
}

export interface ManagerPorts extends ControlPorts {
  /** A name that no other cluster has or had. */
  readonly newClusterId: () => string
  /** The access list of all that the cluster has in the tree; null: everybody everything. */
  readonly treeAcl: readonly Acl[] | null
}

export interface ManagerStatus {
  readonly name: string
  readonly session: CoordinatorState
  readonly leads: boolean
  readonly cluster: ClusterOptions | null
  /** What the chains wait for, as of the last round. */
  readonly waiting: readonly ChainNote[]
  /** The last configuration that this manager wrote. */
  readonly lastChange: string | null
  readonly changes: number
}

export interface Manager {
  /** Gives the office up at once: the next candidate takes over. */
  stop(): Promise<void>
  status(): ManagerStatus
}

const ROUND_EVERY_MS = 250
/** Changes that come together are planned for together. */
const GATHER_MS = 10
/** Where only a change can give it something to do, which it is told of, a manager looks so many times less often. */
const REST_ROUNDS = 20

/** In a log line. */
const REFUSED_SHOWN = 10

/** What the next round waits for, besides changes. */
type Until = 'time passes' | 'something changes'

/** What holds for one session, and goes with it. */
interface Term {
  readonly election: Election
  readonly mirror: TreeMirror
  cluster: ClusterOptions | null
  /** Whether the tree is as closed as it should be. */
  isTreeClosed: boolean
  /** Since it leads; null = it does not. */
  office: { readonly electedAtMs: number; readonly state: PlannerState } | null
}

const DONE = Promise.resolve()

export class ManagerLoop implements Manager {
  readonly #options: ManagerOptions
  readonly #ports: ManagerPorts
  readonly #log: ManagerPorts['logger']
  readonly #client: CoordinatorClient
  readonly #done: Promise<void>
  #term: Term | null = null
  #stopped = false
  /** Something may have changed that this session has not been told of: it was cut off, or is new. */
  #isBehind = true
  #woken = false
  #wake: () => void = () => {}
  #waiting: readonly ChainNote[] = []
  #lastChange: string | null = null
  #problem: string | null = null
  #changes = 0

  constructor(options: ManagerOptions, ports: ManagerPorts) {
    this.#options = options
    this.#ports = ports
    this.#log = ports.logger
    this.#client = ports.openSession({
      servers: options.coordinator,
      sessionTimeoutMs: options.options.sessionTimeoutMs,
      renewExpired: true,
    })
    this.#client.onState((state) => this.#onState(state))
    // Coordinator errors end a round. Anything else is a bug, an invariant's violation above all.
    this.#done = this.#run().catch(ports.onBug)
  }

  status(): ManagerStatus {
    return {
      name: this.#options.name,
      session: this.#client.state,
      leads: this.#client.state === 'connected' && this.#term?.office != null,
      cluster: this.#term?.cluster ?? null,
      waiting: this.#waiting,
      lastChange: this.#lastChange,
      changes: this.#changes,
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#wakeUp()
    await this.#client.close()
    await this.#done
  }

  #onState(state: CoordinatorState): void {
    if (state !== 'connected') this.#isBehind = true
    if (state === 'expired') {
      if (this.#term?.office) this.#log.warn('the session expired: no longer the manager')
      this.#term = null
    }
    this.#wakeUp()
  }

  #wakeUp(): void {
    this.#woken = true
    this.#wake()
  }

  async #run(): Promise<void> {
    const { timers } = this.#ports
    const { roundEveryMs = ROUND_EVERY_MS } = this.#options
    while (!this.#stopped) {
      const until = await this.#tryRound()
      const gatheredMs = timers.nowMs() + GATHER_MS
      await this.#untilWoken(until === 'time passes' ? roundEveryMs : roundEveryMs * REST_ROUNDS)
      await this.#pause(gatheredMs - timers.nowMs())
      this.#woken = false
    }
  }

  async #tryRound(): Promise<Until> {
    if (this.#client.state !== 'connected') return 'something changes'
    try {
      return await this.#round()
    } catch (error) {
      if (!isCoordinatorError(error)) throw error
      if (error.code === 'NO_AUTH')
        this.#complain(
          `the coordinators refuse it: ${error.message}. Whoever created that znode gave it to others: start this manager with the cluster's --secret-file`,
        )
      this.#log.debug({ error: error.message }, 'the round was cut short')
      return 'time passes'
    }
  }

  #untilWoken(ms: number): Promise<void> {
    if (this.#stopped || this.#woken) return DONE
    return new Promise((resolve) => {
      const timer = this.#ports.timers.after(ms, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  #pause(ms: number): Promise<void> {
    if (this.#stopped || ms <= 0) return DONE
    return new Promise((resolve) => {
      this.#ports.timers.after(ms, resolve)
    })
  }

  async #round(): Promise<Until> {
    this.#term ??= this.#newTerm()
    const term = this.#term
    term.cluster ??= await this.#foundCluster()
    if (!term.cluster) return 'time passes'
    const leads = await term.election.leads()
    if (term !== this.#term) return 'time passes'
    if (!leads) {
      if (term.office) this.#log.warn('another candidate leads: no longer the manager')
      term.office = null
      this.#waiting = []
      return 'something changes' // the candidate before this one is watched
    }
    if (!term.office) {
      // What the last manager wrote may not have reached this member yet.
      this.#isBehind = true
      const state = newPlannerState(this.#options.limits)
      term.office = { electedAtMs: this.#ports.timers.nowMs(), state }
      this.#log.info({ name: this.#options.name }, 'elected: this is the manager now')
    }
    await this.#closeTree(term)
    return await this.#planAndWrite(term, term.office, term.cluster)
  }

  /** Once a term: what was open before there was a secret. */
  async #closeTree(term: Term): Promise<void> {
    const { treeAcl } = this.#ports
    if (term.isTreeClosed || treeAcl === null) return
    const { closed, refused } = await closeTree(this.#client, treeAcl)
    term.isTreeClosed = true
    if (closed > 0)
      this.#log.warn(
        { znodes: closed },
        `${closed} znodes below /catenary were open to others: from now on only who has the cluster's secret may read or write them`,
      )
    if (refused.length > 0)
      this.#log.error(
        { znodes: refused.slice(0, REFUSED_SHOWN) },
        `${refused.length} znodes below /catenary have access lists that keep the cluster out: correct or delete them`,
      )
  }

  #newTerm(): Term {
    const onChange = () => this.#wakeUp()
    const client = this.#client
    const election = new Election({ client, path: PATHS.manager, name: this.#options.name, onChange })
    const mirror = new TreeMirror(client, onChange)
    return { election, mirror, cluster: null, isTreeClosed: false, office: null }
  }

  /** Reads the cluster's options, or writes them if nobody has: the first one decides. */
  async #foundCluster(): Promise<ClusterOptions | null> {
    for (const path of [PATHS.servers, PATHS.lives, PATHS.chains, PATHS.manager, PATHS.drain]) {
      await this.#client.ensurePath(path)
    }
    const mine: ClusterOptions = { clusterId: this.#ports.newClusterId(), ...this.#options.options }
    try {
      await this.#client.create(PATHS.cluster, JSON.stringify(mine))
      this.#log.info(mine, `a new cluster: ${mine.chainCount} chains of ${mine.replicationFactor} members`)
    } catch (error) {
      if (!isCoordinatorError(error, 'NODE_EXISTS')) throw error
    }
    const { data } = await this.#client.getData(PATHS.cluster)
    const options = clusterOptionsFromJson(new TextDecoder().decode(data))
    if (!options) this.#complain(`${PATHS.cluster} holds no cluster options; correct or delete it`)
    return options
  }

  async #planAndWrite(
    term: Term,
    office: NonNullable<Term['office']>,
    options: ClusterOptions,
  ): Promise<Until> {
    await this.#catchUp()
    const tree = await term.mirror.refresh()
    // The session may have ended while this was read: then somebody else is in office.
    if (term !== this.#term || this.#client.state !== 'connected') return 'time passes'
    const nowMs = asMillis(this.#ports.timers.nowMs())
    const view = { ...tree, options, nowMs, electedAtMs: asMillis(office.electedAtMs) }
    const next = plan(view, office.state)
    this.#tellWaiting(next.waiting)
    // In one go: requests are pipelined, and the chains do not depend on each other.
    await Promise.all([
      ...next.proposals.map((proposal) => this.#write(proposal)),
      ...next.refusedResets.map((refused) => this.#refuseReset(refused)),
    ])
    return isAtRest(view, office.state, next) && !term.mirror.isStale ? 'something changes' : 'time passes'
  }

  /**
   * A session that survived an outage hears of what it missed some time after it is connected again. Until then the whole copy of the tree looks clean, however old it is, and
   * not everything is written by compare-and-set on what it was planned from: a chain would be created with members that are long gone. The missed events come before the
   * reply to a `sync`, which also brings a coordinator up that lags.
   */
  async #catchUp(): Promise<void> {
    while (this.#isBehind) {
      this.#isBehind = false
      try {
        await this.#client.sync(PATHS.chains)
      } catch (error) {
        this.#isBehind = true
        throw error
      }
    }
  }

  async #write(proposal: Proposal): Promise<void> {
    const { chain, config, expectedVersion, step, reason } = proposal
    const path = chainPath(chain)
    // The reason is for who reads the znode, and for the log of the chain's head; a configuration is read without it.
    const json = JSON.stringify({ ...config, reason })
    const steps: MultiStep[] =
      expectedVersion === -1
        ? [
            { type: 'create', path, data: json },
            { type: 'create', path: syncedPath(chain), data: null },
          ]
        : [{ type: 'setData', path, data: json, version: expectedVersion }]
    // Together with the order's end: it must not be obeyed twice.
    if (step === 'reset') steps.push({ type: 'delete', path: resetPath(chain) })
    try {
      if (steps.length === 1) await this.#client.setData(path, json, expectedVersion)
      else await this.#client.multi(steps)
    } catch (error) {
      if (!isCoordinatorError(error, 'BAD_VERSION', 'NODE_EXISTS', 'NO_NODE')) throw error
      this.#log.debug({ chain, epoch: config.epoch }, `not written, the view was old: ${reason}`)
      return
    }
    this.#changes += 1
    this.#lastChange = reason
    const members = config.members.map(
      ({ server, serving, leaving }) => `${server}${serving ? '' : '*'}${leaving ? '-' : ''}`,
    )
    const fields = { chain, epoch: config.epoch, step, members, joining: config.joining?.server ?? null }
    if (step === 'reset') this.#log.error(fields, reason)
    else this.#log.info(fields, reason)
  }

  async #refuseReset({ chain, reason }: ChainNote): Promise<void> {
    this.#log.error({ chain }, `refused: ${reason}`)
    try {
      await this.#client.delete(resetPath(chain))
    } catch (error) {
      if (!isCoordinatorError(error, 'NO_NODE')) throw error
    }
  }

  /** Once, not four times a second. */
  #complain(problem: string): void {
    if (problem !== this.#problem) this.#log.error(problem)
    this.#problem = problem
  }

  /** Once for each new reason, not four times a second. */
  #tellWaiting(waiting: readonly ChainNote[]): void {
    const told = new Set(this.#waiting.map(({ reason }) => reason))
    for (const { chain, reason } of waiting) if (!told.has(reason)) this.#log.warn({ chain }, reason)
    this.#waiting = waiting
  }
}
