/** The server's one write-ahead log, shared by its replicas: one fdatasync serves all chains. */
import type { LogRecord } from '../../chain/events.ts'
import { decodeEntry, encodeEntry } from '../../protocol/codec/chain-codec.ts'
import type { Position } from '../../protocol/entry.ts'
import { asChainId, asEpoch, asSeq, type ChainId } from '../../protocol/ids.ts'
import { unreachable } from '../../protocol/invariants.ts'
import { WalCorruptError } from '../storage/wal/errors.ts'
import type { WalRecord } from '../storage/wal/replay.ts'
import type { Wal } from '../storage/wal/wal.ts'

const TYPE = { entry: 1, truncate: 2, reset: 3, commit: 4, member: 5 } as const satisfies Record<
  LogRecord['type'],
  number
>

/** What of the log may go once a store holds it: every so many records, one is remembered. */
const MARK_EVERY = 1024

interface Mark {
  readonly seq: number
  readonly walPosition: number
}

/** What a replica is told once it is durable. */
export interface Durable {
  readonly walPosition: number
  readonly position: Position
  readonly rewrites: number
}

interface ChainTrack {
  /** Records that `durable` has not been told of yet: the position in the log and the one it stands for. */
  pending: Durable[]
  /** Truncations and resets of this life. */
  rewrites: number
  marks: Mark[]
  sinceMark: number
  lastSeq: number
  flushedSeq: number
}

/**
 * Writes replicas' records to the log, tells each replica what became durable, and drops what the stores hold.
 * Commit watermarks are hints: of those of one turn only the last one is written.
 */
export class ChainLog {
  readonly #wal: Wal
  readonly #tracks = new Map<ChainId, ChainTrack>()
  readonly #commits = new Map<ChainId, Position>()
  readonly #headers = new Map<ChainId, Buffer>()

  constructor(wal: Wal) {
    this.#wal = wal
  }

  append(chain: ChainId, record: LogRecord): void {
    if (record.type === 'commit') {
      this.#commits.set(chain, record.position)
      return
    }
    const walPosition = this.#write(chain, TYPE[record.type], bodyOf(record))
    if (record.type === 'member') return
    const track = this.#track(chain)
    const position = record.type === 'entry' ? record.entry : record.to
    if (record.type !== 'entry') {
      track.rewrites++
      track.marks = track.marks.filter((mark) => mark.seq <= position.seq)
    }
    const { rewrites } = track
    track.pending.push({ walPosition, position: { epoch: position.epoch, seq: position.seq }, rewrites })
    track.lastSeq = position.seq
    if (++track.sinceMark >= MARK_EVERY) {
      track.sinceMark = 0
      track.marks.push({ seq: position.seq, walPosition })
    }
  }

  /** End of a turn: the commit watermarks follow its entries. */
  flushCommits(): void {
    for (const [chain, position] of this.#commits) this.#write(chain, TYPE.commit, encodePosition(position))
    this.#commits.clear()
  }

  #write(chain: ChainId, type: number, body: Uint8Array): number {
    let header = this.#headers.get(chain)
    if (header === undefined) {
      header = Buffer.from(`\0${chain}`, 'latin1')
      header[0] = chain.length
      this.#headers.set(chain, header)
    }
    return this.#wal.append(type, Buffer.concat([header, body]))
  }

  #track(chain: ChainId): ChainTrack {
    let track = this.#tracks.get(chain)
    if (track === undefined) {
      track = { pending: [], rewrites: 0, marks: [], sinceMark: 0, lastSeq: 0, flushedSeq: 0 }
      this.#tracks.set(chain, track)
    }
    return track
  }

  /** For each chain the newest position that became durable with the log's `walPosition`. */
  takeDurable(walPosition: number): [ChainId, Durable][] {
    const durable: [ChainId, Durable][] = []
    for (const [chain, track] of this.#tracks) {
      let count = 0
      while ((track.pending[count]?.walPosition ?? Infinity) <= walPosition) count++
      const newest = track.pending[count - 1]
      if (newest === undefined) continue
      track.pending = count === track.pending.length ? [] : track.pending.slice(count)
      durable.push([chain, newest])
    }
    return durable
  }

  /** A store survives a power cut up to `seq`: what all chains have in their stores leaves the log. */
  onStoreFlushed(chain: ChainId, seq: number): void {
    const flushed = this.#track(chain)
    flushed.flushedSeq = seq
    let safe = this.#wal.lastPosition
    for (const track of this.#tracks.values()) {
      if (track.flushedSeq >= track.lastSeq) continue // all of it is in the store
      let marked = 0
      while (track.marks[0] !== undefined && track.marks[0].seq <= track.flushedSeq) {
        marked = track.marks[0].walPosition
        if (track.marks[1] === undefined || track.marks[1].seq > track.flushedSeq) break
        track.marks.shift()
      }
      safe = Math.min(safe, marked)
    }
    if (safe > 0) this.#wal.dropBefore(safe)
  }

  /** Recovery: sorts the records of the log by chain, and remembers what they cover. */
  collect(records: Iterable<WalRecord>): Map<ChainId, LogRecord[]> {
    const byChain = new Map<ChainId, LogRecord[]>()
    for (const { type, payload, position } of records) {
      const nameLength = payload[0] ?? 0
      const chain = asChainId(Buffer.from(payload.subarray(1, 1 + nameLength)).toString('latin1'))
      const record = decodeRecord(type, payload.subarray(1 + nameLength))
      if (record === null)
        throw new WalCorruptError('the log', position, `record ${position} has unknown type ${type}`)
      const list = byChain.get(chain)
      if (list === undefined) byChain.set(chain, [record])
      else list.push(record)
      const track = this.#track(chain)
      if (record.type === 'entry') track.lastSeq = record.entry.seq
      else if (record.type === 'truncate' || record.type === 'reset') track.lastSeq = record.to.seq
      if (++track.sinceMark >= MARK_EVERY) {
        track.sinceMark = 0
        track.marks.push({ seq: track.lastSeq, walPosition: position })
      }
    }
    return byChain
  }
}

function bodyOf(record: Exclude<LogRecord, { type: 'commit' }>): Uint8Array {
  switch (record.type) {
    case 'entry':
      return encodeEntry(record.entry)
    case 'truncate':
    case 'reset':
      return encodePosition(record.to)
    case 'member':
      return encodePosition({ epoch: record.epoch, seq: asSeq(0) })
    default:
      return unreachable(record)
  }
}

function encodePosition(position: Position): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeDoubleBE(position.epoch, 0)
  bytes.writeDoubleBE(position.seq, 8)
  return bytes
}

function decodePosition(bytes: Uint8Array): Position {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { epoch: asEpoch(view.readDoubleBE(0)), seq: asSeq(view.readDoubleBE(8)) }
}

function decodeRecord(type: number, body: Uint8Array): LogRecord | null {
  switch (type) {
    case TYPE.entry:
      return { type: 'entry', entry: decodeEntry(body) }
    case TYPE.truncate:
      return { type: 'truncate', to: decodePosition(body) }
    case TYPE.reset:
      return { type: 'reset', to: decodePosition(body) }
    case TYPE.commit:
      return { type: 'commit', position: decodePosition(body) }
    case TYPE.member:
      return { type: 'member', epoch: decodePosition(body).epoch }
    default:
      return null
  }
}
