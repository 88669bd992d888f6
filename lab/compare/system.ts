/** A store that can be started for a comparison: one module for each in `systems/`. */
import type { OperationType, TargetSpec } from '../load/target.ts'
import type { ReadLevel, SystemRecord } from './results.ts'

export interface SystemOptions {
  /** Empty, and the system's own; the caller removes it. On the file system whose fdatasync is measured. */
  readonly directory: string
  /** Wait for the system's own durability: `durable` is each product's honest setting for "acknowledged means kept"; `relaxed` is the like-for-like of a
   * store that syncs now and then; `memory` never waits for a disk. A system that has no such setting says so by `supports`. */
  readonly durability: 'durable' | 'relaxed' | 'memory'
  readonly replicas: number
  /** Of a system that can be cut into several groups of replicas: how many. Default: 1. */
  readonly chains?: number
}

/** A way to read: a variant of a point. */
export interface Variant {
  readonly name: string
  readonly level: ReadLevel
  readonly target: TargetSpec
}

export interface RunningSystem {
  readonly record: SystemRecord
  readonly variants: readonly Variant[]
  /** Server processes, for CPU accounting and for failures: name, pid, part it plays now (`leader`, `head`, `tail`, `member`...). */
  processes(): Promise<readonly { readonly name: string; readonly pid: number; readonly part: string }[]>
  /** Totals since the start, of what servers said to each other; null where it cannot be told. */
  traffic(): Promise<{ messages: number; bytes: number; syncs: number } | null>
  /** SIGKILL. Restart brings it back on the same data. For failure experiments; absent where it makes no sense. */
  kill?(name: string): Promise<void>
  restart?(name: string): Promise<void>
  /** From now on each server process gets so much of one core. @throws where the machine cannot do that, saying why. Absent where it makes no sense. */
  limit?(percentOfOneCore: number): void
  /** Ends everything that was started, however it stands. Never throws. */
  stop(): Promise<void>
}

export interface System {
  readonly id: string
  readonly title: string
  readonly kind: 'catenary' | 'peer' | 'yardstick'
  /** In how many ways it can be read, and how long it takes to start, to see ready and to stop on an idle machine: for estimates alone. */
  readonly effort: { readonly ways: number; readonly startMs: number }
  /** What it cannot do at all. */
  readonly lacks?: readonly OperationType[]
  supports(options: Pick<SystemOptions, 'durability' | 'replicas'>): boolean
  /** Null where it is installed and recent enough; else what to do: `not installed: scripts/install-test-servers.sh --peers installs it`. */
  missing(): Promise<string | null>
  /** @throws where it does not come up in time, with its last words. Nothing is left running then. */
  start(options: SystemOptions): Promise<RunningSystem>
}
