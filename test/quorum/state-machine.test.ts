import { describe, expect, test } from 'vitest'
import { CHAIN_LIMITS } from '../../chain/limits.ts'
import { MemoryStore } from '../../chain/memory-store.ts'
import type { QuorumCommand } from '../../lab/quorum/commands.ts'
import { applied } from '../../lab/quorum/state-machine.ts'
import type { WriteCommand } from '../../protocol/commands.ts'
import {
  asEpoch,
  asKey,
  asMillis,
  asRequestNumber,
  asSeq,
  asSessionId,
  type SessionId,
} from '../../protocol/ids.ts'

const KEY = asKey('k')
const value = (text: string) => new TextEncoder().encode(text)

/** A replica's state machine alone: commands in the order of the log. */
class Machine {
  readonly store = new MemoryStore()
  #index = 0

  apply(command: QuorumCommand | null, limits = CHAIN_LIMITS) {
    const at = { epoch: asEpoch(1), seq: asSeq(++this.#index) }
    const { entry, answer } = applied(this.store, at, command, limits)
    this.store.apply(entry)
    return answer
  }

  write(
    command: WriteCommand,
    request?: { session: SessionId; number: number; below?: number },
    wallMs = 1_000,
  ) {
    const identity =
      request === undefined
        ? null
        : {
            session: request.session,
            requestNumber: asRequestNumber(request.number),
            answeredBelow: asRequestNumber(request.below ?? 1),
          }
    return this.apply({ type: 'write', wallMs: asMillis(wallMs), identity, command })
  }
}

const put = (text: string, atWallMs = 0): WriteCommand => ({
  type: 'put',
  key: KEY,
  value: value(text),
  expiry: { type: 'set', atWallMs: asMillis(atWallMs) },
  condition: null,
})

describe('the state machine of a quorum', () => {
  test('versions are log indexes, and no-ops move the position', () => {
    const machine = new Machine()
    machine.apply(null)
    expect(machine.write(put('a'))).toEqual({ type: 'written', version: 2, number: null })
    expect(machine.store.get(KEY)?.version).toBe(2)
    machine.apply(null)
    expect(machine.store.meta.applied).toEqual({ epoch: 1, seq: 3 })
  })

  test('a request that comes twice takes effect once, and is answered alike', () => {
    const machine = new Machine()
    machine.write({ type: 'open-session' })
    const session = asSessionId(1)
    const by: WriteCommand = { type: 'increment', key: KEY, by: 5 }
    const first = machine.write(by, { session, number: 1 })
    expect(machine.write(by, { session, number: 1 })).toEqual(first)
    expect(machine.write(by, { session, number: 2, below: 2 })).toMatchObject({ number: 10 })
    expect(machine.write(by, { session, number: 1 })).toMatchObject({ code: 'BAD_ARGUMENT' })
  })

  test('a session that lapsed is not taken up again', () => {
    const machine = new Machine()
    machine.write({ type: 'open-session' })
    machine.apply({ type: 'lapse', sessions: [asSessionId(1)] })
    const answer = machine.write(put('a'), { session: asSessionId(1), number: 1 })
    expect(answer).toMatchObject({ code: 'SESSION_LAPSED' })
    expect(machine.store.get(KEY)).toBeNull()
  })

  test('too many sessions are refused by every replica alike', () => {
    const machine = new Machine()
    machine.write({ type: 'open-session' })
    const full = { ...CHAIN_LIMITS, sessionsMax: 1 }
    const open: QuorumCommand = {
      type: 'write',
      wallMs: asMillis(0),
      identity: null,
      command: { type: 'open-session' },
    }
    expect(machine.apply(open, full)).toMatchObject({ code: 'OVERLOADED' })
    expect(machine.store.sessionCount).toBe(1)
  })

  test('a key lapses by the time that the command brings, and goes with it', () => {
    const machine = new Machine()
    machine.write(put('old', 2_000))
    const add: WriteCommand = { type: 'expire', key: KEY, atWallMs: asMillis(9_000) }
    expect(machine.write(add, undefined, 2_000)).toEqual({ type: 'unmatched', current: null })
    expect(machine.store.get(KEY)).toBeNull()
  })

  test('what the leader found expired and somebody has written again stays', () => {
    const machine = new Machine()
    machine.write(put('old', 2_000))
    machine.write(put('new', 9_000))
    machine.apply({ type: 'expire', wallMs: asMillis(3_000), keys: [KEY] })
    expect(machine.store.get(KEY)?.value).toEqual(value('new'))
    machine.apply({ type: 'expire', wallMs: asMillis(9_000), keys: [KEY] })
    expect(machine.store.get(KEY)).toBeNull()
  })
})
