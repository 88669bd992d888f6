/** One data server of the simulated cluster: real replicas, of one chain or many, behind one processor, one network card and one disk. */
import type { LogRecord, Outbox, ReplicaEvent } from '../../../chain/events.ts'
import { MemoryStore } from '../../../chain/memory-store.ts'
import { createReplica, type Replica } from '../../../chain/state.ts'
import { step } from '../../../chain/step.ts'
import type { ChainMessage } from '../../../protocol/chain-messages.ts'
import type { ReplicaReport } from '../../../protocol/cluster.ts'
import type { Failure, ReadResult, WriteResult } from '../../../protocol/commands.ts'
import { type Entry, type Position, resultBytes } from '../../../protocol/entry.ts'
import {
  asIncarnation,
  asMillis,
  type ChainId,
  type Incarnation,
  type RequestId,
  type ServerId,
} from '../../../protocol/ids.ts'
import type { Scheduler } from '../../simulator/kernel/scheduler.ts'
import type { Costs } from './costs.ts'
import { Machine } from './machine.ts'

export type Result = WriteResult | ReadResult | Failure

/** What a server needs of the cluster. */
export interface ServerServices {
  /** `atUs`: when it has left the sender's card. */
  deliver(packet: Packet, atUs: number): void
  reply(request: RequestId, answer: Answer, atUs: number): void
  report(chain: ChainId, report: ReplicaReport): void
}

export interface Packet {
  readonly from: ServerId
  readonly to: ServerId
  readonly chain: ChainId
  readonly message: ChainMessage
  /** So many questions or answers are paid for. */
  readonly weight: number
}

export interface Answer {
  readonly result: Result
  /** A read that had to ask the tail. */
  readonly asked: boolean
}

const FOREVER = asMillis(1e15)

export class ChainServer {
  readonly id: ServerId
  readonly site: string
  readonly machine: Machine
  readonly #scheduler: Scheduler
  readonly #costs: Costs
  readonly #services: ServerServices
  readonly #hosted = new Map<ChainId, Hosted>()
  #touched: Hosted[] = []
  incarnation: Incarnation = asIncarnation(1)
  alive = true

  constructor(
    id: ServerId,
    options: {
      readonly site: string
      readonly scheduler: Scheduler
      readonly costs: Costs
      readonly services: ServerServices
    },
  ) {
    this.id = id
    this.site = options.site
    this.#scheduler = options.scheduler
    this.#costs = options.costs
    this.#services = options.services
    const { bytesPerUs, eventsPerTurn } = options.costs
    this.machine = new Machine(options.scheduler, {
      bytesPerUs,
      jobsPerTurn: eventsPerTurn,
      endTurn: () => this.#endTurn(),
    })
  }

  /** An event whose price is known; what is sent meanwhile leaves at the end of the turn. */
  handle(chain: ChainId, event: ReplicaEvent, costUs: number): void {
    if (!this.alive) return
    this.machine.work(costUs, () => this.hosted(chain).step(event))
  }

  receive(packet: Packet): void {
    if (!this.alive) return
    const { chain, from, message, weight } = packet
    this.machine.work(this.#priceOf(message, weight), () => {
      const hosted = this.hosted(chain)
      hosted.weight = weight
      hosted.step({ type: 'message', from, message })
    })
  }

  /** Time passes: what only ticks cause costs nothing here. */
  tick(): void {
    if (!this.alive) return
    for (const hosted of this.#hosted.values()) this.machine.work(0, () => hosted.step({ type: 'tick' }))
  }

  crash(): void {
    this.alive = false
    this.machine.stop()
    this.#hosted.clear()
    this.#touched = []
  }

  /** Comes back with an empty disk, as another life. */
  restart(): void {
    this.incarnation = asIncarnation(this.incarnation + 1)
    this.alive = true
  }

  /** The replica of a chain, made where there is none. */
  hosted(chain: ChainId): Hosted {
    const found = this.#hosted.get(chain)
    if (found !== undefined) return found
    const made = new Hosted(chain, this, {
      costs: this.#costs,
      scheduler: this.#scheduler,
      services: this.#services,
    })
    this.#hosted.set(chain, made)
    return made
  }

  touched(hosted: Hosted): void {
    this.#touched.push(hosted)
  }

  #endTurn(): void {
    const touched = this.#touched
    this.#touched = []
    for (const hosted of touched) hosted.endTurn()
  }

  #priceOf(message: ChainMessage, weight: number): number {
    const costs = this.#costs
    switch (message.type) {
      case 'append': {
        const { entries } = message
        if (entries.length === 0) return costs.messageUs
        return entries.length * costs.appendUs + valueBytes(entries) * costs.byteUs
      }
      case 'ack':
        return costs.ackUs
      case 'version-query':
        return costs.queryUs * weight
      case 'version-reply':
        return costs.askUs * weight
      default:
        return costs.messageUs
    }
  }
}

/** One replica at its server, and the log on the server's disk. */
export class Hosted implements Outbox {
  readonly chain: ChainId
  readonly replica: Replica
  readonly #server: ChainServer
  readonly #costs: Costs
  readonly #scheduler: Scheduler
  readonly #services: ServerServices
  #touched = false
  #answering = false
  #syncing = false
  #logged: { readonly position: Position; readonly rewrites: number } | null = null
  /** Of the message that is being handled, for its answer. */
  weight = 1

  constructor(
    chain: ChainId,
    server: ChainServer,
    options: { readonly costs: Costs; readonly scheduler: Scheduler; readonly services: ServerServices },
  ) {
    this.chain = chain
    this.#server = server
    this.#costs = options.costs
    this.#scheduler = options.scheduler
    this.#services = options.services
    const { id: self, incarnation } = server
    this.replica = createReplica({ chain, self, incarnation, store: new MemoryStore() })
    step(this.replica, { type: 'lease', untilMs: FOREVER }, this)
  }

  step(event: ReplicaEvent): void {
    if (!this.#touched) {
      this.#touched = true
      this.#server.touched(this)
      const nowMs = asMillis(this.#scheduler.nowUs / 1000)
      step(this.replica, { type: 'clock', nowMs, wallMs: nowMs }, this)
    }
    this.#answering = event.type === 'read'
    step(this.replica, event, this)
    this.#answering = false
  }

  endTurn(): void {
    if (this.#costs.syncUs === 0) this.#synced()
    else this.#sync()
    step(this.replica, { type: 'flush' }, this)
    this.#touched = false
  }

  persist(record: LogRecord): void {
    if (record.type === 'commit' || record.type === 'member') return
    const position = record.type === 'entry' ? record.entry : record.to
    this.#logged = {
      position: { epoch: position.epoch, seq: position.seq },
      rewrites: this.replica.rewrites,
    }
  }

  send(to: ServerId, message: ChainMessage): void {
    const weight = this.#weightOf(message)
    const bytes = (this.#costs.headerBytes + payloadBytes(message)) * weight
    const atUs = this.#server.machine.sentAtUs(bytes)
    this.#services.deliver({ from: this.#server.id, to, chain: this.chain, message, weight }, atUs)
  }

  reply(request: RequestId, result: Result): void {
    const atUs = this.#server.machine.sentAtUs(this.#costs.headerBytes + replyBytes(result))
    this.#services.reply(request, { result, asked: !this.#answering }, atUs)
  }

  report(report: ReplicaReport): void {
    this.#services.report(this.chain, report)
  }

  flushStore(): void {
    this.#server.handle(this.chain, { type: 'store-flushed' }, 0)
  }

  note(): void {}

  #weightOf(message: ChainMessage): number {
    if (this.#costs.questions === 'shared') return 1
    if (message.type === 'version-query') return Math.max(1, this.replica.question?.reads.length ?? 1)
    return message.type === 'version-reply' ? this.weight : 1
  }

  #synced(): void {
    const logged = this.#logged
    this.#logged = null
    if (logged !== null) step(this.replica, { type: 'durable', ...logged }, this)
  }

  /** One sync at a time; what is logged meanwhile waits for the next, together. */
  #sync(): void {
    const logged = this.#logged
    if (this.#syncing || logged === null) return
    this.#logged = null
    this.#syncing = true
    const { incarnation } = this.#server
    this.#scheduler.after(this.#costs.syncUs, () => {
      if (!this.#server.alive || this.#server.incarnation !== incarnation) return
      this.#syncing = false
      this.#server.handle(this.chain, { type: 'durable', ...logged }, 0)
    })
  }
}

function payloadBytes(message: ChainMessage): number {
  if (message.type === 'append') return valueBytes(message.entries)
  if (message.type !== 'snapshot-page') return 0
  let bytes = 0
  for (const item of message.items) bytes += item.value.length
  return bytes
}

function valueBytes(entries: readonly Entry[]): number {
  let bytes = 0
  for (const entry of entries) for (const write of entry.writes) bytes += write.value?.length ?? 0
  return bytes
}

function replyBytes(result: Result): number {
  switch (result.type) {
    case 'values':
    case 'page': {
      let bytes = 0
      for (const value of result.values) bytes += value?.value.length ?? 0
      return bytes
    }
    default:
      return resultBytes(result)
  }
}
