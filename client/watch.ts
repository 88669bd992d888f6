/**
 * The changefeed as callers see it. It pulls: a page of each chain is asked for when the one before has been taken, from whichever replica reads go to. So a slow
 * watcher costs the servers nothing and itself one page a chain, and the death of a replica is the loss of one question, which is asked again elsewhere.
 */
import type { ChangeRecord, ChangesCommand, ChangesResult } from '../protocol/commands.ts'
import { ERRORS, StoreError } from '../protocol/errors.ts'
import { asMillis, asSeq, type ChainId, type Key } from '../protocol/ids.ts'
import type { ReadPage } from './scan.ts'

/** One write of one key, as a watch shows it. */
export class Change {
  readonly chain: string
  /** Number of the entry in its chain: what one transaction wrote shares it. A key's `version` after this write. */
  readonly seq: number
  /** The key read as UTF-8. */
  readonly key: string
  /** Null: the key was deleted, or has expired. */
  readonly value: Uint8Array | null
  /** This is how it stood when the watch began (`snapshot: true`), not something that has just changed. */
  readonly snapshot: boolean
  readonly #keyBytes: string
  readonly #expiresAtWallMs: number

  constructor(chain: string, { key, seq, value, expiresAtWallMs }: ChangeRecord, snapshot: boolean) {
    this.chain = chain
    this.seq = seq
    this.key = Buffer.from(key, 'latin1').toString('utf8')
    this.value = value
    this.snapshot = snapshot
    this.#keyBytes = key
    this.#expiresAtWallMs = expiresAtWallMs
  }

  get deleted(): boolean {
    return this.value === null
  }

  /** The key as it is stored: not every key is text. */
  get keyBytes(): Uint8Array {
    return Uint8Array.from(this.#keyBytes, (byte) => byte.charCodeAt(0))
  }

  /** The value read as UTF-8; empty where the key was deleted. */
  text(): string {
    const { buffer, byteOffset, byteLength } = this.value ?? new Uint8Array()
    return Buffer.from(buffer, byteOffset, byteLength).toString('utf8')
  }

  /** When the head of the chain will delete the key; null: never. */
  get expiresAt(): Date | null {
    return this.#expiresAtWallMs === 0 ? null : new Date(this.#expiresAtWallMs)
  }
}

/** What a watch needs of its client. */
export interface WatchPorts {
  readonly prefix: Key
  askChanges(chain: ChainId, command: ChangesCommand): Promise<ChangesResult>
  readonly readPage: ReadPage
  /** After a chain could not be asked: before it is asked again. */
  pause(): Promise<void>
}

export interface WatchStart {
  readonly chain: ChainId
  /** The first seq to show; null: what comes from now on. */
  readonly fromSeq: number | null
  readonly snapshot: boolean
}

/** A page of a chain that does not change ends no later than this; a replica that has died without a word is noticed a second later. */
const WAIT_MS = asMillis(2_000)
const PAGE_CHANGES = 1_000

/** A part of the keys, and the commit point of which a snapshot has shown it: what the feed brings of it up to there is known. */
interface Covered {
  /** The last key of the part; null: all that is left. */
  readonly last: Key | null
  readonly at: number
}

/** One chain of a watch. */
class Feed {
  readonly chain: ChainId
  readonly #ports: WatchPorts
  #items: readonly Change[] = []
  #taken = 0
  #after: number | null
  #cursor: Key | null = null
  #covered: Covered[] = []
  #inSnapshot: boolean
  asking = false
  /** A watch from here on misses nothing of this chain that has not been handled; null: there is no such place yet. */
  position: number | null

  constructor({ chain, fromSeq, snapshot }: WatchStart, ports: WatchPorts) {
    this.chain = chain
    this.#ports = ports
    this.position = fromSeq
    this.#after = fromSeq === null ? null : fromSeq - 1
    this.#inSnapshot = snapshot
  }

  get begun(): boolean {
    return this.#after !== null
  }

  get isEmpty(): boolean {
    return this.#taken >= this.#items.length
  }

  /** What was taken has been handled. */
  settle(): void {
    if (this.isEmpty && this.#after !== null && !this.#inSnapshot) this.position = this.#after + 1
  }

  take(): Change | null {
    const change = this.#items[this.#taken]
    if (change === undefined) return null
    this.#taken++
    if (!change.snapshot) this.position = change.seq
    return change
  }

  fill(): Promise<void> {
    return this.#inSnapshot ? this.#nextOfSnapshot() : this.#nextChanges()
  }

  async #nextChanges(): Promise<void> {
    const after = this.#after === null ? null : asSeq(this.#after)
    const { prefix } = this.#ports
    const command = { type: 'changes', prefix, after, limit: PAGE_CHANGES, waitMs: WAIT_MS } as const
    const { changes, next } = await this.#ports.askChanges(this.chain, command)
    const fresh = changes.filter((change) => !this.#isKnown(change))
    this.#put(fresh.map((change) => new Change(this.chain, change, false)))
    this.#after = next
    if (this.#covered.every(({ at }) => at <= next)) this.#covered = []
  }

  #put(items: readonly Change[]): void {
    this.#items = items
    this.#taken = 0
  }

  #isKnown({ key, seq }: ChangeRecord): boolean {
    if (this.#covered.length === 0) return false
    const part = this.#covered.find(({ last }) => last === null || key <= last)
    return part !== undefined && seq <= part.at
  }

  /** Each page stands at a commit point of its own. The feed goes on from the earliest of them, without what the pages have shown. */
  async #nextOfSnapshot(): Promise<void> {
    const page = await this.#ports.readPage(this.chain, this.#cursor)
    const last = page.type === 'page' ? (page.keys.at(-1) ?? null) : null
    if (page.type !== 'page' || (page.more && last === null))
      throw new Error(`a page of a scan of ${this.chain} does not advance it`)
    this.#covered.push({ last: page.more ? last : null, at: page.at })
    this.#after = Math.min(this.#after ?? page.at, page.at)
    this.#cursor = last
    this.#inSnapshot = page.more
    const items = page.keys.flatMap((key, i) => {
      const versioned = page.values[i]
      if (versioned === undefined) return []
      const { version: seq, value, expiresAtWallMs } = versioned
      return [new Change(this.chain, { key, seq, value, expiresAtWallMs }, true)]
    })
    this.#put(items)
  }
}

/** What `watch` returns: an async iterable that does not end by itself. Leaving a `for await` loop closes it. */
export class Watch implements AsyncIterableIterator<Change, void, void> {
  readonly #feeds: readonly Feed[]
  readonly #pause: () => Promise<void>
  #turn = 0
  #error: unknown = null
  #closed = false
  #wakers: (() => void)[] = []

  /** Use `client.watch`. */
  constructor(starts: readonly WatchStart[], ports: WatchPorts) {
    this.#pause = () => ports.pause()
    this.#feeds = starts.map((start) => new Feed(start, ports))
    for (const feed of this.#feeds) this.#ask(feed)
  }

  /**
   * Resolves once the watch has a place in every chain: whatever is written from then on will be shown.
   *
   * @example
   * const watch = client.watch('user:')
   * await watch.ready()
   */
  async ready(): Promise<void> {
    while (!this.#closed && this.#error === null && !this.#feeds.every((feed) => feed.begun))
      await this.#news()
    if (this.#error !== null) throw this.#error
  }

  /**
   * Where to go on another time: pass it as `fromSeq`. The change that was returned last counts as not handled until the next is asked for: it is shown
   * again, with all else of its transaction, so drop what you know by `chain` and `seq`. A chain whose snapshot has not been shown to its end is missing.
   */
  get positions(): Readonly<Record<string, number>> {
    const known = this.#feeds.flatMap(({ chain, position }) =>
      position === null ? [] : [[chain, position] as const],
    )
    return Object.fromEntries(known)
  }

  async next(): Promise<IteratorResult<Change, void>> {
    if (!this.#closed) for (const feed of this.#feeds) feed.settle()
    for (;;) {
      const change = this.#closed ? null : this.#take()
      if (change !== null) return { value: change, done: false }
      if (this.#closed) return { value: undefined, done: true }
      if (this.#error !== null) {
        this.close()
        throw this.#error
      }
      for (const feed of this.#feeds) if (!feed.asking) this.#ask(feed)
      await this.#news()
    }
  }

  /**
   * All the changes that are there, of each chain whole entries; waits where there are none. They count as handled when it returns. Empty: the watch was closed.
   *
   * @throws as `next` does.
   *
   * @example
   * for (let page = await watch.nextPage(); page.length > 0; page = await watch.nextPage()) await index(page, watch.positions)
   */
  async nextPage(): Promise<Change[]> {
    const first = await this.next()
    const page = first.done === true ? [] : [first.value]
    for (let change = this.#take(); change !== null; change = this.#take()) page.push(change)
    for (const feed of this.#feeds) feed.settle()
    return page
  }

  /** Ends the watch: whoever waits for a change hears that there will be none. */
  close(): void {
    this.#closed = true
    this.#wake()
  }

  async return(): Promise<IteratorResult<Change, void>> {
    this.close()
    return { value: undefined, done: true }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** Chains in turn, so that a busy one does not silence the others. */
  #take(): Change | null {
    for (let i = 0; i < this.#feeds.length; i++) {
      const change = this.#feeds[this.#turn++ % this.#feeds.length]?.take() ?? null
      if (change !== null) return change
    }
    return null
  }

  #ask(feed: Feed): void {
    feed.asking = true
    void this.#fill(feed).then(() => {
      feed.asking = false
      this.#wake()
    })
  }

  /** A chain that nobody serves for a while is waited for: a watch has no deadline. */
  async #fill(feed: Feed): Promise<void> {
    while (!this.#closed) {
      try {
        return await feed.fill()
      } catch (error) {
        const waits = error instanceof StoreError && ERRORS[error.code].retry !== 'never'
        if (!waits) {
          this.#error ??= error
          return
        }
        await this.#pause()
      }
    }
  }

  #news(): Promise<void> {
    return new Promise((resolve) => this.#wakers.push(resolve))
  }

  #wake(): void {
    for (const wake of this.#wakers.splice(0)) wake()
  }
}
