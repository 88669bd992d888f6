/** Nothing that a chain sends outgrows a frame, whatever its keys hold: scans, snapshots, entries, kept results. */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../../../chain/memory-store.ts'
import { scanBounded } from '../../../chain/snapshot-outgoing.ts'
import { type Entry, entryBytes } from '../../../protocol/entry.ts'
import { asEpoch, asKey, asMillis, asRequestNumber, asSeq, asSessionId } from '../../../protocol/ids.ts'

const MIB = 1024 * 1024
const NEVER = asMillis(0)

describe('a page', () => {
  const store = new MemoryStore()
  for (let n = 0; n < 600; n++) {
    const value = new Uint8Array(n < 500 ? 1 : MIB)
    store.putSnapshotItem({
      key: asKey(`key/${1000 + n}`),
      value,
      version: asSeq(n + 1),
      expiresAtWallMs: NEVER,
    })
  }

  test('ends at the value that fills it, however many small ones came before', () => {
    const bytesMax = 4 * MIB
    const pages: number[] = []
    let after: ReturnType<typeof asKey> | null = null
    for (;;) {
      const { items, more } = scanBounded(store, { prefix: asKey('key/'), after, limit: 10_000, bytesMax })
      pages.push(items.length)
      const bytes = items.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
      expect(bytes).toBeLessThanOrEqual(bytesMax + MIB)
      after = items.at(-1)?.key ?? null
      if (!more) break
    }
    expect(pages.reduce((sum, length) => sum + length, 0)).toBe(600)
    expect(pages.length).toBeGreaterThanOrEqual(25)
  })
})

test('what an entry carries of its answer counts', () => {
  const current = { value: new Uint8Array(MIB), version: asSeq(1), expiresAtWallMs: NEVER }
  const entry = (result: NonNullable<Entry['origin']>['result']): Entry => ({
    epoch: asEpoch(1),
    seq: asSeq(2),
    writes: [],
    sessions: null,
    origin: {
      session: asSessionId(1),
      requestNumber: asRequestNumber(1),
      answeredBelow: asRequestNumber(1),
      result,
    },
  })
  expect(entryBytes(entry({ type: 'unmatched', current }))).toBeGreaterThan(MIB)
  const reads = [current, null, current]
  const readBack = { type: 'read-back', applied: true, version: asSeq(2), reads } as const
  expect(entryBytes(entry(readBack))).toBeGreaterThan(2 * MIB)
  expect(entryBytes(entry({ type: 'unmatched', current: null }))).toBeLessThan(1000)
})
