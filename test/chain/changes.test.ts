/** The changefeed of one replica: what it answers, when it waits, and what it keeps of whoever waits. */
import { describe, expect, test } from 'vitest'
import type { Outbox } from '../../chain/events.ts'
import { MemoryStore } from '../../chain/memory-store.ts'
import { createReplica } from '../../chain/state.ts'
import { step } from '../../chain/step.ts'
import type { ChangesResult } from '../../protocol/commands.ts'
import {
  asChainId,
  asEpoch,
  asIncarnation,
  asKey,
  asMillis,
  asRequestId,
  asSeq,
  asServerId,
} from '../../protocol/ids.ts'

const incarnation = asIncarnation(1)
const n1 = asServerId('n1')

/** The only member of its chain: what it writes is committed when its disk has it. */
function soleMember(
  limits: { changesPageBytes?: number; waitingReadsMax?: number; retainedBytesMax?: number } = {},
) {
  const replica = createReplica({
    chain: asChainId('c0'),
    self: n1,
    incarnation,
    store: new MemoryStore(),
    limits,
  })
  const replies = new Map<number, unknown>()
  const unwanted = new Set<number>()
  let rewrites = 0
  const out: Outbox = {
    persist: (record) => {
      if (record.type === 'truncate' || record.type === 'reset') rewrites++
    },
    send: () => {},
    reply: (request, result) => replies.set(request, result),
    isWanted: (request) => !unwanted.has(request),
    report: () => {},
    flushStore: () => {},
    note: () => {},
  }
  const members = [{ server: n1, incarnation, serving: true, leaving: false }]
  const config = {
    chain: asChainId('c0'),
    epoch: asEpoch(1),
    members,
    joining: null,
    slots: [[0, 16_383]] as const,
  }
  step(replica, { type: 'config', config }, out)
  step(replica, { type: 'flush' }, out)
  let requests = 0
  const clock = (nowMs: number) =>
    step(replica, { type: 'clock', nowMs: asMillis(nowMs), wallMs: asMillis(1) }, out)
  return {
    replica,
    replies,
    unwanted,
    clock,
    tick: () => step(replica, { type: 'tick' }, out),
    put(key: string, text: string) {
      const expiry = { type: 'set', atWallMs: asMillis(0) } as const
      const command = {
        type: 'put',
        key: asKey(key),
        value: Buffer.from(text),
        expiry,
        condition: null,
      } as const
      step(replica, { type: 'write', request: asRequestId(++requests), identity: null, command }, out)
    },
    /** The disk has everything, and the turn ends. */
    commit() {
      step(replica, { type: 'durable', position: replica.log.lastPosition, rewrites }, out)
      step(replica, { type: 'flush' }, out)
    },
    changes(after: number | null, { prefix = '', limit = 100, waitMs = 1000 } = {}): number {
      const seq = after === null ? null : asSeq(after)
      const command = {
        type: 'changes',
        prefix: asKey(prefix),
        after: seq,
        limit,
        waitMs: asMillis(waitMs),
      } as const
      const request = asRequestId(++requests)
      step(replica, { type: 'changes', request, command }, out)
      return request
    },
    shown(request: number): string | null {
      const result = replies.get(request) as ChangesResult | { type: 'failure'; code: string } | undefined
      if (result === undefined) return null
      if (result.type === 'failure') return result.code
      const items = result.changes.map(
        ({ seq, key, value }) => `${seq}${key}${value === null ? '-' : Buffer.from(value)}`,
      )
      return `${items.join(' ')} next ${result.next}`.trim()
    },
  }
}

describe('what has been committed behind a position', () => {
  test('is shown in order, never before it is committed', () => {
    const one = soleMember()
    one.put('a', 'x')
    one.put('b', 'y')
    const early = one.changes(0)
    expect(one.shown(early)).toBeNull()
    one.commit()
    expect(one.shown(early)).toBe('1ax 2by next 2')
    expect(one.shown(one.changes(1))).toBe('2by next 2')
    expect(one.shown(one.changes(null))).toBe('next 2')
    expect(one.shown(one.changes(0, { limit: 1 }))).toBe('1ax next 1')
    expect(one.shown(one.changes(0, { prefix: 'b' }))).toBe('2by next 2')
  })

  test('of other keys wakes nobody, and costs no second look', () => {
    const one = soleMember()
    const waiting = one.changes(0, { prefix: 'z' })
    one.put('a', 'x')
    one.commit()
    expect(one.shown(waiting)).toBeNull()
    expect(one.replica.waitingChanges[0]?.after).toBe(1)
    one.put('z', '!')
    one.commit()
    expect(one.shown(waiting)).toBe('2z! next 2')
    expect(one.replica.waitingChanges).toEqual([])
  })

  test('is shown page by page', () => {
    const one = soleMember({ changesPageBytes: 10 })
    for (const key of ['a', 'b', 'c']) one.put(key, '123456')
    one.commit()
    expect(one.shown(one.changes(0))).toBe('1a123456 2b123456 next 2')
    expect(one.shown(one.changes(2))).toBe('3c123456 next 3')
  })
})

test('who waits too long is told how far the feed has come; who has gone is forgotten', () => {
  const one = soleMember()
  const [waiting, gone] = [one.changes(0, { prefix: 'z', waitMs: 500 }), one.changes(0)]
  one.unwanted.add(gone)
  one.put('a', 'x')
  one.commit()
  expect(one.replica.waitingChanges.length).toBe(1)
  one.clock(499)
  one.tick()
  expect(one.shown(waiting)).toBeNull()
  one.clock(500)
  one.tick()
  expect(one.shown(waiting)).toBe('next 1')
  expect([one.replies.has(gone), one.replica.waitingChanges.length]).toEqual([false, 0])
})

test('a position that is not kept any more, too many who wait, and a replica that leaves', () => {
  const one = soleMember({ retainedBytesMax: 300, waitingReadsMax: 2 })
  for (let i = 0; i < 10; i++) one.put('k', 'x'.repeat(50))
  one.commit()
  expect(one.shown(one.changes(0))).toBe('POSITION_LOST')
  expect(one.shown(one.changes(9))).toMatch(/^10k/)
  const waiting = [one.changes(10), one.changes(99)]
  expect(one.shown(one.changes(10))).toBe('OVERLOADED')
  expect(one.shown(one.changes(10, { limit: 0 }))).not.toContain('next')
  step(
    one.replica,
    { type: 'session-lost' },
    { ...silent, reply: (request, result) => one.replies.set(request, result) },
  )
  expect(waiting.map(one.shown)).toEqual(['NOT_SERVING', 'NOT_SERVING'])
})

const silent: Outbox = {
  persist: () => {},
  send: () => {},
  reply: () => {},
  report: () => {},
  flushStore: () => {},
  note: () => {},
}
