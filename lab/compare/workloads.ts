/** The workloads of a comparison, as data. */
import type { KeyChooser, WorkloadSpec } from '../load/task.ts'

export const RECORDS = 10_000
export const UNIFORM: KeyChooser = { type: 'uniform' }
const ZIPFIAN: KeyChooser = { type: 'zipfian', constant: 0.99 }

export interface Shape {
  readonly valueBytes: number
  readonly recordCount?: number
  readonly keys?: KeyChooser
}

/** Reads and overwrites in the given proportion. Its name is the same wherever it is used, so that one measurement serves several experiments. */
export function mix(readPercent: number, shape: Shape): WorkloadSpec {
  const read = readPercent / 100
  return {
    name: readPercent === 100 ? 'reads' : readPercent === 0 ? 'writes' : `${readPercent} % reads`,
    shares: {
      ...(readPercent > 0 ? { read } : {}),
      ...(readPercent < 100 ? { update: 1 - read } : {}),
    },
    keys: shape.keys ?? UNIFORM,
    recordCount: shape.recordCount ?? RECORDS,
    valueBytes: shape.valueBytes,
    scanLengthMax: 0,
  }
}

/** The six core workloads (Cooper et al., SoCC 2010, table 2), with values of the size given: YCSB's own default is 10 fields of 100 bytes. */
export function ycsb(letter: YcsbLetter, valueBytes: number): WorkloadSpec {
  const { shares, keys, what } = YCSB[letter]
  return {
    name: `YCSB ${letter}: ${what}`,
    shares,
    keys,
    recordCount: RECORDS,
    valueBytes,
    scanLengthMax: letter === 'E' ? 100 : 0,
  }
}

const YCSB = {
  A: { what: 'update heavy', shares: { read: 0.5, update: 0.5 }, keys: ZIPFIAN },
  B: { what: 'read mostly', shares: { read: 0.95, update: 0.05 }, keys: ZIPFIAN },
  C: { what: 'read only', shares: { read: 1 }, keys: ZIPFIAN },
  D: {
    what: 'read latest',
    shares: { read: 0.95, insert: 0.05 },
    keys: { type: 'latest', constant: 0.99 },
  },
  E: { what: 'short ranges', shares: { scan: 0.95, insert: 0.05 }, keys: ZIPFIAN },
  F: { what: 'read-modify-write', shares: { read: 0.5, 'read-modify-write': 0.5 }, keys: ZIPFIAN },
} as const satisfies Record<
  string,
  { what: string; shares: WorkloadSpec['shares']; keys: WorkloadSpec['keys'] }
>

export type YcsbLetter = keyof typeof YCSB
export const YCSB_LETTERS = Object.keys(YCSB) as readonly YcsbLetter[]

/** Share of the operations that only read. */
export function readShare({ shares }: WorkloadSpec): number {
  return (shares.read ?? 0) + (shares.scan ?? 0)
}
