import fc from 'fast-check'
import { expect, test } from 'vitest'
import { negotiateTimeout, SessionClock } from '../../../coordinator/znodes/session-clock.ts'

test('timeouts are granted between the bounds', () => {
  const bounds = { minMs: 4_000, maxMs: 40_000 }
  expect([1, -1, 10_000, 600_000].map((ms) => negotiateTimeout(ms, bounds))).toEqual([
    4_000, 4_000, 10_000, 40_000,
  ])
})

test('a session expires once it was not heard for longer than its timeout', () => {
  const clock = new SessionClock()
  clock.open(1n, 4_000, 100)
  clock.open(2n, 6_000, 100)
  expect(clock.expired(4_100)).toEqual([])
  expect(clock.expired(4_101)).toEqual([1n])
  clock.touch(2n, 6_000)
  expect(clock.expired(12_000)).toContain(1n) // its end has not come about: proposed again
  expect(clock.expired(12_001)).toEqual([2n])
})

test('a session that ended is forgotten, and a late touch does not bring it back', () => {
  const clock = new SessionClock()
  clock.open(1n, 4_000, 0)
  clock.close(1n)
  clock.touch(1n, 10)
  expect(clock.expired(100_000)).toEqual([])
})

test('a touch that arrives out of order does not shorten the session', () => {
  const clock = new SessionClock()
  clock.open(1n, 4_000, 0)
  clock.touch(1n, 3_000)
  clock.touch(1n, 1_000)
  expect(clock.expired(7_000)).toEqual([])
})

test('a new leader gives every session its full length', () => {
  const clock = new SessionClock()
  clock.open(1n, 4_000, 0)
  clock.restartAll([{ id: 2n, timeoutMs: 4_000 }], 50_000)
  expect(clock.expired(54_000)).toEqual([])
  expect(clock.expired(54_001)).toEqual([2n])
})

test('a resumed session has the timeout negotiated anew', () => {
  const clock = new SessionClock()
  clock.open(1n, 4_000, 0)
  clock.open(1n, 10_000, 1_000)
  expect(clock.expired(11_000)).toEqual([])
  expect(clock.expired(11_001)).toEqual([1n])
})

test('never before timeout after it was last heard, whatever the times of touches and looks', () => {
  const gaps = fc.array(fc.record({ gapMs: fc.nat(3_000), heard: fc.boolean() }), { maxLength: 30 })
  fc.assert(
    fc.property(gaps, (events) => {
      const clock = new SessionClock()
      clock.open(1n, 2_000, 0)
      let nowMs = 0
      let heardMs = 0
      for (const { gapMs, heard } of events) {
        nowMs += gapMs
        if (heard) {
          clock.touch(1n, nowMs)
          heardMs = nowMs
        } else if (clock.expired(nowMs).length > 0) {
          expect(nowMs - heardMs).toBeGreaterThan(2_000)
        }
      }
    }),
  )
})
