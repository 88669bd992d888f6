/** What a run of the page is made of. */
import type { MutantName } from './mutants.ts'

export interface BoardOptions {
  /** A whole number; the dice of everything. */
  readonly seed: number
  /** 1 to 7. */
  readonly servers: number
  /** 1, 3 or 5. */
  readonly coordinators: number
  /** 1 to 8: `client-1`, ... */
  readonly clients: number
  /** 1 to 3. */
  readonly chains: number
  /** How many members each chain should have, 1 to `servers`. The others are spares. */
  readonly replicationFactor: number
  /** `chain`: strong reads at the tail alone (van Renesse and Schneider). */
  readonly replication: 'craq' | 'chain'
  /** 500 to 60 000. */
  readonly sessionTimeoutMs: number
  /** One way, 0.1 to 200; each message takes between half of it and one and a half. */
  readonly latencyMs: number
  /** How long a disk takes to make a record durable, 0.05 to 500. */
  readonly fsyncMs: number
  /** `memory`: nothing waits for the disk, and a power cut takes what it takes. */
  readonly durability: 'sync' | 'interval' | 'memory'
  /** Clients do things by themselves. */
  readonly workload: boolean
  /** Writes carry an identity, so that a retry is done once: then each client's first write opens its session, an entry of its own. */
  readonly exactlyOnce: boolean
  /** A coordinator takes a snapshot after so many entries, 20 to 100 000. */
  readonly snapshotEntries: number
  /** A rule that is left out. */
  readonly mutant: MutantName | null
}

export const DEFAULT_OPTIONS: BoardOptions = {
  seed: 1,
  servers: 3,
  coordinators: 3,
  clients: 2,
  chains: 1,
  replicationFactor: 3,
  replication: 'craq',
  sessionTimeoutMs: 4000,
  latencyMs: 20,
  fsyncMs: 2,
  durability: 'sync',
  workload: false,
  exactlyOnce: false,
  snapshotEntries: 1000,
  mutant: null,
}
