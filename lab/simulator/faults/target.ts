import type { ChainConfig } from '../../../protocol/chain-config.ts'
import type { SimDisk } from '../kernel/disk.ts'
import type { Network } from '../kernel/network.ts'
import type { SimProcess } from '../kernel/process.ts'
import type { Scheduler } from '../kernel/scheduler.ts'
import type { HarshModel } from '../kernel/transport.ts'
import type { ClusterSight } from '../observer/sight.ts'

/** What the nemesis can do to a cluster, besides what it does to processes, disks and links by itself. */
export interface FaultTarget {
  readonly scheduler: Scheduler
  readonly network: Network
  readonly sight: ClusterSight
  /** Names of all client processes: of their numbers in a plan. */
  readonly clients: readonly string[]
  readonly chains: readonly string[]
  /** One line of the trace. */
  note(text: string): void

  /** Newest configuration that the coordinators have committed. */
  config(chain: string): ChainConfig | null
  /** Who runs the manager now, if anybody does. */
  manager(): string | null
  /** Null for a name that is nobody's. */
  process(name: string): SimProcess | null
  /** Null for who has none. */
  disk(name: string): SimDisk | null

  /** Begins the next life of a process that is down. One that refuses its log (RottenLogError) stays down; that is no bug. */
  start(name: string): void
  /** Bits flip in a log of a process that is down. */
  rot(name: string): void
  /** The operator empties all disks of a process that is down, and tells the observer (`wiped`). */
  wipe(name: string): void
  /** Between coordinators only. Null: an ordinary network. See `HarshSwitch`. */
  harshRaft(model: HarshModel | null): void
  /** The operator starts another server, empty. Its name; null where there are enough. */
  addServer(): string | null
  drain(server: string): void
  undrain(server: string): void
  /** Orders a reset of a chain, and tells the observer (`overridden`). False where it would be refused: a member lives. */
  override(chain: string): boolean
  burst(client: string, requests: number): void
}

/** A harsh model that can be turned on and off while transports hold it. With all shares 0 it changes nothing. */
export class HarshSwitch implements HarshModel {
  duplicate = 0
  late = 0
  lateUs = 0
  lose = 0

  set(model: HarshModel | null): void {
    this.duplicate = model?.duplicate ?? 0
    this.late = model?.late ?? 0
    this.lateUs = model?.lateUs ?? 0
    this.lose = model?.lose ?? 0
  }
}
