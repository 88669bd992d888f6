/**
 * Reads of a quorum. Strong: at any member, once it has applied as much as the leader had committed when the read came (ReadIndex, Raft §8), or at the leader under
 * its lease. Eventual: what this member has applied, which is committed and may be stale. All are atomic: the store stands at one applied index.
 */
import type { ReplicaEvent } from '../../chain/events.ts'
import type { ChainLimits } from '../../chain/limits.ts'
import { scanBounded } from '../../chain/snapshot-outgoing.ts'
import { failure, refuseKey } from '../../chain/write-path.ts'
import type { ReadId } from '../../coordinator/raft/ids.ts'
import type { Raft } from '../../coordinator/raft/state.ts'
import type { Failure, ReadCommand, ReadOptions, ReadResult, Versioned } from '../../protocol/commands.ts'
import type { Millis, RequestId } from '../../protocol/ids.ts'
import { unreachable } from '../../protocol/invariants.ts'
import type { DeferredStore } from '../../runtime/storage/deferred-store.ts'
import { ReadRounds, type WaitingRead } from './read-rounds.ts'

/** The member, as its reads see it. */
export interface ReadingHost {
  readonly raft: Raft | null
  readonly store: DeferredStore
  readonly nowMs: Millis
  readonly leaseUntilMs: number
  readonly heardAtMs: number | null
  reply(request: RequestId, result: ReadResult | Failure): void
  isWanted(request: RequestId): boolean
}

type ReadEvent = Extract<ReplicaEvent, { type: 'read' }>

export class QuorumReads {
  /** In the words of a chain's: a question is a `versionQuery`. */
  readonly counters = { localReads: 0, versionQueries: 0, versionQueryReads: 0, barriers: 0, barrierReads: 0 }
  readonly #host: ReadingHost
  readonly #limits: ChainLimits
  readonly #rounds = new ReadRounds()

  constructor(options: { readonly host: ReadingHost; readonly limits: ChainLimits }) {
    this.#host = options.host
    this.#limits = options.limits
  }

  get waiting(): number {
    return this.#rounds.count
  }

  onRead({ request, command, options }: ReadEvent): void {
    const host = this.#host
    const refusal = this.#refusal(command)
    if (refusal !== null) return host.reply(request, refusal)
    if (this.#mayAnswerHere(options)) {
      this.counters.localReads++
      return host.reply(request, this.#answer(command))
    }
    this.#rounds.add({ request, command, since: host.nowMs })
  }

  #refusal(command: ReadCommand): Failure | null {
    if (this.#host.raft === null)
      return failure('NOT_SERVING', 'this member takes no part in its quorum; ask another one')
    const { waitingReadsMax, scanLimitMax, keysPerCommandMax, keyBytesMax } = this.#limits
    if (this.#rounds.count >= waitingReadsMax)
      return failure('OVERLOADED', `${this.#rounds.count} reads wait; try again later`)
    if (command.type === 'scan') {
      const { limit } = command
      return limit >= 1 && limit <= scanLimitMax
        ? null
        : failure('BAD_ARGUMENT', `scan: limit ${limit} is not between 1 and ${scanLimitMax}`)
    }
    const count = command.keys.length
    if (count === 0 || count > keysPerCommandMax)
      return failure('BAD_ARGUMENT', `get: ${count} keys; between 1 and ${keysPerCommandMax} are allowed`)
    for (const key of command.keys) {
      const refusal = refuseKey(key, keyBytesMax)
      if (refusal !== null) return refusal
    }
    return null
  }

  /** What must not be answered from what is applied here is asked for as a strong read: that is never behind what the client has seen. */
  #mayAnswerHere({ consistency, atLeast }: ReadOptions): boolean {
    const { nowMs, heardAtMs, store } = this.#host
    switch (consistency.type) {
      case 'strong':
        return this.#leads()
      case 'eventual':
      case 'bounded-versions': // nothing that is not committed is ever shown
        return atLeast <= store.meta.applied.seq
      case 'bounded-age':
        return (
          atLeast <= store.meta.applied.seq && heardAtMs !== null && nowMs - heardAtMs <= consistency.maxAgeMs
        )
      default:
        return unreachable(consistency)
    }
  }

  /** Under its lease, and once it knows how far its predecessors have committed (Raft §8). */
  #leads(): boolean {
    const { raft, nowMs, leaseUntilMs } = this.#host
    return raft?.role.type === 'leader' && nowMs < leaseUntilMs && raft.commit >= raft.role.noopIndex
  }

  /** The turn ends. */
  ask(question: (id: ReadId) => void): void {
    const id = this.#rounds.ask()
    if (id === null) return
    this.counters.versionQueries++
    question(id)
  }

  onReady(id: ReadId): void {
    const reads = this.#rounds.ready(id)
    this.counters.versionQueryReads += reads.length
    for (const { request, command } of reads)
      if (this.#host.isWanted(request)) this.#host.reply(request, this.#answer(command))
  }

  onRefused(id: ReadId): void {
    this.#rounds.refused(id)
  }

  retry(): void {
    const { nowMs } = this.#host
    const late = this.#rounds.retry(nowMs, (request) => this.#host.isWanted(request))
    this.#fail(late, failure('NOT_SERVING', 'no leader of the quorum is known here; ask another member'))
  }

  failAll(why: Failure): void {
    this.#fail(this.#rounds.takeAll(), why)
  }

  #fail(reads: readonly WaitingRead[], why: Failure): void {
    for (const { request } of reads) this.#host.reply(request, why)
  }

  #answer(command: ReadCommand): ReadResult | Failure {
    const { store } = this.#host
    const at = store.meta.applied.seq
    if (command.type === 'scan') {
      const { prefix, after, limit } = command
      const { items, more } = scanBounded(store, {
        prefix,
        after,
        limit,
        bytesMax: this.#limits.pageBytesMax,
      })
      return { type: 'page', keys: items.map(({ key }) => key), values: items, more, committed: true, at }
    }
    const values: (Versioned | null)[] = []
    let bytes = 0
    for (const key of command.keys) {
      const value = store.get(key)
      values.push(value)
      bytes += value?.value.length ?? 0
      if (bytes > this.#limits.readBytesMax) {
        const message = `get: the values of these keys have more than ${this.#limits.readBytesMax} bytes together; read fewer at a time`
        return failure('TOO_LARGE', message)
      }
    }
    return { type: 'values', values, committed: true, at }
  }
}
