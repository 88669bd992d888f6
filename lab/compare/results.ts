/** `results.json`: everything that a comparison measured, and under which conditions. The report is made from it and from nothing else. */
import type { LoadResult, Loop, WorkloadSpec } from '../load/task.ts'
import type { PlanOptions } from './plan.ts'

export const RESULTS_VERSION = 1

export interface Results {
  readonly version: typeof RESULTS_VERSION
  /** ISO 8601. */
  readonly began: string
  readonly ended: string | null
  /** The command line that repeats it. */
  readonly command: string
  readonly commit: string
  readonly machine: Machine
  readonly rounds: number
  /** What was asked for: a run that was interrupted goes on with it. Absent in older files. */
  readonly asked?: { readonly plan: PlanOptions; readonly paper: boolean }
  /** Visits of the plan of which all was measured. */
  readonly finished?: readonly string[]
  readonly systems: readonly SystemRecord[]
  readonly points: readonly Point[]
  readonly figures: readonly Figure[]
  /** What could not be measured, and why. */
  readonly problems: readonly { readonly system: string; readonly what: string }[]
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly fileSystem: string
  /** Median of one fdatasync of 4 KiB on the file system of the data, in microseconds. */
  readonly fdatasyncUs: number
}

/** A store as it was run. */
export interface SystemRecord {
  /** Stable name: `catenary-craq`, `etcd`, `bare-relay-sync`. */
  readonly id: string
  /** As people read it: `Catenary, CRAQ`. */
  readonly title: string
  readonly kind: 'catenary' | 'peer' | 'yardstick'
  readonly version: string
  readonly replicas: number
  readonly durability: string
  /** Which systems it is compared with, like for like (see `SystemOptions.durability`). */
  readonly group?: 'durable' | 'relaxed' | 'memory'
  /** Flags and configuration that matter, one per line. */
  readonly flags: readonly string[]
  /** How its load generator speaks to it, and why that is not the bottleneck. */
  readonly client: string
}

/** What a read of a system promises: a system may be measured at several levels. */
export type ReadLevel = 'linearizable' | 'stale' | 'none'

/** One measured condition, repeated. */
export interface Point {
  readonly system: string
  readonly experiment: Experiment
  /** Short name of the variant of the system: how reads are made (`any replica`, `leader, ReadIndex`, `serializable`). */
  readonly variant: string
  readonly level: ReadLevel
  readonly workload: WorkloadSpec
  readonly loop: Loop
  /** What the experiment varies, where that is neither in the workload nor in the loop: number of replicas, of chains, CPU quota in percent. */
  readonly x: number | null
  /** One for each round that went through. */
  readonly runs: readonly Run[]
}

export type Experiment =
  /** Strong (or stale) reads, writes and mixes at 64 and 1 outstanding: the ratios of the README. */
  | 'headline'
  | 'read-ratio'
  | 'ycsb'
  | 'value-size'
  | 'hot-key'
  | 'reads-under-writes'
  | 'open-loop'
  | 'chain-length'
  | 'read-scaling'
  | 'chains'
  | 'key-count'
  | 'failure'

export interface Run {
  readonly load: LoadResult
  /** CPU seconds in the measured span of each server process, by its name; the load generator's is in `load`. */
  readonly serverCpuSeconds: Readonly<Record<string, number>>
  /** Messages and bytes between servers, and fdatasyncs, in the measured span; null where the system does not count them. */
  readonly traffic: {
    readonly messages: number
    readonly bytes: number
    readonly syncs: number
  } | null
  /** What was done to the system meanwhile (failure experiments): milliseconds from the beginning of the span. */
  readonly events: readonly { readonly atMs: number; readonly what: string }[]
}

/** A figure of a paper, repeated. */
export interface Figure {
  /** `craq-4`, `cr-6`. */
  readonly id: string
  readonly title: string
  readonly source: string
  readonly xLabel: string
  readonly yLabel: string
  /** `measured`: on this machine. `simulated`: the real cores in virtual time, with the costs stated. */
  readonly how: 'measured' | 'simulated'
  readonly conditions: string
  readonly series: readonly {
    readonly name: string
    readonly ours: readonly (readonly [number, number])[]
    /** The paper's numbers, where it gives them; null elsewhere. */
    readonly paper: readonly (readonly [number, number])[] | null
  }[]
  /** Where ours differs, and why. */
  readonly remarks: readonly string[]
}
