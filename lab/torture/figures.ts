/** What the faults cost, from what was recorded. */
import type { FaultKind, InflictedFault } from './faults.ts'
import { FAULT_KINDS } from './faults.ts'
import type { Part } from './recorder.ts'

export interface Counts {
  readonly ok: number
  readonly failed: number
  readonly indefinite: number
}

export interface FaultFigures extends Counts {
  readonly kind: FaultKind | 'all'
  readonly count: number
  /** Longest time in which not one read (write) of any client was answered that overlaps with such a fault. */
  readonly readStallMs: number
  readonly writeStallMs: number
}

interface Ends {
  readonly ok: number[]
  readonly failed: number[]
  readonly indefinite: number[]
  readonly readsOk: number[]
  readonly writesOk: number[]
}

/** One row for each kind that was inflicted, and one for the whole; an operation counts where it ended. */
export function faultFigures(
  parts: readonly Part[],
  inflicted: readonly InflictedFault[],
  whole: { readonly fromUs: number; readonly toUs: number },
): FaultFigures[] {
  const ends = endsOf(parts)
  const kinds = FAULT_KINDS.filter((kind) => inflicted.some((fault) => fault.kind === kind))
  const row = (kind: FaultFigures['kind'], windows: readonly Window[]): FaultFigures => ({
    kind,
    count: kind === 'all' ? inflicted.length : windows.length,
    ok: within(ends.ok, windows),
    failed: within(ends.failed, windows),
    indefinite: within(ends.indefinite, windows),
    readStallMs: longestStallMs(ends.readsOk, windows, whole),
    writeStallMs: longestStallMs(ends.writesOk, windows, whole),
  })
  return [
    ...kinds.map((kind) =>
      row(
        kind,
        inflicted.filter((fault) => fault.kind === kind),
      ),
    ),
    row('all', [whole]),
  ]
}

interface Window {
  readonly fromUs: number
  readonly toUs: number
}

function endsOf(parts: readonly Part[]): Ends {
  const ends: Ends = { ok: [], failed: [], indefinite: [], readsOk: [], writesOk: [] }
  for (const { events } of parts) {
    const reads = new Set<number>()
    for (const event of events) {
      if (event.type === 'invoke') {
        if (event.input.f === 'get' || event.input.f === 'multi-get') reads.add(event.op)
      } else if (event.type === 'ok') {
        ends.ok.push(event.time)
        const list = reads.has(event.op) ? ends.readsOk : ends.writesOk
        list.push(event.time)
      } else if (event.type === 'fail') ends.failed.push(event.time)
      else ends.indefinite.push(event.time)
    }
  }
  for (const list of Object.values(ends) as number[][]) list.sort((a, b) => a - b)
  return ends
}

const within = (times: readonly number[], windows: readonly Window[]) =>
  times.filter((time) => windows.some(({ fromUs, toUs }) => time >= fromUs && time <= toUs)).length

function longestStallMs(times: readonly number[], windows: readonly Window[], whole: Window): number {
  const marks = [
    whole.fromUs,
    ...times.filter((time) => time > whole.fromUs && time < whole.toUs),
    whole.toUs,
  ]
  let longest = 0
  for (const [index, toUs] of marks.entries()) {
    const fromUs = marks[index - 1] ?? toUs
    const isMet = windows.some((window) => window.fromUs < toUs && window.toUs > fromUs)
    if (isMet) longest = Math.max(longest, toUs - fromUs)
  }
  return longest / 1000
}
