import type { HarshModel } from '../kernel/transport.ts'
import type { FaultKind } from './kinds.ts'

/** A process, by name or by what it is at the moment when the fault strikes. */
export type Target =
  | { readonly role: 'process'; readonly name: string }
  /** The place in the newest configuration of this chain. Nobody, if there is none. */
  | { readonly role: 'head' | 'middle' | 'tail' | 'joiner'; readonly chain: string }
  /** A replica of this chain that waits for what the tail says is committed. Nobody, if none asks at that moment. */
  | { readonly role: 'asker'; readonly chain: string }
  /** The coordinators' leader, a follower, the server or coordinator that runs the manager. */
  | { readonly role: 'leader' | 'follower' | 'manager' }
  /** The client of this number, modulo how many there are. */
  | { readonly role: 'client'; readonly index: number }

/** One thing that is done to the cluster. Whatever lasts carries how long, so that each action can be left out by itself. */
export type Deed =
  /** All at the same moment; each starts again after its own time. */
  | { readonly type: 'crash'; readonly targets: readonly Target[]; readonly downMs: readonly number[] }
  | { readonly type: 'power-cut'; readonly downMs: number; readonly spreadMs: number }
  | { readonly type: 'pause'; readonly target: Target; readonly forMs: number }
  | { readonly type: 'partition'; readonly shape: PartitionShape; readonly forMs: number }
  | {
      readonly type: 'one-way'
      readonly target: Target
      readonly mute: 'out' | 'in'
      readonly share: number
      readonly forMs: number
    }
  | { readonly type: 'link-break'; readonly a: Target; readonly b: Target }
  | {
      readonly type: 'slow-link'
      readonly from: Target
      readonly to: Target
      readonly factor: number
      readonly forMs: number
    }
  | {
      readonly type: 'slow-process'
      readonly target: Target
      readonly costUs: number
      readonly forMs: number
    }
  | { readonly type: 'slow-disk'; readonly target: Target; readonly factor: number; readonly forMs: number }
  | {
      readonly type: 'full-disk'
      readonly target: Target
      readonly forMs: number
      readonly downMs: number
    }
  | { readonly type: 'bit-rot'; readonly target: Target; readonly downMs: number }
  | { readonly type: 'clock-rate'; readonly target: Target; readonly rate: number }
  | { readonly type: 'wall-jump'; readonly target: Target; readonly ms: number }
  | { readonly type: 'coordinator-outage'; readonly downMs: number }
  | { readonly type: 'harsh-raft'; readonly model: HarshModel; readonly forMs: number }
  /** See `OldLeader`. How many requests make the tail of entries, and what the successor does before it is cut off. */
  | {
      readonly type: 'old-leader'
      readonly meanwhile: 'commits' | 'nothing'
      readonly tail: number
      readonly downMs: number
    }
  | { readonly type: 'add-server' }
  | { readonly type: 'drain'; readonly target: Target; readonly forMs: number }
  | { readonly type: 'override'; readonly chain: string }
  | { readonly type: 'client-crash'; readonly client: number; readonly downMs: number }
  | { readonly type: 'client-burst'; readonly client: number; readonly requests: number }

/** Where the network falls apart. `order` shuffles the processes; all sides are counted in shares of them, so that it fits any cluster. */
export type PartitionShape =
  | { readonly type: 'halves'; readonly share: number; readonly order: number }
  | { readonly type: 'alone'; readonly target: Target; readonly clientsToo: boolean }
  /** Cut off from all coordinators, and from nobody else: what leases are for. */
  | { readonly type: 'control'; readonly target: Target }
  /** Two sides that see each other only over one process. */
  | { readonly type: 'bridge'; readonly over: Target; readonly share: number; readonly order: number }

export interface FaultAction {
  readonly kind: FaultKind
  readonly atMs: number
  readonly deed: Deed
}

/** What stays the same for a whole run. */
export interface Environment {
  readonly latencyUs: readonly [number, number]
  readonly slowMessageShare: number
  readonly breakAfterUs: readonly [number, number]
  readonly fsyncUs: readonly [number, number]
  readonly slowSyncShare: number
  /** Rate of each process's clock, by name; 1 where none is named. */
  readonly clockRates: Readonly<Record<string, number>>
}

/** Everything that a run does to its cluster, as data: it can be written down, repeated and shrunk. */
export interface FaultPlan {
  readonly seed: number
  readonly durationMs: number
  readonly clients: number
  /** Kinds that this run does not have off. */
  readonly kinds: readonly FaultKind[]
  /** There are no data servers in this run: see `drawStorm`. */
  readonly storm?: true
  readonly environment: Environment
  /** In order of time. */
  readonly actions: readonly FaultAction[]
}

/** One line for people: what a trace says of an action. */
export function describeAction({ deed }: FaultAction): string {
  const details = Object.entries(deed)
    .filter(([name]) => name !== 'type')
    .map(([name, value]) => `${name}=${describeValue(value)}`)
  return [deed.type, ...details].join(' ')
}

function describeValue(value: unknown): string {
  if (Array.isArray(value)) return value.map(describeValue).join('+')
  if (typeof value !== 'object' || value === null) return String(value)
  if ('role' in value) return describeTarget(value as Target)
  return JSON.stringify(value)
}

export function describeTarget(target: Target): string {
  if (target.role === 'process') return target.name
  if (target.role === 'client') return `client ${target.index}`
  return 'chain' in target ? `${target.role} of ${target.chain}` : target.role
}

/** What must not be used for promises about leases, or about lost writes, in a run with this plan. */
export const promisesOf = ({ kinds }: Pick<FaultPlan, 'kinds'>) => ({
  /** Strong reads are linearizable, and the observer may check leases. */
  leasesHold: !kinds.includes('drift-beyond'),
  /** No acknowledged write is ever lost. */
  writesStay: !kinds.includes('override'),
})
