import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LiveSession } from '../../chain/live-session.ts'
import type { WriteResult } from '../../protocol/commands.ts'
import { type Origin, resultBytes } from '../../protocol/entry.ts'
import { asMillis, asRequestNumber, asSeq, asSessionId, type RequestNumber } from '../../protocol/ids.ts'

const session = asSessionId(1)

const originOf = (requestNumber: number, answeredBelow: number): Origin => {
  const read = { value: new Uint8Array(requestNumber), version: asSeq(1), expiresAtWallMs: asMillis(0) }
  const result: WriteResult = {
    type: 'read-back',
    applied: true,
    version: asSeq(requestNumber),
    reads: [read],
  }
  return {
    session,
    requestNumber: asRequestNumber(requestNumber),
    answeredBelow: asRequestNumber(answeredBelow),
    result,
  }
}

/** As a client sends them: each number once, nearly in order, and never one below what it has said to be answered before. */
const origins = fc
  .array(fc.record({ late: fc.nat(5), answered: fc.nat(12) }), { maxLength: 60 })
  .map((requests) =>
    requests
      .map(({ late, answered }, i) => ({
        at: i + late,
        origin: originOf(i + 1, Math.max(1, i + 1 - answered)),
      }))
      .sort((a, b) => a.at - b.at)
      .map(({ origin }) => origin),
  )

test('it keeps, counts and forgets as a list searched from the front would (trap 13)', () => {
  fc.assert(
    fc.property(origins, fc.nat(60), (sequence, copiedAt) => {
      let live = new LiveSession(session)
      let list: { seq: ReturnType<typeof asSeq>; origin: Origin }[] = []
      sequence.forEach((origin, i) => {
        const seq = asSeq(i + 1)
        live.apply(seq, origin)
        list = [...list.filter((kept) => kept.origin.requestNumber >= origin.answeredBelow), { seq, origin }]
        if (i === copiedAt) live = LiveSession.of(live.record) // as a snapshot, or a restart, brings it
        expect(live.record).toEqual({ session, lastSeq: seq, origins: list })
        expect(live.count).toBe(list.length)
        expect(live.bytes).toBe(list.reduce((sum, kept) => sum + resultBytes(kept.origin.result), 0))
        expect(live.answeredBelow).toBe(Math.max(...list.map((kept) => kept.origin.answeredBelow)))
        for (let number = 0; number <= sequence.length; number++) {
          const kept = list.find((one) => one.origin.requestNumber === number)
          expect(live.result(number as RequestNumber)).toBe(kept?.origin.result ?? null)
        }
      })
    }),
  )
})

test('a record does not change with what comes later', () => {
  const live = new LiveSession(session)
  live.apply(asSeq(1), originOf(1, 1))
  const { record } = live
  live.apply(asSeq(2), originOf(2, 2))
  expect(record).toEqual({ session, lastSeq: 1, origins: [{ seq: 1, origin: originOf(1, 1) }] })
})
