/** The text that Prometheus reads: families of numbers that are looked up when somebody asks, and cost nothing meanwhile. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { LatencyHistogram } from '../latency.ts'

type Labels = Readonly<Record<string, string>>

/** One number, and what tells it from the others of its family. */
export type Row = readonly [Labels, number]

/** A number that is looked up in what `sight` has returned. */
export interface NumberFamily<Sight> {
  readonly type: 'counter' | 'gauge'
  readonly name: string
  readonly help: string
  readonly rows: (sight: Sight) => readonly Row[]
}

export interface TimesFamily<Sight> {
  readonly type: 'histogram'
  /** In seconds, as Prometheus wants it. */
  readonly name: string
  readonly help: string
  readonly times: (sight: Sight) => readonly (readonly [Labels, LatencyHistogram])[]
}

export type Family<Sight> = NumberFamily<Sight> | TimesFamily<Sight>

/** From 50 µs to 10 s. */
const BOUNDS_MS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]

/** How finely the delay of the event loop is sampled: often enough to see a pause, seldom enough for an idle process. */
const LOOP_SAMPLE_MS = 50

export const one = (value: number): readonly Row[] => [[{}, value]]

/** What a process answers to `GET /metrics`. */
export class MetricPage<Sight> {
  readonly #registry = new Registry()
  readonly #families: readonly Family<Sight>[]
  readonly #look: () => Sight
  readonly #numbers = new Map<string, Counter | Gauge>()
  readonly #times = new Map<string, CollectedHistogram>()

  #asked = false

  /** @param look - what all families are read from; called once for each page. */
  constructor(families: readonly Family<Sight>[], look: () => Sight) {
    this.#families = families
    this.#look = look
    const registers = [this.#registry]
    for (const { type, name, help } of families) {
      if (type === 'histogram') this.#times.set(name, new CollectedHistogram({ name, help, registers }))
      else {
        const labelNames = LABELS
        const options = { name, help, registers, labelNames }
        this.#numbers.set(name, type === 'counter' ? new Counter(options) : new Gauge(options))
      }
    }
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  text(): Promise<string> {
    if (!this.#asked) {
      // They sample the event loop: a process that nobody watches need not wake for it.
      this.#asked = true
      collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: LOOP_SAMPLE_MS })
    }
    const sight = this.#look()
    for (const family of this.#families) {
      if (family.type === 'histogram') {
        const collected = this.#times.get(family.name)
        if (collected !== undefined) collected.rows = family.times(sight)
      } else {
        const metric = this.#numbers.get(family.name)
        metric?.reset()
        for (const [labels, value] of family.rows(sight)) metric?.inc(labels, value)
      }
    }
    return this.#registry.metrics()
  }
}

/** All that any family uses: a name that is not here is refused by the library. */
const LABELS = ['chain', 'door', 'code', 'role', 'successor', 'member', 'operation']

/** A histogram that was counted elsewhere. */
class CollectedHistogram extends Histogram {
  rows: readonly (readonly [Labels, LatencyHistogram])[] = []
  readonly #name: string
  readonly #help: string

  constructor(options: { name: string; help: string; registers: Registry[] }) {
    super(options)
    this.#name = options.name
    this.#help = options.help
  }

  override async get(): ReturnType<Histogram['get']> {
    const values = this.rows.flatMap(([labels, times]) => this.#valuesOf(labels, times))
    return {
      name: this.#name,
      help: this.#help,
      type: 'histogram' as never,
      aggregator: 'sum',
      collect: () => {},
      values,
    }
  }

  /** What the library asks for where it has it; its own would print what it counted itself, which is nothing. */
  getForPromString(): ReturnType<Histogram['get']> {
    return this.get()
  }

  #valuesOf(labels: Labels, times: LatencyHistogram) {
    const counts = times.countsAtMost(BOUNDS_MS)
    const buckets = BOUNDS_MS.map((boundMs, i) => ({
      metricName: `${this.#name}_bucket`,
      labels: { ...labels, le: String(boundMs / 1000) },
      value: counts[i] ?? 0,
    }))
    return [
      ...buckets,
      { metricName: `${this.#name}_bucket`, labels: { ...labels, le: '+Inf' }, value: times.count },
      { metricName: `${this.#name}_sum`, labels, value: times.sumMs / 1000 },
      { metricName: `${this.#name}_count`, labels, value: times.count },
    ]
  }
}
