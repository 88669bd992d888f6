/** One replica at work: feeds its core, and does what its outbox says. */
import type { LogRecord, Outbox, ReplicaEvent } from '../../chain/events.ts'
import type { ChainLimits } from '../../chain/limits.ts'
import { restoreReplica } from '../../chain/restore.ts'
import { createReplica, type Replica } from '../../chain/state.ts'
import { step } from '../../chain/step.ts'
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import type { ReplicaReport } from '../../protocol/cluster.ts'
import type { Failure, ReadResult, WriteResult } from '../../protocol/commands.ts'
import type { ChainId, Incarnation, Millis, RequestId, ServerId } from '../../protocol/ids.ts'
import type { DeferredStore } from '../storage/deferred-store.ts'

/** What a replica needs of its server. */
export interface HostServices {
  persist(chain: ChainId, record: LogRecord): void
  send(to: ServerId, chain: ChainId, message: ChainMessage): void
  reply(request: RequestId, result: WriteResult | ReadResult | Failure): void
  isWanted(request: RequestId): boolean
  report(chain: ChainId, report: ReplicaReport): void
  note(chain: ChainId, text: string): void
  storageFailed(error: Error): void
  /** What nobody expects, outside of any call. */
  bug(error: unknown): void
  /** The host has events to be flushed when the turn ends. */
  touched(host: ReplicaHost): void
}

export class ReplicaHost implements Outbox {
  readonly chain: ChainId
  readonly replica: Replica
  readonly store: DeferredStore
  readonly #services: HostServices
  #touched = false

  constructor(options: {
    chain: ChainId
    self: ServerId
    incarnation: Incarnation
    store: DeferredStore
    limits: Partial<ChainLimits>
    services: HostServices
  }) {
    this.chain = options.chain
    this.store = options.store
    this.#services = options.services
    this.replica = createReplica(options)
  }

  restore(records: readonly LogRecord[]): void {
    restoreReplica(this.replica, records, this)
  }

  /** Tells the core what time it is; causes nothing by itself. */
  setClock(nowMs: Millis, wallMs: Millis): void {
    step(this.replica, { type: 'clock', nowMs, wallMs }, this)
  }

  step(event: ReplicaEvent): void {
    step(this.replica, event, this)
    if (!this.#touched) {
      this.#touched = true
      this.#services.touched(this)
    }
  }

  /** The turn ends. Whatever the flush itself causes (a reply to oneself) is sent with it. */
  flush(): void {
    step(this.replica, { type: 'flush' }, this)
    this.#touched = false
  }

  persist(record: LogRecord): void {
    this.#services.persist(this.chain, record)
  }

  send(to: ServerId, message: ChainMessage): void {
    this.#services.send(to, this.chain, message)
  }

  isWanted(request: RequestId): boolean {
    return this.#services.isWanted(request)
  }

  reply(request: RequestId, result: WriteResult | ReadResult | Failure): void {
    this.#services.reply(request, result)
  }

  report(report: ReplicaReport): void {
    this.#services.report(this.chain, report)
  }

  flushStore(): void {
    const { storageFailed, bug } = this.#services
    this.store
      .flush()
      .then(() => this.step({ type: 'store-flushed' }), storageFailed)
      .catch(bug)
  }

  note(text: string): void {
    this.#services.note(this.chain, text)
  }
}
