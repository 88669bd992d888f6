/** Real replicas in virtual time, with prices: what a figure of a paper is drawn from. The same seed and the same calls give the same numbers. */
import type { ChainConfig, Joiner, Member } from '../../../protocol/chain-config.ts'
import type { ReplicaReport } from '../../../protocol/cluster.ts'
import type { ReadCommand, ReadOptions, WriteCommand } from '../../../protocol/commands.ts'
import {
  asEpoch,
  asRequestId,
  asSeq,
  asServerId,
  type ChainId,
  type RequestId,
  type ServerId,
} from '../../../protocol/ids.ts'
import { Rng } from '../../simulator/kernel/rng.ts'
import { Scheduler } from '../../simulator/kernel/scheduler.ts'
import { type Answer, ChainServer, type Packet, type Result, type ServerServices } from './chain-server.ts'
import type { Costs } from './costs.ts'

export interface ClusterOptions {
  readonly seed: number
  readonly costs: Costs
  readonly servers: number
  /** Site of each server, from n1 on; absent: one site. */
  readonly sites?: readonly string[]
  /** One way between two sites. */
  readonly crossSiteUs?: number
  /** After this, or once its chain has a new configuration, a client gives a request up whose server has died. */
  readonly clientTimeoutUs?: number
  /** Housekeeping of replicas; null: only for a while after each change of a chain, which is enough where nothing is ever lost but servers. */
  readonly tickUs?: number | null
}

/** How a request ended. `result` is null where its server died. */
export interface Outcome {
  readonly result: Result | null
  readonly asked: boolean
  readonly atUs: number
  readonly tookUs: number
}

interface Pending {
  readonly server: ServerId
  readonly chain: ChainId
  readonly site: string
  readonly beganUs: number
  readonly done: (outcome: Outcome) => void
}

const STRONG: ReadOptions = { consistency: { type: 'strong' }, atLeast: asSeq(0) }
/** What the replica knows, committed or not. */
export const WEAK: ReadOptions = { consistency: { type: 'eventual' }, atLeast: asSeq(0) }
const HOME = 'home'

export class PaperCluster implements ServerServices {
  readonly scheduler = new Scheduler()
  readonly rng: Rng
  readonly costs: Costs
  readonly servers: readonly ChainServer[]
  /** What the coordinator holds; replicas and clients hear of it a moment later. */
  readonly configs = new Map<ChainId, ChainConfig>()
  /** What clients know. */
  readonly map = new Map<ChainId, ChainConfig>()
  onReport: ((chain: ChainId, report: ReplicaReport) => void) | null = null
  readonly #options: ClusterOptions
  readonly #byId: ReadonlyMap<ServerId, ChainServer>
  readonly #pending = new Map<RequestId, Pending>()
  /** Links keep the order of what is sent. */
  readonly #arrivals = new Map<string, number>()
  readonly #jitter: Rng
  #requests = 0

  constructor(options: ClusterOptions) {
    this.#options = options
    this.costs = options.costs
    this.rng = new Rng(options.seed)
    this.#jitter = this.rng.fork('jitter')
    this.servers = Array.from(
      { length: options.servers },
      (_, i) =>
        new ChainServer(asServerId(`n${i + 1}`), {
          site: options.sites?.[i] ?? HOME,
          scheduler: this.scheduler,
          costs: options.costs,
          services: this,
        }),
    )
    this.#byId = new Map(this.servers.map((server) => [server.id, server]))
    const { tickUs = 50_000 } = options
    if (tickUs !== null) this.#tickEvery(tickUs)
  }

  get nowUs(): number {
    return this.scheduler.nowUs
  }

  server(id: ServerId): ChainServer {
    const server = this.#byId.get(id)
    if (server === undefined) throw new RangeError(`there is no server ${id}`)
    return server
  }

  /** Lets so much virtual time pass. */
  run(us: number): void {
    const untilUs = this.scheduler.nowUs + us
    let reached = false
    this.scheduler.at(untilUs, () => {
      reached = true
    })
    while (!reached && this.scheduler.step(untilUs));
  }

  /** A chain of these servers, head first, from nothing; it serves when `run` has let its links be made. */
  form(chain: ChainId, servers: readonly ChainServer[]): void {
    const members = servers.map(({ id, incarnation }): Member => {
      return { server: id, incarnation, serving: true, leaving: false }
    })
    this.publish(chain, { members, joining: null })
  }

  /** The manager writes the next configuration: whoever is concerned hears of it one message later. */
  publish(
    chain: ChainId,
    next: { readonly members: readonly Member[]; readonly joining: Joiner | null },
  ): void {
    const before = this.configs.get(chain)
    const config: ChainConfig = { chain, epoch: asEpoch((before?.epoch ?? 0) + 1), slots: [], ...next }
    this.configs.set(chain, config)
    const concerned = new Set<ServerId>()
    for (const known of [before, config]) {
      for (const { server } of known?.members ?? []) concerned.add(server)
      if (known?.joining) concerned.add(known.joining.server)
    }
    this.scheduler.after(this.costs.latencyUs, () => {
      this.map.set(chain, config)
      this.#giveUpOnTheDead(chain)
      for (const id of concerned) this.server(id).handle(chain, { type: 'config', config }, 0)
    })
    if (this.#options.tickUs === null && before !== undefined) {
      for (let afterUs = 300_000; afterUs < 5e6; afterUs *= 2)
        this.scheduler.after(afterUs, () => {
          for (const id of concerned) this.server(id).handle(chain, { type: 'tick' }, 0)
        })
    }
  }

  kill(server: ServerId): void {
    this.server(server).crash()
    for (const [request, pending] of this.#pending) {
      if (pending.server === server) this.#giveUp(request, pending)
    }
  }

  /** A read, strong where nothing else is said, sent by a client at this site. */
  read(
    to: { readonly server: ServerId; readonly chain: ChainId; readonly site?: string },
    command: ReadCommand,
    done: (outcome: Outcome) => void,
    options: ReadOptions = STRONG,
  ): void {
    const request = this.#begin(to, done)
    this.#reach(to, 0, () =>
      this.server(to.server).handle(to.chain, { type: 'read', request, command, options }, this.costs.readUs),
    )
  }

  /** `bytes`: of the value in the command. */
  write(
    to: { readonly server: ServerId; readonly chain: ChainId; readonly site?: string },
    command: WriteCommand,
    bytes: number,
    done: (outcome: Outcome) => void,
  ): void {
    const request = this.#begin(to, done)
    const costUs = this.costs.writeUs + bytes * this.costs.byteUs
    this.#reach(to, bytes, () =>
      this.server(to.server).handle(to.chain, { type: 'write', request, identity: null, command }, costUs),
    )
  }

  // What servers ask for.

  deliver(packet: Packet, atUs: number): void {
    const to = this.server(packet.to)
    const link = `${packet.from}>${packet.to}`
    const latencyUs = this.#latencyUs(this.server(packet.from).site, to.site)
    const arrivesUs = Math.max(atUs + latencyUs, this.#arrivals.get(link) ?? 0)
    this.#arrivals.set(link, arrivesUs)
    this.scheduler.at(arrivesUs, () => to.receive(packet))
  }

  reply(request: RequestId, { result, asked }: Answer, atUs: number): void {
    const pending = this.#pending.get(request)
    if (pending === undefined) return
    const arrivesUs = atUs + this.#latencyUs(this.server(pending.server).site, pending.site)
    this.scheduler.at(arrivesUs, () => this.#end(request, pending, { result, asked }))
  }

  report(chain: ChainId, report: ReplicaReport): void {
    this.scheduler.after(this.costs.latencyUs, () => this.onReport?.(chain, report))
  }

  #begin(
    to: { readonly server: ServerId; readonly chain: ChainId; readonly site?: string },
    done: (outcome: Outcome) => void,
  ): RequestId {
    const request = asRequestId(++this.#requests)
    const { server, chain, site = HOME } = to
    const pending = { server, chain, site, beganUs: this.scheduler.nowUs, done }
    this.#pending.set(request, pending)
    if (!this.server(to.server).alive) this.#giveUp(request, pending)
    return request
  }

  /** A client's own card is as fast as a server's, and has nothing else to do. */
  #reach(to: { readonly server: ServerId; readonly site?: string }, bytes: number, arrive: () => void): void {
    const { headerBytes, bytesPerUs } = this.costs
    const latencyUs = this.#latencyUs(to.site ?? HOME, this.server(to.server).site)
    this.scheduler.after(latencyUs + (headerBytes + bytes) / bytesPerUs, arrive)
  }

  /** Clients hear that a chain has changed: who asked a dead member of it waits no longer. */
  #giveUpOnTheDead(chain: ChainId): void {
    for (const [request, pending] of this.#pending) {
      if (pending.chain !== chain || this.server(pending.server).alive) continue
      this.#end(request, pending, { result: null, asked: false })
    }
  }

  #giveUp(request: RequestId, pending: Pending): void {
    this.scheduler.after(this.#options.clientTimeoutUs ?? 1_000_000, () =>
      this.#end(request, pending, { result: null, asked: false }),
    )
  }

  #end(request: RequestId, pending: Pending, answer: { result: Result | null; asked: boolean }): void {
    if (!this.#pending.delete(request)) return
    const atUs = this.scheduler.nowUs
    pending.done({ ...answer, atUs, tookUs: atUs - pending.beganUs })
  }

  #latencyUs(from: string, to: string): number {
    const { latencyUs, jitter } = this.costs
    const us = from === to ? latencyUs : (this.#options.crossSiteUs ?? latencyUs)
    return jitter === 0 ? us : us * (1 + jitter * (2 * this.#jitter.fraction() - 1))
  }

  #tickEvery(us: number): void {
    this.scheduler.after(us, () => {
      for (const server of this.servers) server.tick()
      this.#tickEvery(us)
    })
  }
}
