/** The server's one write-ahead log, shared by its replicas: one fdatasync serves all chains. */
import type { LogRecord } from '../../chain/events.ts'
import type { Position } from '../../protocol/entry.ts'
import type { ChainId, Epoch } from '../../protocol/ids.ts'
import type { ServerWal, StoredRecord } from './ports.ts'

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

interface Pending extends Durable {
  walPosition: number
  position: Position
  rewrites: number
}

interface ChainTrack {
  /** What `durable` has not been told of yet, one for each turn: the position in the log and the one it stands for. */
  pending: Pending[]
  /** The one of this turn, which grows with it. */
  open: Pending | null
  /** Truncations and resets of this life. */
  rewrites: number
  marks: Mark[]
  sinceMark: number
  lastSeq: number
  flushedSeq: number
  /** The newest `member` record, until the store holds what it says. */
  member: { readonly epoch: Epoch; readonly walPosition: number } | null
}

type Wanted = Exclude<LogRecord, { type: 'commit' }>

/**
 * Writes replicas' records to the log, tells each replica what became durable, and drops what the stores hold.
 * Commit watermarks are hints: of those of one turn only the last one is written.
 */
export class ChainLog {
  readonly #wal: ServerWal
  #records: { readonly chain: ChainId; readonly record: Wanted }[] = []
  readonly #tracks = new Map<ChainId, ChainTrack>()
  readonly #commits = new Map<ChainId, Position>()

  constructor(wal: ServerWal) {
    this.#wal = wal
  }

  /** Takes a record of this turn. It is encoded when the turn ends: with fdatasync after the successor has been sent it. */
  append(chain: ChainId, record: LogRecord): void {
    if (record.type === 'commit') {
      this.#commits.set(chain, record.position)
      return
    }
    if (record.type === 'reset') this.#commits.delete(chain) // it speaks of what is void now
    this.#records.push({ chain, record })
  }

  #appendNow(chain: ChainId, record: Wanted): void {
    const walPosition = this.#wal.append(chain, record)
    const track = this.#track(chain)
    if (record.type === 'member') {
      track.member = { epoch: record.epoch, walPosition }
      return
    }
    const position: Position = record.type === 'entry' ? record.entry : record.to
    if (record.type === 'truncate' || record.type === 'reset') {
      track.rewrites++
      track.marks = track.marks.filter((mark) => mark.seq <= position.seq)
    }
    if (track.open === null) {
      track.open = { walPosition, position, rewrites: track.rewrites }
      track.pending.push(track.open)
    } else {
      track.open.walPosition = walPosition
      track.open.position = position
      track.open.rewrites = track.rewrites
    }
    track.lastSeq = position.seq
    mark(track, walPosition)
  }

  /** Hands over to the disk what this turn has appended (see `Wal.write`); the commit watermarks follow its entries. */
  write(): void {
    if (this.#records.length > 0) {
      for (const { chain, record } of this.#records) this.#appendNow(chain, record)
      this.#records = []
      for (const track of this.#tracks.values()) track.open = null
    }
    for (const [chain, position] of this.#commits) this.#wal.appendHint(chain, { type: 'commit', position })
    this.#commits.clear()
    this.#wal.write()
  }

  /** Now and then: hints reach at least the page cache. */
  writeHints(): void {
    this.#wal.writeHints()
  }

  #track(chain: ChainId): ChainTrack {
    let track = this.#tracks.get(chain)
    if (track === undefined) {
      track = {
        pending: [],
        open: null,
        rewrites: 0,
        marks: [],
        sinceMark: 0,
        lastSeq: 0,
        flushedSeq: 0,
        member: null,
      }
      this.#tracks.set(chain, track)
    }
    return track
  }

  /** For each chain that `mayConfirm` the newest position that has become durable. */
  takeDurable(mayConfirm: (chain: ChainId) => boolean): [ChainId, Durable][] {
    const walPosition = this.#wal.durablePosition
    const durable: [ChainId, Durable][] = []
    for (const [chain, track] of this.#tracks) {
      if (track.pending.length === 0 || !mayConfirm(chain)) continue
      let count = 0
      while ((track.pending[count]?.walPosition ?? Infinity) <= walPosition) count++
      const newest = track.pending[count - 1]
      if (newest === undefined) continue
      track.pending.splice(0, count)
      const { epoch, seq } = newest.position // an entry may stand there: what goes to the core is a position
      durable.push([chain, { ...newest, position: { epoch, seq } }])
    }
    return durable
  }

  /**
   * A store survives a power cut up to `seq`, and with it that its replica has been a member in `memberEpoch`: what all chains have in their stores
   * leaves the log. A replica that had lost its last `member` record could not come back as the last serving one.
   */
  onStoreFlushed(chain: ChainId, seq: number, memberEpoch: number): void {
    const flushed = this.#track(chain)
    flushed.flushedSeq = seq
    if (flushed.member !== null && flushed.member.epoch <= memberEpoch) flushed.member = null
    let safe = this.#wal.lastPosition
    for (const track of this.#tracks.values()) {
      if (track.member !== null) safe = Math.min(safe, track.member.walPosition)
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
  collect(records: Iterable<StoredRecord>): Map<ChainId, LogRecord[]> {
    const byChain = new Map<ChainId, LogRecord[]>()
    for (const { chain, record, walPosition } of records) {
      const list = byChain.get(chain)
      if (list === undefined) byChain.set(chain, [record])
      else list.push(record)
      const track = this.#track(chain)
      if (record.type === 'entry') track.lastSeq = record.entry.seq
      else if ('to' in record) track.lastSeq = record.to.seq
      else if (record.type === 'member') track.member = { epoch: record.epoch, walPosition }
      mark(track, walPosition)
    }
    return byChain
  }
}

function mark(track: ChainTrack, walPosition: number): void {
  if (++track.sinceMark < MARK_EVERY) return
  track.sinceMark = 0
  track.marks.push({ seq: track.lastSeq, walPosition })
}
