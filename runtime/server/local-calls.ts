/** Requests that come from inside this process, from its other doors. They go the way of a native client's, and are answered by a call. */
import type {
  ChangesCommand,
  ChangesResult,
  Failure,
  ReadCommand,
  ReadOptions,
  ReadResult,
  WriteCommand,
  WriteResult,
} from '../../protocol/commands.ts'
import { asRequestId, type ChainId, type Key, NO_SEQ, type RequestId } from '../../protocol/ids.ts'
import type { ClusterView } from './cluster-view.ts'
import { DoorTimes, kindOfRead, kindOfWrite, type RequestKind } from './door-times.ts'
import type { HostedReplica } from './replica-host.ts'

type Result = WriteResult | ReadResult | ChangesResult | Failure
type Done = (result: Result) => void

interface Waiting {
  readonly done: Done
  readonly kind: RequestKind
  readonly stamp: number
}

const STRONG: ReadOptions = { consistency: { type: 'strong' }, atLeast: NO_SEQ }
/** Who waits for changes does so for as long as there are none. */
const UNTIMED = -1
const NO_KEYS: readonly Key[] = []

export class LocalCalls {
  readonly #hosts: ReadonlyMap<ChainId, HostedReplica>
  readonly #view: ClusterView
  readonly times = new DoorTimes()
  readonly #waiting = new Map<RequestId, Waiting>()
  /** Below zero: native clients' are above. */
  #last = 0

  constructor(hosts: ReadonlyMap<ChainId, HostedReplica>, view: ClusterView) {
    this.#hosts = hosts
    this.#view = view
  }

  /** Whether a request began here. */
  static isLocal(request: RequestId): boolean {
    return request < 0
  }

  get count(): number {
    return this.#waiting.size
  }

  /**
   * A strong read. `done` is called exactly once, perhaps before this returns, from inside of a replica's step: it may not ask for anything itself.
   * The server's clock must have been told before (`DataServer.tellTime`).
   */
  read(chain: ChainId, command: ReadCommand, done: (result: ReadResult | Failure) => void): void {
    const host = this.#hostOf(chain, command.type === 'get' ? command.keys : NO_KEYS, done)
    if (host === null) return
    const request = this.#begin(done as Done, kindOfRead(command, STRONG.consistency))
    host.step({ type: 'read', request, command, options: STRONG })
  }

  /** A write without an identity: one that gets no answer must not be tried again. `done` as for `read`. */
  write(
    chain: ChainId,
    command: WriteCommand,
    keys: readonly Key[],
    done: (result: WriteResult | Failure) => void,
  ): void {
    const host = this.#hostOf(chain, keys, done)
    if (host === null) return
    const request = this.#begin(done as Done, kindOfWrite(command))
    host.step({ type: 'write', request, identity: null, command })
  }

  /** What this server's replica knows to be committed. `done` as for `read`, perhaps much later. */
  changes(chain: ChainId, command: ChangesCommand, done: (result: ChangesResult | Failure) => void): void {
    const host = this.#hostOf(chain, NO_KEYS, done)
    if (host === null) return
    host.step({ type: 'changes', request: this.#begin(done as Done, UNTIMED), command })
  }

  #begin(done: Done, kind: RequestKind): RequestId {
    const request = asRequestId(--this.#last)
    this.#waiting.set(request, { done, kind, stamp: this.times.stamp })
    return request
  }

  #hostOf(chain: ChainId, keys: readonly Key[], done: (result: Failure) => void): HostedReplica | null {
    const host = this.#hosts.get(chain)
    if (host !== undefined && this.#view.owns(chain, keys)) return host
    this.times.failed('WRONG_CHAIN')
    const message = host === undefined ? `no replica of ${chain} is here` : `not all keys belong to ${chain}`
    done({ type: 'failure', code: 'WRONG_CHAIN', message })
    return null
  }

  reply(request: RequestId, result: Result): void {
    const waiting = this.#waiting.get(request)
    if (waiting === undefined) return
    this.#waiting.delete(request)
    if (result.type === 'failure') this.times.failed(result.code)
    else if (waiting.kind !== UNTIMED) this.times.answered(waiting.kind, waiting.stamp)
    waiting.done(result)
  }
}
