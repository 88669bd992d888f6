/**
 * A store as bytes, for a follower that needs entries which are gone. The whole of it is made in memory, in one go: enough for a comparison, not for a store of
 * gigabytes.
 */
import type { CleanStore } from '../../chain/clean-store.ts'
import type { SnapshotPart } from '../../coordinator/raft/events.ts'
import type { SnapshotMeta } from '../../coordinator/raft/log.ts'
import { decodeChainBatch, encodeChainBatch } from '../../protocol/codec/chain-codec.ts'
import { CodecError } from '../../protocol/codec/fields.ts'
import { asChainId, asEpoch, asKey, asSeq, asSessionId, NO_SEQ } from '../../protocol/ids.ts'

const PAGE_BYTES = 256 * 1024
const ITEMS_PER_PAGE = 1_000
/** What one session may hold of results is much: one by one. */
const SESSIONS_PER_PAGE = 1
const LENGTH_BYTES = 4
const CHAIN = asChainId('store')
const EPOCH = asEpoch(0)

/** Where a store stands, in Raft's words. */
export const metaOf = ({ meta }: CleanStore): SnapshotMeta =>
  ({ lastIndex: meta.applied.seq as number, lastTerm: meta.applied.epoch as number }) as SnapshotMeta

export function storeToBytes(store: CleanStore): Uint8Array {
  const pages: Uint8Array[] = []
  for (let after = null as ReturnType<typeof asKey> | null; ; ) {
    const items = store.scan({ prefix: asKey(''), after, limit: ITEMS_PER_PAGE, bytesMax: PAGE_BYTES })
    const last = items.at(-1)
    if (last === undefined) break
    pages.push(pageOf({ items }))
    after = last.key
  }
  for (let after = asSessionId(0); ; ) {
    const sessions = store.sessionsAfter(after, SESSIONS_PER_PAGE)
    const last = sessions.at(-1)
    if (last === undefined) break
    pages.push(pageOf({ sessions }))
    after = last.session
  }
  return joined(pages)
}

type Page = Extract<Parameters<typeof encodeChainBatch>[0][number]['message'], { type: 'snapshot-page' }>

function pageOf({ items = [], sessions = [] }: Partial<Pick<Page, 'items' | 'sessions'>>): Uint8Array {
  const message: Page = {
    type: 'snapshot-page',
    epoch: EPOCH,
    attempt: 0,
    page: 0,
    items,
    sessions,
    done: false,
    upTo: NO_SEQ,
  }
  return encodeChainBatch([{ chain: CHAIN, message }])
}

function joined(pages: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pages.reduce((sum, page) => sum + LENGTH_BYTES + page.length, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const page of pages) {
    view.setUint32(at, page.length)
    bytes.set(page, at + LENGTH_BYTES)
    at += LENGTH_BYTES + page.length
  }
  return bytes
}

/**
 * Replaces what a store holds. A crash before that is on the disk leaves a store that says `receivingSnapshot`.
 *
 * @throws {CodecError} anything else than what `storeToBytes` makes.
 */
export function replaceStore(store: CleanStore, bytes: Uint8Array, meta: SnapshotMeta): void {
  store.clear()
  store.setMeta({ receivingSnapshot: true })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < bytes.length; ) {
    const end = at + LENGTH_BYTES + view.getUint32(at)
    for (const { message } of decodeChainBatch(bytes.subarray(at + LENGTH_BYTES, end))) {
      if (message.type !== 'snapshot-page') throw new CodecError('not a page of a store')
      for (const item of message.items) store.putSnapshotItem(item)
      for (const session of message.sessions) store.putSnapshotSession(session)
    }
    at = end
  }
  const applied = { epoch: asEpoch(meta.lastTerm), seq: asSeq(meta.lastIndex) }
  store.setMeta({ applied, receivingSnapshot: false })
}

/** Of which snapshot followers are being sent parts: as long as anybody needs one. */
export class OutgoingSnapshot {
  #held: { readonly meta: SnapshotMeta; readonly bytes: Uint8Array } | null = null

  /** From the snapshot that was begun, or a newer one from its start. `usefulFrom`: the leader's log goes on behind this index. */
  read(
    store: CleanStore,
    part: { readonly meta: SnapshotMeta | null; readonly offset: number; readonly bytesMax: number },
    usefulFrom: number,
  ): SnapshotPart {
    const held = this.#held
    const goesOn = part.meta !== null && held !== null && held.meta.lastIndex === part.meta.lastIndex
    const { meta, bytes } =
      goesOn || (held?.meta.lastIndex ?? -1) >= usefulFrom ? this.#take() : this.#make(store)
    const offset = goesOn ? part.offset : 0
    const end = Math.min(bytes.length, offset + part.bytesMax)
    return { meta, offset, bytes: bytes.subarray(offset, end), done: end === bytes.length }
  }

  #take() {
    if (this.#held === null) throw new RangeError('no snapshot is held')
    return this.#held
  }

  #make(store: CleanStore) {
    this.#held = { meta: metaOf(store), bytes: storeToBytes(store) }
    return this.#held
  }

  drop(): void {
    this.#held = null
  }
}
