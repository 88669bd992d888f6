/** A history's time as a row of steps: step k is the k-th moment at which something was called or returned. */

import type { Operation } from '../operations.ts'

export interface Timeline {
  /** The moments, in order. Where a call and a return share one time, the call's comes first: such operations overlap. */
  readonly times: readonly number[]
  /** By operation: the step of its call. */
  readonly calls: readonly number[]
  /** By operation: the step of its return; null where no answer came. */
  readonly returns: readonly (number | null)[]
  /** By step: how far along the time line it lies, in typical gaps. Time in which nothing happens is cut short. */
  readonly places: readonly number[]
  /** Steps after which a stretch of empty time was cut. */
  readonly cuts: readonly number[]
}

export interface Lane {
  readonly name: string
  readonly rows: number
}

export type TimeUnit = 'ns' | 'µs' | 'ms' | 's' | 'event'

/** A gap of more than this many times the typical one is empty time, and is cut to the length below. */
const GAP_MAX = 10
const CUT_LENGTH = 3
/** Moments closer than this share of the typical gap would hide each other. */
const GAP_MIN = 0.3
/** A process that goes on after calls without an answer gets further rows, up to here. */
const ROWS_MAX = 3

export function timelineOf(operations: readonly Operation[]): Timeline {
  const ends = operations.map((operation) => operation.return).filter((time) => time !== Infinity)
  const moments = [
    ...Array.from(new Set(operations.map(({ call }) => call)), (time) => ({ time, end: false })),
    ...Array.from(new Set(ends), (time) => ({ time, end: true })),
  ].sort((a, b) => a.time - b.time || Number(a.end) - Number(b.end))
  const callSteps = new Map<number, number>()
  const returnSteps = new Map<number, number>()
  moments.forEach(({ time, end }, step) => {
    const steps = end ? returnSteps : callSteps
    steps.set(time, step)
  })
  const times = moments.map(({ time }) => time)
  return {
    times,
    calls: operations.map(({ call }) => callSteps.get(call) ?? 0),
    returns: operations.map((operation) => returnSteps.get(operation.return) ?? null),
    ...placesOf(times),
  }
}

function placesOf(times: readonly number[]): { places: number[]; cuts: number[] } {
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? time))
  const positive = gaps.filter((gap) => gap > 0).sort((a, b) => a - b)
  const typical = positive[Math.floor(positive.length / 2)] ?? 1
  const places = [0]
  const cuts: number[] = []
  gaps.forEach((gap, step) => {
    const cut = gap / typical > GAP_MAX
    const length = cut ? CUT_LENGTH : Math.max(gap / typical, GAP_MIN)
    if (cut) cuts.push(step)
    places.push(Math.round(((places[step] ?? 0) + length) * 100) / 100)
  })
  return { places, cuts }
}

/** One lane for each process, by name; and for each operation its lane and its row there. */
export function lanesOf(operations: readonly Operation[]): {
  lanes: readonly Lane[]
  at: readonly { readonly lane: number; readonly row: number }[]
} {
  const names = [...new Set(operations.map(({ process: name }) => name))].sort(byName)
  const laneOf = new Map(names.map((name, lane) => [name, lane]))
  const ends: number[][] = names.map(() => [])
  const at = operations.map(() => ({ lane: 0, row: 0 }))
  const byCall = operations.map((operation, index) => ({ operation, index }))
  byCall.sort((a, b) => a.operation.call - b.operation.call)
  for (const { operation, index } of byCall) {
    const lane = laneOf.get(operation.process) ?? 0
    const rows = ends[lane] ?? []
    const free = rows.findIndex((end) => end <= operation.call)
    const row = free >= 0 ? free : rows.length < ROWS_MAX ? rows.length : ROWS_MAX - 1
    rows[row] = operation.return
    at[index] = { lane, row }
  }
  return { lanes: names.map((name, lane) => ({ name, rows: ends[lane]?.length ?? 1 })), at }
}

/** Names with numbers in them in the order of the numbers: `c2` before `c10`. No locale, so that a page is the same everywhere. */
function byName(a: string, b: string): number {
  const [as, bs] = [a, b].map((text) => text.match(/\d+|\D+/g) ?? [])
  for (let i = 0; i < Math.min(as?.length ?? 0, bs?.length ?? 0); i++) {
    const [x, y] = [as?.[i] ?? '', bs?.[i] ?? '']
    const numbers = /^\d/.test(x) && /^\d/.test(y) ? Number(x) - Number(y) : 0
    if (numbers !== 0) return numbers
    if (x !== y) return x < y ? -1 : 1
  }
  return (as?.length ?? 0) - (bs?.length ?? 0)
}

/** Histories without a clock number their lines; then a step is worth no unit of time. */
export function guessedUnit(histories: readonly (readonly Operation[])[]): TimeUnit {
  let [least, most, moments] = [Infinity, -Infinity, 0]
  for (const operations of histories) {
    for (const { call, return: end } of operations) {
      least = Math.min(least, call)
      most = Math.max(most, call, end === Infinity ? call : end)
      moments += 2
      if (!Number.isInteger(call) || (end !== Infinity && !Number.isInteger(end))) return 'ms'
    }
  }
  return most - least <= moments * 2 ? 'event' : 'ms'
}
