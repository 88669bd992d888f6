import { describe, expect, test } from 'vitest'
import {
  costs,
  dirtyShare,
  PROTOCOLS,
  slowNode,
  writesPerSecondOfLink,
} from '../../lab/compare/predictions.ts'

const three = { n: 3, valueBytes: 100, batch: 1 }

describe('on paper', () => {
  test('all send as many messages for a write; a batch shares them', () => {
    for (const protocol of PROTOCOLS) {
      expect(costs({ protocol, ...three }).messagesPerWrite).toBe(4)
      expect(costs({ protocol, ...three, batch: 8 }).messagesPerWrite).toBe(0.5)
    }
  })

  test('a chain grows slower with its length, a star does not', () => {
    const delays = (protocol: (typeof PROTOCOLS)[number]) =>
      [1, 3, 5].map((n) => costs({ protocol, n, valueBytes: 1, batch: 1 }).writeDelays)
    expect(delays('chain')).toEqual([2, 6, 10])
    expect(delays('raft')).toEqual([2, 4, 4])
  })

  test('a leader’s link fills n - 1 times as fast as a head’s', () => {
    const writes = (protocol: 'chain' | 'raft') =>
      writesPerSecondOfLink({ protocol, n: 5, valueBytes: 1000, batch: 1 }, 1e8)
    expect(writes('chain')).toBe(100_000)
    expect(writes('raft')).toBe(25_000)
  })

  test('who may answer a linearizable read, and what it says to others (CRAQ §2.3)', () => {
    expect(costs({ protocol: 'craq', ...three })).toMatchObject({
      readers: 3,
      messagesPerRead: 0,
      messagesPerDirtyRead: 2,
    })
    expect(costs({ protocol: 'chain', ...three })).toMatchObject({ readers: 1, messagesPerRead: 0 })
    expect(costs({ protocol: 'raft', ...three })).toMatchObject({
      readers: 1,
      messagesPerRead: 4,
      readDelays: 4,
    })
    expect(costs({ protocol: 'raft', ...three }, 'lease')).toMatchObject({
      messagesPerRead: 0,
      readDelays: 2,
    })
    expect(costs({ protocol: 'raft', ...three }, 'follower-read-index')).toMatchObject({
      readers: 3,
      messagesPerRead: 6,
      readDelays: 6,
    })
  })

  test('one replica is a server alone, whatever the protocol', () => {
    for (const protocol of PROTOCOLS)
      expect(costs({ protocol, n: 1, valueBytes: 9, batch: 1 })).toMatchObject({
        messagesPerWrite: 0,
        busiestSendsBytes: 0,
        writeDelays: 2,
        readDelays: 2,
        failuresSurvived: 0,
        readers: 1,
      })
  })

  test('a slow follower costs a quorum nothing, and a chain everything', () => {
    expect(slowNode({ protocol: 'raft', n: 3 }, 10).other).toBe(1)
    expect(slowNode({ protocol: 'raft', n: 2 }, 10).other).toBe(10)
    expect(slowNode({ protocol: 'craq', n: 3 }, 10).other).toBe(10)
  })

  test('reads are dirty in proportion to writes of the same key, and never at the tail', () => {
    expect(dirtyShare({ n: 3, writesPerSecond: 100, dirtyMs: 2 })).toBeCloseTo(0.1)
    expect(dirtyShare({ n: 3, writesPerSecond: 10_000, dirtyMs: 2 })).toBeCloseTo(2 / 3)
    expect(dirtyShare({ n: 1, writesPerSecond: 100, dirtyMs: 2 })).toBe(0)
  })
})
