/** Requests that come from inside this process, from its other doors. They go the way of a native client's, and are answered by a call. */
import type {
  Failure,
  ReadCommand,
  ReadOptions,
  ReadResult,
  WriteCommand,
  WriteResult,
} from '../../protocol/commands.ts'
import { asRequestId, type ChainId, type Key, NO_SEQ, type RequestId } from '../../protocol/ids.ts'
import type { ClusterView } from './cluster-view.ts'
import type { HostedReplica } from './replica-host.ts'

/** What a native client may be answered besides is asked for by none of these. */
type Result = WriteResult | ReadResult | Failure | { readonly type: 'changes' }
type Done = (result: Result) => void

const STRONG: ReadOptions = { consistency: { type: 'strong' }, atLeast: NO_SEQ }
const NO_KEYS: readonly Key[] = []

export class LocalCalls {
  readonly #hosts: ReadonlyMap<ChainId, HostedReplica>
  readonly #view: ClusterView
  readonly #waiting = new Map<RequestId, Done>()
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
    host?.step({ type: 'read', request: this.#begin(done as Done), command, options: STRONG })
  }

  /** A write without an identity: one that gets no answer must not be tried again. `done` as for `read`. */
  write(
    chain: ChainId,
    command: WriteCommand,
    keys: readonly Key[],
    done: (result: WriteResult | Failure) => void,
  ): void {
    const host = this.#hostOf(chain, keys, done)
    host?.step({ type: 'write', request: this.#begin(done as Done), identity: null, command })
  }

  #begin(done: Done): RequestId {
    const request = asRequestId(--this.#last)
    this.#waiting.set(request, done)
    return request
  }

  #hostOf(chain: ChainId, keys: readonly Key[], done: (result: Failure) => void): HostedReplica | null {
    const host = this.#hosts.get(chain)
    if (host !== undefined && this.#view.owns(chain, keys)) return host
    const message = host === undefined ? `no replica of ${chain} is here` : `not all keys belong to ${chain}`
    done({ type: 'failure', code: 'WRONG_CHAIN', message })
    return null
  }

  reply(request: RequestId, result: Result): void {
    const done = this.#waiting.get(request)
    if (done === undefined) return
    this.#waiting.delete(request)
    done(result)
  }
}
