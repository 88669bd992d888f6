import { fnvHash64, type Hash64, toDecimal } from './fnv-hash.ts'

/** Name of a record: `user` and the hash of its number, so that the order of the names is not the order of insertion (YCSB's `insertorder=hashed`). */
export function keyName(record: number): string {
  const hash: Hash64 = { high: 0, low: 0 }
  fnvHash64(record, hash)
  return `user${toDecimal(hash)}`
}
