import { describe, expect, test } from 'vitest'
import { PendingCalls } from '../../../runtime/server/pending-calls.ts'

describe('requests on their way', () => {
  test('each is taken once, in any order, also when very many wait', () => {
    const pending = new PendingCalls()
    const requests = Array.from({ length: 20_000 }, (_, call) => pending.add('client', call))
    expect(pending.count).toBe(20_000)
    const shuffled = requests.toSorted((a, b) => ((a * 7919) % 20_011) - ((b * 7919) % 20_011))
    for (const request of shuffled) {
      expect(pending.get(request)).toMatchObject({ request, client: 'client', call: request - 1 })
      expect(pending.take(request)?.request).toBe(request)
      expect([pending.take(request), pending.get(request)]).toEqual([null, null])
    }
    expect(pending.count).toBe(0)
  })

  test('one that waits for long does not lose its place to a newer one', () => {
    const pending = new PendingCalls()
    const slow = pending.add('slow', 1)
    for (let call = 0; call < 50_000; call++) {
      const request = pending.add('quick', call)
      expect(pending.take(request)?.call).toBe(call)
    }
    expect(pending.take(slow)?.client).toBe('slow')
  })

  test('a client that has gone is forgotten, wherever its requests are', () => {
    const pending = new PendingCalls()
    const requests = Array.from({ length: 10_000 }, (_, i) => pending.add(i % 2 === 0 ? 'gone' : 'here', i))
    pending.forgetClient('gone')
    expect(pending.count).toBe(5000)
    expect(requests.map((request) => pending.take(request)?.client ?? null).slice(0, 2)).toEqual([
      null,
      'here',
    ])
  })
})
