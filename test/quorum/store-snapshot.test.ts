import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../../chain/memory-store.ts'
import { asLogIndex, asTerm } from '../../coordinator/raft/ids.ts'
import { metaOf, OutgoingSnapshot, replaceStore, storeToBytes } from '../../lab/quorum/store-snapshot.ts'
import { asEpoch, asKey, asMillis, asRequestNumber, asSeq, asSessionId } from '../../protocol/ids.ts'

function filled(keys: number): MemoryStore {
  const store = new MemoryStore()
  const epoch = asEpoch(2)
  for (let i = 1; i <= keys; i++) {
    const write = {
      key: asKey(`k${i}`),
      value: new Uint8Array(300).fill(i),
      expiresAtWallMs: asMillis(i % 3),
    }
    store.apply({ epoch, seq: asSeq(i), origin: null, writes: [write], sessions: { opens: i === 1 } })
  }
  const result = { type: 'written', version: asSeq(keys + 1), number: null } as const
  const session = asSessionId(1)
  const origin = { session, requestNumber: asRequestNumber(1), answeredBelow: asRequestNumber(1), result }
  store.apply({ epoch, seq: asSeq(keys + 1), origin, writes: [], sessions: null })
  return store
}

const contentOf = (store: MemoryStore) => [
  store.scan({ prefix: asKey(''), after: null, limit: Number.POSITIVE_INFINITY }),
  store.sessionsAfter(asSessionId(0), Number.POSITIVE_INFINITY),
  store.meta,
]

describe('a store as bytes', () => {
  test('replaces what another store held', () => {
    const store = filled(2_500)
    const other = filled(7)
    replaceStore(other, storeToBytes(store), metaOf(store))
    expect(contentOf(other)).toEqual(contentOf(store))
    expect(metaOf(other)).toEqual({ lastIndex: 2_501, lastTerm: 2 })
  })

  test('an empty one empties the other', () => {
    const other = filled(7)
    replaceStore(other, storeToBytes(new MemoryStore()), { lastIndex: asLogIndex(9), lastTerm: asTerm(1) })
    expect(other.keyCount + other.sessionCount).toBe(0)
  })

  test('parts of one snapshot make the whole, although the store has moved on', () => {
    const store = filled(100)
    const whole = storeToBytes(store)
    const snapshot = new OutgoingSnapshot()
    const parts: Uint8Array[] = []
    let part = snapshot.read(store, { meta: null, offset: 0, bytesMax: 1_000 }, 0)
    store.apply({ epoch: asEpoch(2), seq: asSeq(102), origin: null, writes: [], sessions: null })
    for (; ; part = snapshot.read(store, { ...part, offset: part.offset + 1_000, bytesMax: 1_000 }, 0)) {
      parts.push(part.bytes)
      if (part.done) break
    }
    expect(Buffer.concat(parts).equals(whole)).toBe(true)
  })

  test('one that the log does not go on from is made anew, from its start', () => {
    const store = filled(100)
    const snapshot = new OutgoingSnapshot()
    const { meta } = snapshot.read(store, { meta: null, offset: 0, bytesMax: 1_000 }, 0)
    store.apply({ epoch: asEpoch(2), seq: asSeq(102), origin: null, writes: [], sessions: null })
    const other = { lastIndex: asLogIndex(5), lastTerm: asTerm(2) }
    const newer = snapshot.read(store, { meta: other, offset: 3_000, bytesMax: 1_000 }, 102)
    expect([meta.lastIndex, newer.meta.lastIndex, newer.offset]).toEqual([101, 102, 0])
  })
})
