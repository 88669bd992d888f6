import type {
  CleanStore,
  SessionRecord,
  SessionResults,
  StoredItem,
  StoreMeta,
} from '../../../chain/clean-store.ts'
import type { Versioned } from '../../../protocol/commands.ts'
import { type Entry, resultBytes } from '../../../protocol/entry.ts'
import {
  asSessionId,
  type Key,
  type Millis,
  NO_EPOCH,
  NO_SEQ,
  type SessionId,
} from '../../../protocol/ids.ts'

/** The clean store in its slowest, most obvious form: arrays, searched from the front and sorted for every question. */
export class StoreModel implements CleanStore {
  #items: StoredItem[] = []
  #sessions: SessionRecord[] = []
  meta: StoreMeta = {
    applied: { epoch: NO_EPOCH, seq: NO_SEQ },
    memberEpoch: NO_EPOCH,
    receivingSnapshot: false,
  }

  items(): StoredItem[] {
    return this.#items.toSorted((a, b) => (a.key < b.key ? -1 : 1))
  }

  get(key: Key): Versioned | null {
    const found = this.#items.find((item) => item.key === key)
    if (found === undefined) return null
    const { value, version, expiresAtWallMs } = found
    return { value, version, expiresAtWallMs }
  }

  scan({ prefix, after, limit }: { prefix: Key; after: Key | null; limit: number }): StoredItem[] {
    const found = this.items().filter(({ key }) => key.startsWith(prefix) && (after === null || key > after))
    return found.slice(0, limit)
  }

  apply({ epoch, seq, writes, origin, sessions }: Entry): void {
    for (const { key, value, expiresAtWallMs } of writes) {
      if ((this.get(key)?.version ?? 0) > seq) continue
      this.#items = this.#items.filter((item) => item.key !== key)
      if (value !== null) this.#items.push({ key, value, version: seq, expiresAtWallMs })
    }
    const opened = asSessionId(seq)
    const opens = sessions?.opens === true && this.session(opened) === null
    if (opens) this.#store({ session: opened, lastSeq: seq, origins: [] })
    if (origin !== null) {
      const old = this.session(origin.session) ?? { session: origin.session, lastSeq: NO_SEQ, origins: [] }
      if (old.lastSeq < seq || (opens && origin.session === opened)) {
        const open = old.origins.filter((answer) => answer.origin.requestNumber >= origin.answeredBelow)
        this.#store({ session: origin.session, lastSeq: seq, origins: [...open, { seq, origin }] })
      }
    }
    const lapses = sessions?.lapses ?? []
    this.#sessions = this.#sessions.filter(({ session }) => !lapses.includes(session))
    this.meta = { ...this.meta, applied: { epoch, seq } }
  }

  putSnapshotItem(item: StoredItem): void {
    if ((this.get(item.key)?.version ?? 0) > item.version) return
    this.#items = this.#items.filter(({ key }) => key !== item.key)
    this.#items.push(item)
  }

  putSnapshotSession(record: SessionRecord): void {
    if ((this.session(record.session)?.lastSeq ?? 0) <= record.lastSeq) this.#store(record)
  }

  clear(): void {
    this.#items = []
    this.#sessions = []
    const { memberEpoch } = this.meta
    this.meta = { applied: { epoch: NO_EPOCH, seq: NO_SEQ }, memberEpoch, receivingSnapshot: false }
  }

  setMeta(meta: Partial<StoreMeta>): void {
    this.meta = { ...this.meta, ...meta }
  }

  expired(wallMs: Millis, limit: number): Key[] {
    return this.items()
      .filter((item) => item.expiresAtWallMs > 0 && item.expiresAtWallMs <= wallMs)
      .sort((a, b) => a.expiresAtWallMs - b.expiresAtWallMs)
      .slice(0, limit)
      .map(({ key }) => key)
  }

  session(session: SessionId): SessionRecord | null {
    return this.#sessions.find((record) => record.session === session) ?? null
  }

  results(session: SessionId): SessionResults | null {
    const record = this.session(session)
    if (record === null) return null
    const origins = record.origins.map(({ origin }) => origin)
    return {
      count: origins.length,
      bytes: origins.reduce((sum, { result }) => sum + resultBytes(result), 0),
      answeredBelow: Math.max(0, ...origins.map(({ answeredBelow }) => answeredBelow)),
      result: (request) => origins.find(({ requestNumber }) => requestNumber === request)?.result ?? null,
    }
  }

  sessionsAfter(after: SessionId, limit: number): SessionRecord[] {
    const found = this.#sessions.filter(({ session }) => session > after)
    return found.sort((a, b) => a.session - b.session).slice(0, limit)
  }

  get keyCount(): number {
    return this.#items.length
  }

  get sessionCount(): number {
    return this.#sessions.length
  }

  #store(record: SessionRecord): void {
    this.#sessions = this.#sessions.filter(({ session }) => session !== record.session)
    this.#sessions.push(record)
  }
}
