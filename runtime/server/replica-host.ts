/** Replicas at work in a data server. */

import { type ReplicaStatus, replicaStatus } from '../../chain/configuration.ts'
import type { LogRecord, Outbox, ReplicaEvent } from '../../chain/events.ts'
import type { ChainLimits } from '../../chain/limits.ts'
import { restoreReplica } from '../../chain/restore.ts'
import { createReplica, type Replica } from '../../chain/state.ts'
import { step } from '../../chain/step.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import type { ReplicaReport, ServerRegistration } from '../../protocol/cluster.ts'
import type { ChangesResult, Failure, ReadResult, WriteResult } from '../../protocol/commands.ts'
import type { Position } from '../../protocol/entry.ts'
import {
  asEpoch,
  type ChainId,
  type Epoch,
  type Incarnation,
  type Millis,
  type RequestId,
  type ServerId,
} from '../../protocol/ids.ts'
import type { DeferredStore } from '../storage/deferred-store.ts'

/** What a replica needs of its server. */
export interface HostServices {
  persist(chain: ChainId, record: LogRecord): void
  send(to: ServerId, chain: ChainId, message: ChainMessage): void
  reply(request: RequestId, result: WriteResult | ReadResult | ChangesResult | Failure): void
  isWanted(request: RequestId): boolean
  report(chain: ChainId, report: ReplicaReport): void
  note(chain: ChainId, text: string): void
  storageFailed(error: Error): void
  /** What nobody expects, outside of any call. */
  bug(error: unknown): void
  /** Everything of this chain up to here may leave the log, and what says that it was a member in this epoch or before. */
  release(chain: ChainId, seq: number, memberEpoch: Epoch): void
  /** The host has events to be flushed when the turn ends. */
  touched(host: HostedReplica): void
}

/** One replica at work in a data server, whatever keeps it like the others. The server feeds it what arrived in a turn, and then ends the turn. */
export interface HostedReplica {
  readonly chain: ChainId
  readonly store: DeferredStore
  /** As peers and clients are told; null until there is one. */
  readonly config: ChainConfig | null
  /** What the disk holds for the manager to know, null where that must not count (see `ServerRegistration.holds`). */
  readonly held: ServerRegistration['holds'][ChainId] | null
  readonly status: ReplicaStatus
  /** What the log holds, before anything else. */
  restore(records: readonly LogRecord[]): void
  /** Tells the core what time it is; causes nothing by itself. */
  setClock(nowMs: Millis, wallMs: Millis): void
  step(event: ReplicaEvent): void
  /** The turn ends. Whatever the flush itself causes (a reply to oneself) is sent with it. */
  flush(): void
  /** Everything up to here would survive a power cut in the store, and so would this `memberEpoch`. */
  onStoreFlushed(applied: Position, memberEpoch: Epoch): void
}

export interface HostOptions {
  readonly chain: ChainId
  readonly self: ServerId
  readonly incarnation: Incarnation
  readonly store: DeferredStore
  readonly limits: Partial<ChainLimits>
  readonly services: HostServices
}

export type MakeHost = (options: HostOptions) => HostedReplica

/** What every host does alike: feeds a core and does what its outbox says. */
export abstract class OutboxHost implements HostedReplica, Outbox {
  readonly chain: ChainId
  readonly store: DeferredStore
  readonly #services: HostServices
  #touched = false

  constructor(options: HostOptions) {
    this.chain = options.chain
    this.store = options.store
    this.#services = options.services
  }

  abstract readonly config: ChainConfig | null
  abstract readonly held: HostedReplica['held']
  abstract readonly status: ReplicaStatus
  abstract restore(records: readonly LogRecord[]): void
  /** One step of the core. */
  protected abstract run(event: ReplicaEvent): void

  setClock(nowMs: Millis, wallMs: Millis): void {
    this.run({ type: 'clock', nowMs, wallMs })
  }

  step(event: ReplicaEvent): void {
    this.run(event)
    if (!this.#touched) {
      this.#touched = true
      this.#services.touched(this)
    }
  }

  onStoreFlushed(applied: Position, memberEpoch: Epoch): void {
    this.#services.release(this.chain, applied.seq, memberEpoch)
  }

  flush(): void {
    this.run({ type: 'flush' })
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

  reply(request: RequestId, result: WriteResult | ReadResult | ChangesResult | Failure): void {
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

/** One replica of a chain at work. */
export class ReplicaHost extends OutboxHost {
  readonly replica: Replica

  constructor(options: HostOptions & { readonly tailReadsOnly?: boolean }) {
    super(options)
    this.replica = createReplica(options)
  }

  get config(): ChainConfig | null {
    return this.replica.config
  }

  get held(): HostedReplica['held'] {
    return heldBy(this.replica)
  }

  get status(): ReplicaStatus {
    return replicaStatus(this.replica)
  }

  restore(records: readonly LogRecord[]): void {
    restoreReplica(this.replica, records, this)
  }

  protected run(event: ReplicaEvent): void {
    step(this.replica, event, this)
  }
}

/** What a registration may say of a replica's disk; null where it was never in service, or is no whole copy. */
export function heldBy({ store, log, incoming }: Replica): HostedReplica['held'] {
  if (store.meta.memberEpoch === 0 || incoming !== null) return null
  // A chain that nobody has written to yet has been served all the same, and must come back after a power cut.
  const epoch = Math.max(store.meta.memberEpoch, log.lastPosition.epoch)
  return { epoch: asEpoch(epoch), last: log.last, commit: log.commit.seq }
}
