import { plan } from '../../../coordinator/manager/planner.ts'
import { isAtRest } from '../../../coordinator/manager/rest.ts'
import type { ChainView, ManagerView, ResetOrder } from '../../../coordinator/manager/view.ts'
import { newPlannerState, type PlannerState, type Proposal } from '../../../coordinator/manager/view.ts'
import type { ChainConfig } from '../../../protocol/chain-config.ts'
import type { ReplicaReport, ServerRegistration } from '../../../protocol/cluster.ts'
import {
  asIncarnation,
  asMillis,
  asServerId,
  type ChainId,
  type Epoch,
  type Incarnation,
  type ServerId,
} from '../../../protocol/ids.ts'

/** What one replica has in memory: the epoch that it obeys, and whether it answers. */
interface Replica {
  config: ChainConfig
  answers: boolean
  failed: boolean
}

interface Server {
  readonly id: ServerId
  readonly zone: string
  up: boolean
  /** Of the life that runs, or ran last. */
  life: number
  /** The life whose ephemeral znode exists. */
  registered: number | null
  draining: boolean
  /** Survives everything but a wipe. `last` counts committed writes that it holds. */
  readonly disk: Map<ChainId, { epoch: Epoch; last: number }>
  readonly replicas: Map<ChainId, Replica>
}

interface Chain {
  config: ChainConfig | null
  version: number
  readonly history: ChainConfig[]
  readonly reports: Map<ServerId, ReplicaReport>
  /** Facts, `server/incarnation/epoch`: was handed off to; stopped answering. */
  readonly handoffs: Set<string>
  readonly silences: Set<string>
  committed: number
  reset: ResetOrder | null
  /** Commits of older epochs count for nothing any more: an operator has given them up. */
  resetEpoch: number
}

/** A manager at some stage of its round: other things happen between any two stages. */
interface Manager {
  state: PlannerState
  electedAtMs: number
  stage: number
  view: ManagerView
  proposals: Proposal[]
}

export interface WorldOptions {
  readonly seed: number
  readonly serverCount: number
  readonly chainCount: number
  readonly replicationFactor: number
}

const SESSION_MS = 6_000

/** A small simulated world around the planner: what is true, what each manager has seen of it, and what a replica would do. */
export class World {
  readonly options: WorldOptions
  readonly servers: Server[]
  readonly chains = new Map<ChainId, Chain>()
  readonly drains = new Set<ServerId>()
  readonly managers: Manager[]
  readonly counts: Record<string, number> = {}
  nowMs = 0
  #plans = 0
  #rng: number

  constructor(options: WorldOptions) {
    this.options = options
    this.#rng = options.seed >>> 0
    this.servers = Array.from({ length: options.serverCount }, (_, i) => ({
      id: asServerId(`n${i + 1}`),
      zone: `z${i % 3}`,
      up: true,
      life: 0,
      registered: null,
      draining: false,
      disk: new Map(),
      replicas: new Map(),
    }))
    this.managers = [this.#newManager(), this.#newManager()]
  }

  /** A number from 0 to n - 1. */
  draw(n: number): number {
    this.#rng = (this.#rng + 0x6d2b79f5) >>> 0
    let t = this.#rng
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % n
  }

  pick = <T>(items: readonly T[]): T | undefined => items[this.draw(Math.max(1, items.length))]
  server = (id: ServerId) => this.servers.find((server) => server.id === id)
  count = (what: string) => {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }

  // ---- what servers do ----

  crash(server: Server): void {
    server.up = false
    server.replicas.clear()
  }

  /** The coordinator lets the session go. A process that is up may notice much later. */
  expire(server: Server): void {
    server.registered = null
    for (const chain of this.chains.values()) chain.reports.delete(server.id)
  }

  wipe(server: Server): void {
    if (!server.up) server.disk.clear()
  }

  /** Starts, or notices that its session has ended: in both cases a new life. */
  register(server: Server): void {
    if (server.up && server.registered === server.life) return
    this.expire(server)
    server.up = true
    server.replicas.clear()
    server.life += 1
    server.registered = server.life
  }

  adopt(server: Server, chainId: ChainId): void {
    const config = this.chains.get(chainId)?.config
    if (!config || !server.up || server.registered !== server.life) return
    const known = server.replicas.get(chainId)
    if (known && known.config.epoch >= config.epoch) return
    const joins = config.joining?.server === server.id && config.joining.incarnation === server.life
    const member = config.members.find((m) => m.server === server.id && m.incarnation === server.life)
    if (!member && !joins) {
      server.replicas.delete(chainId)
      return
    }
    const held = server.disk.get(chainId)
    const answers = member?.serving === true || (known?.answers ?? false)
    server.replicas.set(chainId, { config, answers, failed: known?.failed ?? false })
    if (member) server.disk.set(chainId, { epoch: config.epoch, last: held?.last ?? 0 })
  }

  /** What a replica has to say in the epoch that it obeys. */
  act(server: Server, chainId: ChainId): void {
    const chain = this.chains.get(chainId)
    const replica = server.replicas.get(chainId)
    if (!chain || !replica || server.registered !== server.life) return
    const { config } = replica
    const member = config.members.find((m) => m.server === server.id)
    const fact = `${server.id}/${server.life}/${config.epoch}`
    if (replica.failed) {
      replica.answers = false
      chain.silences.add(fact)
      this.report(server, chainId, 'failed', null)
    } else if (member?.leaving) {
      replica.answers = false
      chain.silences.add(fact)
      this.report(server, chainId, 'left', null)
    } else if (!member) {
      const source = config.members.at(-1)
      const last = source && this.#obeying(source.server, source.incarnation, config)
      if (last === undefined) return
      server.disk.set(chainId, { epoch: server.disk.get(chainId)?.epoch ?? (0 as Epoch), last })
      this.report(server, chainId, 'synced', null)
    } else if (!member.serving) {
      const before = config.members[config.members.indexOf(member) - 1]
      const last = before?.serving ? this.#obeying(before.server, before.incarnation, config) : undefined
      if (last === undefined) return
      server.disk.set(chainId, { epoch: config.epoch, last })
      replica.answers = true
      chain.handoffs.add(fact)
      this.report(server, chainId, 'serving', null)
    }
  }

  report(server: Server, chainId: ChainId, state: ReplicaReport['state'], suspects: ServerId | null): void {
    const replica = server.replicas.get(chainId)
    if (!replica || server.registered !== server.life) return
    const epoch = replica.config.epoch
    const incarnation = asIncarnation(server.life)
    this.chains
      .get(chainId)
      ?.reports.set(server.id, { server: server.id, incarnation, epoch, state, suspects })
  }

  /** How far a replica is, if it runs, answers and obeys just this configuration. */
  #obeying(id: ServerId, incarnation: Incarnation, config: ChainConfig): number | undefined {
    const server = this.server(id)
    const replica = server?.up && server.life === incarnation ? server.replicas.get(config.chain) : undefined
    const obeys = replica?.config.epoch === config.epoch && replica.answers && !replica.failed
    return obeys ? server?.disk.get(config.chain)?.last : undefined
  }

  /** A write commits in an epoch, also an old one, if all members of that epoch take part: they hold it on disk. */
  commit(chainId: ChainId): void {
    const chain = this.chains.get(chainId)
    const config = chain && this.pick(chain.history.slice(-3))
    if (!chain || !config || config.epoch < chain.resetEpoch) return
    for (const { server: id, incarnation } of config.members) {
      const server = this.server(id)
      const replica = server?.up && server.life === incarnation ? server.replicas.get(chainId) : undefined
      const member = replica?.config.members.find((m) => m.server === id)
      const takesPart = replica?.config.epoch === config.epoch && (replica.answers || member?.leaving)
      if (!takesPart || replica?.failed) return
    }
    chain.committed += 1
    this.count('commits')
    for (const { server: id } of config.members) {
      const held = this.server(id)?.disk.get(chainId)
      if (held) held.last = chain.committed
    }
  }

  // ---- what managers do ----

  #newManager(): Manager {
    return {
      state: newPlannerState({ settleMs: 2_000 }),
      electedAtMs: this.nowMs,
      stage: 0,
      proposals: [],
      view: {
        nowMs: asMillis(this.nowMs),
        electedAtMs: asMillis(this.nowMs),
        options: {
          clusterId: 'test',
          chainCount: this.options.chainCount,
          replicationFactor: this.options.replicationFactor,
          durability: 'sync',
          replication: 'craq',
          sessionTimeoutMs: SESSION_MS,
        },
        servers: new Map(),
        chains: new Map(),
        drains: new Set(),
      },
    }
  }

  failover(index: number): void {
    this.managers[index] = this.#newManager()
  }

  /** The next stage of a manager's round: configurations, servers, reports, plan, then one write after the other. */
  manage(index: number): void {
    const manager = this.managers[index]
    if (!manager) return
    const { view } = manager
    if (manager.stage === 0) manager.view = { ...view, chains: this.#chainViews(null) }
    else if (manager.stage === 1) manager.view = { ...view, servers: this.#registrations() }
    else if (manager.stage === 2) {
      manager.view = { ...view, chains: this.#chainViews(view.chains), drains: new Set(this.drains) }
    } else if (manager.stage === 3) {
      const times = { nowMs: asMillis(this.nowMs), electedAtMs: asMillis(manager.electedAtMs) }
      const seen = { ...view, ...times }
      const next = plan(seen, manager.state)
      // Now and then: it is as dear as the plan itself.
      if (this.#plans++ % 16 === 0 && isAtRest(seen, manager.state, next)) checkRest(seen, manager.state)
      manager.proposals = [...next.proposals]
    } else {
      const proposal = manager.proposals.shift()
      if (proposal) this.write(proposal, manager.electedAtMs)
      if (manager.proposals.length > 0) return
    }
    manager.stage = (manager.stage + 1) % 5
  }

  /** With configurations of an earlier stage: only their reports are read anew. */
  #chainViews(earlier: ReadonlyMap<ChainId, ChainView> | null): Map<ChainId, ChainView> {
    const views = new Map<ChainId, ChainView>()
    for (const [id, chain] of this.chains) {
      const seen = earlier?.get(id)
      if (earlier && !seen) continue
      const { config, version: dataVersion } = chain
      views.set(id, {
        config,
        dataVersion,
        ...seen,
        reports: [...chain.reports.values()],
        reset: chain.reset,
      })
    }
    return views
  }

  #registrations(): Map<ServerId, ServerRegistration> {
    const registered = new Map<ServerId, ServerRegistration>()
    for (const server of this.servers) {
      if (server.registered === null) continue
      registered.set(server.id, {
        server: server.id,
        incarnation: asIncarnation(server.registered),
        host: '127.0.0.1',
        port: 1,
        httpPort: 2,
        zone: server.zone,
        dataId: server.id,
        holds: Object.fromEntries([...server.disk].map(([id, held]) => [id, { ...held, commit: held.last }])),
        draining: server.draining,
      })
    }
    return registered
  }

  /** The compare-and-set; `checkWrite` of the test sees each one that succeeds. */
  write(proposal: Proposal, electedAtMs: number): void {
    const chain: Chain = this.chains.get(proposal.chain) ?? {
      config: null,
      version: -1,
      history: [],
      reports: new Map(),
      handoffs: new Set<string>(),
      silences: new Set<string>(),
      committed: 0,
      reset: null,
      resetEpoch: 0,
    }
    if (chain.version !== proposal.expectedVersion) {
      this.count('lost compare-and-set')
      return
    }
    this.onWrite(chain, proposal, electedAtMs)
    this.count(proposal.step)
    if (proposal.step === 'reset') {
      const seed = proposal.config.members[0]
      chain.committed = (seed && this.server(seed.server)?.disk.get(proposal.chain)?.last) ?? 0
      chain.resetEpoch = proposal.config.epoch
      chain.reset = null
    }
    chain.config = proposal.config
    chain.version += 1
    chain.history.push(proposal.config)
    this.chains.set(proposal.chain, chain)
  }

  onWrite: (chain: Chain, proposal: Proposal, electedAtMs: number) => void = () => {}

  // ---- healing ----

  /** Everybody is up, nothing is drained, nobody is ill; then rounds in which everybody does the right thing. */
  heal(): void {
    this.drains.clear()
    for (const server of this.servers) {
      server.draining = false
      if ([...server.replicas.values()].some(({ failed }) => failed)) this.crash(server)
      if (server.registered !== server.life || !server.up) {
        this.expire(server)
        this.register(server)
      }
    }
    for (const chain of this.chains.values()) {
      chain.reset = null
      chain.reports.clear()
    }
  }

  healthyRound(): void {
    this.nowMs += 250
    for (const chainId of this.chains.keys()) {
      for (const server of this.servers) this.adopt(server, chainId)
      for (const server of this.servers) this.act(server, chainId)
      this.commit(chainId)
    }
    do this.manage(0)
    while (this.managers[0]?.stage !== 0)
  }
}
export type WorldChain = Chain
export type WorldServer = Server

/** Whoever rests until the tree changes must miss nothing, however long that takes. */
function checkRest(view: ManagerView, state: PlannerState): void {
  const memory = { ...state, suspicions: new Map(), backoffs: new Map(), demotions: new Map(state.demotions) }
  const later = plan({ ...view, nowMs: asMillis(view.nowMs + LONG_MS) }, memory)
  if (later.proposals.length + later.waiting.length + later.refusedResets.length > 0)
    throw new Error(`at rest, and later there is something to do: ${JSON.stringify(later)}`)
}

/** Longer than everything that the planner waits for. */
const LONG_MS = 10_000_000
