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
  readonly #committed: CommittedEntries
  /** By chain: the newest position that this client was told of as committed. */
  readonly #floors = new Map<ChainId, number>()
  reads = 0

  constructor(client: string, committed: CommittedEntries) {
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
    if (result.at < floor)
      throw this.#violation(chain, `is shown the state at ${result.at} after that at ${floor}`)
    for (const [i, key] of keys.entries()) {
      const value = result.values[i] ?? null
      if (value !== null && value.version > result.at)
        throw this.#violation(chain, `version ${value.version} of ${key} in the state at ${result.at}`)
      if (result.committed) this.#checkCommitted(chain, key, value, result.at)
    }
  }

  /** The newest committed write of the key up to `at`; looked for only as far as it is known. */
  #checkCommitted(chain: ChainId, key: Key, value: Versioned | null, at: number): void {
    for (let seq = at; seq > (value?.version ?? 0); seq--) {
      const write = this.#committed(chain, seq)?.writes.findLast((one) => one.key === key)
      if (write === undefined) continue
      if (value === null && write.value === null) return
      throw this.#violation(
        chain,
        `${key} is said to be ${value?.version ?? 'absent'} at ${at}, ${seq} wrote it`,
      )
    }
    if (value === null) return
    const writer = this.#committed(chain, value.version)
    if (writer === null)
      throw this.#violation(chain, `${key} at version ${value.version} is said to be committed, and is not`)
    const write = writer.writes.findLast((one) => one.key === key)
    if (write === undefined || write.value === null || String(write.value) !== String(value.value))
      throw this.#violation(chain, `version ${value.version} of ${key} is not what ${writer.seq} wrote`)
  }

  #violation(chain: ChainId, what: string): WeakReadViolation {
    return new WeakReadViolation(`${this.#client}, a weak read of ${chain}: ${what}`)
  }
}
