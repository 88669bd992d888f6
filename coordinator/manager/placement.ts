import type { ChainConfig, Member } from '../../protocol/chain-config.ts'
import type { ServerRegistration } from '../../protocol/cluster.ts'
import { asChainId, asEpoch, type ChainId, type ServerId } from '../../protocol/ids.ts'
import { evenSlotRanges } from '../../protocol/slots.ts'
import { compareKeys, isDraining, type ManagerView, type PlannerState } from './view.ts'

/**
 * Who carries what. Heads take the writes, tails the version queries, all members the reads, so each is spread by itself (DESIGN 3.4).
 * Roles are spread by placement and by joins only: no live member is ever moved for balance.
 */
export class Load {
  readonly #heads = new Map<ServerId, number>()
  readonly #tails = new Map<ServerId, number>()
  readonly #members = new Map<ServerId, number>()
  readonly #joins = new Map<ServerId, number>()

  static of(view: ManagerView): Load {
    const load = new Load()
    for (const { config } of view.chains.values()) if (config) load.add(config)
    return load
  }

  add(config: ChainConfig): void {
    for (const [i, { server }] of config.members.entries()) {
      increment(this.#members, server)
      if (i === 0) increment(this.#heads, server)
      if (i === config.members.length - 1) increment(this.#tails, server)
    }
    if (config.joining) this.addJoin(config.joining.server)
  }

  addJoin(server: ServerId): void {
    increment(this.#joins, server)
  }

  heads = (server: ServerId) => this.#heads.get(server) ?? 0
  tails = (server: ServerId) => this.#tails.get(server) ?? 0
  joins = (server: ServerId) => this.#joins.get(server) ?? 0
  members = (server: ServerId) => (this.#members.get(server) ?? 0) + this.joins(server)
}

const increment = (counts: Map<ServerId, number>, server: ServerId) =>
  counts.set(server, (counts.get(server) ?? 0) + 1)

/** The ids that a cluster of `count` chains has. */
export const chainIds = (count: number): ChainId[] =>
  Array.from({ length: count }, (_, i) => asChainId(`c${i}`))

/** Registered servers that may be given something, in the order of their ids. */
export const eligibleServers = (view: ManagerView): ServerRegistration[] =>
  [...view.servers.values()]
    .filter(({ server }) => !isDraining(view, server))
    .sort((a, b) => compareKeys([a.server], [b.server]))

/**
 * The first configuration of chain number `index`: epoch 1, everybody serving, because all of them are empty.
 * Zones are spread first, then heads and tails, then members; ties go round the servers, so that neighbours differ from chain to chain.
 */
export function firstConfig(view: ManagerView, load: Load, index: number): ChainConfig {
  const servers = eligibleServers(view)
  const size = Math.min(view.options.replicationFactor, servers.length)
  const chosen: ServerRegistration[] = []
  for (let position = 0; position < size; position++) {
    const rank = (candidate: ServerRegistration, order: number) => [
      chosen.filter(({ zone }) => zone === candidate.zone).length,
      position === 0
        ? load.heads(candidate.server)
        : position === size - 1
          ? load.tails(candidate.server)
          : 0,
      load.members(candidate.server),
      (order - index - position + servers.length * (index + size)) % servers.length,
    ]
    const best = servers
      .map((candidate, order) => ({ candidate, rank: rank(candidate, order) }))
      .filter(({ candidate }) => !chosen.includes(candidate))
      .sort((a, b) => compareKeys(a.rank, b.rank))[0]
    if (best) chosen.push(best.candidate)
  }
  const members = chosen.map(
    ({ server, incarnation }): Member => ({ server, incarnation, serving: true, leaving: false }),
  )
  const slots = evenSlotRanges(view.options.chainCount)[index]
  const config: ChainConfig = {
    chain: asChainId(`c${index}`),
    epoch: asEpoch(1),
    members,
    joining: null,
    slots: slots ? [slots] : [],
  }
  load.add(config)
  return config
}

export interface SpareSearch {
  readonly view: ManagerView
  readonly state: PlannerState
  readonly load: Load
  readonly config: ChainConfig
  /** Members that will remain: their zones count as used. */
  readonly staying: readonly Member[]
}

/** Registered, not in this chain, not draining, not on probation: could be a joiner. */
export function sparesFor({ view, state, config, staying }: SpareSearch): ServerRegistration[] {
  const alone = staying.filter(({ serving }) => serving).length < 2
  const isOnProbation = (server: ServerId) => {
    const backoff = state.backoffs.get(`${config.chain}/${server}`)
    return backoff !== undefined && (alone ? backoff.whileAloneMs : backoff.untilMs) > view.nowMs
  }
  const taken = new Set(config.members.map(({ server }) => server))
  if (config.joining) taken.add(config.joining.server)
  return eligibleServers(view).filter(({ server }) => !taken.has(server) && !isOnProbation(server))
}

/** The best spare that has room for one more join. A zone of its own counts most, then data on its disk: a delta is cheaper than a snapshot. */
export function chooseSpare(search: SpareSearch): ServerRegistration | null {
  const { view, state, load, config, staying } = search
  const zones = staying.map(({ server }) => view.servers.get(server)?.zone)
  const rank = (candidate: ServerRegistration) => [
    zones.filter((zone) => zone === candidate.zone).length,
    candidate.holds[config.chain] ? 0 : 1,
    load.members(candidate.server),
    load.tails(candidate.server),
    candidate.server,
  ]
  const roomy = sparesFor(search).filter(({ server }) => load.joins(server) < state.limits.joinsPerServerMax)
  return roomy.sort((a, b) => compareKeys(rank(a), rank(b)))[0] ?? null
}
