/** What servers say to each other when values go from the head to all members at once (CRAQ §4.2), in the body of `other` messages. */
import type { ChainMessage } from '../chain-messages.ts'
import type { Entry, Position } from '../entry.ts'
import { asEpoch, asSeq, type ChainId, type Seq } from '../ids.ts'
import { decodeEntries, encodeChainBatch, encodeEntries, readChainItems } from './chain-codec.ts'
import { FAMILY } from './client-codec.ts'
import { beginBody, type FieldWriter } from './field-writer.ts'
import { CodecError, FieldReader, unknownKind } from './fields.ts'

export type Append = ChainMessage & { readonly type: 'append' }

export type FanOutMessage =
  /** Entries, ahead of the chain: from the head, or from the predecessor to whom they were asked for. Nothing follows from them alone. */
  | { readonly type: 'values'; readonly entries: readonly Entry[] }
  /** An append in which the entries at `thinned` are but their positions: the receiver has them, or asks for them. */
  | { readonly type: 'thin-append'; readonly append: Append; readonly thinned: readonly Seq[] }
  /** To the sender of a thin append: these have not come. */
  | { readonly type: 'wanted'; readonly positions: readonly Position[] }
  /** The answer, where the log does not have one of them any more. */
  | { readonly type: 'gone' }

const KIND = { values: 0, 'thin-append': 1, wanted: 2, gone: 3 } as const
/** An append tells no more entries than this apart. */
const POSITIONS_MAX = 100_000

export function encodeFanOut(chain: ChainId, message: FanOutMessage): Uint8Array {
  // One writer serves all: what is inside is written first.
  const inner =
    message.type === 'values'
      ? encodeEntries(message.entries)
      : message.type === 'thin-append'
        ? encodeChainBatch([{ chain, message: message.append }])
        : null
  const to = beginBody()
  to.byte(KIND[message.type])
  if (message.type === 'thin-append') to.list(message.thinned, (writer, seq) => writer.count(seq))
  if (message.type === 'wanted') to.list(message.positions, writePosition)
  if (inner !== null) to.bytes(inner)
  return to.end()
}

/** @throws {CodecError} it is none. */
export function decodeFanOut(body: Uint8Array): FanOutMessage {
  const reader = new FieldReader(body)
  const kind = reader.byte()
  switch (kind) {
    case KIND.values:
      return { type: 'values', entries: decodeEntries(reader.bytes()) }
    case KIND['thin-append']: {
      const thinned = bounded(reader.list((from) => asSeq(from.count())))
      return { type: 'thin-append', thinned, append: readAppend(reader.bytes()) }
    }
    case KIND.wanted:
      return { type: 'wanted', positions: bounded(reader.list(readPosition)) }
    case KIND.gone:
      return { type: 'gone' }
    default:
      return unknownKind('fan-out message', kind)
  }
}

function readAppend(bytes: Uint8Array): Append {
  const reader = new FieldReader(bytes)
  if (reader.byte() !== FAMILY.chain) throw new CodecError('a thin append is not of a chain')
  const [item, ...more] = readChainItems(reader)
  if (item?.message.type !== 'append' || more.length > 0) throw new CodecError('a thin append is no append')
  return item.message
}

function bounded<Item>(items: Item[]): Item[] {
  if (items.length > POSITIONS_MAX) throw new CodecError(`${items.length} positions in one message`)
  return items
}

function writePosition(to: FieldWriter, { epoch, seq }: Position): void {
  to.count(epoch)
  to.count(seq)
}

const readPosition = (from: FieldReader): Position => ({
  epoch: asEpoch(from.count()),
  seq: asSeq(from.count()),
})
