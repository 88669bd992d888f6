/** Where the operations of a load go: a few arrays, looked up by slot. */

import { ChainSession } from '../../../client/core/chain-session.ts'
import { CLIENT_LIMITS } from '../../../client/core/limits.ts'
import type { ChainConfig } from '../../../protocol/chain-config.ts'
import type { ClientMessage } from '../../../protocol/client-messages.ts'
import type { ClusterMap } from '../../../protocol/cluster.ts'
import type { ChainId, Key } from '../../../protocol/ids.ts'
import { SLOT_COUNT, slotOf } from '../../../protocol/slots.ts'
import type { Address } from '../../../protocol/transport.ts'
import type { TargetSpec } from '../target.ts'

export type ReadPolicy = Extract<TargetSpec, { kind: 'catenary' }>['reads']

/** A server, and what this turn has to say to it. */
export class ServerLink {
  readonly id: string
  queue: ClientMessage[] = []
  queueBytes = 0
  /** Until then reads go elsewhere. */
  downUntilMs = 0

  constructor(id: string) {
    this.id = id
  }
}

/** A chain as a client sees it. */
export class ChainRoute<Call> {
  readonly chain: ChainId
  readonly session = new ChainSession(CLIENT_LIMITS.sessionWindowMax)
  /** Whether a session is being opened. */
  opening = false
  /** Writes that wait for a session, or for room in its window. */
  readonly waiting: Call[] = []
  config: ChainConfig
  /** Takes the writes, as far as is known. */
  head: ServerLink | null = null
  members: readonly ServerLink[] = []
  readers: readonly ServerLink[] = []
  #turn = 0

  constructor(config: ChainConfig) {
    this.chain = config.chain
    this.config = config
  }

  /** In turn; one that is down only where all are. */
  reader(nowMs: number): ServerLink | null {
    const { readers } = this
    for (let i = 0; i < readers.length; i++) {
      this.#turn = (this.#turn + 1) % readers.length
      const reader = readers[this.#turn]
      if (reader !== undefined && reader.downUntilMs <= nowMs) return reader
    }
    return readers[this.#turn] ?? null
  }
}

export class Routes<Call> {
  readonly links = new Map<string, ServerLink>()
  readonly chains: ChainRoute<Call>[] = []
  readonly #policy: ReadPolicy
  readonly #setAddress: (server: string, address: Address) => void
  readonly #bySlot: (ChainRoute<Call> | null)[] = new Array(SLOT_COUNT).fill(null)

  constructor(policy: ReadPolicy, setAddress: (server: string, address: Address) => void) {
    this.#policy = policy
    this.#setAddress = setAddress
  }

  /** Whether every slot has a chain with a head and somebody to read from. */
  get isWhole(): boolean {
    return (
      this.#bySlot.every((chain) => chain !== null) &&
      this.chains.every(({ head, readers }) => head !== null && readers.length > 0)
    )
  }

  /** Null where no map has told of it. */
  chainOf(key: Key): ChainRoute<Call> | null {
    const only = this.chains[0]
    if (this.chains.length === 1 && only !== undefined) return only
    return this.#bySlot[slotOf(key)] ?? null
  }

  /** Takes what is newer in a map. */
  adopt(map: ClusterMap): void {
    for (const [server, { host, port }] of Object.entries(map.addresses)) {
      if (!this.links.has(server)) this.links.set(server, new ServerLink(server))
      this.#setAddress(server, { host, port })
    }
    for (const config of map.chains) {
      let route = this.chains.find(({ chain }) => chain === config.chain)
      if (route === undefined) {
        route = new ChainRoute(config)
        this.chains.push(route)
      } else if (route.head !== null && config.epoch <= route.config.epoch) continue
      this.#place(route, config)
    }
  }

  /** This one does not take the writes (any more). A quorum's leader stands in no map: whoever is not refused is it. */
  doubt(route: ChainRoute<Call>, head: ServerLink): void {
    if (route.head !== head || route.members.length === 0) return
    const place = route.members.indexOf(head)
    route.head = route.members[(place + 1) % route.members.length] ?? null
    if (this.#policy === 'head' && route.head !== null) route.readers = [route.head]
  }

  #place(route: ChainRoute<Call>, config: ChainConfig): void {
    const linkOf = (server: string) => this.links.get(server) ?? null
    const links = config.members
      .filter(({ serving, leaving }) => serving && !leaving)
      .flatMap(({ server }) => linkOf(server) ?? [])
    route.config = config
    route.members = links
    route.head = linkOf(config.members[0]?.server ?? '')
    route.readers = readersOf(links, this.#policy)
    for (const [first, last] of config.slots) this.#bySlot.fill(route, first, last + 1)
  }
}

/** A place behind the end of a chain is its last: after a failure there are fewer. */
function readersOf(links: readonly ServerLink[], policy: ReadPolicy): readonly ServerLink[] {
  if (policy === 'any') return links
  const place =
    policy === 'head' ? 0 : policy === 'tail' ? links.length - 1 : Math.min(policy, links.length - 1)
  const link = links[place]
  return link === undefined ? [] : [link]
}
