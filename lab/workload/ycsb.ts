import type { KeyChooser, WorkloadSpec } from '../load/task.ts'
import { ZIPFIAN_CONSTANT } from './zipfian.ts'

/** YCSB's own: ten fields of a hundred bytes. Here a record is one value. */
export const YCSB_VALUE_BYTES = 1000
const SCAN_LENGTH_MAX = 100

const ZIPFIAN: KeyChooser = { type: 'zipfian', constant: ZIPFIAN_CONSTANT }
const LATEST: KeyChooser = { type: 'latest', constant: ZIPFIAN_CONSTANT }

/** The core workloads (Cooper et al., "Benchmarking Cloud Serving Systems with YCSB", SoCC 2010, table 2). */
export const YCSB = {
  A: { what: 'update heavy', shares: { read: 0.5, update: 0.5 }, keys: ZIPFIAN },
  B: { what: 'read mostly', shares: { read: 0.95, update: 0.05 }, keys: ZIPFIAN },
  C: { what: 'read only', shares: { read: 1 }, keys: ZIPFIAN },
  D: { what: 'read latest', shares: { read: 0.95, insert: 0.05 }, keys: LATEST },
  E: { what: 'short ranges', shares: { scan: 0.95, insert: 0.05 }, keys: ZIPFIAN },
  F: { what: 'read-modify-write', shares: { read: 0.5, 'read-modify-write': 0.5 }, keys: ZIPFIAN },
} as const satisfies Record<string, Pick<WorkloadSpec, 'shares' | 'keys'> & { what: string }>

export type YcsbLetter = keyof typeof YCSB
export const YCSB_LETTERS = Object.keys(YCSB) as readonly YcsbLetter[]

/** @param options.valueBytes - Default: 1,000. */
export function ycsb(
  letter: YcsbLetter,
  options: { recordCount: number; valueBytes?: number },
): WorkloadSpec {
  const { what, shares, keys } = YCSB[letter]
  return {
    name: `YCSB ${letter}: ${what}`,
    shares,
    keys,
    recordCount: options.recordCount,
    valueBytes: options.valueBytes ?? YCSB_VALUE_BYTES,
    scanLengthMax: SCAN_LENGTH_MAX,
  }
}
