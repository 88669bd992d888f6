import { type CoordinatorClient, coordinator } from '../../../client/coordinator/client.ts'
import { type ChainConfig, configFromJson } from '../../../protocol/chain-config.ts'
import type { ReplicaReport } from '../../../protocol/cluster.ts'

let lives = 0

/** Registers as a data server does, and reports at once whatever each configuration wants to hear. */
export class PretendServer {
  readonly id: string
  readonly client: CoordinatorClient
  readonly incarnation: number
  #holds: Record<string, { epoch: number; last: number; commit: number }>

  constructor(id: string, address: string, holds: PretendServer['holds'] = {}) {
    this.id = id
    lives += 1
    this.incarnation = lives
    this.#holds = holds
    this.client = coordinator({ servers: address, sessionTimeoutMs: 30_000 })
  }

  get holds() {
    return this.#holds
  }

  async register(draining = false): Promise<void> {
    const { id, incarnation } = this
    const registration = { server: id, incarnation, host: 'h', port: 1, httpPort: 2, zone: id, dataId: id }
    const json = JSON.stringify({ ...registration, holds: this.#holds, draining })
    await this.client.ensurePath('/catenary/servers')
    await this.client.create(`/catenary/servers/${id}`, json, { ephemeral: true })
    this.client.watchChildren('/catenary/chains', (chains) => {
      for (const chain of chains ?? []) this.#follow(chain)
    })
  }

  readonly #followed = new Set<string>()
  #follow(chain: string): void {
    if (this.#followed.has(chain)) return
    this.#followed.add(chain)
    this.client.watchData(`/catenary/chains/${chain}`, (znode) => {
      const config = znode && configFromJson(new TextDecoder().decode(znode.data))
      if (config) void this.#obey(config).catch(() => {})
    })
  }

  async #obey(config: ChainConfig): Promise<void> {
    const isMe = (one: { server: string; incarnation: number } | null) =>
      one?.server === this.id && one.incarnation === this.incarnation
    const member = config.members.find(isMe)
    if (member) this.#holds = { ...this.#holds, [config.chain]: { epoch: config.epoch, last: 1, commit: 1 } }
    let state: ReplicaReport['state'] | null = null
    if (isMe(config.joining)) state = 'synced'
    else if (member?.leaving) state = 'left'
    else if (member && !member.serving) state = 'serving'
    if (!state) return
    const path = `/catenary/chains/${config.chain}/synced/${this.id}`
    const { id: server, incarnation } = this
    const json = JSON.stringify({ server, incarnation, epoch: config.epoch, state, suspects: null })
    if ((await this.client.exists(path)) === null) await this.client.create(path, json, { ephemeral: true })
    else await this.client.setData(path, json)
  }
}
