import { fnvHash64, type Hash64, remainder } from './fnv-hash.ts'
import { type Dice, ZIPFIAN_CONSTANT, Zipfian } from './zipfian.ts'

/** YCSB draws from so many items, whatever the number of records, so that the hash of a draw tells the record: popular records lie scattered. */
export const SCRAMBLED_ITEMS = 10_000_000_000
/** Sum for that many items and the usual constant, as YCSB has it. */
export const SCRAMBLED_ZETA = 26.46902820178302

/** YCSB's scrambled zipfian: popular items are spread over all records by a hash. */
export class ScrambledZipfian {
  readonly #zipfian: Zipfian
  readonly #recordCount: number
  readonly #hash: Hash64 = { high: 0, low: 0 }

  constructor(recordCount: number, constant: number = ZIPFIAN_CONSTANT) {
    if (!(recordCount >= 1))
      throw new RangeError(`scrambled zipfian: ${recordCount} records; at least 1 is needed`)
    this.#recordCount = recordCount
    // From 0 to the item count inclusive, as YCSB says it: one more than the constant was computed for.
    const known = constant === ZIPFIAN_CONSTANT ? { zeta: SCRAMBLED_ZETA } : {}
    this.#zipfian = new Zipfian(SCRAMBLED_ITEMS + 1, { constant, ...known })
  }

  next(dice: Dice): number {
    fnvHash64(this.#zipfian.next(dice), this.#hash)
    return remainder(this.#hash, this.#recordCount)
  }
}
