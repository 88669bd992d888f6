import { beforeAll, describe, expect, test } from 'vitest'
import { MEMBER, type Principal } from '../../../protocol/access.ts'
import type { ScramRecord } from '../../../protocol/scram.ts'
import { Logins } from '../../../runtime/security/logins.ts'
import { newRecord } from '../../../runtime/security/passwords.ts'

const ANN: Principal = { name: 'ann', member: false, grants: [] }
const REFUSAL_MS = 50

let record: ScramRecord
let looks = 0
const warnings: unknown[] = []
const log = {
  debug: () => {},
  info: () => {},
  warn: (...said: unknown[]) => void warnings.push(said),
  error: () => {},
}
const users = {
  find: (name: string) => {
    looks++
    return name === 'ann' ? { ...record, principal: ANN } : null
  },
}
const newLogins = () => new Logins({ users, memberPassword: 'derived', log, refusalMs: REFUSAL_MS })
const claim = (name: string, password: string, remote = '10.0.0.1') =>
  ({ name, password, remote, door: 'redis' }) as const

beforeAll(async () => {
  record = await newRecord('right', 4096)
})

describe('logins in plain words', () => {
  test('the right ones are let in; the wrong ones wait, whether there is such a user or not', async () => {
    const logins = newLogins()
    expect(await logins.check(claim('ann', 'right'))).toBe(ANN)
    for (const wrong of [
      claim('ann', 'left'),
      claim('bob', 'right'),
      claim('member', 'x'),
      claim('ann', 'x'.repeat(2000)),
    ]) {
      const begunMs = performance.now()
      expect(await logins.check(wrong)).toBe('refused')
      expect(performance.now() - begunMs).toBeGreaterThan(REFUSAL_MS - 5)
    }
    expect(JSON.stringify(warnings)).toContain('10.0.0.1')
    expect(JSON.stringify(warnings)).not.toContain('left')
  })

  test('processes of the cluster say what comes from the secret', async () => {
    expect(await newLogins().check(claim('member', 'derived'))).toBe(MEMBER)
  })

  test('who waits keeps nobody waiting, and an address that tries too many is not heard', async () => {
    const logins = newLogins()
    await logins.check(claim('ann', 'right'))
    const guesses = Array.from({ length: 40 }, (_, i) => logins.check(claim('ann', `guess ${i}`)))
    expect(await logins.check(claim('ann', 'right'))).toBe(ANN) // known by now
    const results = await Promise.all(guesses)
    expect(results.filter((result) => result === 'refused')).toHaveLength(16)
    expect(results.filter((result) => result === 'busy')).toHaveLength(24)
    expect(await logins.check(claim('ann', 'right', '10.0.0.2'))).toBe(ANN)
  })

  test('before the users are known nobody is refused by mistake', async () => {
    const logins = new Logins({
      users: { ...users, isComplete: () => false },
      memberPassword: 'derived',
      log,
      refusalMs: REFUSAL_MS,
    })
    expect(await logins.check(claim('bob', 'right'))).toBe('busy')
    expect(await logins.check(claim('ann', 'right'))).toBe(ANN)
  })

  test('many connections with the same words are one check', async () => {
    const logins = newLogins()
    looks = 0
    const results = await Promise.all(Array.from({ length: 50 }, () => logins.check(claim('ann', 'right'))))
    expect(new Set(results)).toEqual(new Set([ANN]))
    expect(looks).toBeLessThan(60)
  })

  test('a user who is replaced meanwhile is not let in', async () => {
    let principal: Principal = ANN
    const logins = new Logins({
      users: { find: () => ({ ...record, principal }) },
      memberPassword: 'derived',
      log,
      refusalMs: REFUSAL_MS,
    })
    const asked = logins.check(claim('ann', 'right'))
    principal = { ...ANN }
    expect(await asked).toBe('refused')
    expect(await logins.check(claim('ann', 'right'))).toBe(principal)
  })
})
