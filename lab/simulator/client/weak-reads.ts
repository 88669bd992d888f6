import type { OperationResult } from '../../../client/core/events.ts'
import type { Versioned } from '../../../protocol/commands.ts'
import type { Entry } from '../../../protocol/entry.ts'
import type { ChainId, Key } from '../../../protocol/ids.ts'

/** A weak read showed what it must not. */
export class WeakReadViolation extends Error {}

/** The history of a chain as far as anybody knows: the entry of a seq, or null. */
export type CommittedEntries = (chain: ChainId, seq: number) => Entry | null

/**
 * What is promised of reads that are not strong (CRAQ §2.4, DESIGN 3.3), for the life of one client: it never goes back in time in one chain, and what is said to be committed
 * is. What is not committed may vanish (trap 19): nothing rests on it.
 */
export class WeakReadJudge {
  readonly #client: string
  readonly #committed: CommittedHistory
  /** By chain: the newest position that this client was told of as committed. */
  readonly #floors = new Map<ChainId, number>()
  reads = 0

  constructor(client: string, committed: CommittedHistory) {
    this.#client = client
    this.#committed = committed
  }

  /** What a read that begins now must not be older than. */
  floor(chain: ChainId): number {
    return this.#floors.get(chain) ?? 0
  }

  /** Any answer to this client, strong or not. */
  saw(chain: ChainId, result: OperationResult): void {
    if (result.type === 'values' && result.committed) this.#raise(chain, result.at)
    else if (result.type === 'written' || result.type === 'read-back') this.#raise(chain, result.version)
  }

  #raise(chain: ChainId, seq: number): void {
    if (seq > this.floor(chain)) this.#floors.set(chain, seq)
  }

  /** @throws {WeakReadViolation} */
  judge(read: {
    readonly chain: ChainId
    readonly keys: readonly Key[]
    readonly floor: number
    readonly result: Extract<OperationResult, { type: 'values' }>
  }): void {
    const { chain, keys, floor, result } = read
    this.reads++
    for (const [i, key] of keys.entries()) {
      const value = result.values[i] ?? null
      if (value !== null && value.version > result.at)
        throw this.#violation(chain, `version ${value.version} of ${key} in the state at ${result.at}`)
      // The replica may hold what this client has seen as dirty entries of other keys: then `at`, a commit point, is less, and the values are those at the floor.
      if (result.committed) this.#checkCommitted(chain, key, value, Math.max(result.at, floor))
      else this.#checkNotOlder(chain, key, value, floor)
    }
  }

  /** A key that is shown as absent has no version to compare: it may be a deletion that is not committed. */
  #checkNotOlder(chain: ChainId, key: Key, value: Versioned | null, floor: number): void {
    const seen = this.#committed.newest(chain, key, floor)
    if (value === null || seen === null || value.version >= seen.seq) return
    throw this.#violation(chain, `${key} is said to be ${value.version} after ${seen.seq}`)
  }

  /** What is shown as committed is the newest committed write of the key up to `at`. */
  #checkCommitted(chain: ChainId, key: Key, value: Versioned | null, at: number): void {
    const newest = this.#committed.newest(chain, key, at)
    const same =
      value === null
        ? (newest?.value ?? null) === null
        : newest?.seq === value.version && String(newest.value) === String(value.value)
    if (same) return
    const shown = value === null ? 'absent' : `${value.version}`
    throw this.#violation(
      chain,
      `${key} is said to be ${shown} at ${at}; ${newest?.seq ?? 'nobody'} wrote it`,
    )
  }

  #violation(chain: ChainId, what: string): WeakReadViolation {
    return new WeakReadViolation(`${this.#client}, a weak read of ${chain}: ${what}`)
  }
}

/** The committed writes of all chains, by key: one for all clients of a run, so that the history is read once. */
export class CommittedHistory {
  readonly #committed: CommittedEntries
  readonly #writes = new Map<ChainId, CommittedWrites>()

  constructor(committed: CommittedEntries) {
    this.#committed = committed
  }

  /** The newest write of this key up to `at`, if any. */
  newest(chain: ChainId, key: Key, at: number): CommittedWrite | null {
    let writes = this.#writes.get(chain)
    if (writes === undefined) {
      writes = new CommittedWrites((seq) => this.#committed(chain, seq))
      this.#writes.set(chain, writes)
    }
    return writes.newest(key, at)
  }
}

interface CommittedWrite {
  readonly seq: number
  readonly value: Uint8Array | null
}

/** The committed writes of one chain, by key. Reads the history on as it grows; where its end was replaced (a power cut without `sync`), all of it again. */
class CommittedWrites {
  readonly #entryAt: (seq: number) => Entry | null
  #byKey = new Map<Key, CommittedWrite[]>()
  #last: Entry | null = null

  constructor(entryAt: (seq: number) => Entry | null) {
    this.#entryAt = entryAt
  }

  newest(key: Key, at: number): CommittedWrite | null {
    this.#readUpTo(at)
    return this.#byKey.get(key)?.findLast(({ seq }) => seq <= at) ?? null
  }

  #readUpTo(at: number): void {
    if (this.#last !== null && this.#entryAt(this.#last.seq)?.epoch !== this.#last.epoch) {
      this.#byKey = new Map()
      this.#last = null
    }
    for (let seq = (this.#last?.seq ?? 0) + 1; seq <= at; seq++) {
      const entry = this.#entryAt(seq)
      if (entry === null) return
      this.#last = entry
      for (const { key, value } of entry.writes) {
        const writes = this.#byKey.get(key)
        if (writes === undefined) this.#byKey.set(key, [{ seq, value }])
        else writes.push({ seq, value })
      }
    }
  }
}
