import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { ClusterMap, Readers } from '../../protocol/cluster.ts'
import type { ChainId, ServerId } from '../../protocol/ids.ts'
import { asServerId } from '../../protocol/ids.ts'
import { SLOT_COUNT } from '../../protocol/slots.ts'
import type { Address } from '../../protocol/transport.ts'
import type { ReadPolicy, Rng } from './events.ts'
import type { Health } from './health.ts'

/** One chain as requests are routed to it. Replaced, not changed, by a newer configuration. */
export interface ChainRoute {
  readonly config: ChainConfig
  readonly head: ServerId | null
  /** Who may answer a read, by policy. Empty only where nobody serves. */
  readonly readers: Readonly<Record<ReadPolicy, readonly ServerId[]>>
}

type SetAddress = (server: ServerId, address: Address | null) => void

/** How often `nearest` measures another replica than the fastest. */
const EXPLORE = 1 / 64

/** Which server a request goes to: the newest configuration known of every chain, and where its servers are. */
export class Routing {
  readonly #zone: string | null
  readonly #rng: Rng
  readonly #chains = new Map<ChainId, ChainRoute>()
  readonly #slots: (ChainId | null)[] = new Array(SLOT_COUNT).fill(null)
  readonly #addresses = new Map<ServerId, Address & { readonly zone: string }>()
  #turn: number
  clusterId: string | null = null
  /** Who answers strong reads in this cluster, whatever a client would like. */
  #readers: Readers = 'any'

  /** @param zone - the client's own failure domain, for `nearest`; null where it does not matter. */
  constructor(options: { zone: string | null; rng: Rng }) {
    this.#zone = options.zone
    this.#rng = options.rng
    // Clients that start together must not all begin at the head.
    this.#turn = Math.floor(options.rng.next() * 1_000)
  }

  get known(): boolean {
    return this.#chains.size > 0
  }

  get chains(): ChainId[] {
    return [...this.#chains.keys()].sort()
  }

  /** Every server that can be reached, in order of name. */
  get servers(): ServerId[] {
    return [...this.#addresses.keys()].sort()
  }

  chainOfSlot(slot: number): ChainId | null {
    return this.#slots[slot] ?? null
  }

  route(chain: ChainId): ChainRoute | null {
    return this.#chains.get(chain) ?? null
  }

  /**
   * Takes what is newer in a map. A map is not newer as a whole: it may know one chain better and another worse, because
   * servers hear of configurations at different times.
   *
   * @returns chains whose configuration is newer than the one known.
   */
  adopt(map: ClusterMap, setAddress: SetAddress): ChainId[] {
    this.clusterId ??= map.clusterId
    if (map.clusterId !== this.clusterId) return []
    this.#readers = map.readers ?? 'any'
    for (const [server, address] of Object.entries(map.addresses)) {
      this.#adoptAddress(asServerId(server), address, setAddress)
    }
    const newer = map.chains.filter(
      ({ chain, epoch }) => epoch > (this.#chains.get(chain)?.config.epoch ?? -1),
    )
    for (const config of newer) this.#chains.set(config.chain, this.#routeOf(config))
    if (newer.length > 0) this.#fillSlots()
    this.#forgetStrangers(map, setAddress)
    return newer.map((config) => config.chain)
  }

  #adoptAddress(
    server: ServerId,
    address: Address & { readonly zone: string },
    setAddress: SetAddress,
  ): void {
    const before = this.#addresses.get(server)
    this.#addresses.set(server, address)
    if (before?.host !== address.host || before.port !== address.port) setAddress(server, address)
  }

  /** A map that does not know a server may only be older than ours: one that is in a chain stays. */
  #forgetStrangers(map: ClusterMap, setAddress: SetAddress): void {
    const members = new Set(
      [...this.#chains.values()].flatMap(({ config }) => config.members.map((m) => m.server)),
    )
    for (const server of this.#addresses.keys()) {
      if (members.has(server) || Object.hasOwn(map.addresses, server)) continue
      this.#addresses.delete(server)
      setAddress(server, null)
    }
  }

  #routeOf(config: ChainConfig): ChainRoute {
    const servers = config.members.filter((member) => member.serving && !member.leaving).map((m) => m.server)
    // Whoever serves but is leaving answers no reads, except where there is nobody else to ask.
    const serving =
      servers.length > 0 ? servers : config.members.filter((m) => m.serving).map((m) => m.server)
    const spread = this.#whoReads(serving)
    const near = spread.filter((server) => this.#addresses.get(server)?.zone === this.#zone)
    const tail = spread.slice(-1)
    return {
      config,
      head: config.members[0]?.server ?? null,
      readers: {
        spread,
        tail,
        nearest: near.length > 0 ? near : spread,
        'no-tail': spread.length > 1 ? spread.slice(0, -1) : spread,
      },
    }
  }

  #whoReads(serving: readonly ServerId[]): readonly ServerId[] {
    if (this.#readers === 'any') return serving
    return this.#readers === 'head' ? serving.slice(0, 1) : serving.slice(-1)
  }

  #fillSlots(): void {
    this.#slots.fill(null)
    // In order of epoch, so that of two chains that claim a slot the one that was configured later has it.
    const routes = [...this.#chains.values()].sort((a, b) => a.config.epoch - b.config.epoch)
    for (const { config } of routes) {
      for (const [first, last] of config.slots) this.#slots.fill(config.chain, first, last + 1)
    }
  }

  /**
   * Chooses the replica for a read.
   *
   * @param avoid - the one that has just failed it: taken only where there is no other.
   */
  reader(route: ChainRoute, policy: ReadPolicy, health: Health, avoid: string | null): ServerId | null {
    const candidates = route.readers[policy]
    const first =
      policy === 'nearest'
        ? this.#fastest(candidates, health, avoid)
        : this.#inTurn(candidates, health, avoid)
    if (first !== null) return first
    // A policy narrows the choice while all is well; it is no reason to fail a read that another replica could answer.
    const others = policy === 'tail' ? candidates : route.readers.spread
    return (
      this.#inTurn(others, health, avoid) ?? others.find((server) => server !== avoid) ?? others[0] ?? null
    )
  }

  #inTurn(candidates: readonly ServerId[], health: Health, avoid: string | null): ServerId | null {
    const count = candidates.length
    const start = this.#turn++
    for (let i = 0; i < count; i++) {
      const server = candidates[(start + i) % count]
      if (server !== undefined && server !== avoid && !health.isSuspect(server)) return server
    }
    return null
  }

  #fastest(candidates: readonly ServerId[], health: Health, avoid: string | null): ServerId | null {
    if (candidates.length > 1 && this.#rng.next() < EXPLORE) return this.#inTurn(candidates, health, avoid)
    let best: ServerId | null = null
    for (const server of candidates) {
      if (server === avoid || health.isSuspect(server)) continue
      if (best === null || health.latencyMs(server) < health.latencyMs(best)) best = server
    }
    return best
  }
}
