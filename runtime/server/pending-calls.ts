import { asRequestId, type RequestId } from '../../protocol/ids.ts'
import type { RequestKind } from './door-times.ts'

/** A request that a replica will answer. */
export interface PendingCall {
  readonly request: RequestId
  readonly client: string
  /** The client's own number for it. */
  readonly call: number
  /** What it asks for, and when it came, as `DoorTimes` has them. */
  readonly kind: RequestKind
  readonly stamp: number
}

const PLACES = 4096

/** Requests on their way through the replicas. Nearly all end in the order in which they began, so most need no more than a place in a ring: a map costs a read a tenth of its time. */
export class PendingCalls {
  readonly #ring: (PendingCall | null)[] = new Array<PendingCall | null>(PLACES).fill(null)
  /** Those whose place was still taken. */
  readonly #others = new Map<RequestId, PendingCall>()
  #requests = 0
  #count = 0

  get count(): number {
    return this.#count
  }

  add(client: string, call: number, kind: RequestKind = 0, stamp = 0): RequestId {
    const request = asRequestId(++this.#requests)
    const place = request % PLACES
    this.#count++
    if (this.#ring[place] === null) this.#ring[place] = { request, client, call, kind, stamp }
    else this.#others.set(request, { request, client, call, kind, stamp })
    return request
  }

  /** `null` where its client has gone. */
  get(request: RequestId): PendingCall | null {
    const pending = this.#ring[request % PLACES] ?? null
    return pending?.request === request ? pending : (this.#others.get(request) ?? null)
  }

  take(request: RequestId): PendingCall | null {
    const pending = this.get(request)
    if (pending === null) return null
    this.#count--
    if (this.#ring[request % PLACES] === pending) this.#ring[request % PLACES] = null
    else this.#others.delete(request)
    return pending
  }

  forgetClient(client: string): void {
    for (const pending of [...this.#ring, ...this.#others.values()])
      if (pending?.client === client) this.take(pending.request)
  }
}
