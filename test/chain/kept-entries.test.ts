/** The part of the log that is kept for others: whatever form it has, it says the same. */
import { describe, expect, test } from 'vitest'
import { KEPT_TOGETHER, KeptEntries } from '../../chain/kept-entries.ts'
import { Log } from '../../chain/log.ts'
import { type Entry, entryBytes } from '../../protocol/entry.ts'
import { asEpoch, asKey, asMillis, asRequestNumber, asSeq, asSessionId } from '../../protocol/ids.ts'

function entryOf(seq: number, bytes = 8): Entry {
  const result = { type: 'written', version: asSeq(seq), number: null } as const
  const origin = {
    session: asSessionId(1),
    requestNumber: asRequestNumber(seq),
    answeredBelow: asRequestNumber(1),
    result,
  }
  const value = seq % 7 === 0 ? null : new Uint8Array(bytes).fill(seq)
  const write = { key: asKey(`k${seq % 50}`), value, expiresAtWallMs: asMillis(seq % 3) }
  return {
    epoch: asEpoch(1 + Math.floor(seq / 1000)),
    seq: asSeq(seq),
    origin,
    writes: [write],
    sessions: null,
  }
}

function logOf(count: number, options: { committed: number; bytesMax?: number }): Log {
  const log = new Log()
  for (let seq = 1; seq <= count; seq++) {
    log.push(entryOf(seq), asMillis(0))
    if (seq > options.committed) continue
    log.commitNext()
    log.trim(options.bytesMax ?? Infinity)
  }
  return log
}

describe('a long log', () => {
  test('holds every entry, at its position', () => {
    const log = logOf(3000, { committed: 2990 })
    for (let seq = 1; seq <= 3000; seq++) {
      expect(log.entryAt(asSeq(seq))).toEqual(entryOf(seq))
      expect(log.positionAt(asSeq(seq))).toEqual({ epoch: 1 + Math.floor(seq / 1000), seq })
    }
    expect(log.positionAt(asSeq(0))).toEqual(log.base)
    expect([log.entryAt(asSeq(0)), log.entryAt(asSeq(3001))]).toEqual([null, null])
    expect(log.has({ epoch: asEpoch(1), seq: asSeq(400) })).toBe(true)
    expect(log.has({ epoch: asEpoch(2), seq: asSeq(400) })).toBe(false)
  })

  test('is trimmed to the bytes that it may keep, never above its commit', () => {
    const bytesMax = entryBytes(entryOf(1)) * 1500
    const log = logOf(5000, { committed: 4000, bytesMax })
    expect(log.commit.seq).toBe(4000)
    expect(log.retainedBytes).toBeLessThanOrEqual(bytesMax + entryBytes(entryOf(1)) * 1000)
    expect(log.base.seq).toBeGreaterThanOrEqual(2400)
    let bytes = 0
    for (let seq = log.base.seq + 1; seq <= 5000; seq++) {
      const entry = log.entryAt(asSeq(seq))
      expect(entry?.seq).toBe(seq)
      bytes += entry === null ? 0 : entryBytes(entry)
    }
    expect(log.retainedBytes).toBe(bytes)
    log.trim(0)
    expect([log.base, log.last]).toEqual([log.commit, 5000])
    expect(log.retainedBytes).toBe(log.dirtyBytes)
  })

  test('drops its dirty end, and goes on', () => {
    const log = logOf(2100, { committed: 2000 })
    log.truncate(asSeq(2050))
    expect(log.lastPosition).toEqual({ epoch: 3, seq: 2050 })
    log.push(entryOf(2051), asMillis(0))
    expect(log.entryAt(asSeq(2051))).toEqual(entryOf(2051))
    expect(log.entryAt(asSeq(30))).toEqual(entryOf(30))
    log.reset({ epoch: asEpoch(9), seq: asSeq(70) })
    expect([log.last, log.retainedBytes, log.entryAt(asSeq(70)), log.entryAt(asSeq(30))]).toEqual([
      70,
      0,
      null,
      null,
    ])
  })
})

test.each([8, 10_000])('entries with values of %d bytes, kept together', (bytes) => {
  const entries = Array.from({ length: KEPT_TOGETHER }, (_, i) => entryOf(100 + i, bytes))
  const kept = new KeptEntries(entries)
  expect(kept.last).toEqual({ epoch: 1, seq: 99 + KEPT_TOGETHER })
  expect(kept.bytes).toBe(entries.reduce((sum, entry) => sum + entryBytes(entry), 0))
  for (const at of [0, 1, 100, KEPT_TOGETHER - 1]) {
    const found = kept.at(asSeq(100 + at))
    expect([found?.seq, found?.origin, found?.writes[0]?.key]).toEqual([
      100 + at,
      entries[at]?.origin,
      entries[at]?.writes[0]?.key,
    ])
    expect(
      Buffer.compare(
        found?.writes[0]?.value ?? new Uint8Array(0),
        entries[at]?.writes[0]?.value ?? new Uint8Array(0),
      ),
    ).toBe(0)
  }
  expect([kept.at(asSeq(99)), kept.at(asSeq(100 + KEPT_TOGETHER))]).toEqual([null, null])
})
