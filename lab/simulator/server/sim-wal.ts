import type { LogRecord } from '../../../chain/events.ts'
import type { Position } from '../../../protocol/entry.ts'
import type { ChainId, Epoch, Seq } from '../../../protocol/ids.ts'
import type { Timer } from '../../../protocol/timers.ts'
import {
  RECORD_TYPE,
  recordBody,
  recordHeader,
  storedRecords,
} from '../../../runtime/server/chain-records.ts'
import type { ServerWal, StoredRecord, WalEvents } from '../../../runtime/server/ports.ts'
import type { FsyncPolicy } from '../../../runtime/storage/wal/wal.ts'
import type { SimDisk, SimLog } from '../kernel/disk.ts'

/** As the real log syncs by policy `interval`. */
const INTERVAL_MS = 100

/** One life of a data server's log on a simulated disk. Positions are those of the `SimLog`, which outlives it. */
export class SimWal implements ServerWal {
  readonly #disk: SimDisk
  readonly #log: SimLog<StoredRecord>
  readonly #policy: FsyncPolicy
  readonly #codec: boolean
  readonly #events: WalEvents
  readonly #onAppend: (chain: ChainId, record: LogRecord) => void
  readonly records: readonly StoredRecord[]
  /** Newest record that wants to be written, and the newest that is: between them stand only hints. */
  #wanted: number
  #written: number
  #timer: Timer | null = null
  #failed = false

  /** @throws {RottenLogError} as the real one where a segment is corrupt. */
  constructor(options: {
    disk: SimDisk
    log: SimLog<StoredRecord>
    fsync: FsyncPolicy
    /** Records pass through their bytes. */
    codec: boolean
    events: WalEvents
    onAppend: (chain: ChainId, record: LogRecord) => void
  }) {
    this.#disk = options.disk
    this.#log = options.log
    this.#policy = options.fsync
    this.#codec = options.codec
    this.#events = options.events
    this.#onAppend = options.onAppend
    const held = this.#log.open({
      onDurable: () => {
        if (!this.#failed) this.#events.onDurable()
      },
      onFailure: (error) => this.#fail(error),
    })
    this.records = [...held]
    this.#wanted = this.#written = this.#log.lastPosition
  }

  get durablePosition(): number {
    return this.#policy === 'sync' ? this.#log.durablePosition : this.#written
  }

  get lastPosition(): number {
    return this.#log.lastPosition
  }

  append(chain: ChainId, record: LogRecord): number {
    this.#onAppend(chain, record)
    this.#wanted = this.#store(chain, record)
    return this.#wanted
  }

  appendHint(chain: ChainId, record: LogRecord): void {
    this.#store(chain, record)
  }

  #store(chain: ChainId, record: LogRecord): number {
    const walPosition = this.#log.lastPosition + 1
    this.#log.append(this.#codec ? throughBytes(chain, record, walPosition) : { chain, record, walPosition })
    return walPosition
  }

  write(): void {
    if (this.#wanted <= this.#written || this.#failed) return
    this.#written = this.#log.lastPosition
    if (this.#policy === 'sync') return this.#log.sync()
    if (this.#disk.full) return this.#fail(new Error('no space left on device'))
    if (this.#policy === 'interval')
      this.#timer ??= this.#disk.process.timers.after(INTERVAL_MS, () => {
        this.#timer = null
        if (!this.#failed) this.#log.sync()
      })
    this.#events.onDurable()
  }

  /** Here a record is in the page cache as soon as it is appended. */
  writeHints(): void {}

  dropBefore(walPosition: number): void {
    this.#log.dropBefore(walPosition)
  }

  /** A failed fsync is never tried again. */
  #fail(error: Error): void {
    if (this.#failed) return
    this.#failed = true
    this.#events.onFailure(error)
  }

  async close(): Promise<void> {
    if (!this.#failed) this.#log.sync()
  }
}

function throughBytes(chain: ChainId, record: LogRecord, walPosition: number): StoredRecord {
  const header = recordHeader(chain)
  const body = recordBody(record)
  const payload = new Uint8Array(header.length + body.length)
  payload.set(header)
  payload.set(body, header.length)
  for (const stored of storedRecords({ type: RECORD_TYPE[record.type], payload, position: walPosition }))
    return stored
  throw new Error('a record of nothing')
}

/**
 * What a log would bring back of each chain after a power cut now. It is read on from where the last question ended, so that a question for each entry costs little.
 */
export class DurableIndex {
  readonly #log: SimLog<StoredRecord>
  readonly #chains = new Map<ChainId, { epochs: Map<Seq, Epoch>; last: number; state: number }>()
  #read = 0

  constructor(log: SimLog<StoredRecord>) {
    this.#log = log
  }

  /** After a crash, or a wipe, positions are given again. */
  reset(): void {
    this.#chains.clear()
    this.#read = 0
  }

  /** `entry`: this very entry. `state`: a snapshot at or above it, which the store holds. */
  holds(chain: ChainId, { epoch, seq }: Position): 'entry' | 'state' | null {
    this.#readOn()
    const held = this.#chains.get(chain)
    if (held === undefined) return null
    if (held.epochs.get(seq) === epoch) return 'entry'
    return held.state >= seq ? 'state' : null
  }

  /** Newest position of a chain; 0: none. */
  last(chain: ChainId): number {
    this.#readOn()
    return this.#chains.get(chain)?.last ?? 0
  }

  #readOn(): void {
    const from = Math.max(this.#read + 1, this.#log.firstPosition)
    for (const { chain, record, walPosition } of this.#log.durableFrom(from)) {
      this.#read = walPosition
      let held = this.#chains.get(chain)
      if (held === undefined) {
        held = { epochs: new Map(), last: 0, state: 0 }
        this.#chains.set(chain, held)
      }
      if (record.type === 'entry') {
        held.epochs.set(record.entry.seq, record.entry.epoch)
        held.last = record.entry.seq
      } else if (record.type === 'truncate') {
        for (let seq = record.to.seq + 1; seq <= held.last; seq++) held.epochs.delete(seq as Seq)
        held.last = record.to.seq
      } else if (record.type === 'reset') {
        held.epochs.clear()
        held.last = held.state = record.to.seq
      }
    }
  }
}
