import type { CleanStore } from '../../../chain/clean-store.ts'
import { MemoryStore } from '../../../chain/memory-store.ts'
import type { Entry } from '../../../protocol/entry.ts'
import { asSeq, type Key, type Seq } from '../../../protocol/ids.ts'
import { must } from './violation.ts'

/** The one history of a chain: what any replica ever called committed, and the state that it makes. Nothing in it may change or disappear. */
export class CommittedLog {
  readonly chain: string
  /** `#entries[i]` has seq i + 1. */
  #entries: Entry[] = []
  /** Seq of each request, by session. */
  #requests = new Map<number, Map<number, Seq>>()
  #store = new MemoryStore()

  constructor(chain: string) {
    this.chain = chain
  }

  get last(): Seq {
    return asSeq(this.#entries.length)
  }

  get store(): CleanStore {
    return this.#store
  }

  at(seq: number): Entry | null {
    return this.#entries[seq - 1] ?? null
  }

  /** The next entry. ExactlyOnce: no request of a session is in it twice. */
  push(entry: Entry, who: string): void {
    must(
      'CleanMeansCommitted',
      entry.seq === this.last + 1,
      who,
      () => `commits ${entry.seq} after ${this.last}`,
    )
    if (entry.origin !== null) this.#index(entry, who)
    this.#entries.push(entry)
    this.#store.apply(entry)
  }

  #index({ origin, seq }: Entry, who: string): void {
    if (origin === null) return
    const { session, requestNumber } = origin
    let requests = this.#requests.get(session)
    if (requests === undefined) {
      requests = new Map()
      this.#requests.set(session, requests)
    }
    const first = requests.get(requestNumber)
    must(
      'ExactlyOnce',
      first === undefined,
      who,
      () => `request ${requestNumber} of session ${session} took effect at ${first} and again at ${seq}`,
    )
    requests.set(requestNumber, seq)
  }

  /** Where loss is allowed (an operator's override; a power cut without `sync`): what is above `seq` never was. */
  forgetAbove(seq: number): void {
    if (seq >= this.last) return
    const kept = this.#entries.slice(0, seq)
    this.#entries = []
    this.#requests = new Map()
    this.#store = new MemoryStore()
    for (const entry of kept) this.push(entry, this.chain)
  }

  /** Whether this is the entry of its seq, and not another head's. */
  isSame(entry: Entry): boolean {
    const known = this.at(entry.seq)
    return known !== null && (known === entry || (known.epoch === entry.epoch && sameWrites(known, entry)))
  }

  /** Slow: a clean store that stands at this very seq holds the same keys, versions, values and expiries. */
  checkStore(store: CleanStore, who: string): void {
    const words = (key: Key) => () =>
      `${this.chain}: its clean ${JSON.stringify(key)} differs at seq ${this.last}`
    const mine = this.#store.scan({ prefix: '' as Key, after: null, limit: Number.MAX_SAFE_INTEGER })
    must(
      'CleanMeansCommitted',
      store.keyCount === mine.length && store.sessionCount === this.#store.sessionCount,
      who,
      () =>
        `${this.chain}: ${store.keyCount} keys and ${store.sessionCount} sessions are clean at seq ${this.last}; ` +
        `committed are ${mine.length} and ${this.#store.sessionCount}`,
    )
    for (const { key, version, value, expiresAtWallMs } of mine) {
      const held = store.get(key)
      const same =
        held !== null &&
        held.version === version &&
        held.expiresAtWallMs === expiresAtWallMs &&
        sameBytes(held.value, value)
      must('CleanMeansCommitted', same, who, words(key))
    }
  }
}

function sameWrites(a: Entry, b: Entry): boolean {
  if (a.writes === b.writes) return true
  if (a.writes.length !== b.writes.length) return false
  return a.writes.every((write, i) => {
    const other = b.writes[i]
    if (other === undefined || other.key !== write.key || other.expiresAtWallMs !== write.expiresAtWallMs)
      return false
    return write.value === null || other.value === null
      ? write.value === other.value
      : sameBytes(write.value, other.value)
  })
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
