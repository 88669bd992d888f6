import type { Consistency, ReadResult } from '../protocol/commands.ts'
import type { ChainId, Key } from '../protocol/ids.ts'
import { ScanItem } from './stored-value.ts'

export interface ScanRequest {
  readonly prefix: Key
  readonly limit: number
  readonly consistency: Consistency
}

/** Reads one page of one chain: what follows `after`. */
export type ReadPage = (chain: ChainId, after: Key | null) => Promise<ReadResult>

type Page = ReadResult & { type: 'page' }

/** How far a scan has come in one chain. The next page is asked for when the last item of this one has been taken. */
class Cursor {
  readonly #chain: ChainId
  readonly #readPage: ReadPage
  #page: Page | null = null
  #at = 0

  constructor(chain: ChainId, readPage: ReadPage) {
    this.#chain = chain
    this.#readPage = readPage
  }

  /** The key that comes next; null at the end. Valid after `fill`. */
  get key(): Key | null {
    return this.#page?.keys[this.#at] ?? null
  }

  /** Whether a page must be read before `key` can tell. */
  get isEmpty(): boolean {
    return this.key === null && (this.#page === null || this.#page.more)
  }

  async fill(): Promise<void> {
    while (this.isEmpty) {
      const page = await this.#readPage(this.#chain, this.#page?.keys.at(-1) ?? null)
      if (page.type !== 'page' || (page.keys.length === 0 && page.more)) {
        throw new Error(`a page of a scan of ${this.#chain} does not advance it`)
      }
      this.#page = page
      this.#at = 0
    }
  }

  take(): ScanItem | null {
    const { key } = this
    const value = this.#page?.values[this.#at]
    if (key === null || value === undefined) return null
    this.#at++
    return new ScanItem(key, value, this.#page?.committed ?? false)
  }
}

/** Merges the scans of all chains in byte order of the keys. Each chain is read page by page, and only as far as items are taken. */
export async function* mergeScans(
  chains: readonly ChainId[],
  readPage: ReadPage,
): AsyncGenerator<ScanItem, void, void> {
  const cursors = chains.map((chain) => new Cursor(chain, readPage))
  await Promise.all(cursors.map((cursor) => cursor.fill()))
  for (;;) {
    let least: Cursor | null = null
    for (const cursor of cursors) {
      if (cursor.key !== null && (least?.key == null || cursor.key < least.key)) least = cursor
    }
    const item = least?.take() ?? null
    if (least === null || item === null) return
    yield item
    if (least.isEmpty) await least.fill()
  }
}
