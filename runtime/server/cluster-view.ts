/** What this server knows of the cluster: configurations and addresses, for its replicas, its links and its clients. */
import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { ClusterMap, Readers, ServerRegistration } from '../../protocol/cluster.ts'
import type { ChainId, Key, ServerId } from '../../protocol/ids.ts'
import { rangesHave, SLOT_COUNT, slotOf } from '../../protocol/slots.ts'
import type { Address } from '../../protocol/transport.ts'

export class ClusterView {
  #clusterId = ''
  readonly #readers: Readers
  readonly #chains = new Map<ChainId, ChainConfig>()
  readonly #addresses = new Map<ServerId, { host: string; port: number; zone: string }>()
  /** Of the servers that have a Redis door. */
  readonly #redis = new Map<ServerId, Address>()
  #map: ClusterMap | null = null

  constructor(readers: Readers = 'any') {
    this.#readers = readers
  }

  set clusterId(id: string) {
    this.#clusterId = id
    this.#map = null
  }

  /** Keeps the newest configuration of each chain. True where it is news. */
  learnConfig(config: ChainConfig): boolean {
    const known = this.#chains.get(config.chain)
    if (known !== undefined && known.epoch >= config.epoch) return false
    this.#chains.set(config.chain, config)
    this.#map = null
    return true
  }

  /** A server's address outlives its registration: during an outage of the coordinator nobody moves. */
  learnServer({ server, host, port, zone, redisPort = 0 }: ServerRegistration): boolean {
    const known = this.#addresses.get(server)
    const sameDoor = (this.#redis.get(server)?.port ?? 0) === redisPort
    if (known?.host === host && known.port === port && known.zone === zone && sameDoor) return false
    if (redisPort === 0) this.#redis.delete(server)
    else this.#redis.set(server, { host, port: redisPort })
    this.#addresses.set(server, { host, port, zone })
    this.#map = null
    return true
  }

  /** Whether such a server has ever been registered. */
  knows(server: ServerId): boolean {
    return this.#addresses.has(server)
  }

  /** Where clients of Redis reach a server; null where that has no such door. */
  redisAddress(server: ServerId): Address | null {
    return this.#redis.get(server) ?? null
  }

  config(chain: ChainId): ChainConfig | null {
    return this.#chains.get(chain) ?? null
  }

  get chains(): readonly ChainConfig[] {
    return [...this.#chains.values()]
  }

  get map(): ClusterMap {
    this.#map ??= {
      clusterId: this.#clusterId,
      readers: this.#readers,
      chains: this.chains,
      addresses: Object.fromEntries(this.#addresses),
    }
    return this.#map
  }

  /** Whether every key belongs to this chain: a client with an old map may be wrong about it. */
  owns(chain: ChainId, keys: readonly Key[]): boolean {
    const ranges = this.#chains.get(chain)?.slots
    if (ranges === undefined) return false
    const [only] = ranges
    if (ranges.length === 1 && only?.[0] === 0 && only[1] === SLOT_COUNT - 1) return true
    return keys.every((key) => rangesHave(ranges, slotOf(key)))
  }
}
