import type { LogRecord } from '../../chain/events.ts'
import { encodeEntries } from '../../protocol/codec/chain-codec.ts'
import { type Entry, entryBytes } from '../../protocol/entry.ts'
import type { ChainId } from '../../protocol/ids.ts'
import type { Wal } from '../storage/wal/wal.ts'
import { RECORD_TYPE, recordBody, recordHeader } from './chain-records.ts'
import type { ServerWal } from './ports.ts'

/** About so many bytes of entries share a record. */
const GROUP_BYTES = 256 * 1024

/**
 * Records of chains as bytes of a log on the disk. Entries that one chain appends one after another are one record, which is ended by whatever comes next: for
 * each record there is a header, a checksum, and a dozen calls.
 */
export class EncodedWal implements ServerWal {
  readonly #wal: Wal
  /** They cost a read of the map instead of an encoding for each record. */
  readonly #headers = new Map<ChainId, Uint8Array>()
  /** The record that is not in the log yet. Its position is the next one there. */
  #group: Entry[] = []
  #groupChain: ChainId | null = null
  #groupBytes = 0

  constructor(wal: Wal) {
    this.#wal = wal
  }

  get durablePosition(): number {
    return this.#wal.durablePosition
  }

  get lastPosition(): number {
    return this.#wal.lastPosition + (this.#groupChain === null ? 0 : 1)
  }

  append(chain: ChainId, record: LogRecord): number {
    if (chain !== this.#groupChain || record.type !== 'entry' || this.#groupBytes >= GROUP_BYTES)
      this.#endGroup()
    if (record.type !== 'entry')
      return this.#wal.append(RECORD_TYPE[record.type], recordBody(record), this.#header(chain))
    this.#groupChain = chain
    this.#group.push(record.entry)
    this.#groupBytes += entryBytes(record.entry)
    return this.#wal.lastPosition + 1
  }

  #endGroup(): void {
    if (this.#groupChain === null) return
    this.#wal.append(RECORD_TYPE.entry, encodeEntries(this.#group), this.#header(this.#groupChain))
    this.#group = []
    this.#groupChain = null
    this.#groupBytes = 0
  }

  appendHint(chain: ChainId, record: LogRecord): void {
    this.#endGroup()
    this.#wal.appendHint(RECORD_TYPE[record.type], recordBody(record), this.#header(chain))
  }

  #header(chain: ChainId): Uint8Array {
    let header = this.#headers.get(chain)
    if (header === undefined) {
      header = recordHeader(chain)
      this.#headers.set(chain, header)
    }
    return header
  }

  write(): void {
    this.#endGroup()
    this.#wal.write()
  }

  writeHints(): void {
    this.#wal.writeHints()
  }

  dropBefore(walPosition: number): void {
    this.#wal.dropBefore(walPosition)
  }

  close(): Promise<void> {
    this.#endGroup()
    return this.#wal.close()
  }
}
