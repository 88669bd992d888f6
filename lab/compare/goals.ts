/** What this store promises of itself, each beside what was measured: ratios of numbers from one run, because the machine decides the numbers themselves. */
import { latencyText, microsText, rateText, timesText } from './number-text.ts'
import type { Point, ReadLevel, Results } from './results.ts'
import { cpuUsOf, medianUsOf, nameOf, OURS, pointsOf, rateOf, systemOf } from './summary.ts'
import { readShare } from './workloads.ts'

export interface Goal {
  /** The condition: `Reads, 64 outstanding`. */
  readonly what: string
  /** What it is held against. */
  readonly against: string
  /** Both numbers: `133k/s, 262k/s`. */
  readonly numbers: string
  /** What they come to, and what they should: `0.51`, `≥ 0.6`. */
  readonly measured: string
  readonly goal: string
  readonly met: boolean
}

/** Those that this run can judge. */
export function goals(results: Results): Goal[] {
  const judge = new Judge(results)
  return [
    ...judge.reads(),
    ...judge.writes(),
    ...judge.oneAtATime(),
    ...judge.mixes(),
    ...judge.underWrites(),
    ...judge.scaling(),
    ...judge.cpu(),
  ]
}

/** `14 of 20 goals met`. */
export function goalsText(found: readonly Goal[]): string {
  return `${found.filter(({ met }) => met).length} of ${found.length} goals met`
}

type Group = 'durable' | 'relaxed' | 'memory'

interface Wanted {
  readonly system: string
  readonly workload: string
  readonly isAlone: boolean
  readonly level?: ReadLevel
  /** Of writes; reads wait for no disk and are measured once. */
  readonly group?: Group
}

type Measure = (point: Point) => { readonly median: number } | null

/** A few times `of` its bound, or at most so many times. */
interface Bound {
  readonly measure: Measure
  readonly text: (value: number) => string
  readonly least?: number
  readonly most?: number
  /** As a share of the other, or as a multiple. */
  readonly ratioText: (ratio: number) => string
}

const share = (ratio: number) => ratio.toFixed(2)
const atLeastTimes = (least: number): Bound => ({
  measure: rateOf,
  text: rateText,
  least,
  ratioText: timesText,
})
const atLeastShare = (least: number): Bound => ({ measure: rateOf, text: rateText, least, ratioText: share })
const atMost = (most: number): Bound => ({ measure: medianUsOf, text: latencyText, most, ratioText: share })

class Judge {
  readonly #results: Results
  readonly #headline: readonly Point[]

  constructor(results: Results) {
    this.#results = results
    this.#headline = pointsOf(results, 'headline')
  }

  reads(): Goal[] {
    const ours = this.#find(this.#ours('reads'))
    const of = (other: Point | null, bound: Bound) =>
      this.#compare('Reads, 64 outstanding', ours, other, bound)
    return [
      ...of(this.#bare('bare-read', 'reads'), atLeastShare(0.6)),
      ...of(this.#peer('etcd', 'reads', { level: 'linearizable' }), atLeastTimes(20)),
      ...of(this.#peer('zookeeper', 'reads', { level: 'stale' }), atLeastTimes(10)),
      ...of(this.#peer('jetstream', 'reads'), atLeastTimes(5)),
    ]
  }

  writes(): Goal[] {
    const durable = this.#find(this.#ours('writes'))
    const relaxed = this.#find(this.#ours('writes', { group: 'relaxed' }))
    const memory = this.#find(this.#ours('writes', { group: 'memory' }))
    const of = (what: string, ours: Point | null, other: Point | null, bound: Bound) =>
      this.#compare(`${what} writes, 64 outstanding`, ours, other, bound)
    const jetstream = this.#peer('jetstream', 'writes', { group: 'relaxed' })
    return [
      ...of('Durable', durable, this.#bare('bare-relay', 'writes'), atLeastShare(0.7)),
      ...of('Durable', durable, this.#peer('etcd', 'writes'), atLeastTimes(5)),
      ...of('Durable', durable, this.#peer('zookeeper', 'writes'), atLeastTimes(4)),
      ...of('Durable', durable, this.#peer('redis-wait', 'writes'), atLeastTimes(3)),
      ...of('Durable', durable, jetstream, atLeastTimes(1.5)),
      ...of('Interval', relaxed, jetstream, atLeastTimes(4)),
      ...of('In-memory', memory, this.#bare('bare-relay', 'writes', 'memory'), atLeastShare(0.6)),
    ]
  }

  oneAtATime(): Goal[] {
    const read = this.#find(this.#ours('reads', { isAlone: true }))
    const write = this.#find(this.#ours('writes', { isAlone: true }))
    const below: Bound = { ...atMost(1), ratioText: timesText }
    const reads = (other: Point | null, bound: Bound) =>
      this.#compare('One read at a time', read, other, bound)
    const writes = (other: Point | null, bound: Bound) =>
      this.#compare('One durable write at a time', write, other, bound)
    return [
      ...reads(this.#bare('bare-read', 'reads', 'durable', true), atMost(1.3)),
      ...this.#replicatedPeers('reads').flatMap((point) => reads(point, below)),
      ...writes(this.#bare('bare-relay', 'writes', 'durable', true), atMost(1.3)),
      ...writes(this.#peer('etcd', 'writes', { isAlone: true }), below),
      ...writes(this.#peer('zookeeper', 'writes', { isAlone: true }), below),
    ]
  }

  mixes(): Goal[] {
    return ['95 % reads', '50 % reads'].flatMap((workload) => {
      const ours = this.#find(this.#ours(workload))
      const of = (other: Point | null, bound: Bound) =>
        this.#compare(`${workload}, durable writes, 64 outstanding`, ours, other, bound)
      return [
        ...of(this.#peer('etcd', workload, { level: 'linearizable' }), atLeastTimes(8)),
        ...of(this.#peer('zookeeper', workload, { level: 'linearizable' }), atLeastTimes(5)),
      ]
    })
  }

  /** Of the same keys without anybody who writes. On one machine the writes take CPU from the reads, too. */
  underWrites(): Goal[] {
    const points = pointsOf(this.#results, 'reads-under-writes').filter(
      ({ system, level }) => system === OURS && level === 'linearizable',
    )
    const named = (name: string) => points.find(({ workload }) => workload.name === name) ?? null
    const [alone, busy] = [named('reads of the same keys'), named('reads of keys under write')]
    return this.#compare('Reads while the same keys are written', busy, alone, atLeastShare(0.85), {
      against: 'the same reads without writes',
    })
  }

  scaling(): Goal[] {
    const points = pointsOf(this.#results, 'read-scaling').filter(
      ({ system, x, variant }) => system === OURS && (variant === 'any replica' || x === 1),
    )
    const at = (x: number) => points.find((point) => point.x === x) ?? null
    return (
      [
        [3, 2.9],
        [5, 4.8],
        [7, 6.8],
      ] as const
    ).flatMap(([replicas, times]) =>
      this.#compare(
        `Reads of ${replicas} replicas, equal CPU each`,
        at(replicas),
        at(1),
        atLeastTimes(times),
        {
          against: 'one replica',
        },
      ),
    )
  }

  /** Every peer by its cheapest way to read: what costs less than that costs less than all. */
  cpu(): Goal[] {
    const below: Bound = { measure: cpuUsOf, text: microsText, most: 1, ratioText: timesText }
    return ['reads', 'writes'].flatMap((workload) => {
      const ours = this.#find(this.#ours(workload))
      const cheapest = new Map<string, Point>()
      for (const point of this.#many(workload)) {
        if (this.#kindOf(point) !== 'peer' || !this.#isFirstGroup(point)) continue
        const before = cheapest.get(point.system)
        const us = cpuUsOf(point)?.median
        if (us === undefined || (before !== undefined && (cpuUsOf(before)?.median ?? 0) <= us)) continue
        cheapest.set(point.system, point)
      }
      return [...cheapest.values()].flatMap((point) =>
        this.#compare(`CPU of one of the ${workload}, all processes`, ours, point, below),
      )
    })
  }

  #compare(
    what: string,
    ours: Point | null,
    other: Point | null,
    { measure, text, least, most, ratioText }: Bound,
    names: { readonly against?: string } = {},
  ): Goal[] {
    const [mine, theirs] = [ours, other].map((point) => (point === null ? null : measure(point)))
    if (mine == null || theirs == null || other === null || theirs.median === 0 || mine.median === 0)
      return []
    const ratio = mine.median / theirs.median
    const met = (least === undefined || ratio >= least) && (most === undefined || ratio <= most)
    const bound = least === undefined ? `≤ ${most}` : `≥ ${least}`
    return [
      {
        what,
        against: names.against ?? nameOf(this.#results, other),
        numbers: `${text(mine.median)} : ${text(theirs.median)}`,
        measured: ratioText(ratio),
        goal: `${bound}${ratioText === timesText ? '×' : ''}`,
        met,
      },
    ]
  }

  #ours(workload: string, change: Partial<Wanted> = {}): Wanted {
    const level = workload === 'writes' ? {} : { level: 'linearizable' as const }
    return { system: OURS, workload, isAlone: false, ...level, ...change }
  }

  #peer(system: string, workload: string, change: Partial<Wanted> = {}): Point | null {
    return this.#find({ system, workload, isAlone: false, ...change })
  }

  #bare(system: string, workload: string, group: Group = 'durable', isAlone = false): Point | null {
    return this.#find({ system, workload, isAlone, ...(workload === 'reads' ? {} : { group }) })
  }

  /** One for each, by its fastest way. */
  #replicatedPeers(workload: string): Point[] {
    const best = new Map<string, Point>()
    for (const point of this.#headline) {
      if (point.workload.name !== workload || !isAlone(point) || this.#kindOf(point) !== 'peer') continue
      if ((systemOf(this.#results, point.system)?.replicas ?? 1) === 1) continue
      const before = best.get(point.system)
      const us = medianUsOf(point)?.median ?? Infinity
      if (before === undefined || us < (medianUsOf(before)?.median ?? Infinity)) best.set(point.system, point)
    }
    return [...best.values()]
  }

  #many(workload: string): Point[] {
    return this.#headline.filter((point) => point.workload.name === workload && !isAlone(point))
  }

  #find({ system, workload, isAlone: alone, level, group = 'durable' }: Wanted): Point | null {
    const found = this.#headline.find(
      (point) =>
        point.system.split('@')[0] === system &&
        point.workload.name === workload &&
        isAlone(point) === alone &&
        (level === undefined || point.level === level) &&
        (readShare(point.workload) === 1 || this.#groupOf(point) === group),
    )
    return found ?? null
  }

  #groupOf({ system }: Point): Group {
    return systemOf(this.#results, system)?.group ?? 'durable'
  }

  /** What the system itself calls durable: it is not the same for all, and the report says what it is. */
  #isFirstGroup(point: Point): boolean {
    const [id] = point.system.split('@')
    const groups = this.#headline
      .filter(({ system }) => system.split('@')[0] === id)
      .map((one) => this.#groupOf(one))
    const first = (['durable', 'relaxed', 'memory'] as const).find((group) => groups.includes(group))
    return this.#groupOf(point) === first
  }

  #kindOf({ system }: Point) {
    return systemOf(this.#results, system)?.kind
  }
}

const isAlone = ({ loop }: Point) => loop.type === 'closed' && loop.outstanding === 1
