import type { SimProcess } from './process.ts'

/** How long a disk takes, in microseconds. */
export interface DiskModel {
  readonly fsyncUs: readonly [number, number]
  /** This share of syncs takes up to fifty times as long. */
  readonly slowShare: number
}

export const SSD: DiskModel = { fsyncUs: [100, 2_000], slowShare: 0.01 }

/** What a read of a rotten log says. The process must not start with it. */
export class RottenLogError extends Error {}

/** What a machine has in common for all files: its pace, and whether there is room. Outlives the lives of its process. */
export class SimDisk {
  readonly process: SimProcess
  readonly model: DiskModel
  full = false
  /** A crash is the end of the process alone: what was written stays, synced or not. False: it is a power cut. */
  keepsCache = false
  /** Everything takes this many times as long. */
  slowness = 1

  constructor(process: SimProcess, model: DiskModel = SSD) {
    this.process = process
    this.model = model
  }

  fsyncUs(): number {
    const { rng } = this.process
    const [from, to] = this.model.fsyncUs
    const us = from + rng.fraction() * (to - from)
    return us * this.slowness * (rng.chance(this.model.slowShare) ? 1 + 49 * rng.fraction() : 1)
  }
}

/**
 * A write-ahead log on a simulated disk. A crash keeps what was synced and a part of what was not, record by record: the page cache may have been written out, and
 * a record that was torn is cut. Positions count records from 1 and are never used twice within a life.
 */
export class SimLog<Record> {
  readonly #disk: SimDisk
  #records: Record[] = []
  /** Position of the first record that is still held, minus one. */
  #dropped = 0
  #durable = 0
  #syncing = false
  #again = false
  #rotten = false
  #events: { onDurable(position: number): void; onFailure(error: Error): void } | null = null

  constructor(disk: SimDisk) {
    this.#disk = disk
  }

  /**
   * Begins a life: what survived, in order.
   *
   * @throws {RottenLogError} a segment does not hold what was written.
   */
  open(events: { onDurable(position: number): void; onFailure(error: Error): void }): readonly Record[] {
    if (this.#rotten) throw new RottenLogError('a record does not match its checksum')
    this.#events = events
    this.#syncing = false
    this.#again = false
    this.#disk.process.onCrash(() => this.#crash())
    return this.#records
  }

  get lastPosition(): number {
    return this.#dropped + this.#records.length
  }

  get durablePosition(): number {
    return this.#durable
  }

  get firstPosition(): number {
    return this.#dropped + 1
  }

  /** What was synced, from this position on. */
  *durableFrom(position: number): Generator<Record, void> {
    for (let at = Math.max(position, this.firstPosition); at <= this.#durable; at++)
      yield this.#records[at - this.#dropped - 1] as Record
  }

  append(record: Record): number {
    this.#records.push(record)
    return this.lastPosition
  }

  /** Group commit: one sync for all that was appended until it begins; one at a time. */
  sync(): void {
    if (this.#disk.full) {
      const { process } = this.#disk
      const events = this.#events
      process.kernel.scheduler.after(1, () =>
        process.run(() => events?.onFailure(new Error('no space left on device'))),
      )
      return
    }
    if (this.#durable === this.lastPosition) return
    if (this.#syncing) {
      this.#again = true
      return
    }
    this.#syncing = true
    this.#again = false
    const { process } = this.#disk
    const { life } = process
    const upTo = this.lastPosition
    const events = this.#events
    process.kernel.scheduler.after(this.#disk.fsyncUs(), () => {
      if (process.life !== life || !process.alive) return
      // The disk is done, even where the process is paused and hears of it late.
      this.#durable = Math.max(this.#durable, upTo)
      this.#syncing = false
      process.run(() => events?.onDurable(upTo))
      if (this.#again) this.sync()
    })
  }

  /** Everything up to this position is held elsewhere. */
  dropBefore(position: number): void {
    const count = Math.min(position - 1 - this.#dropped, this.#durable - this.#dropped)
    if (count <= 0) return
    this.#records.splice(0, count)
    this.#dropped += count
  }

  #crash(): void {
    this.#events = null
    const unsynced = this.lastPosition - this.#durable
    const kept = this.#disk.keepsCache ? unsynced : this.#disk.process.rng.below(unsynced + 1)
    this.#records.length = this.#durable - this.#dropped + kept
    this.#durable = this.lastPosition
    this.#syncing = false
  }

  /** A bit flips in what was synced. Found at the next `open`. */
  rot(): void {
    this.#rotten = true
  }

  /** The operator empties it. */
  wipe(): void {
    this.#records = []
    this.#dropped = 0
    this.#durable = 0
    this.#rotten = false
  }
}
