/** Raft's records among those of a data server's one log: each is an `other` record, numbered from 1. */
import type { LogRecord } from '../../chain/events.ts'
import { asEpoch, asSeq } from '../../protocol/ids.ts'
import { RECORD_TYPES } from '../../runtime/coordinator/raft-records.ts'
import type { RecordLog } from '../../runtime/coordinator/raft-storage.ts'
import type { WalRecord } from '../../runtime/storage/wal/replay.ts'

/** Everything before is void, but for the term and the vote: what the store held is gone, and the leader's snapshot will bring it back. */
const FORGET = 255
const NO_BYTES = new Uint8Array(0)

export class QuorumLog implements RecordLog {
  readonly #persist: (record: LogRecord) => void
  readonly #release: (position: number) => void
  #last = 0

  /** `release`: everything up to this position may leave the log. */
  constructor(options: { persist: (record: LogRecord) => void; release: (position: number) => void }) {
    this.#persist = options.persist
    this.#release = options.release
  }

  get lastPosition(): number {
    return this.#last
  }

  append(type: number, body: Uint8Array): number {
    this.#last++
    const bytes = new Uint8Array(1 + body.length)
    bytes[0] = type
    bytes.set(body, 1)
    this.#persist({ type: 'other', to: { epoch: EPOCH, seq: asSeq(this.#last) }, body: bytes })
    return this.#last
  }

  dropBefore(position: number): void {
    this.#release(position - 1)
  }

  forget(): void {
    this.append(FORGET, NO_BYTES)
  }

  /** What a restart finds, as `RaftStorage` reads it; appending goes on behind it. */
  read(records: readonly LogRecord[]): WalRecord[] {
    let found: WalRecord[] = []
    for (const record of records) {
      if (record.type !== 'other') continue
      const type = record.body[0] ?? 0
      this.#last = record.to.seq
      if (type === FORGET) found = found.filter((one) => one.type === RECORD_TYPES['hard-state'])
      else found.push({ type, payload: record.body.subarray(1), position: record.to.seq })
    }
    return found
  }
}

/** Positions of these records have no epoch. */
const EPOCH = asEpoch(1)
