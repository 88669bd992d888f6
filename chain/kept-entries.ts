import { decodeEntries, packEntries } from '../protocol/codec/chain-codec.ts'
import { type Entry, entryBytes, type Position } from '../protocol/entry.ts'
import { NO_EPOCH, NO_SEQ, type Seq } from '../protocol/ids.ts'

/** So many entries are kept together. */
export const KEPT_TOGETHER = 128
/** Longer ones are left as they are: their values are most of them, and would only be copied. */
const PACKED_BYTES_MAX = KEPT_TOGETHER * 4096

/**
 * Consecutive entries that are clean, and kept only for a successor or joiner that lacks them, which is rare. As objects they are most of what the garbage collector
 * of a busy replica moves about, and take four times the memory; as bytes they are one object.
 */
export class KeptEntries {
  readonly last: Position
  /** As `entryBytes` counts. */
  readonly bytes: number
  readonly #first: number
  readonly #packed: ReturnType<typeof packEntries> | null
  readonly #entries: readonly Entry[]

  constructor(entries: readonly Entry[]) {
    const { epoch = NO_EPOCH, seq = NO_SEQ } = entries.at(-1) ?? {}
    this.last = { epoch, seq }
    this.bytes = entries.reduce((bytes, entry) => bytes + entryBytes(entry), 0)
    this.#first = entries[0]?.seq ?? 0
    const isPacked = this.bytes <= PACKED_BYTES_MAX
    this.#packed = isPacked ? packEntries(entries) : null
    this.#entries = isPacked ? [] : entries
  }

  at(seq: Seq): Entry | null {
    const index = seq - this.#first
    if (this.#packed === null) return this.#entries[index] ?? null
    const { bytes, ends } = this.#packed
    const end = ends[index]
    if (end === undefined) return null
    return decodeEntries(bytes.subarray(ends[index - 1] ?? 0, end))[0] ?? null
  }
}
