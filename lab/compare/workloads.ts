/** The workloads of a comparison, as data. */
import type { KeyChooser, WorkloadSpec } from '../load/task.ts'

export const RECORDS = 10_000
export const UNIFORM: KeyChooser = { type: 'uniform' }

/** Ends the name of the writes beside reads, where something dies. */
export const WRITES_MEANWHILE = ': writes'

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

/** Share of the operations that only read. */
export function readShare({ shares }: WorkloadSpec): number {
  return (shares.read ?? 0) + (shares.scan ?? 0)
}
