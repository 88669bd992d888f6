/** The cluster as clients of Redis see it: the head of a chain is the master of its slots, the other members are its replicas. */
import { createHash } from 'node:crypto'
import type { ChainConfig, Member } from '../../../protocol/chain-config.ts'
import type { ChainId, Key, ServerId } from '../../../protocol/ids.ts'
import { SLOT_COUNT, type SlotRange, slotOf } from '../../../protocol/slots.ts'
import type { Address } from '../../../protocol/transport.ts'
import { CROSS_SLOT, ReplyError, SLOT_DOWN } from './reply-error.ts'
import type { RedisStore } from './store.ts'

export interface Route {
  readonly chain: ChainId
  readonly config: ChainConfig
  /** What this server is in it. */
  readonly isHead: boolean
  readonly isReader: boolean
}

/** A server as CLUSTER shows it. */
export interface ClusterNode {
  readonly server: ServerId
  /** 40 hexadecimal digits, the same at every server and in every life. */
  readonly id: string
  readonly address: Address
  /** Of the chains whose head it is. */
  readonly slots: readonly SlotRange[]
  /** Where it is no head: whose replica it is. */
  readonly master: ServerId | null
}

const serves = (member: Member) => member.serving && !member.leaving

export class Topology {
  readonly #store: RedisStore
  #map: unknown = null
  #only: Route | null = null
  #slots: (Route | null)[] = []
  #routes: Route[] = []
  #leadsAny = false

  constructor(store: RedisStore) {
    this.#store = store
  }

  /** Looks whether anything is new. */
  #current(): void {
    const { map } = this.#store.view
    if (map === this.#map) return
    this.#map = map
    const self = this.#store.id
    this.#routes = [...map.chains]
      .sort((a, b) => a.epoch - b.epoch)
      .map((config) => ({
        chain: config.chain,
        config,
        isHead: config.members[0]?.server === self,
        isReader: config.members.some((member) => member.server === self && serves(member)),
      }))
    this.#leadsAny = this.#routes.some((route) => route.isHead)
    const [route] = this.#routes
    const [range] = route?.config.slots ?? []
    const isWhole = this.#routes.length === 1 && range?.[0] === 0 && range[1] === SLOT_COUNT - 1
    this.#only = isWhole ? (route ?? null) : null
    this.#slots = []
    if (isWhole) return
    this.#slots = new Array<Route | null>(SLOT_COUNT).fill(null)
    for (const each of this.#routes)
      for (const [first, last] of each.config.slots) this.#slots.fill(each, first, last + 1)
  }

  get routes(): readonly Route[] {
    this.#current()
    return this.#routes
  }

  /** Whether this server is the head of any chain. */
  get leadsAny(): boolean {
    this.#current()
    return this.#leadsAny
  }

  routeOfSlot(slot: number): Route | null {
    this.#current()
    return this.#only ?? this.#slots[slot] ?? null
  }

  /**
   * The chain of all these keys.
   *
   * @param oneSlot - as Redis Cluster wants it; else one chain is enough.
   * @throws {ReplyError} they are not together, or nobody serves them.
   */
  routeOf(keys: readonly Key[], oneSlot: boolean): Route {
    this.#current()
    const [first] = keys
    if (this.#only !== null && (keys.length < 2 || !oneSlot)) return this.#only
    const slot = slotOf(first as Key)
    const route = this.#only ?? this.#slots[slot] ?? null
    if (route === null) throw new ReplyError(SLOT_DOWN)
    for (let i = 1; i < keys.length; i++) {
      const other = slotOf(keys[i] as Key)
      if (other === slot) continue
      if (oneSlot || this.#slots[other] !== route) throw new ReplyError(CROSS_SLOT)
    }
    return route
  }

  /** Where writes of this key go instead. */
  redirection(key: Key): string {
    const slot = slotOf(key)
    const head = this.routeOfSlot(slot)?.config.members[0]?.server
    const address = head === undefined || head === this.#store.id ? null : this.addressOf(head)
    return address === null ? SLOT_DOWN : `MOVED ${slot} ${address.host}:${address.port}`
  }

  addressOf(server: ServerId): Address | null {
    return this.#store.view.redisAddress(server)
  }

  idOf(server: ServerId): string {
    return createHash('sha1').update(`${this.#store.view.map.clusterId}/${server}`).digest('hex')
  }

  /** The members that answer, the head first; those whose port is not known are left out. */
  membersOf(config: ChainConfig): ServerId[] {
    return config.members
      .filter((member, i) => i === 0 || serves(member))
      .map((member) => member.server)
      .filter((server) => this.addressOf(server) !== null)
  }

  get nodes(): ClusterNode[] {
    const { routes } = this
    const servers = new Set(routes.flatMap(({ config }) => this.membersOf(config)))
    servers.add(this.#store.id)
    return [...servers].sort().flatMap((server) => {
      const address = this.addressOf(server)
      if (address === null) return []
      const led = routes.filter(({ config }) => config.members[0]?.server === server)
      const followed = routes.find(({ config }) => config.members.some((member) => member.server === server))
      const master = led.length > 0 ? null : (followed?.config.members[0]?.server ?? null)
      return [
        { server, id: this.idOf(server), address, slots: led.flatMap(({ config }) => config.slots), master },
      ]
    })
  }

  get epoch(): number {
    return Math.max(0, ...this.routes.map(({ config }) => config.epoch))
  }

  get slotsAssigned(): number {
    let count = 0
    for (let slot = 0; slot < SLOT_COUNT; slot++) if (this.routeOfSlot(slot) !== null) count++
    return count
  }
}
