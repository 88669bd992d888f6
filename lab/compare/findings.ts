/** What a comparison found, in plain sentences. Every number and every word of praise or blame comes from the data. */
import { latencyText, microsText, rateText, timesText } from './number-text.ts'
import type { Point, Results } from './results.ts'
import {
  advantage,
  type Contest,
  clientShareOf,
  contests,
  cpuUsOf,
  type Entry,
  nameOf,
  OURS,
  pointsOf,
  type Rivals,
  rateOf,
  rivals,
  spreadOf,
  systemOf,
  yardstickOf,
} from './summary.ts'
import { WRITES_MEANWHILE } from './workloads.ts'

export interface Finding {
  /** `ours`: in favour; `theirs`: against; `note`: neither. */
  readonly sign: 'ours' | 'theirs' | 'note'
  readonly text: string
}

export function findings(results: Results): Finding[] {
  const all = contests(results)
  return [
    ...all.flatMap((contest) => ratioFinding(contest, replicated(results, contest))),
    ...all.flatMap((contest) => kinFinding(contest)),
    ...price(all),
    ...scaling(results),
    ...standstill(results),
    ...cpu(results, all),
    ...client(results),
    ...unreplicated(results, all),
  ]
}

/** Nearer than this, a difference may be chance. */
const NEAR = 1.05

const isReplicated = (results: Results, { point }: Entry) =>
  (systemOf(results, point.system)?.replicas ?? 1) > 1

/** Peers that keep copies, as we do. */
function replicated(results: Results, contest: Contest): Rivals | null {
  const found = rivals(contest)
  if (found === null) return null
  return { ...found, others: found.others.filter((entry) => isReplicated(results, entry)) }
}

/** One copy on one machine is another bargain: it is said last, and in one sentence for each. */
function unreplicated(results: Results, all: readonly Contest[]): Finding[] {
  const parts = new Map<string, string[]>()
  for (const contest of all) {
    const found = rivals(contest)
    const text = contest.measure === 'rate' ? rateText : latencyText
    for (const other of found?.others ?? []) {
      if (found === null || isReplicated(results, other)) continue
      const ratio = 1 / advantage(contest, found.ours, other)
      const where = whereText(contest)
      const part = `${where.charAt(0).toLowerCase()}${where.slice(1)} ${timesText(ratio)} (${text(other.value.median)})`
      parts.set(other.name, [...(parts.get(other.name) ?? []), part])
    }
  }
  return [...parts].map(([name, list]) => ({
    sign: 'note',
    text: `${name}, without any copy, in multiples of Catenary with three: ${list.join('; ')}.`,
  }))
}

function ratioFinding(contest: Contest, found: Rivals | null): Finding[] {
  const best = found?.others[0]
  if (found === null || best === undefined) return []
  const { ours } = found
  const ratio = advantage(contest, ours, best)
  const isRate = contest.measure === 'rate'
  const text = isRate ? rateText : latencyText
  const where = whereText(contest)
  const numbers = `${text(ours.value.median)} against ${text(best.value.median)}`
  const overlap = ours.value.min <= best.value.max && best.value.min <= ours.value.max
  if (overlap || (ratio < NEAR && ratio > 1 / NEAR)) {
    const why = overlap && ours.point.runs.length > 1 ? '; the rounds overlap' : ''
    return [
      { sign: 'note', text: `${where}: Catenary and ${best.name} cannot be told apart (${numbers}${why}).` },
    ]
  }
  const how = isRate ? 'the rate' : 'the speed'
  if (ratio > 1)
    return [
      {
        sign: 'ours',
        text: `${where}: Catenary has ${timesText(ratio)} ${how} of its best peer, ${best.name} (${numbers}).`,
      },
    ]
  const theirs = `${text(best.value.median)} against ${text(ours.value.median)}`
  return [
    {
      sign: 'theirs',
      text: `${where}: ${best.name} has ${timesText(1 / ratio)} ${how} of Catenary (${theirs}).`,
    },
  ]
}

function whereText({ workload, outstanding, group, entries }: Contest): string {
  const level =
    entries.some(({ level }) => level === 'linearizable') && workload !== 'writes' ? 'linearizable ' : ''
  const durable =
    workload === 'reads' ? '' : `${{ durable: 'durable', relaxed: 'relaxed', memory: 'in-memory' }[group]} `
  const what =
    workload === 'reads'
      ? `${level}reads`
      : workload === 'writes'
        ? `${durable}writes`
        : `a mix of ${workload}, ${durable}writes`
  return capital(`${what}, ${outstanding === 1 ? 'one at a time' : `${outstanding} outstanding`}`)
}

/** The fairest of comparisons: one store, one disk format, one client, and only the protocol exchanged. */
function kinFinding(contest: Contest): Finding[] {
  const ours = rivals(contest)?.ours
  if (
    ours === undefined ||
    contest.group !== 'durable' ||
    (contest.workload !== 'reads' && contest.workload !== 'writes')
  )
    return []
  const kin = contest.entries.filter(
    (entry) => entry.kind === 'catenary' && (contest.workload === 'writes' || entry.level === ours.level),
  )
  if (kin.length < 2) return []
  const text = contest.measure === 'rate' ? rateText : latencyText
  const list = kin.map(({ name, value }) => `${name.replace(/^Catenary, /, '')} ${text(value.median)}`)
  return [
    {
      sign: 'note',
      text: `${whereText(contest)}, the same store with its protocol exchanged: ${list.join('; ')}.`,
    },
  ]
}

/** The protocol's own price, against bare processes. */
function price(all: readonly Contest[]): Finding[] {
  const parts = all.flatMap((contest) => {
    const bare = yardstickOf(contest)
    const ours = rivals(contest)?.ours
    if (bare === null || ours === undefined || contest.measure !== 'rate') return []
    const share = Math.round((100 * ours.value.median) / bare.value.median)
    const what = whereText(contest)
    return [`${what.charAt(0).toLowerCase()}${what.slice(1)}: ${share} % of ${bare.name}`]
  })
  if (parts.length === 0) return []
  return [
    {
      sign: 'note',
      text: `What is left of bare processes that do the same without any protocol: ${parts.join('; ')}.`,
    },
  ]
}

function scaling(results: Results): Finding[] {
  const points = pointsOf(results, 'read-scaling')
  const lines = new Map<string, Point[]>()
  for (const point of points) {
    const name = nameOf(results, point)
    lines.set(name, [...(lines.get(name) ?? []), point])
  }
  return [...lines].flatMap(([name, line]): Finding[] => {
    const sorted = [...line].sort((a, b) => (a.x ?? 0) - (b.x ?? 0))
    const [first, last] = [sorted[0], sorted.at(-1)]
    if (first === undefined || last === undefined || first === last) return []
    const [low, high] = [rateOf(first)?.median ?? 0, rateOf(last)?.median ?? 0]
    if (low === 0) return []
    const sign = first.system === OURS && high / low > 1.5 ? 'ours' : 'note'
    const level = first.level === 'none' ? '' : `, ${first.level}`
    return [
      {
        sign,
        text: `Reads with equal CPU for each replica, ${name}${level}: ${timesText(high / low)} from ${first.x} to ${last.x} replicas (${rateText(low)} to ${rateText(high)}).`,
      },
    ]
  })
}

/** Of the usual number of answers: fewer are a standstill. */
const STANDSTILL_SHARE = 0.05

/** The longest time with next to no answers. */
export function standstillMs(point: Point): number | null {
  const [run] = point.runs
  const timeline = run?.load.timeline
  if (run === undefined || timeline == null || timeline.length === 0) return null
  const bucketMs = (run.load.seconds * 1000) / timeline.length
  const usual = spreadOf(timeline.map(({ done }) => done))?.median ?? 0
  let longest = 0
  let now = 0
  for (const { done } of timeline) {
    now = done === 0 || done < STANDSTILL_SHARE * usual ? now + 1 : 0
    longest = Math.max(longest, now)
  }
  return longest * bucketMs
}

/** Of the reads, and of the writes beside them: `reads: no pause, writes: 1.60 s`. */
export function pauseText(results: Results, reads: Point): string {
  const text = (point: Point) => {
    const ms = standstillMs(point) ?? 0
    return ms < PAUSE_MS_MIN ? 'no pause' : latencyText(ms * 1000)
  }
  const writes = writesBeside(results, reads)
  return writes === null ? text(reads) : `reads: ${text(reads)}, writes: ${text(writes)}`
}

/** Less can be chance: a bucket is a tenth of a second. */
const PAUSE_MS_MIN = 250

export function writesBeside(results: Results, reads: Point): Point | null {
  const name = `${reads.workload.name}${WRITES_MEANWHILE}`
  const found = pointsOf(results, 'failure').find(
    ({ system, workload }) => system === reads.system && workload.name === name,
  )
  return found ?? null
}

/** What was done, each once: the reads', whose writes stand beside them. */
export function failurePoints(results: Results): Point[] {
  return pointsOf(results, 'failure').filter(
    (point) => !point.workload.name.endsWith(WRITES_MEANWHILE) && standstillMs(point) !== null,
  )
}

/** One sentence for each system. */
function standstill(results: Results): Finding[] {
  const systems = new Map<string, string[]>()
  for (const point of failurePoints(results)) {
    const title = systemOf(results, point.system)?.title ?? point.system
    const part = point.workload.name.replace('kill the ', 'the ')
    systems.set(title, [...(systems.get(title) ?? []), `${part} (${pauseText(results, point)})`])
  }
  return [...systems].map(([title, parts]) => ({
    sign: 'note',
    text: `${title}, longest standstill after a kill of ${parts.join('; ')}.`,
  }))
}

function cpu(results: Results, all: readonly Contest[]): Finding[] {
  return all.flatMap((contest): Finding[] => {
    if (contest.measure !== 'rate' || contest.group !== 'durable') return []
    if (contest.workload !== 'reads' && contest.workload !== 'writes') return []
    const found = replicated(results, contest)
    if (found === null) return []
    const cost = ({ point }: Entry) => cpuUsOf(point)?.median ?? null
    const mine = cost(found.ours)
    const others = found.others.flatMap((entry) => {
      const us = cost(entry)
      return us === null || us === 0 ? [] : [{ entry, us }]
    })
    const best = others.sort((a, b) => a.us - b.us)[0]
    if (mine === null || mine === 0 || best === undefined) return []
    const sign = mine < best.us / NEAR ? 'ours' : mine > best.us * NEAR ? 'theirs' : 'note'
    return [
      {
        sign,
        text: `One of these ${contest.workload} costs Catenary’s servers ${microsText(mine)} of CPU time, all processes together; ${best.entry.name} ${microsText(best.us)}.`,
      },
    ]
  })
}

/** A number in which the client was the bottleneck says little about the store. */
function client(results: Results): Finding[] {
  const busy = results.points.filter(
    (point) =>
      point.loop.type === 'closed' && point.loop.outstanding > 1 && (clientShareOf(point)?.median ?? 0) > 0.9,
  )
  if (busy.length === 0) return []
  const names = [...new Set(busy.map(({ system }) => systemOf(results, system)?.title ?? system))]
  return [
    {
      sign: 'note',
      text: `In ${busy.length} of ${results.points.length} points the load generator used more than 0.9 of a core: there the store may be faster than shown (${names.join(', ')}).`,
    },
  ]
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
