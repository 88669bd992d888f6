/** What clients were promised, and whether it was kept. */
import type { Failure, ReadResult, WriteResult } from '../../../protocol/commands.ts'
import type { Entry } from '../../../protocol/entry.ts'
import { ERRORS } from '../../../protocol/errors.ts'
import type { RequestId } from '../../../protocol/ids.ts'
import { deepFreeze, plainText } from '../canonical.ts'
import { Interner, Memo } from '../interner.ts'

/** A promise that was broken. */
export class Broken extends Error {}

type WriteState = 'unsent' | 'sent' | 'acknowledged' | 'refused' | 'unknown'

interface Committed {
  readonly name: string
  /** Which write this is; 0: none. */
  readonly write: number
}

/** The part of history that later judgements rest on. */
export interface Record {
  /** The one order in which entries were committed. */
  readonly order: readonly Committed[]
  readonly writes: readonly WriteState[]
  /** For each read that was begun: the commit point that it must reach at least; -1: it has ended. */
  readonly reads: readonly number[]
  /** Commit point that some client may have seen: no read that begins later may show less. */
  readonly floor: number
}

export const READ_REQUESTS_FROM = 100

const nameOf = ({ epoch, seq }: Pick<Entry, 'epoch' | 'seq'>) => `${epoch}/${seq}`

/** Writes put their own number, so that a value names its write. */
const writeOf = (entry: Entry): number => entry.writes[0]?.value?.[0] ?? 0

/**
 * States of the judge, numbered. Besides the reads that the model sends, it counts one that nobody sends: wherever a
 * strong read would be answered on the spot, its answer counts as seen. So two reads that each take no time are covered
 * in every state, at every pair of replicas.
 */
export class Judge {
  readonly #records = new Interner<Record>()
  readonly #committed = new Memo<Entry, { readonly id: number; readonly isNew: boolean }>()
  readonly #replied = new Memo<object, number>()
  readonly #writeSent = new Memo<Record, { readonly id: number; readonly write: number }>()
  readonly #readSent = new Memo<Record, { readonly id: number; readonly request: number }>()
  readonly #seen = new Map<number, number>()
  readonly #readless = new Map<number, number>()

  record(id: number): Record {
    return this.#records.value(id)
  }

  intern(record: Record): number {
    return this.#records.id(plainText(record), deepFreeze(record))
  }

  begin(writes: number): number {
    return this.intern({
      order: [],
      writes: Array.from({ length: writes }, () => 'unsent'),
      reads: [],
      floor: 0,
    })
  }

  /** The next write is sent. @returns its number, from 1. */
  sendWrite(id: number): { readonly id: number; readonly write: number } {
    return this.#writeSent.get(id, this.record(id), () => {
      const record = this.record(id)
      const index = record.writes.indexOf('unsent')
      return { id: this.#setWrite(record, index, 'sent'), write: index + 1 }
    })
  }

  sendRead(id: number): { readonly id: number; readonly request: number } {
    return this.#readSent.get(id, this.record(id), () => {
      const record = this.record(id)
      const next = { ...record, reads: [...record.reads, record.floor] }
      return { id: this.intern(next), request: READ_REQUESTS_FROM + record.reads.length }
    })
  }

  /**
   * Some replica calls this entry committed.
   * @returns `isNew`: it is the first to say so.
   */
  committed(id: number, entry: Entry): { readonly id: number; readonly isNew: boolean } {
    return this.#committed.get(id, entry, () => this.#commit(id, entry))
  }

  #commit(id: number, entry: Entry): { readonly id: number; readonly isNew: boolean } {
    const record = this.record(id)
    const name = nameOf(entry)
    const known = record.order[entry.seq - 1]
    if (known !== undefined) {
      if (known.name === name) return { id, isNew: false }
      throw new Broken(`CleanMeansCommitted: ${name} is called committed, and ${known.name} was`)
    }
    if (entry.seq !== record.order.length + 1)
      throw new Broken(
        `CleanMeansCommitted: ${name} is called committed, the order ends at ${record.order.length}`,
      )
    const write = writeOf(entry)
    if (record.writes[write - 1] === 'refused')
      throw new Broken(`write ${write} was refused, and it is committed`)
    return { id: this.intern({ ...record, order: [...record.order, { name, write }] }), isNew: true }
  }

  reply(id: number, request: RequestId, result: WriteResult | ReadResult | Failure): number {
    return this.#replied.get(id * 256 + request, result, () => {
      const record = this.record(id)
      return request < READ_REQUESTS_FROM
        ? this.#onWriteReply(record, request, result)
        : this.#onReadReply(record, request - READ_REQUESTS_FROM, result)
    })
  }

  #onWriteReply(record: Record, write: number, result: WriteResult | ReadResult | Failure): number {
    if (record.writes[write - 1] !== 'sent') throw new Broken(`write ${write} is answered twice`)
    if (result.type === 'failure') {
      const definite = ERRORS[result.code].outcome === 'definite'
      if (definite && record.order.some((entry) => entry.write === write))
        throw new Broken(`write ${write} is refused, and it was committed`)
      return this.#setWrite(record, write - 1, definite ? 'refused' : 'unknown')
    }
    const version = result.type === 'written' ? result.version : 0
    if (record.order[version - 1]?.write !== write)
      throw new Broken(`write ${write} is acknowledged at ${version}, and it is not committed there`)
    const floor = Math.max(record.floor, version)
    return this.#setWrite({ ...record, floor }, write - 1, 'acknowledged')
  }

  #onReadReply(record: Record, index: number, result: WriteResult | ReadResult | Failure): number {
    const least = record.reads[index] ?? -1
    if (least < 0) throw new Broken(`read ${index + 1} is answered twice`)
    const reads = record.reads.with(index, -1)
    if (result.type === 'failure') return this.intern({ ...record, reads })
    if (result.type !== 'values') throw new Broken(`a read is answered with ${result.type}`)
    if (!result.committed) throw new Broken('a strong read shows what is not committed')
    const [value] = result.values
    const shown = value?.version ?? 0
    if (shown > record.order.length)
      throw new Broken(`a read shows version ${shown}, committed are ${record.order.length}`)
    if (shown < least)
      throw new Broken(
        `not linearizable: a read shows version ${shown}, ${least} had been seen before it began`,
      )
    const write = record.order[shown - 1]?.write ?? 0
    if (write !== (value?.value[0] ?? 0))
      throw new Broken(`a read shows a value that was not written at ${shown}`)
    return this.intern({ ...record, reads, floor: Math.max(record.floor, shown) })
  }

  /** A strong read would be answered at once, here. */
  seen(id: number, server: string, commit: number): number {
    const known = this.#seen.get(id * 4096 + commit)
    if (known !== undefined) return known
    const record = this.record(id)
    if (commit < record.floor)
      throw new Broken(
        `not linearizable: a strong read at ${server} would show commit point ${commit}; ${record.floor} has been seen`,
      )
    const next = commit === record.floor ? id : this.intern({ ...record, floor: commit })
    this.#seen.set(id * 4096 + commit, next)
    return next
  }

  /** A server has gone, and with it the requests that waited there. */
  lose(id: number, waiting: (request: number) => boolean): number {
    const record = this.record(id)
    const writes = record.writes.map(
      (state, i): WriteState => (state === 'sent' && waiting(i + 1) ? 'unknown' : state),
    )
    const reads = record.reads.map((least, i) => (waiting(READ_REQUESTS_FROM + i) ? -1 : least))
    return this.intern({ ...record, writes, reads })
  }

  /** As if no read had been sent; itself where one has not ended. */
  withoutEndedReads(id: number): number {
    const known = this.#readless.get(id)
    if (known !== undefined) return known
    const record = this.record(id)
    const other = record.reads.every((least) => least < 0) ? this.intern({ ...record, reads: [] }) : id
    this.#readless.set(id, other)
    return other
  }

  #setWrite(record: Record, index: number, state: WriteState): number {
    return this.intern({ ...record, writes: record.writes.with(index, state) })
  }
}
